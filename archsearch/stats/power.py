"""The planner: what can so many seeds show, said before anything runs.

    plan = plan_seeds(comparisons=6, seeds=10)
    plan.smallest_p, plan.smallest_effect              # 0.00195..., and the difference found with power 0.8
    plan_seeds(comparisons=6, seeds=3)                 # UsageError: 3 pairs cannot answer; a screen may ask

Effects and standard deviations are in the metric's own unit (a fraction for accuracies). Knows numbers only: no specs,
no storage. The power of the t test is the noncentral t's; up to 16 pairs the sign-flip test, which decides the verdict,
can find less than that, as its p values come in steps of 2/2^n: there its power is simulated, with a fixed seed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from archsearch.errors import UsageError
from archsearch.plain import Plain
from archsearch.stats.sign_flip_power import more_than_t

Purpose = Literal["screen", "claim", "strong"]

POWER = 0.8
LEAST_SEEDS: dict[Purpose, int] = {"screen": 2, "claim": 10, "strong": 20}
MOST_PLANNED_SEEDS = 10_000
_SIMULATED_UP_TO = 16
_AIM = 0.02  # added to a power that is asked for, so that what is promised is kept


class Plan(Plain):
    """What a number of pairs can show: of seeds, or of folds that `overlap` by n_test / n_train.

    `smallest_p` is what the sign-flip test can reach, `smallest_p_adjusted` Holm's.
    `smallest_effect` is the difference that the hardest comparison of the family (alpha / comparisons) finds with the
    given power, `smallest_in_sds` the same in SDs of one run over seeds; `seeds_to_reach` the fewest pairs whose p can
    be significant at all; `effect` and `seeds_for_effect` answer the opposite question, where it was asked (never fewer
    than the purpose needs; None seeds: more than 10,000). Without a measured spread `seed_sd` is None, and so is what
    hangs on it.
    """

    purpose: Purpose
    comparisons: int
    seeds: int
    alpha: float
    power: float
    seed_sd: float | None
    correlation: float
    smallest_p: float
    smallest_p_adjusted: float
    seeds_to_reach: int
    smallest_effect: float | None
    smallest_in_sds: float | None = None
    effect: float | None = None
    seeds_for_effect: int | None = None
    overlap: float = 0.0


def plan_seeds(
    comparisons: int,
    seeds: int,
    *,
    purpose: Purpose = "claim",
    alpha: float = 0.05,
    power: float = POWER,
    seed_sd: float | None = None,
    correlation: float = 0.0,
    effect: float | None = None,
    overlap: float = 0.0,
) -> Plan:
    """Say what `seeds` pairs in each of `comparisons` comparisons can show; refuse what cannot answer.

    `overlap` is n_test / n_train where the pairs are folds of the same samples, 0 where they are seeds.

    `seed_sd` is the spread of one run over seeds as it was measured, None where it is not known; `correlation` that of
    the pairs (0 where it is not known). Raises `UsageError` for fewer seeds than the purpose needs; a screen may have
    any number from 2.
    """
    _check(comparisons, seeds, alpha, seed_sd, effect)
    least = seeds_to_reach(comparisons, alpha, overlap)
    if purpose != "screen":
        _refuse_too_few(comparisons, seeds, purpose, alpha, least, overlap)
    in_sds = smallest_effect(seeds, difference_sd(1.0, correlation), alpha, comparisons, power, overlap)
    lowest = 0.0 if overlap else smallest_p(seeds)
    sd = None if seed_sd is None else difference_sd(seed_sd, correlation)
    needed = None if effect is None or sd is None else seeds_needed(effect, sd, alpha, comparisons, power, overlap)
    return Plan(
        purpose=purpose,
        comparisons=comparisons,
        seeds=seeds,
        alpha=alpha,
        power=power,
        seed_sd=seed_sd,
        correlation=correlation,
        smallest_p=lowest,
        smallest_p_adjusted=min(1.0, comparisons * lowest),
        seeds_to_reach=least,
        smallest_effect=None if in_sds is None or seed_sd is None else in_sds * seed_sd,
        smallest_in_sds=in_sds,
        effect=effect,
        seeds_for_effect=None if needed is None else max(needed, LEAST_SEEDS[purpose]),
        overlap=overlap,
    )


def _check(comparisons: int, seeds: int, alpha: float, seed_sd: float | None, effect: float | None) -> None:
    if comparisons < 1:
        raise UsageError(f"{comparisons} comparisons: an ablation compares at least one level with its baseline")
    if not 2 <= seeds <= MOST_PLANNED_SEEDS:
        raise UsageError(f"{seeds} seeds: give a number from 2 to {MOST_PLANNED_SEEDS:,}; one run has no spread")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha {alpha:g}: give a probability between 0 and 1, such as 0.05")
    if seed_sd is not None and not (seed_sd > 0 and math.isfinite(seed_sd)):
        raise UsageError(f"a seed SD of {seed_sd:g}: give a number above 0, in the metric's own unit")
    if effect is not None:
        _check_effect(effect)


def _check_effect(effect: float) -> None:
    if effect == 0 or not math.isfinite(effect):
        raise UsageError(f"an effect of {effect:g} cannot be planned for; give a difference other than 0")


def _refuse_too_few(comparisons: int, seeds: int, purpose: Purpose, alpha: float, least: int, overlap: float) -> None:
    wanted = max(least, LEAST_SEEDS[purpose])
    if overlap and seeds < wanted:
        raise UsageError(
            f"{seeds} divisions of the samples are fewer than a {purpose} needs: so few say little of the spread that "
            f"the corrected t test rests on. Use at least {wanted} (`repeats` divides anew), or call it a screen."
        )
    if seeds < least:
        raise UsageError(
            f"{seeds} seeds cannot answer: the smallest p of {seeds} pairs is {smallest_p(seeds):.3g}, with Holm over "
            f"{_family(comparisons)} {min(1.0, comparisons * smallest_p(seeds)):.3g}, and alpha is {alpha:g}. "
            f"{few_seeds_rule(comparisons, alpha, purpose)}. Use at least {wanted} seeds, or call it a screen."
        )
    if seeds < LEAST_SEEDS[purpose]:
        raise UsageError(
            f"{seeds} seeds are fewer than a {purpose} needs. {few_seeds_rule(comparisons, alpha, purpose)}. "
            f"Use at least {wanted} seeds, or call it a screen."
        )


def few_seeds_rule(comparisons: int, alpha: float = 0.05, purpose: Purpose = "claim", overlap: float = 0.0) -> str:
    """State the one rule of how few pairs are enough, as plans, checks and comparisons of given numbers say it."""
    least = seeds_to_reach(comparisons, alpha, overlap)
    if overlap:
        return f"A {purpose} has at least {max(least, LEAST_SEEDS[purpose])} divisions of the samples"
    return (
        f"With Holm over {_family(comparisons)} at least {least} pairs can be significant, "
        f"and a {purpose} has at least {max(least, LEAST_SEEDS[purpose])}"
    )


def _family(comparisons: int) -> str:
    return f"{comparisons} comparisons" if comparisons > 1 else "1 comparison"


def smallest_p(seeds: int) -> float:
    """Give the smallest p that a two-sided sign-flip test of so many pairs can reach: 2 / 2^n."""
    return float(2.0 ** (1 - seeds))


def seeds_to_reach(comparisons: int, alpha: float = 0.05, overlap: float = 0.0) -> int:
    """Give the fewest pairs with which Holm over so many comparisons can be significant: above log2(2 m / alpha).

    2 for folds, which `overlap`: the t test has no smallest p.
    """
    if overlap:
        return 2
    n = 1
    while comparisons * smallest_p(n) >= alpha:
        n += 1
    return n


def difference_sd(seed_sd: float, correlation: float = 0.0) -> float:
    """Give the SD of a paired difference from that of one run: sd * sqrt(2 (1 - r))."""
    return seed_sd * math.sqrt(2 * (1 - correlation))


def smallest_effect(
    seeds: int, sd: float, alpha: float = 0.05, comparisons: int = 1, power: float = POWER, overlap: float = 0.0
) -> float | None:
    """Give the mean difference that is found with this power; `sd` is that of the differences.

    None where so few pairs cannot be significant whatever the effect.
    """
    if seeds < max(2, seeds_to_reach(comparisons, alpha, overlap)):
        return None
    if overlap:
        return sd * t_smallest_d(seeds, alpha / comparisons, power, overlap)
    return sd * _smallest_d(seeds, alpha / comparisons, power)


def seeds_needed(
    effect: float, sd: float, alpha: float = 0.05, comparisons: int = 1, power: float = POWER, overlap: float = 0.0
) -> int | None:
    """Give the fewest pairs that find a mean difference of `effect` with this power; None if above 10,000."""
    _check_effect(effect)
    d, level, power = abs(effect) / sd, alpha / comparisons, power if overlap else _aim(power)
    if _t_power(MOST_PLANNED_SEEDS, d, level, overlap) < power:
        return None
    if overlap:
        return _least(lambda n: _t_power(n, d, level, overlap) >= power, 2)
    # the t test's answer first, which lies near the normal's; the sign-flip test needs a few pairs more at most
    normal = statistics.NormalDist()
    near = math.ceil(((normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)) / d) ** 2)
    low = _least(lambda n: _t_power(n, d, level) >= power, max(2, seeds_to_reach(comparisons, alpha)), near)
    while verdict_power(low, d, level) < power:
        low += 1
    return low


def seeds_for_equivalence(
    margin: float, sd: float, alpha: float = 0.05, comparisons: int = 1, power: float = POWER, overlap: float = 0.0
) -> int | None:
    """Give the fewest pairs with which two levels that do not differ are shown to be equivalent; None above 10,000.

    Two one-sided t tests at alpha / comparisons, each with half of the error 1 - power (Chow, Shao & Wang 2008, 3.2).
    """
    from scipy.special import stdtrit

    def enough(n: int) -> bool:
        reach = -float(stdtrit(n - 1, alpha / comparisons)) - float(stdtrit(n - 1, (1 - power) / 2))
        return reach * sd <= margin * math.sqrt(n / (1 + n * overlap))

    return _least(enough, 2) if enough(MOST_PLANNED_SEEDS) else None


def _least(enough: Callable[[int], bool], low: int, near: int | None = None) -> int:
    """Halve to the least number from `low` on that is enough, of 10,000; first around `near`, where it is expected."""
    high = MOST_PLANNED_SEEDS
    for end in () if near is None else (near - 3, near + 5):
        if low < end < high:
            low, high = (low, end) if enough(end) else (end + 1, high)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def _aim(power: float) -> float:
    return power + min(_AIM, (1 - power) / 2)


def verdict_power(seeds: int, d: float, level: float, overlap: float = 0.0) -> float:
    """Give the chance that a standardised effect `d` is found at a significance level, by the rule of the verdicts."""
    if overlap:
        return _t_power(seeds, d, level, overlap)
    by_t = _t_power(seeds, d, level)
    return by_t + more_than_t(seeds, d, level) if seeds <= _SIMULATED_UP_TO else by_t


def t_smallest_d(seeds: int, level: float, power: float = POWER, overlap: float = 0.0) -> float:
    """Give the standardised effect that the paired t test alone finds with this power."""
    from scipy.optimize import brentq

    high = 0.1
    while _t_power(seeds, high, level, overlap) < power:
        high *= 2
    return float(brentq(lambda d: _t_power(seeds, d, level, overlap) - power, 0.0, high, xtol=1e-12))


@lru_cache(maxsize=1024)
def _smallest_d(seeds: int, level: float, power: float) -> float:
    """Find the d whose verdict power is the wanted one; it lies a little above the t test's."""
    from scipy.optimize import brentq

    power = _aim(power)
    low = t_smallest_d(seeds, level, power)
    if seeds > _SIMULATED_UP_TO or verdict_power(seeds, low, level) >= power:
        return low
    high = 1.1 * low
    while verdict_power(seeds, high, level) < power:
        high *= 1.1
    # To 0.2 %, which is less than the simulation knows.
    return float(brentq(lambda d: verdict_power(seeds, d, level) - power, low, high, xtol=0.002 * low))


