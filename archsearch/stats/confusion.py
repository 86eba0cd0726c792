"""What is taken for what: the confusion matrix of predictions, and precision, recall and F1 of each class.

    confusion = confusion_data(labels, predicted, ["cat", "dog"])
    confusion.counts[0, 1]                       # cats that were taken for dogs
    [row.recall for row in of_classes(confusion)]

Definitions as in scikit-learn's `precision_recall_fscore_support`; a share of nothing is None, not 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archsearch.plain import Plain
from archsearch.stats.intervals import wilson_interval

_Whole = NDArray[np.integer[Any]]


class Confusion(NamedTuple):
    """`counts[true, predicted]`; rows of a pooled matrix count every run's prediction."""

    classes: tuple[str, ...]
    counts: _Whole


def confusion_data(labels: _Whole, predicted: _Whole, classes: Sequence[str]) -> Confusion:
    """Count pairs of true and predicted class; both are indices (N,) into `classes`."""
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return Confusion(tuple(classes), counts)


class ClassScores(Plain):
    """One class: how many samples are of it, how many were taken for it, and shares as fractions.

    `recall` is the share of its samples that were found, with Wilson's 95 % interval; `precision` the share of what was
    taken for it that is of it; `f1` their harmonic mean. None where there is nothing to take a share of. `mistaken_for`
    is the class that most of its samples were wrongly taken for.
    """

    name: str
    samples: int
    predicted: int
    right: int
    recall: float | None
    recall95: tuple[float, float] | None
    precision: float | None
    f1: float | None
    mistaken_for: str | None
    mistaken: int


def of_classes(confusion: Confusion) -> tuple[ClassScores, ...]:
    """Give the scores of every class, in the order of the classes."""
    return tuple(_of_class(confusion, k) for k in range(len(confusion.classes)))


def _of_class(confusion: Confusion, k: int) -> ClassScores:
    counts = confusion.counts
    samples, predicted, right = int(counts[k].sum()), int(counts[:, k].sum()), int(counts[k, k])
    others = counts[k].copy()
    others[k] = 0
    most = int(others.argmax())
    both = samples + predicted
    return ClassScores(
        name=confusion.classes[k],
        samples=samples,
        predicted=predicted,
        right=right,
        recall=right / samples if samples else None,
        recall95=wilson_interval(right, samples) if samples else None,
        precision=right / predicted if predicted else None,
        f1=2 * right / both if both else None,
        mistaken_for=confusion.classes[most] if others[most] else None,
        mistaken=int(others[most]),
    )


def balanced_accuracy(scores: Sequence[ClassScores]) -> float | None:
    """Give the mean recall of the classes that have samples; None without any."""
    recalls = [one.recall for one in scores if one.recall is not None]
    return sum(recalls) / len(recalls) if recalls else None


def of_labels(targets: _Whole, predicted: _Whole, names: Sequence[str]) -> tuple[ClassScores, ...]:
    """Give the scores of every label of samples that may have several: both arrays are (N, labels) of 0 and 1."""
    pairs = (confusion_data(targets[:, k], predicted[:, k], ("without", name)) for k, name in enumerate(names))
    return tuple(_of_class(pair, 1).model_copy(update={"mistaken_for": None, "mistaken": 0}) for pair in pairs)
