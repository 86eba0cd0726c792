"""Binary: no or yes by one output; targets are 0 and 1, the output a logit: yes is predicted where it is above 0.

Where outputs are compared with 0 and 1 themselves (a sigmoid at the end, mean squared error), the line is at 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from archsearch.task.task import Task, UnfitTargets, read_zeros_and_ones

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from archsearch.task.task import AnyArray

_MEANT = "labels of `task: binary` are 0 and 1, one per sample: int64 (N,)"


@dataclass(frozen=True, slots=True)
class Binary(Task):
    """One output for two classes, 0 and 1."""

    name: ClassVar[str] = "binary"
    stored: ClassVar[str] = "<i8"
    usual: ClassVar[tuple[str, ...] | None] = ("accuracy",)
    loss: ClassVar[str | None] = "bce"

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Give the shape of a label: a number."""
        return ()

    @property
    def groups(self) -> int:
        """Give the number of classes: two for the one output."""
        return 2

    @classmethod
    def read(cls, name: str, y: AnyArray) -> AnyArray:
        """Read labels (N,) or (N, 1) as int64 (N,)."""
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim != 1:
            raise UnfitTargets(f"{name} is {y.dtype} {y.shape}; {_MEANT}")
        return read_zeros_and_ones(name, y, _MEANT)

    @classmethod
    def of(cls, parts: Mapping[str, AnyArray]) -> Self:
        """Check that the training part has both classes."""
        first, train = next(iter(parts.items()))
        if (low := int(train.min())) == int(train.max()):
            raise UnfitTargets(f"{first} has the label {low} only; there is nothing to tell apart")
        return cls(1)

    def names(self) -> tuple[str, ...]:
        """Name both classes by their labels."""
        return ("0", "1")

    def classes_of(self, targets: Tensor) -> Tensor:
        """Give the labels."""
        return targets

    def misfit(self, targets: Tensor, promised: int) -> str | None:
        """Say which labels are there instead of those that were promised."""
        low, high = (int(targets.min()), int(targets.max())) if len(targets) else (0, -1)
        if len(targets) == promised and low >= 0 and high <= 1:
            return None
        return f"{len(targets)} samples with labels {low}..{high} instead of {promised} with 0 and 1"

    def drawn(self, count: int, dice: Generator) -> Tensor:
        """Draw labels."""
        import torch

        return torch.randint(0, 2, (count,), generator=dice)

    def right(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Count the samples whose output is on the label's side."""
        right: Tensor = self.predicted(outputs) == targets
        return right.sum()

    def predicted(self, outputs: Any) -> Any:
        """Give 1 where the output says yes, else 0 (N,)."""
        return (outputs[:, 0] > self.threshold) * 1
