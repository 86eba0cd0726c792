"""How sure is a mean, a share or a spread: means, standard deviations and their intervals, each defined here only.

    t_interval([0.1, 0.2, 0.4]), prediction_interval([0.1, 0.2, 0.4]), wilson_interval(97, 100)

Plain sequences of numbers in, plain numbers out, in the unit that came in. scipy is imported when a function is called.
"""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Sequence

Interval = tuple[float, float]

RESAMPLES = 10_000
_CELLS = 2**22  # numbers that a step of resampling holds in memory
_SEED = 20230  # of the bootstrap: the same numbers always get the same interval


def mean(values: Sequence[float]) -> float:
    """Give the mean, summed without rounding error."""
    return statistics.fmean(values)


def standard_deviation(values: Sequence[float]) -> float:
    """Give the standard deviation with n - 1; exactly 0 where all values are the same number."""
    return 0.0 if _identical(values) else statistics.stdev(values)


def _identical(values: Sequence[float]) -> bool:
    """Say whether the values differ by no more than the rounding of a subtraction: 0.97 - 0.96 is not 0.96 - 0.95."""
    return max(values) - min(values) <= 1e-12 * max(1.0, *(abs(value) for value in values))


def t_interval(values: Sequence[float], confidence: float = 0.95, overlap: float = 0.0) -> Interval:
    """Give Student's interval of the mean of at least two values; one point where all of them agree.

    `overlap` as in `standard_error`.
    """
    return around(mean(values), standard_error(values, overlap), len(values) - 1, confidence)


def standard_error(values: Sequence[float], overlap: float = 0.0) -> float:
    """Give the standard error of the mean of at least two values: sd * sqrt(1/n + overlap).

    `overlap` is 0 for independent values. For those of divisions of one sample set, whose training parts overlap, it is
    n_test / n_train (the corrected resampled t test: Nadeau & Bengio 2003, Machine Learning 52, section 3.3).
    """
    n = len(values)
    return standard_deviation(values) * (math.sqrt(1 / n + overlap) if overlap else 1 / math.sqrt(n))


def prediction_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Give where one more value would land: mean +- t * sd * sqrt(1 + 1/n) (Hahn & Meeker, Statistical Intervals)."""
    n = len(values)
    return around(mean(values), standard_deviation(values) * math.sqrt(1 + 1 / n), n - 1, confidence)


def chance_of_at_least(values: Sequence[float], wanted: float) -> float:
    """Give the probability that one more value is `wanted` or more, by the distribution of `prediction_interval`.

    That is Student's t with n - 1 degrees of freedom around the mean, of at least two values. Where all of them agree
    nothing else is expected: 0 or 1.
    """
    from scipy.special import stdtr

    n, centre, spread = len(values), mean(values), standard_deviation(values)
    if not spread:
        return float(centre >= wanted or _identical([centre, wanted]))
    return float(stdtr(n - 1, -(wanted - centre) / (spread * math.sqrt(1 + 1 / n))))


def around(estimate: float, error: float, freedom: float, confidence: float = 0.95) -> Interval:
    """Give Student's interval of an estimate with this standard error and so many degrees of freedom."""
    from scipy.special import stdtrit

    reach = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    return estimate - reach, estimate + reach


def within(interval: Interval, centre: float, lies: Interval) -> Interval:
    """Cut an interval to where its numbers can lie, shares from 0 to 1.

    What is cut off cannot be, so the rest covers as much. An interval around a value outside, which is no such number
    (nll of outputs that are no log-probabilities is below 0), is left as it is.

    >>> within((-0.08, 1.465), 0.69, (0.0, math.inf))
    (0.0, 1.465)
    """
    low, high = lies
    return (max(low, interval[0]), min(high, interval[1])) if low <= centre <= high else interval


def spread_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Give the interval of a standard deviation, by chi squared with n - 1 degrees of freedom."""
    from scipy.special import gammaincinv

    sd, freedom, tail = standard_deviation(values), len(values) - 1, (1 - confidence) / 2
    low, high = (sd * math.sqrt(freedom / (2 * float(gammaincinv(freedom / 2, q)))) for q in (1 - tail, tail))
    return low, high


def bca_interval(differences: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """Give the BCa bootstrap interval of the mean (Efron 1987): 10,000 resamples, fixed seed.

    None where it does not exist: fewer than three pairs, or all resamples alike.
    """
    import numpy as np
    from scipy.stats import bootstrap

    if len(differences) < 3:
        return None
    if _identical(differences):
        return mean(differences), mean(differences)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of data that has no such interval: it gives NaN, and we None
        found = bootstrap(
            (np.asarray(differences, dtype=float),),
            np.mean,
            n_resamples=RESAMPLES,
            confidence_level=confidence,
            method="BCa",
            batch=min(RESAMPLES, max(1, _CELLS // len(differences))),
            vectorized=True,
            rng=np.random.default_rng(_SEED),
        ).confidence_interval
    low, high = float(found.low), float(found.high)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def wilson_interval(hits: float, trials: int, confidence: float = 0.95) -> Interval:
    """Give Wilson's interval (Wilson 1927) of a share of so many trials; `hits` may be a mean over seeds."""
    share, z = hits / trials, statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    reach = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # the ends are 0 and 1 by algebra, not by rounding
    return max(0.0, centre - reach) if hits > 0 else 0.0, min(1.0, centre + reach) if hits < trials else 1.0
