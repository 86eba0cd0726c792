"""The arithmetic of metrics: scikit-learn's functions, asked for late, and what is said where they say nothing.

    f1("macro")(predicted, targets)          # what sklearn.metrics.f1_score(targets, predicted, average="macro") gives
    auroc(probabilities, targets)            # macro, one against the rest

Each function of here gives nan where its number does not exist, never an exception or a warning: the correlation of a
constant, the area under the curve where there is but one class. A class of which a part has no sample has no curve and
is left out of the mean over classes. Classes are 0..K-1; targets are labels (N,), 0 or 1 for each label (N, L), or
numbers (N,) or (N, T); predictions are shaped as targets, probabilities as a network's outputs. Knows arrays only.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import lru_cache, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

_COUNTED_CLASSES = 256  # the most whose pairs are counted: a table of 256 x 256 numbers
CALIBRATION_BINS = 15  # as Guo et al. (2017), arXiv 1706.04599

Arithmetic = Callable[[Any, Any], float]


def _quiet(function: Arithmetic) -> Arithmetic:
    """Let a function have arrays, and give nan where it would warn that a number does not exist, or refuse."""

    @wraps(function)
    def call(given: Any, targets: Any) -> float:
        import numpy as np

        given, targets = np.asarray(given), np.asarray(targets)
        if not len(targets):
            return math.nan
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(function(given, targets))

    return call


def _sklearn() -> Any:
    return import_module("sklearn.metrics")  # it has no types


def _flat(given: Array, targets: Array) -> tuple[Array, Array]:
    """Give a binary network's one column, or a single target, as (N,)."""
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    return given, targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets


def _of_predictions(name: str, **options: Any) -> Arithmetic:
    @_quiet
    def call(predicted: Any, targets: Any) -> float:
        predicted, targets = _flat(predicted, targets)
        predicted, targets, weights = _counted(predicted, targets)
        found: float = getattr(_sklearn(), name)(targets, predicted, **weights, **options)
        return found

    return call


def _counted(predicted: Array, targets: Array) -> tuple[Array, Array, dict[str, Array]]:
    """Give each pair of labels once, weighted by how often it is there: the same whole numbers, counted much sooner."""
    import numpy as np

    if targets.ndim != 1 or predicted.ndim != 1 or not all(one.dtype.kind in "iu" for one in (predicted, targets)):
        return predicted, targets, {}
    width = int(max(predicted.max(), targets.max())) + 1
    if width > _COUNTED_CLASSES or min(predicted.min(), targets.min()) < 0:
        return predicted, targets, {}
    counts = np.bincount(targets.astype(np.int64) * width + predicted, minlength=width * width)
    pairs = np.flatnonzero(counts)
    return pairs % width, pairs // width, {"sample_weight": counts[pairs]}


def _one_of_three(place: int, average: str) -> Arithmetic:
    """Give precision, recall or F1, which scikit-learn computes at once: they are asked for in turn of one run."""

    @_quiet
    def call(predicted: Any, targets: Any) -> float:
        predicted, targets, weights = _counted(*_flat(predicted, targets))
        if not weights:
            return _three(predicted, targets, average, None)[place]
        bytes_of = (one.tobytes() for one in (predicted, targets, weights["sample_weight"]))
        return _three_counted(*bytes_of, average)[place]

    return call


def _three(predicted: Array, targets: Array, average: str, weights: Array | None) -> tuple[float, float, float]:
    score = _sklearn().precision_recall_fscore_support
    found: tuple[float, float, float] = score(
        targets, predicted, average=average, zero_division=0.0, sample_weight=weights
    )[:3]
    return found


@lru_cache(maxsize=8)
def _three_counted(predicted: bytes, targets: bytes, counts: bytes, average: str) -> tuple[float, float, float]:
    import numpy as np

    given, truth, weights = (np.frombuffer(one, dtype=np.int64) for one in (predicted, targets, counts))
    return _three(given, truth, average, weights)


def f1(average: str) -> Arithmetic:
    """Give F1 with one of scikit-learn's averages; a class without samples and predictions takes no part."""
    return _one_of_three(2, average)


def precision(average: str) -> Arithmetic:
    """Give the share of what was taken for a class that is of it; 0 for a class that nothing was taken for."""
    return _one_of_three(0, average)


def recall(average: str) -> Arithmetic:
    """Give the share of a class that was found; 0 for a class that is predicted and has no samples."""
    return _one_of_three(1, average)


share_right: Arithmetic = _of_predictions("accuracy_score")
mean_recall: Arithmetic = _of_predictions("balanced_accuracy_score")
matthews: Arithmetic = _of_predictions("matthews_corrcoef")
cohen: Arithmetic = _of_predictions("cohen_kappa_score")
hamming: Arithmetic = _of_predictions("hamming_loss")


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


def _over_columns(name: str) -> Arithmetic:
    @_quiet
    def call(probabilities: Any, targets: Any) -> float:
        import numpy as np

        columns = _columns(probabilities, targets)
        if not columns:
            return math.nan
        given, truth = (np.stack(one, axis=1) for one in zip(*columns, strict=True))
        given, truth = _flat(given, truth)
        return float(getattr(_sklearn(), name)(truth.astype(np.int64), given, average="macro"))

    return call


auroc: Arithmetic = _over_columns("roc_auc_score")
average_precision: Arithmetic = _over_columns("average_precision_score")


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
    found: float = _sklearn().log_loss(targets, probabilities, labels=np.arange(probabilities.shape[1]))
    return found


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


def _of_numbers(name: str, **options: Any) -> Arithmetic:
    @_quiet
    def call(outputs: Any, targets: Any) -> float:
        outputs, targets = _flat(outputs.astype("float64"), targets.astype("float64"))
        found: float = getattr(_sklearn(), name)(targets, outputs, **options)
        return found

    return call


absolute_error: Arithmetic = _of_numbers("mean_absolute_error")
squared_error: Arithmetic = _of_numbers("mean_squared_error")
root_squared_error: Arithmetic = _of_numbers("root_mean_squared_error")
determination: Arithmetic = _of_numbers("r2_score")


def pinball(quantile: float) -> Arithmetic:
    """Give the mean pinball loss of a quantile: what its prediction minimises."""
    return _of_numbers("mean_pinball_loss", alpha=quantile)


@_quiet
def rank_correlation(outputs: Any, targets: Any) -> float:
    """Give Spearman's rank correlation, of several targets the mean; nan where one of the two is constant."""
    from scipy.stats import spearmanr

    outputs, targets = (one.astype("float64").reshape(len(targets), -1) for one in (outputs, targets))
    found = [spearmanr(outputs[:, k], targets[:, k]).statistic for k in range(targets.shape[1])]
    return float(sum(found) / len(found))
