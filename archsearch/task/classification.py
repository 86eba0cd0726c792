"""Classification: one of K classes; targets are labels 0..K-1, outputs a value per class, the largest is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from archsearch.task.task import Task

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(frozen=True, slots=True)
class Classification(Task):
    """One of `outputs` classes."""

    name: ClassVar[str] = "classification"
    word: ClassVar[str] = "class"
    width: ClassVar[str] = "classes"
    stored: ClassVar[str] = "<i8"
    native: ClassVar[bool] = True

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Give the shape of a label: a number."""
        return ()

    @property
    def groups(self) -> int:
        """Give the number of classes: each has its share in a part."""
        return self.outputs

    def strata(self, targets: Tensor) -> Tensor:
        """Give the labels."""
        return targets

    def misfit(self, targets: Tensor, promised: int) -> str | None:
        """Say which labels are there instead of those that were promised."""
        low, high = (int(targets.min()), int(targets.max())) if len(targets) else (0, -1)
        if len(targets) == promised and low >= 0 and high < self.outputs:
            return None
        found = f"{len(targets)} samples with labels {low}..{high}"
        return f"{found} instead of {promised} with 0..{self.outputs - 1}"

    def drawn(self, count: int, dice: Generator) -> Tensor:
        """Draw labels."""
        import torch

        return torch.randint(0, self.outputs, (count,), generator=dice)

    def right(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Count the samples whose largest output is the label's."""
        return (outputs.argmax(1) == targets).sum()

    def predicted(self, outputs: Any) -> Any:
        """Give the class of the largest output (N,)."""
        return outputs.argmax(1)
