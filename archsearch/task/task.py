"""A task: what the targets are, how wide the last layer is, what its outputs mean, what they are judged by.

Outputs and targets are torch tensors; torch is asked for late, so that facts are known without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from archsearch.metrics import of_task

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(frozen=True, slots=True)
class Task:
    """What every task has; a new one is a class with its own file, and an entry in `TASKS`.

    `outputs` is how many values the network gives for a sample; `word` names one of them, `width` all of them, also in
    a spec. `stored` is the type of the targets on disk and `target_shape` that of one. `losses` are the kinds it can be
    trained on, None for all. `native` says whether our own kernels, which know class labels only, can train it.
    """

    outputs: int

    name: ClassVar[str]
    word: ClassVar[str] = "output"
    width: ClassVar[str] = "outputs"
    stored: ClassVar[str] = "<f4"
    losses: ClassVar[tuple[str, ...] | None] = None
    native: ClassVar[bool] = False

    @property
    def said(self) -> str:
        """Say how many outputs there are, in the task's word: 10 classes."""
        return f"{self.outputs} {self.width if self.outputs != 1 else self.word}"

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Give the shape of one target: as many values as the network gives."""
        return (self.outputs,)

    @property
    def groups(self) -> int:
        """Give how many groups a part is drawn from, each by its share: one."""
        return 1

    def strata(self, targets: Tensor) -> Tensor:
        """Give the group (N,) int64 of each sample; a part of the data has of each group its share."""
        import torch

        return torch.zeros(len(targets), dtype=torch.int64)

    def misfit(self, targets: Tensor, promised: int) -> str | None:
        """Say how the targets of a part (as many as promised) are not what they should be, None if they are."""
        import torch

        count, shape = len(targets), tuple(targets.shape[1:])
        if (count, shape) != (promised, self.target_shape):
            return f"{count} targets of the shape {shape} instead of {promised} of {self.target_shape}"
        return None if bool(torch.isfinite(targets).all()) else "targets that are not finite"

    def drawn(self, count: int, dice: Generator) -> Tensor:
        """Draw targets of so many samples, to time a training step with."""
        import torch

        return torch.rand(count, *self.target_shape, generator=dice)

    def right(self, outputs: Tensor, targets: Tensor) -> Tensor | None:
        """Count the samples of a batch that are right, as a scalar; None where no single one is right or wrong."""
        return None

    def metrics(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Compute what every run of the task is told by, of outputs (N, outputs) float32 and their targets."""
        given = {"outputs": outputs, "predicted": self.predicted(outputs)}
        return {one.name: one.compute(given[one.takes], targets) for one in of_task(self.name) if one.compute}

    def predicted(self, outputs: Any) -> Any:
        """Give what is predicted of outputs (N, outputs), a tensor or an array: the outputs themselves."""
        return outputs
