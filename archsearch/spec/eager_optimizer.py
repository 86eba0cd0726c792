"""torch's optimisers for steps that nobody compiles: the same arithmetic without `torch._dynamo`.

    eager(torch.optim.Adam)(model.parameters(), lr=1e-3, fused=True)

The methods of `torch.optim.Optimizer` stand in wrappers that keep `torch.compile` away from them, and a wrapper imports
the compiler when it is first called: 2 to 3 s and 900 modules in each process that trains, for a compiler that no run
uses. `inspect.unwrap` gives what is wrapped. In a torch whose wrappers cannot be taken off nothing changes: `unwrap`
gives the method as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from torch.optim import Optimizer

TorchOptimizer = TypeVar("TorchOptimizer", bound="Optimizer")
_MADE: dict[type[Any], Any] = {}  # one class for each of torch's
_WRAPPED = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


def eager(of_torch: type[TorchOptimizer]) -> type[TorchOptimizer]:
    """Give an optimiser of torch whose steps are never compiled."""
    found: type[TorchOptimizer] = _MADE.get(of_torch) or _MADE.setdefault(of_torch, _made(of_torch))
    return found


def _made(of_torch: type[Optimizer]) -> Any:
    import torch

    step = inspect.unwrap(of_torch.step)

    def plain_step(self: Optimizer, closure: Callable[[], float] | None = None) -> Any:
        with torch.no_grad():  # which the wrapper around torch's does
            return step(self, closure)

    plain_step.__name__ = "step"
    methods = {name: inspect.unwrap(getattr(of_torch, name)) for name in _WRAPPED}
    return type(of_torch.__name__, (of_torch,), {**methods, "step": plain_step, "of_torch": of_torch})


def torchs_own(optimizer: Optimizer) -> type[Optimizer]:
    """Give the class of an optimiser as torch has it."""
    found: type[Optimizer] = getattr(type(optimizer), "of_torch", type(optimizer))
    return found
