"""What pairing by seed did for a comparison: how far its two sides move together, and how many seeds that saved.

    found = pairing(level, baseline)
    found.correlation, found.saved                 # 0.79, 2.3: an unpaired comparison needs 2.3 times as many seeds

The variance of the difference of two unpaired means is (s_a² + s_b²) / n, that of paired ones s_d² / n with
s_d² = s_a² + s_b² - 2 r s_a s_b: their quotient is what pairing saves. The correlation r has Fisher's interval, by his
z = atanh r with the standard error 1 / sqrt(n - 3) (Fisher 1921); the quotient grows with r, so that its interval
is that of r put in, at the standard deviations as they were measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from archsearch.stats.effect import Effect
from archsearch.stats.intervals import Interval, standard_deviation
from archsearch.stats.paired import pair_correlation

_LEAST_PAIRS = 4  # below, Fisher's z has no standard error
_MOST_SAID = 1000  # times: above, the differences vary by rounding


@dataclass(frozen=True, slots=True)
class Pairing:
    """The correlation of pairs, and the variance of an unpaired difference over that of the paired one.

    `saved` below 1 says that pairing costs seeds. The intervals are at 95 %; None for fewer than four pairs.
    """

    correlation: float
    correlation95: Interval | None
    saved: float | None
    saved95: Interval | None


def pairing(level: Sequence[float], baseline: Sequence[float]) -> Pairing | None:
    """Measure what pairing did, from the values of both sides by seed; None where a side does not vary, or n < 3."""
    correlation = pair_correlation(level, baseline)
    if correlation is None:
        return None
    one, other = standard_deviation(level), standard_deviation(baseline)
    alike = 2 * one * other / (one**2 + other**2)  # 1 where both spread as far, towards 0 where one hardly does
    between = fisher_interval(correlation, len(level))
    ends = None if between is None else (_saved(between[0], alike), _saved(between[1], alike))
    both = None if ends is None or ends[0] is None or ends[1] is None else (ends[0], ends[1])
    return Pairing(correlation, between, _saved(correlation, alike), both)


def fisher_interval(correlation: float, n: int) -> Interval | None:
    """Give Fisher's 95 % interval of a correlation of n pairs; None for fewer than four, and for 1 or -1."""
    if n < _LEAST_PAIRS or abs(correlation) >= 1 - 1e-12:
        return None
    from scipy.special import ndtri

    reach = float(ndtri(0.975)) / math.sqrt(n - 3)
    return math.tanh(math.atanh(correlation) - reach), math.tanh(math.atanh(correlation) + reach)


def _saved(correlation: float, alike: float) -> float | None:
    left = 1 - correlation * alike
    return 1 / left if left > 1 / (10 * _MOST_SAID) else None


def pairing_text(effect: Effect, pairs: str = "seed") -> str:
    """Say in a line what pairing did for a comparison, "" where that is not known.

    Where the interval of the correlation holds 0 nothing measurable was saved, and that is what is said.
    """
    r, between, saved = effect.pair_correlation, effect.pair_correlation95, effect.seeds_saved
    if r is None or between is None:
        return ""
    said = f"pairs correlate by {r:+.2f} (95 % CI {between[0]:+.2f} to {between[1]:+.2f})"
    if between[0] <= 0 <= between[1]:
        return f"{said}: no measurable saving by pairing"
    if saved is None or saved > _MOST_SAID:
        return f"{said}: more than {_MOST_SAID:,} times fewer {pairs}s than unpaired"
    ends = "" if effect.seeds_saved95 is None else _between(effect.seeds_saved95, saved < 1)
    if saved < 1:
        return f"{said}: {_times(1 / saved)} times as many {pairs}s as unpaired{ends}"
    return f"{said}: {_times(saved)} times fewer {pairs}s than unpaired{ends}"


def _between(ends: Interval, inverse: bool) -> str:
    low, high = (1 / ends[1], 1 / ends[0]) if inverse else ends
    return f" ({_times(low)} to {_times(high)})"


def _times(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"
