"""How well probabilities rank: the ROC and the precision-recall curve of a label, with the areas under them.

    curves = ranking_data(probabilities, targets, ("rain",))      # (N, L) and 0 or 1 (N, L)
    curves[0].auroc, curves[0].average_precision

scikit-learn's functions, asked for late. Knows arrays only.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_POINTS = 200  # of a curve; what lies between them cannot be seen

_Points = list[tuple[float, float]]


class Ranking(NamedTuple):
    """A label: (false positive rate, true positive rate) and (recall, precision) point by point, and the areas."""

    name: str
    positives: int
    total: int
    roc: _Points
    precision_recall: _Points
    auroc: float
    average_precision: float


def ranking_data(
    probabilities: NDArray[np.floating[Any]], targets: NDArray[np.integer[Any]], names: Sequence[str]
) -> tuple[Ranking, ...]:
    """Rank every label that has samples with it and without it; the others have no curve and are left out."""
    metrics = import_module("sklearn.metrics")  # it has no types
    found = []
    for k, name in enumerate(names):
        truth, given = targets[:, k], probabilities[:, k]
        if truth.min() == truth.max():
            continue
        false, true, _ = metrics.roc_curve(truth, given)
        precision, recall, _ = metrics.precision_recall_curve(truth, given)
        found.append(
            Ranking(
                name=name,
                positives=int(truth.sum()),
                total=len(truth),
                roc=_thinned(false, true),
                precision_recall=_thinned(recall[::-1], precision[::-1]),
                auroc=float(metrics.roc_auc_score(truth, given)),
                average_precision=float(metrics.average_precision_score(truth, given)),
            )
        )
    return tuple(found)


def _thinned(x: NDArray[Any], y: NDArray[Any]) -> _Points:
    rows = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).round().astype(int))
    return [(float(x[row]), float(y[row])) for row in rows]
