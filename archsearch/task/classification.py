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

    def misfit(self, targets: Tensor) -> str | None:
        """Say which labels are there instead of those that were promised."""
        low, high = (int(targets.min()), int(targets.max())) if len(targets) else (0, -1)
        return None if low >= 0 and high < self.outputs else f"labels {low}..{high} instead of 0..{self.outputs - 1}"

    def drawn(self, count: int, dice: Generator) -> Tensor:
        """Draw labels."""
        import torch

        return torch.randint(0, self.outputs, (count,), generator=dice)

    def as_outputs(self, targets: Tensor, outputs: Tensor) -> Tensor:
        """Give one-hot labels (N, classes)."""
        from torch.nn.functional import one_hot

        return one_hot(targets, outputs.shape[1]).to(outputs.dtype)

    def right(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Count the samples whose largest output is the label's."""
        return (self.predicted(outputs) == targets).sum()

    def predicted(self, outputs: Any) -> Any:
        """Give the class of the largest output (N,)."""
        return outputs.argmax(1)
