"""A task: what the targets are, how wide the last layer is, what its outputs mean, what they are judged by.

    task = TASKS["regression"].of({"y_train": y_train, "y_test": y_test})      # as someone gives them, checked
    task.outputs, task.main_metric, task.default_loss

Outputs and targets are torch tensors, what someone gives numpy's arrays; both are asked for late, so that facts are
known without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from archsearch.metrics import METRICS, Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Generator, Tensor

    AnyArray = NDArray[Any]


class UnfitTargets(Exception):
    """Targets that someone gives are not of a task; `str` says which array, what it holds, and what to do."""


@dataclass(frozen=True, slots=True)
class Task:
    """What every task has; a new one is a class with its own file, and an entry in `TASKS`.

    `outputs` is how many values the network gives for a sample; `word` names one of them, `width` all of them, also in
    a spec. `threshold` is the output from which on a yes is predicted, where a task asks that: 0 of logits, 0.5 of
    what is compared with 0 and 1. `stored` is the type of the targets on disk and `target_shape` that of one.
    `losses` are the kinds it can be trained on, None for all that say nothing else of themselves; `loss` is what is
    minimised where a file names none, None for the first of its losses. `usual` are the metrics that every run is told
    by, the main one first; None for all of the task.
    """

    outputs: int
    threshold: float = 0.0

    name: ClassVar[str]
    word: ClassVar[str] = "output"
    width: ClassVar[str] = "outputs"
    stored: ClassVar[str] = "<f4"
    losses: ClassVar[tuple[str, ...] | None] = None
    usual: ClassVar[tuple[str, ...] | None] = None
    loss: ClassVar[str | None] = None

    # -- words ---------------------------------------------------------------------------------------------------------

    @property
    def said(self) -> str:
        """Say how many outputs there are, in the task's word: 10 classes."""
        return f"{self.outputs} {self.width if self.outputs != 1 else self.word}"

    @property
    def main_metric(self) -> str:
        """Name the metric that runs are judged by where a file names none."""
        return next((metric.name for metric in self.told()), "loss")

    @classmethod
    def told(cls) -> tuple[Metric, ...]:
        """Give the metrics that every run is told by, beside its loss."""
        if cls.usual is None:
            return tuple(one for one in METRICS.values() if one.tasks is not None and cls.name in one.tasks)
        return tuple(METRICS[name] for name in cls.usual)

    @classmethod
    def learned(cls, *parts: str) -> tuple[str, ...]:
        """Name what training can tell of it, part by part: what every run is told by, its loss, then the rest."""
        rest = [one.name for one in METRICS.values() if one.known == "training" and one.fits(cls.name)]
        names = dict.fromkeys([*(metric.name for metric in cls.told()), *rest])
        return tuple(f"{part}_{name}" for part in parts for name in names)

    @property
    def default_loss(self) -> str:
        """Name the loss that is minimised, and measured by, where a file names none."""
        return self.loss or (self.losses or ("mse",))[0]

    # -- targets -------------------------------------------------------------------------------------------------------

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Give the shape of one target: as many values as the network gives."""
        return (self.outputs,)

    @property
    def groups(self) -> int:
        """Give how many classes `classes_of` tells apart: one."""
        return 1

    @classmethod
    def read(cls, name: str, y: AnyArray) -> AnyArray:
        """Give targets (N, ...) of the type `stored` from an array as someone gives it; `name` is what it is called.

        Raises `UnfitTargets` for what is no target of this task.
        """
        return read_numbers(name, y)

    @classmethod
    def of(cls, parts: Mapping[str, AnyArray]) -> Self:
        """Give the task of targets that were read, the training part first; raise `UnfitTargets` if they disagree."""
        widths = {name: y.shape[1] for name, y in parts.items()}
        first = next(iter(widths))
        for name, width in widths.items():
            if width != widths[first]:
                raise UnfitTargets(f"{name} has {width} values for each sample and {first} {widths[first]}")
        return cls(widths[first])

    def names(self) -> tuple[str, ...]:
        """Name what the outputs stand for where nobody does: their numbers."""
        return tuple(str(number) for number in range(self.outputs))

    def classes_of(self, targets: Tensor) -> Tensor:
        """Give the class (N,) int64 of each sample, of which `limit` keeps so many; all one where there are none."""
        import torch

        return torch.zeros(len(targets), dtype=torch.int64)

    def strata(self, targets: Tensor) -> Tensor:
        """Give the group (N,) int64 of each sample; a part of the data has of each group its share."""
        return self.classes_of(targets)

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

    # -- outputs -------------------------------------------------------------------------------------------------------

    def right(self, outputs: Tensor, targets: Tensor) -> Tensor | None:
        """Count the samples of a batch that are right, as a scalar; None where no single one is right or wrong."""
        return None

    def metrics(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Compute what every run of the task is told by, of outputs (N, outputs) float32 and their targets."""
        given = {"outputs": outputs, "predicted": self.predicted(outputs)}
        return {
            one.name: one.compute(given[one.takes], targets)
            for one in self.told()
            if one.compute and one.takes in given
        }

    def predicted(self, outputs: Any) -> Any:
        """Give what is predicted of outputs (N, outputs), a tensor or an array: the outputs themselves."""
        return outputs


