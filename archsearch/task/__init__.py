"""The tasks, one entry each: what the targets of a data set are, and all that follows from it.

task = TASKS["classification"](outputs=10)
task.outputs, task.predicted(outputs)
task_by_values("y_train", y)                # the word of the task that an array of targets is for, if nobody says
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsearch.task.binary import Binary
from archsearch.task.classification import Classification
from archsearch.task.multilabel import Multilabel
from archsearch.task.regression import Regression
from archsearch.task.task import Task, UnfitTargets

if TYPE_CHECKING:
    from archsearch.task.task import AnyArray

TASKS: dict[str, type[Task]] = {
    "classification": Classification,
    "binary": Binary,
    "multilabel": Multilabel,
    "regression": Regression,
}

__all__ = ["TASKS", "Binary", "Classification", "Multilabel", "Regression", "Task", "UnfitTargets", "task_by_values"]


def task_by_values(name: str, y: AnyArray) -> str:
    """Name the task that targets are for by their type and shape; `name` is what the array is called.

    Whole numbers (N,) are classes, bools no or yes, (N, L) of 0 and 1 labels, floats numbers to predict. Raises
    `UnfitTargets` for what may be several things: whoever wrote it says which, by `task`.
    """
    kind, shape = y.dtype.kind, y.shape
    what = f"{name} is {y.dtype} {shape}"
    if kind not in "iufb" or len(shape) not in (1, 2):
        raise UnfitTargets(f"{what}; {_TARGETS}")
    if len(shape) == 1:
        if kind == "f" and (highest := _whole_from_0(y)):
            raise UnfitTargets(
                f"{what} and holds 0 to {highest}, which may be labels or numbers; say `task: classification`, or "
                "`task: regression`"
            )
        return {"f": "regression", "b": "binary"}.get(kind, "classification")
    if shape[1] > 1 and y.size and bool(((y == 0) | (y == 1)).all()):
        if bool((y.sum(1) == 1).all()):
            raise UnfitTargets(
                f"{what} with one 1 in every row, as of one class each; store y.argmax(1), or say `task: multilabel`"
            )
        return "multilabel"
    if kind != "f":
        raise UnfitTargets(f"{what}; {_TARGETS}")
    return "regression"


def _whole_from_0(y: AnyArray) -> int:
    """Give k where floats are the whole numbers 0..k, each of them there and no other; 0 for anything else."""
    import numpy as np

    values = np.unique(y)
    k = len(values) - 1
    return k if k < _MOST_CLASSES and np.array_equal(values, np.arange(k + 1)) else 0


_MOST_CLASSES = 1000  # more whole numbers in a row are counts rather than classes
_TARGETS = (
    "labels are whole numbers, one per sample: int64 (N,); several labels of a sample 0 and 1: uint8 (N, labels); "
    "numbers to predict float32: (N,) or (N, targets), or whole numbers with `task: regression`"
)
