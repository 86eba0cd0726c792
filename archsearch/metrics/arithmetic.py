"""The arithmetic of metrics: scikit-learn's definitions in NumPy, and what is said where they say nothing.

    f1("macro")(predicted, targets)          # what sklearn.metrics.f1_score(targets, predicted, average="macro") gives
    auroc(probabilities, targets)            # macro, one against the rest

scikit-learn itself is not imported: that costs a second, half of what a verdict on another metric may take; it is what
the tests compare with (`tests/metrics/test_scikit_learn.py`).

Each function of here gives nan where its number does not exist, never an exception or a warning: the correlation of a
constant, the area under the curve where there is but one class. A class of which a part has no sample has no curve and
is left out of the mean over classes. Classes are 0..K-1; targets are labels (N,), 0 or 1 for each label (N, L), or
numbers (N,) or (N, T); predictions are shaped as targets, probabilities as a network's outputs. Knows arrays only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

CALIBRATION_BINS = 15  # as Guo et al. (2017), arXiv 1706.04599

Arithmetic = Callable[[Any, Any], float]


def _quiet(function: Arithmetic) -> Arithmetic:
    """Let a function have arrays, and give nan where there is no sample; a share of nothing is no warning."""

    @wraps(function)
    def call(given: Any, targets: Any) -> float:
        import numpy as np

        given, targets = np.asarray(given), np.asarray(targets)
        if not len(targets):
            return math.nan
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return float(function(given, targets))

    return call


def _flat(given: Array, targets: Array) -> tuple[Array, Array]:
    """Give a binary network's one column, or a single target, as (N,)."""
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    return given, targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets


# -- of what is predicted ----------------------------------------------------------------------------------------------


class _Counts(NamedTuple):
    """Of each class, or of each label: how many were found, were taken for it, are of it; as float64."""

    found: Array
    predicted: Array
    there: Array


def _counts(predicted: Array, targets: Array) -> _Counts:
    """Count classes 0..K-1 of labels (N,), or what is 1 of labels (N, L)."""
    import numpy as np

    predicted, targets = _flat(predicted, targets)
    if targets.ndim == 2:
        given, truth = predicted == 1, targets == 1
        return _Counts(*(one.sum(axis=0).astype(np.float64) for one in (given & truth, given, truth)))
    given, truth = predicted.astype(np.int64), targets.astype(np.int64)
    width = int(max(given.max(), truth.max())) + 1
    counted = (np.bincount(one, minlength=width) for one in (truth[given == truth], given, truth))
    return _Counts(*(one.astype(np.float64) for one in counted))


def _share(of: Array, all_: Array) -> Array:
    """Divide; a share of nothing counts 0."""
    import numpy as np

    return np.divide(of, all_, out=np.zeros_like(of), where=all_ != 0)


def _averaged(average: str, above: Callable[[_Counts], Array], below: Callable[[_Counts], Array]) -> Arithmetic:
    """Make an average of shares as scikit-learn has them; a class without samples and predictions takes no part."""

    @_quiet
    def call(predicted: Any, targets: Any) -> float:
        counts = _counts(predicted, targets)
        if average == "binary":
            counts = _Counts(*(one[1:2] if len(one) > 1 else 0 * one for one in counts))
        elif average == "micro":
            counts = _Counts(*(one.sum(keepdims=True) for one in counts))
        elif _flat(predicted, targets)[1].ndim == 1:
            seen = counts.predicted + counts.there > 0
            counts = _Counts(*(one[seen] for one in counts))
        shares = _share(above(counts), below(counts))
        if average != "weighted":
            return float(shares.mean())
        weights = counts.there
        return float((shares * weights).sum() / weights.sum()) if weights.sum() else 0.0

    return call


def f1(average: str) -> Arithmetic:
    """Give F1 with one of scikit-learn's averages; a class without samples and predictions takes no part."""
    return _averaged(average, lambda of: 2 * of.found, lambda of: of.predicted + of.there)


def precision(average: str) -> Arithmetic:
    """Give the share of what was taken for a class that is of it; 0 for a class that nothing was taken for."""
    return _averaged(average, lambda of: of.found, lambda of: of.predicted)


