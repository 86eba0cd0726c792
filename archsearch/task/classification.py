"""Classification: one of K classes; targets are labels 0..K-1, outputs a value per class, the largest is predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from archsearch.task.task import Task, UnfitTargets, read_labels

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from archsearch.task.task import AnyArray


@dataclass(frozen=True, slots=True)
class Classification(Task):
    """One of `outputs` classes."""

    name: ClassVar[str] = "classification"
    word: ClassVar[str] = "class"
    width: ClassVar[str] = "classes"
    stored: ClassVar[str] = "<i8"
    usual: ClassVar[tuple[str, ...] | None] = ("accuracy",)
    loss: ClassVar[str | None] = "cross_entropy"

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Give the shape of a label: a number."""
        return ()

    @property
    def groups(self) -> int:
        """Give the number of classes: each has its share in a part."""
        return self.outputs

    @classmethod
    def read(cls, name: str, y: AnyArray) -> AnyArray:
        """Read labels (N,) as int64."""
        return read_labels(name, y)

    @classmethod
    def of(cls, parts: Mapping[str, AnyArray]) -> Self:
        """Count the classes: labels are 0..K-1, each of them in the training part."""
        first, train = next(iter(parts.items()))
        low, high = min(int(y.min()) for y in parts.values()), max(int(y.max()) for y in parts.values())
        classes = int(train.max()) + 1
        if low < 0 or classes > len(train):
            raise UnfitTargets(f"labels run from {low} to {high}; they must be 0..k-1 for k classes")
        absent = sorted(set(range(classes)) - {int(label) for label in train})
        if absent:
            must = "labels must be 0..k-1, each of them present"
            raise UnfitTargets(f"{first} has no sample of class {absent[0]}; {must}")
        if classes < 2:
            raise UnfitTargets(f"{first} has the label 0 only, one class; a data set needs at least two")
        for name, y in parts.items():
            if int(y.max()) >= classes:
                raise UnfitTargets(f"{name} has the label {int(y.max())}, which {first} does not have")
        return cls(classes)

    def classes_of(self, targets: Tensor) -> Tensor:
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
