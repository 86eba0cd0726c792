"""What we use of torch's inside: the only file of the importer that knows a private name of it.

has_hooks(module)
viewed(parameter.expand(8, -1, -1))     # the parameter
with WithoutOverrides(): ...            # torch's functions on tensors of a subclass as on plain ones
tree_leaves, tree_map, tree_map_only     # nested arguments and results; torch.utils._pytree
"""

from __future__ import annotations

from torch import Tensor, nn
from torch._C import DisableTorchFunctionSubclass as WithoutOverrides
from torch.utils._pytree import tree_leaves, tree_map, tree_map_only

__all__ = ["WithoutOverrides", "has_hooks", "tree_leaves", "tree_map", "tree_map_only", "viewed"]


def has_hooks(module: nn.Module) -> bool:
    """Say whether something is called before or after a module's forward."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


def viewed(tensor: Tensor) -> Tensor:
    """Give the tensor whose memory this one shows; itself where it shows its own."""
    base = tensor._base
    return tensor if base is None else base
