"""A difference that also uses baseline runs which are in no pair: the level is regressed on the same-seed baseline.

    adjusted(level, baseline, further)          # n pairs, and the baseline's values with further seeds

The expectation of the baseline is better known where it was run with more seeds. So the level's mean is moved by
slope * (mean of all baseline runs - mean of those in pairs), as a control variate, and the baseline's mean is that of
all N runs. With the least squares slope of the n pairs this is the maximum likelihood estimate of two normal means of
which one is seen more often (Anderson 1957, JASA 52, 200-203), with the variance

    s² (1/n + (moved)² / Sxx) + (slope - 1)² s_b² / N

s the residual SD (n - 2 degrees of freedom), s_b that of all baseline runs; degrees of freedom by Satterthwaite. With
no further seeds it is the paired difference itself, whatever the slope: a regression gains nothing then. With further
ones the plain difference fixes the slope at 1, and pays for it where pairs correlate little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from archsearch.stats.effect import Adjusted, Effect, Family, Seed
from archsearch.stats.intervals import around, mean, standard_deviation
from archsearch.stats.sentence import estimate

LEAST_REGRESSED = 10  # a slope of fewer costs more than it brings
LEAST_RATIO = 2  # baseline runs for each pair


def is_adjusted(pairs: int, further: int) -> bool:
    """Say whether a comparison has an adjusted estimate: a rule of counts alone, so that no result decides it."""
    return pairs >= LEAST_REGRESSED and pairs + further >= LEAST_RATIO * pairs


def adjusted(level: Sequence[float], baseline: Sequence[float], further: Sequence[float]) -> Adjusted | None:
    """Give the adjusted difference level - baseline with its 95 % interval; None where the baseline does not vary."""
    n, every = len(level), [*baseline, *further]
    centre, whole = mean(baseline), mean(every)
    spread = sum((x - centre) ** 2 for x in baseline)
    if not spread or not standard_deviation(baseline):
        return None
    slope = sum((x - centre) * y for x, y in zip(baseline, level, strict=True)) / spread
    at = mean(level) + slope * (whole - centre)
    left = [y - mean(level) - slope * (x - centre) for x, y in zip(baseline, level, strict=True)]
    residual = sum(one**2 for one in left) / (n - 2)
    of_level = residual * (1 / n + (whole - centre) ** 2 / spread)
    of_baseline = (slope - 1) ** 2 * standard_deviation(every) ** 2 / len(every)
    error = math.sqrt(of_level + of_baseline)
    if not error:
        return None
    freedom = error**4 / (of_level**2 / (n - 2) + of_baseline**2 / (len(every) - 1))
    return Adjusted(
        baseline_runs=len(every),
        slope=slope,
        mean_difference=at - whole,
        ci95=around(at - whole, error, freedom),
    )


def with_adjusted(
    effect: Effect, level: Mapping[Seed, float | None], baseline: Mapping[Seed, float | None], family: Family
) -> Effect:
    """Add the adjusted estimate to a comparison that has one: see `is_adjusted`.

    It has none where a run of the level failed (what the baseline gave with those seeds is no chance), nor over folds.
    """
    further = [value for seed, value in baseline.items() if seed not in level and value is not None]
    failed = effect.n < len(level.keys() & baseline.keys())
    finite = all(map(math.isfinite, further))
    if failed or family.overlap or not finite or not is_adjusted(effect.n, len(further)):
        return effect
    of_level, of_baseline = ([side[seed] or 0.0 for seed in effect.seeds] for side in (level, baseline))
    return effect.model_copy(update={"adjusted": adjusted(of_level, of_baseline, further)})


def adjusted_text(effect: Effect, family: Family) -> str:
    """Say the adjusted estimate in a line, "" where there is none."""
    found = effect.adjusted
    if found is None or effect.ci95 is None:
        return ""
    size, between = estimate(found.mean_difference, found.ci95, family=family)
    size += " points" * (family.unit == "points") + f" (95 % CI {between})"
    width = (found.ci95[1] - found.ci95[0]) / (effect.ci95[1] - effect.ci95[0]) if effect.sd else 1.0
    narrower = f"{abs(1 - width):.0%} {'narrower' if width < 1 else 'wider'} than by the pairs alone"
    return f"by all {found.baseline_runs} runs of {effect.against}, adjusted by regression: {size}, {narrower}"