# -- what several tasks read alike -------------------------------------------------------------------------------------


def read_numbers(name: str, y: AnyArray) -> NDArray[np.float32]:
    """Read numbers (N,) or (N, T), whole ones too, as float32 (N, T).

    Raises `UnfitTargets` for what float32 cannot hold, and for a target whose deviation is below a thousand steps of
    float32 at its size: its values would fall together.
    """
    import numpy as np

    if y.ndim not in (1, 2) or y.dtype.kind not in "fiub" or 0 in y.shape:
        raise UnfitTargets(
            f"{name} is {y.dtype} {y.shape}; targets of regression are numbers, float32 (N,) or (N, targets)"
        )
    wide = y.reshape(len(y), -1).astype(np.float64)
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32)
    if wrong := narrow.size - int(np.isfinite(narrow).sum()):
        row, column = (int(place) for place in np.argwhere(~np.isfinite(narrow))[0])
        where = f"the first in row {row}" + (f", target {column}" if wide.shape[1] > 1 else "")
        raise UnfitTargets(
            f"{name} has {wrong:,} value{'s' * (wrong > 1)} that {'are' if wrong > 1 else 'is'} not finite as float32 "
            f"({where}); take these samples out"
        )
    spread = wide.std(axis=0)
    step = np.spacing(np.abs(narrow).max(axis=0)).astype(np.float64)
    for index in np.flatnonzero((spread > 0) & (spread < 1000 * step)):
        what = name if wide.shape[1] == 1 else f"target {index} of {name}"
        raise UnfitTargets(
            f"{what} has the deviation {spread[index]:.3g} around {wide[:, index].mean():.10g}, which float32 "
            f"resolves in steps of {step[index]:.3g} only; take the mean off in the file"
        )
    return narrow


def read_labels(name: str, y: AnyArray) -> NDArray[np.int64]:
    """Read whole numbers (N,) as int64, also where they are written as floats; raise `UnfitTargets` for others."""
    import numpy as np

    if y.ndim != 1 or y.dtype.kind not in "iufb":
        raise UnfitTargets(f"{name} is {y.dtype} {y.shape}; labels are whole numbers, one per sample: int64 (N,)")
    if not len(y):
        raise UnfitTargets(f"{name} is empty")
    if y.dtype.kind == "f":
        wrong = np.flatnonzero(~(np.isfinite(y) & (y == np.round(y))))
        if len(wrong):
            raise UnfitTargets(
                f"{name} is {y.dtype} and holds {y[wrong[0]]:g} (row {wrong[0]}), no class; labels are whole numbers, "
                "and numbers that are to be predicted are for `task: regression`"
            )
    return y.astype(np.int64)


def read_zeros_and_ones(name: str, y: AnyArray, meant: str) -> NDArray[np.int64]:
    """Read 0 and 1 of any type, of any shape; raise `UnfitTargets` for other values. `meant` says what they are."""
    import numpy as np

    if y.dtype.kind not in "iufb" or not y.size:
        raise UnfitTargets(f"{name} is {y.dtype} {y.shape}; {meant}")
    wrong = np.argwhere((y != 0) & (y != 1))
    if len(wrong):
        value, place = y[tuple(wrong[0])], int(wrong[0][0])
        hint = "; of -1 and 1 store y > 0" if set(np.unique(y).tolist()) <= {-1, 0, 1} else ""
        raise UnfitTargets(f"{name} holds {value:g} (row {place}); {meant}{hint}")
    return y.astype(np.int64)