def recall(average: str) -> Arithmetic:
    """Give the share of a class that was found; 0 for a class that is predicted and has no samples."""
    return _averaged(average, lambda of: of.found, lambda of: of.there)


@_quiet
def mean_recall(predicted: Any, targets: Any) -> float:
    """Give balanced accuracy: the mean of the recalls of the classes that have samples."""
    of = _counts(predicted, targets)
    there = of.there > 0
    return float((of.found[there] / of.there[there]).mean())


@_quiet
def matthews(predicted: Any, targets: Any) -> float:
    """Give Matthews' correlation of several classes (Gorodkin 2004); 0 where one of the two is constant."""
    of = _counts(predicted, targets)
    n = of.there.sum()
    spreads = (n * n - of.predicted @ of.predicted) * (n * n - of.there @ of.there)
    return float((of.found.sum() * n - of.predicted @ of.there) / math.sqrt(spreads)) if spreads else 0.0


@_quiet
def cohen(predicted: Any, targets: Any) -> float:
    """Give Cohen's kappa (1960); nan where both are one and the same constant."""
    of = _counts(predicted, targets)
    n = of.there.sum()
    by_chance = n - of.predicted @ of.there / n  # as many as would be wrong
    return float(1 - (n - of.found.sum()) / by_chance) if by_chance else math.nan


@_quiet
def hamming(predicted: Any, targets: Any) -> float:
    """Give the share of labels that are wrong, of all labels of all samples."""
    predicted, targets = _flat(predicted, targets)
    return float((predicted != targets).mean())


# -- of probabilities --------------------------------------------------------------------------------------------------


def _columns(probabilities: Array, targets: Array) -> list[tuple[Array, Array]]:
    """Give probability and truth of each class or label that has both samples of it and others."""
    probabilities, targets = _flat(probabilities, targets)
    if probabilities.ndim == 1:
        pairs = [(probabilities, targets == 1)]
    elif targets.ndim == 1:
        pairs = [(probabilities[:, k], targets == k) for k in range(probabilities.shape[1])]
    else:
        pairs = [(probabilities[:, k], targets[:, k] == 1) for k in range(probabilities.shape[1])]
    return [(given, truth) for given, truth in pairs if truth.any() and not truth.all()]


def _over_columns(area: Callable[[Array, Array], float]) -> Arithmetic:
    @_quiet
    def call(probabilities: Any, targets: Any) -> float:
        import numpy as np

        columns = _columns(probabilities, targets)
        if not columns or not np.isfinite(probabilities).all():
            return math.nan
        return float(np.mean([area(*column) for column in columns]))

    return call


def _ranks(values: Array) -> Array:
    """Rank values (N,) from 1; equal ones share the mean of their ranks."""
    import numpy as np

    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Array = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranks


def _area_under_roc(given: Array, truth: Array) -> float:
    """Give the chance that a sample of the class ranks before one that is not; equal ones count half."""
    yes = int(truth.sum())
    no = len(truth) - yes
    return float((_ranks(given)[truth].sum() - yes * (yes + 1) / 2) / (yes * no))


def _mean_precision(given: Array, truth: Array) -> float:
    """Give the precision at each value, from the largest on, weighted by the recall that it adds."""
    import numpy as np

    order = np.argsort(-given, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(given[order])), len(given) - 1)  # of runs of equal values
    found = np.cumsum(truth[order])[ends]
    added = np.diff(found, prepend=0)
    return float((added / found[-1]) @ (found / (ends + 1)))


auroc: Arithmetic = _over_columns(_area_under_roc)
average_precision: Arithmetic = _over_columns(_mean_precision)


def _spread_out(probabilities: Array, targets: Array) -> tuple[Array, Array]:
    """Give probabilities of both classes where a network gives that of the second only."""
    import numpy as np

    probabilities, targets = _flat(probabilities, targets)
    if probabilities.ndim == 1:
        probabilities = np.stack([1 - probabilities, probabilities], axis=1)
    return probabilities.astype(np.float64), targets.astype(np.int64)


@_quiet
def log_loss(probabilities: Any, targets: Any) -> float:
    """Give the mean negative logarithm of the true class's probability, which counts as 2.2e-16 at the least."""
    import numpy as np

    probabilities, targets = _spread_out(probabilities, targets)
    least = np.finfo(np.float64).eps
    true = np.clip(probabilities[np.arange(len(targets)), targets], least, 1 - least)
    return float(-np.log(true).mean())