def _t_power(seeds: int, d: float, level: float, overlap: float = 0.0) -> float:
    """Power of the two-sided paired t test: the two tails of the noncentral t beyond the critical value.

    With `overlap` that of the corrected test, whose mean has the variance sd^2 (1/n + overlap). Integrated over the chi
    distribution of the spread, as scipy's `nct` gives NaN here and there.
    """
    from scipy.integrate import quad
    from scipy.special import stdtrit

    freedom = seeds - 1
    critical, shift = (
        -float(stdtrit(freedom, level / 2)) / math.sqrt(freedom),
        abs(d) * math.sqrt(seeds / (1 + seeds * overlap)),
    )
    constant = (freedom / 2 - 1) * math.log(2) + math.lgamma(freedom / 2)

    def density(s: float) -> float:
        tails = math.erfc((critical * s - shift) / math.sqrt(2)) + math.erfc((critical * s + shift) / math.sqrt(2))
        return 0.5 * tails * math.exp((freedom - 1) * math.log(s) - s * s / 2 - constant)

    centre = math.sqrt(freedom)  # of a chi variable, whose SD is below 1
    low, high = max(0.0, centre - 10), centre + 10
    # with few pairs a tail goes from 1 to 0 within a sliver of the spread, which is pointed out to be seen
    turns = [(side * shift + place) / critical for side in (-1, 1) for place in (-8, -2, 0, 2, 8)]
    points = sorted({turn for turn in turns if low < turn < high}) if freedom < 10 else []
    return min(1.0, quad(density, low, high, epsabs=1e-13, epsrel=1e-9, limit=200, points=points or None)[0])
