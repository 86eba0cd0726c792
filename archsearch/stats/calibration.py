"""Can probabilities be believed? Predictions by their confidence, and how often those were right.

    data = reliability_data(probabilities, labels)
    data.ece                                     # expected calibration error, a fraction

Guo, Pleiss, Sun & Weinberger (2017), "On Calibration of Modern Neural Networks", arXiv 1706.04599.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archsearch.metrics.arithmetic import CALIBRATION_BINS, confidence_bins
from archsearch.stats.intervals import wilson_interval


class Reliability(NamedTuple):
    """Bins of equal width over the confidence (the highest probability); empty bins are left out."""

    low: list[float]
    high: list[float]
    counts: list[int]
    confidence: list[float]
    accuracy: list[float]
    interval: list[tuple[float, float]]
    ece: float
    total: int


def reliability_data(
    probabilities: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]], bins: int = CALIBRATION_BINS
) -> Reliability:
    """Bin predictions by confidence; ECE is the mean distance of accuracy and confidence, weighted by the counts."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    index = confidence_bins(confidence, bins)
    rows = []
    for number in range(bins):
        inside = index == number
        count = int(inside.sum())
        if count:
            hits = float(right[inside].sum())
            rows.append(
                (
                    number / bins,
                    (number + 1) / bins,
                    count,
                    float(confidence[inside].mean()),
                    hits / count,
                    wilson_interval(hits, count),
                )
            )
    low, high, counts, mean, accuracy, interval = (list(column) for column in zip(*rows, strict=True))
    total = len(labels)
    ece = sum(c * abs(a - m) for c, m, a in zip(counts, mean, accuracy, strict=True)) / total
    return Reliability(low, high, counts, mean, accuracy, interval, ece, total)