@_quiet
def brier(probabilities: Any, targets: Any) -> float:
    """Give the mean squared distance of probabilities and truth: over the classes a sum, of two classes half of it.

    Brier (1950); scikit-learn's `brier_score_loss`, which has more than two classes since 1.7 only.
    """
    import numpy as np

    probabilities, targets = _spread_out(probabilities, targets)
    truth = np.eye(probabilities.shape[1])[targets]
    squares = ((probabilities - truth) ** 2).sum(axis=1).mean()
    return float(squares / 2 if probabilities.shape[1] == 2 else squares)


@_quiet
def calibration_error(probabilities: Any, targets: Any) -> float:
    """Give the expected calibration error: the mean distance of confidence and accuracy over 15 bins of confidence."""
    import numpy as np

    probabilities, targets = _spread_out(probabilities, targets)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    bins = confidence_bins(confidence, CALIBRATION_BINS)
    gaps = np.bincount(bins, weights=right - confidence, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(targets))


def confidence_bins(confidence: Array, bins: int) -> NDArray[np.int64]:
    """Give the bin (N,) of each confidence, of so many of equal width over 0 to 1; the upper end belongs to a bin."""
    import numpy as np

    found: NDArray[np.int64] = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return found


def among_the_first(k: int) -> Arithmetic:
    """Give the share of samples whose class is among the k largest outputs; of equal ones the last classes count."""

    @_quiet
    def call(outputs: Any, targets: Any) -> float:
        import numpy as np

        if outputs.shape[1] <= k:
            return 1.0
        first = np.argsort(outputs, axis=1, kind="mergesort")[:, ::-1][:, :k]
        return float((first == targets[:, None]).any(axis=1).mean())

    return call


# -- of numbers --------------------------------------------------------------------------------------------------------


def _of_targets(one: Callable[[Array, Array], Array]) -> Arithmetic:
    """Make the mean over targets of what `one` says of outputs and targets, both (N, T), for each target (T,)."""

    @_quiet
    def call(outputs: Any, targets: Any) -> float:
        outputs, targets = (given.astype("float64").reshape(len(targets), -1) for given in (outputs, targets))
        return float(one(outputs, targets).mean())

    return call


absolute_error: Arithmetic = _of_targets(lambda outputs, targets: abs(outputs - targets).mean(axis=0))
squared_error: Arithmetic = _of_targets(lambda outputs, targets: ((outputs - targets) ** 2).mean(axis=0))
root_squared_error: Arithmetic = _of_targets(lambda outputs, targets: ((outputs - targets) ** 2).mean(axis=0) ** 0.5)


def _determined(outputs: Array, targets: Array) -> Array:
    """Give 1 - squares left / squares; of constant targets 1 where they are met, else 0, of one sample nan."""
    import numpy as np

    left = ((targets - outputs) ** 2).sum(axis=0)
    squares = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
    if len(targets) < 2:
        return np.full(targets.shape[1], math.nan)
    return np.where(squares != 0, 1 - left / squares, np.where(left != 0, 0.0, 1.0))


determination: Arithmetic = _of_targets(_determined)


def pinball(quantile: float) -> Arithmetic:
    """Give the mean pinball loss of a quantile: what its prediction minimises."""

    def loss(outputs: Array, targets: Array) -> Array:
        import numpy as np

        beyond = targets - outputs
        each: Array = np.maximum(quantile * beyond, (quantile - 1) * beyond).mean(axis=0)
        return each

    return _of_targets(loss)


def _rank_correlations(outputs: Array, targets: Array) -> Array:
    """Correlate ranks target by target; nan where one of the two is constant."""
    import numpy as np

    found = []
    for one, other in zip(outputs.T, targets.T, strict=True):
        a, b = (ranks - ranks.mean() for ranks in (_ranks(one), _ranks(other)))
        found.append((a @ b) / math.sqrt((a @ a) * (b @ b)) if a.any() and b.any() else math.nan)
    return np.asarray(found)


rank_correlation: Arithmetic = _of_targets(_rank_correlations)  # Spearman's, of several targets the mean
