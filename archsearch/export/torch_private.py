"""What we use of torch's inside: the only file of the importer that knows a private name of it.

has_hooks(module), holds_tensors(module)
with WithoutOverrides(): ...            # torch's functions on tensors of a subclass as on plain ones
tree_leaves, tree_map, tree_map_only     # nested arguments and results; torch.utils._pytree
"""

from __future__ import annotations

from torch import nn
from torch._C import DisableTorchFunctionSubclass as WithoutOverrides
from torch.utils._pytree import tree_leaves, tree_map, tree_map_only

__all__ = ["WithoutOverrides", "has_hooks", "holds_tensors", "tree_leaves", "tree_map", "tree_map_only"]


def has_hooks(module: nn.Module) -> bool:
    """Say whether something is called before or after a module's forward."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


def holds_tensors(module: nn.Module) -> bool:
    """Say whether a module has parameters or buffers of its own, also where they are None."""
    return bool(module._parameters or module._buffers)
