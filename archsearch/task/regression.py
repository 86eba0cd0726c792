"""Regression: one number or several for each sample; outputs are these numbers, in the unit of the targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from archsearch.task.task import Task, UnfitTargets

if TYPE_CHECKING:
    from torch import Tensor

    from archsearch.task.task import AnyArray


@dataclass(frozen=True, slots=True)
class Regression(Task):
    """`outputs` numbers."""

    name: ClassVar[str] = "regression"
    word: ClassVar[str] = "target"
    usual: ClassVar[tuple[str, ...] | None] = ("rmse", "mae", "r2")
    loss: ClassVar[str | None] = "mse"

    @property
    def said(self) -> str:
        """Say how many targets there are."""
        return f"{self.outputs} target{'s' * (self.outputs != 1)}"

    @classmethod
    def of(cls, parts: Mapping[str, AnyArray]) -> Self:
        """Count the targets; none may be the same for all training samples."""
        task = super(Regression, cls).of(parts)
        first, train = next(iter(parts.items()))
        for column in range(task.outputs):
            if (low := float(train[:, column].min())) == float(train[:, column].max()):
                what = "" if task.outputs == 1 else f"target {column} of "
                where = f"{what}{first}"
                raise UnfitTargets(f"{where} is {low:g} for all {len(train):,} samples; there is nothing to learn")
        return task

    def names(self) -> tuple[str, ...]:
        """Name the targets by their numbers, one alone as such."""
        return ("target",) if self.outputs == 1 else tuple(f"target {number}" for number in range(self.outputs))

    def strata(self, targets: Tensor) -> Tensor:
        """Give bins of equal size."""
        return quantile_bins(targets)


def quantile_bins(targets: Tensor) -> Tensor:
    """Group samples (N, T) into up to ten bins of equal size by their target, of several by the mean of their ranks.

    Equal values are in one bin: (N,) int64. Fewer bins where there are fewer than twenty samples.
    """
    import torch

    if len(targets) == 0:
        return torch.zeros(0, dtype=torch.int64)
    values = targets.double()
    if values.shape[1] > 1:
        values = torch.searchsorted(values.sort(0).values.T.contiguous(), values.T.contiguous()).T.double()
    value = values.mean(1)
    bins = max(1, min(10, len(value) // 2))
    begins = value.sort().values[torch.arange(1, bins) * len(value) // bins]
    return torch.bucketize(value, torch.unique(begins[begins > value.min()]), right=True)
