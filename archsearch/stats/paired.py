"""The arithmetic of paired comparisons: tests, corrections (Holm), effect sizes. One function for each number.

    d = [0.002, 0.001, 0.003, 0.002, 0.001, 0.002]     # level - baseline, one value per seed
    sign_flip_test(d).p, equivalence_p(d, margin=0.001), holm([0.01, 0.04])

Plain sequences of numbers in, plain numbers out, in the unit that came in. scipy.special does the arithmetic and is
imported when a function is called; scipy.stats, which gives the same by it, takes half a second more to import. Knows
nothing of specs, runs or verdicts.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsearch.stats.intervals import mean, standard_deviation, standard_error

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Sign patterns are counted in two halves of n / 2 pairs, so 2^30 patterns cost two sorted lists of 2^15 sums.
MOST_ENUMERATED = 30
SAMPLED_PATTERNS = 100_000
_CELLS = 2**22  # numbers that a step of resampling holds in memory
_SEED = 20230  # of sampled patterns: the same numbers always get the same p


@dataclass(frozen=True, slots=True)
class SignFlipTest:
    """A sign-flip test of the mean; `exact` says that all 2^n patterns were counted, not a sample of them."""

    p: float
    exact: bool


@dataclass(frozen=True, slots=True)
class McNemar:
    """Two models on the same images: how many only the baseline, and only the level, got right; exact two-sided p."""

    only_baseline: int
    only_level: int
    p: float


def sign_flip_test(differences: Sequence[float]) -> SignFlipTest:
    """Test that the differences are symmetric about 0: the share of sign patterns whose mean is as far from 0.

    Fisher's exact paired permutation test, two-sided. All 2^n patterns are counted up to 30 pairs; above, a sample of
    100,000 with a fixed seed, the observed pattern among them (Phipson & Smyth 2010: p is never 0).
    """
    import numpy as np

    values = np.abs(np.asarray(differences, dtype=float))
    observed = abs(math.fsum(differences))
    # Accuracies are multiples of 1/10,000, so many patterns tie; rounding must not part them.
    least = observed - 1e-11 * float(values.sum())
    n = len(values)
    if n <= MOST_ENUMERATED:
        return SignFlipTest(_count_far_sums(values, least) / 2**n, exact=True)
    dice, far, left = np.random.default_rng(_SEED), 0, SAMPLED_PATTERNS
    while left:
        count = min(left, max(1, _CELLS // n))
        far += int((np.abs(dice.choice([-1.0, 1.0], size=(count, n)) @ values) >= least).sum())
        left -= count
    return SignFlipTest((far + 1) / (SAMPLED_PATTERNS + 1), exact=False)


def _count_far_sums(values: NDArray[np.float64], least: float) -> int:
    """Count the sign patterns whose sum is at least `least` away from 0."""
    import numpy as np

    if least <= 0:
        return int(2 ** len(values))
    half = len(values) // 2
    left, right = np.sort(_signed_sums(values[:half])), _signed_sums(values[half:])
    # sum >= least and, by symmetry, as many with sum <= -least
    return 2 * int((len(left) - np.searchsorted(left, least - right, side="left")).sum())


def _signed_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate((sums - value, sums + value))
    return sums


def paired_t_p(differences: Sequence[float], overlap: float = 0.0) -> float | None:
    """Give the two-sided p of the paired t test; None where all differences agree and t does not exist.

    With `overlap`, n_test / n_train, it is the corrected resampled t test of overlapping divisions of the samples.
    """
    error, n = standard_error(differences, overlap), len(differences)
    return None if error == 0 else t_p(mean(differences) / error, n - 1)


def t_p(statistic: float, freedom: int) -> float:
    """Give the two-sided p of a t statistic."""
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(statistic)))


def equivalence_p(differences: Sequence[float], margin: float, overlap: float = 0.0) -> float:
    """Give the p of two one-sided t tests against -margin and +margin (Schuirmann 1987): small means equivalent.

    Where all differences agree there is no t: inside the margin p is 2^-n, the least that n fair coins can give; of
    divisions that `overlap` it is 1, as they are no independent coins.
    """
    from scipy.special import stdtr

    n, centre, error = len(differences), mean(differences), standard_error(differences, overlap)
    if error == 0:
        return 2.0**-n if abs(centre) < margin and not overlap else 1.0
    return float(max(stdtr(n - 1, -(centre + margin) / error), stdtr(n - 1, (centre - margin) / error)))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust p values for a family of tests (Holm 1979); they come back in the order they were given."""
    count = len(p_values)
    adjusted, largest = [0.0] * count, 0.0
    for rank, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)


def effect_size(differences: Sequence[float]) -> float | None:
    """Give d_z, the mean difference in standard deviations of the differences (Cohen 1988); None where these are 0."""
    sd = standard_deviation(differences)
    return mean(differences) / sd if sd else None


def pair_correlation(level: Sequence[float], baseline: Sequence[float]) -> float | None:
    """Give Pearson's correlation of the pairs: what pairing by seed buys; None where a side does not vary."""
    if len(level) < 3 or standard_deviation(level) == 0 or standard_deviation(baseline) == 0:
        return None
    return statistics.correlation(level, baseline)


def relative_error_reduction(level: float, baseline: float) -> float | None:
    """Give the share of the baseline's errors that the level avoids, from two accuracies; None at accuracy 1."""
    return (level - baseline) / (1 - baseline) if baseline < 1 else None


def mcnemar_test(baseline_right: Sequence[bool], level_right: Sequence[bool]) -> McNemar:
    """Compare two trained models on the same images (McNemar 1947, exact): a question about these two models only."""
    from scipy.special import bdtr

    pairs = list(zip(baseline_right, level_right, strict=True))
    only_baseline = sum(bool(ours) and not theirs for ours, theirs in pairs)
    only_level = sum(bool(theirs) and not ours for ours, theirs in pairs)
    discordant = only_baseline + only_level
    fewer = min(only_baseline, only_level)
    # both tails of a fair coin are alike; where they meet, p is 1
    p = min(1.0, 2 * float(bdtr(fewer, discordant, 0.5))) if 2 * fewer < discordant else 1.0
    return McNemar(only_baseline, only_level, p)
