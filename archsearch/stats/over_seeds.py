"""Several seeds of one spec in a few numbers: mean, spread, and where one more run would land.

summary = summarise([0.9726, 0.9766, 0.9740], documented=0.9753)
summary.mean, summary.ci95, summary.prediction95, summary.documented_inside
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from archsearch.spec.fields import Plain


class Summary(Plain):
    """Test accuracies over seeds, as fractions; intervals are Student's t with n - 1 degrees of freedom.

    `ci95` holds the mean of all seeds, `prediction95` one more run: mean +- t * sd * sqrt(1 + 1/n) (Hahn & Meeker,
    Statistical Intervals). None where fewer than two runs completed.
    """

    n: int
    diverged: int
    mean: float | None
    sd: float | None
    ci95: tuple[float, float] | None
    prediction95: tuple[float, float] | None
    documented: float | None
    documented_inside: bool | None


def summarise(values: Sequence[float], *, diverged: int = 0, documented: float | None = None) -> Summary:
    """Summarise one metric over seeds; `diverged` runs are counted, not averaged."""
    n = len(values)
    mean = statistics.fmean(values) if n else None
    sd = ci = prediction = None
    if n >= 2 and mean is not None:
        from scipy.stats import t

        sd = statistics.stdev(values)
        reach = float(t.ppf(0.975, n - 1)) * sd
        ci = (mean - reach / math.sqrt(n), mean + reach / math.sqrt(n))
        prediction = (mean - reach * math.sqrt(1 + 1 / n), mean + reach * math.sqrt(1 + 1 / n))
    inside = None if prediction is None or documented is None else prediction[0] <= documented <= prediction[1]
    return Summary(
        n=n,
        diverged=diverged,
        mean=mean,
        sd=sd,
        ci95=ci,
        prediction95=prediction,
        documented=documented,
        documented_inside=inside,
    )
