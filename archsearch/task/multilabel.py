"""Multilabel: any of L labels at once; targets are rows of 0 and 1, outputs a logit per label: above 0 it is predicted.

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

_MEANT = "labels of `task: multilabel` are 0 and 1, a column for each label: uint8 (N, labels)"


@dataclass(frozen=True, slots=True)
class Multilabel(Task):
    """Each of `outputs` labels, or not."""

    name: ClassVar[str] = "multilabel"
    word: ClassVar[str] = "label"
    width: ClassVar[str] = "outputs"
    stored: ClassVar[str] = "|u1"
    usual: ClassVar[tuple[str, ...] | None] = ("f1_macro", "hamming_loss")
    loss: ClassVar[str | None] = "bce"

    @property
    def said(self) -> str:
        """Say how many labels there are."""
        return f"{self.outputs} label{'s' * (self.outputs != 1)}"

    @classmethod
    def read(cls, name: str, y: AnyArray) -> AnyArray:
        """Read labels (N, L) as uint8."""
        if y.ndim != 2:
            raise UnfitTargets(f"{name} is {y.dtype} {y.shape}; {_MEANT}")
        return read_zeros_and_ones(name, y, _MEANT).astype("u1")

    @classmethod
    def of(cls, parts: Mapping[str, AnyArray]) -> Self:
        """Count the labels; each must be there and not there in the training part."""
        first, train = next(iter(parts.items()))
        for name, y in parts.items():
            if y.shape[1] != train.shape[1]:
                raise UnfitTargets(f"{name} has {y.shape[1]} labels and {first} {train.shape[1]}")
        for label in range(train.shape[1]):
            if (low := int(train[:, label].min())) == int(train[:, label].max()):
                raise UnfitTargets(
                    f"label {label} is {low} in all samples of {first}; there is nothing to learn: take its column out"
                )
        return cls(train.shape[1])

    def strata(self, targets: Tensor) -> Tensor:
        """Give sets of labels."""
        return label_sets(targets)

    def misfit(self, targets: Tensor, promised: int) -> str | None:
        """Say what is there instead of the labels that were promised."""
        count, shape = len(targets), tuple(targets.shape[1:])
        if (count, shape) != (promised, self.target_shape):
            return f"{count} targets of the shape {shape} instead of {promised} of {self.target_shape}"
        return None if bool(((targets == 0) | (targets == 1)).all()) else "labels other than 0 and 1"

    def drawn(self, count: int, dice: Generator) -> Tensor:
        """Draw labels."""
        import torch

        return torch.randint(0, 2, (count, self.outputs), generator=dice).to(torch.uint8)

    def predicted(self, outputs: Any) -> Any:
        """Give 1 for each label that is predicted, else 0 (N, L)."""
        return (outputs > self.threshold) * 1


def label_sets(targets: Tensor) -> Tensor:
    """Group samples (N, L) by their labels: (N,) int64.

    A set that at least 10 samples have is a group. Samples of rarer sets are grouped by the rarest of their labels, as
    iterative stratification does first (Sechidis, Tsoumakas & Vlahavas 2011), since a group of one has no share.
    """
    import torch

    _, group, sizes = torch.unique(targets, dim=0, return_inverse=True, return_counts=True)
    if len(sizes) == 0:
        return torch.zeros(0, dtype=torch.int64)
    counts = targets.sum(0, dtype=torch.int64)
    none = targets.shape[1]  # a sample without any label
    order = torch.cat([torch.argsort(counts, stable=True), torch.tensor([none])])
    there = torch.cat([targets[:, order[:-1]], torch.ones(len(targets), 1, dtype=targets.dtype)], 1)
    rarest = order[there.argmax(1)]
    return torch.where(sizes[group] >= 10, group, len(sizes) + rarest)
