"""From values per variant and seed to verdicts: better, worse, equivalent or inconclusive, and the sentence.

    verdicts = judge({"lenet5": {0: 0.972, 1: 0.976}, "lenet_relu": {0: 0.975, 1: 0.973}}, "lenet5")
    verdicts.effects[0].verdict, verdicts.effects[0].sentence

Fixed rules (docs/paired.md): better or worse needs a Holm-adjusted p of the exact sign-flip test (of folds: of the
corrected resampled t test) below alpha and a 95 % interval without 0; equivalent needs two one-sided tests against the
margin, corrected too; all else is inconclusive. A failed run (None, or not a finite number) is left out of the pairs
and stated. Knows no specs and no storage.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archsearch.errors import UsageError
from archsearch.stats import intervals, paired, power
from archsearch.stats.adjusted import with_adjusted
from archsearch.stats.effect import (
    Effect,
    Exclusion,
    ExclusionKind,
    Family,
    Interval,
    Seed,
    Verdict,
    Verdicts,
    WithFailures,
)
from archsearch.stats.notes import pair_notes
from archsearch.stats.pairing import pairing
from archsearch.stats.pairs import Pairs
from archsearch.stats.sentence import amount, sentence
from archsearch.stats.spread import spreads

ValuesBySeed = Mapping[str, Mapping[Seed, float | None]]


@dataclass(frozen=True, slots=True)
class Contrast:
    """What one comparison takes the difference of: a weighted sum of variants, plainly `level` 1 and `against` -1.

    Main effects and interactions of a factorial weigh several cells. The positive weights are the level's side.
    """

    name: str
    against: str
    label: str
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Tested:
    """The p values of one comparison before and after Holm; None where there is no such test."""

    p: tuple[float | None, float | None]
    t: tuple[float | None, float | None]
    equivalence: tuple[float | None, float | None]


def judge(
    values: ValuesBySeed, baseline: str, family: Family | None = None, labels: Mapping[str, str] | None = None
) -> Verdicts:
    """Compare every variant with the baseline, in the order given.

    `values` holds one number per variant and seed, None for a run that failed. `labels` replace "X instead of BASELINE"
    in the sentences. Raises `UsageError` for an unknown baseline, or where nothing is left to compare.
    """
    family = family or Family()
    if baseline not in values:
        raise UsageError(f"the baseline {baseline!r} is not among the variants: {', '.join(map(repr, values))}")
    variants = [name for name in values if name != baseline]
    if not variants:
        raise UsageError(f"there is nothing to compare with {baseline!r}: give at least one other variant")
    said = labels or {}
    contrasts = [
        Contrast(name, baseline, said.get(name, f"{name} instead of {baseline}"), {name: 1.0, baseline: -1.0})
        for name in variants
    ]
    effects = tuple(
        with_adjusted(effect, values[effect.variant], values[baseline], family)
        for effect in judge_contrasts(values, contrasts, family)
    )
    return Verdicts(
        baseline=baseline,
        family=family,
        effects=effects,
        exclusions=exclusions(values, baseline),
        spreads=spreads(values),
    )


def judge_contrasts(
    values: ValuesBySeed, contrasts: Sequence[Contrast], family: Family, *, unfinished: bool = False
) -> tuple[Effect, ...]:
    """Judge comparisons that may each have a baseline of their own, as one family.

    `unfinished` says that runs are still to come: there are estimates then, and neither p values nor verdicts.
    """
    if unfinished:
        family = family.model_copy(update={"screen": True})
    pairs = [pair_up(one, values) for one in contrasts]
    tested = _test(pairs, family)
    return tuple(
        _effect(
            one, of, tests, family, len(pairs), _with_failures(one, values, family) if of.failed else None, unfinished
        )
        for one, of, tests in zip(contrasts, pairs, tested, strict=True)
    )


def pair_up(contrast: Contrast, values: ValuesBySeed) -> Pairs:
    """Take the seeds with which all variants of a contrast were run and completed, in the baseline's order."""
    shared = _shared(contrast, values)
    kept = [seed for seed in shared if all(_finite(values[name][seed]) for name in contrast.weights)]
    sides = [_sides(contrast, {name: values[name][seed] or 0.0 for name in contrast.weights}) for seed in kept]
    return Pairs(
        contrast.name,
        tuple(kept),
        tuple(level for level, _ in sides),
        tuple(baseline for _, baseline in sides),
        failed=len(shared) - len(kept),
    )


def _shared(contrast: Contrast, values: ValuesBySeed) -> list[Seed]:
    last = list(contrast.weights)[-1]
    return [seed for seed in values.get(last, {}) if all(seed in values.get(name, {}) for name in contrast.weights)]


def _sides(contrast: Contrast, values: Mapping[str, float]) -> tuple[float, float]:
    """Give the two weighted sums of one seed, whose difference is the contrast."""
    level = math.fsum(weight * values[name] for name, weight in contrast.weights.items() if weight > 0)
    baseline = math.fsum(-weight * values[name] for name, weight in contrast.weights.items() if weight < 0)
    return level, baseline


def exclusions(values: ValuesBySeed, baseline: str) -> tuple[Exclusion, ...]:
    """State every run that is in no pair: failed ones, and those whose partner is missing."""
    found: list[Exclusion] = []
    everywhere = dict.fromkeys(seed for runs in values.values() for seed in runs)

    def leave_out(kind: ExclusionKind, reason: str) -> None:
        found.append(Exclusion(variant=variant, seed=seed, kind=kind, reason=reason))

    for variant, runs in values.items():
        for seed in everywhere:
            if seed not in runs:
                leave_out("missing", "missing: there is no such run")
            elif not _finite(runs[seed]):
                what = "it has no value" if runs[seed] is None else f"its value is {runs[seed]}"
                leave_out("failed", f"failed: {what}")
            elif variant != baseline and not _finite(values[baseline].get(seed)):
                leave_out("alone", "the baseline has no value with this seed")
    return tuple(found)


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _test(pairs: Sequence[Pairs], family: Family) -> list[_Tested]:
    if family.screen:
        return [_Tested((None, None), (None, None), (None, None)) for _ in pairs]
    each = [one.differences if len(one.seeds) >= 2 else None for one in pairs]
    no_t = bool(
        family.overlap
    )  # the paired t takes folds for independent pairs, and is wrong by as much as they overlap
    return [
        _Tested(*columns)
        for columns in zip(
            _adjusted([None if d is None else _p_of_mean(d, family) for d in each]),
            _adjusted([None if d is None or no_t else paired.paired_t_p(d) for d in each]),
            _adjusted([None if d is None else paired.equivalence_p(d, family.margin, family.overlap) for d in each]),
            strict=True,
        )
    ]


def _p_of_mean(d: Sequence[float], family: Family) -> float:
    """Test that the mean difference is 0: by sign flips, or, of folds, whose signs are not free, by the corrected t.

    Where all folds have one difference there is no spread to test by: p is 1.
    """
    if not family.overlap:
        return paired.sign_flip_test(d).p
    p = paired.paired_t_p(d, family.overlap)
    return 1.0 if p is None else p


def _adjusted(p_values: Sequence[float | None]) -> list[tuple[float | None, float | None]]:
    """Adjust over the whole family as it was planned: a comparison without p counts as one with p = 1."""
    adjusted = paired.holm([1.0 if p is None else p for p in p_values])
    return [(p, None if p is None else after) for p, after in zip(p_values, adjusted, strict=True)]


def _effect(
    contrast: Contrast,
    pairs: Pairs,
    tests: _Tested,
    family: Family,
    comparisons: int,
    with_failures: WithFailures | None,
    unfinished: bool,
) -> Effect:
    d, n = pairs.differences, len(pairs.seeds)
    sign = 1 if family.direction == "maximize" else -1
    sd = intervals.standard_deviation(d) if n >= 2 else None
    ci95 = intervals.t_interval(d, overlap=family.overlap) if n >= 2 else None
    independent = n >= 2 and not family.overlap
    centre = intervals.mean(d) if n else None
    won, ties = sum(sign * one > 0 for one in d), sum(one == 0 for one in d)
    verdict = _verdict(centre, ci95, tests, family)
    together = pairing(pairs.level, pairs.baseline) if independent and len(contrast.weights) == 2 else None
    further, why = (None, ()) if verdict != "inconclusive" else _further(n, sd, comparisons, family)
    unlabelled = Effect(
        variant=pairs.variant,
        against=contrast.against,
        n=n,
        seeds=pairs.seeds,
        differences=d,
        mean=intervals.mean(pairs.level) if n else None,
        baseline_mean=intervals.mean(pairs.baseline) if n else None,
        mean_difference=centre,
        sd=sd,
        ci95=ci95,
        bca95=intervals.bca_interval(d) if independent else None,
        p=tests.p[0],
        p_adjusted=tests.p[1],
        t_p=tests.t[0],
        t_p_adjusted=tests.t[1],
        equivalence_p=tests.equivalence[0],
        equivalence_p_adjusted=tests.equivalence[1],
        d_z=paired.effect_size(d) if n >= 2 else None,
        wins=won / n if n else None,
        wins95=intervals.wilson_interval(won, n) if n and not family.overlap else None,
        ties=ties,
        relative_error_reduction=_error_reduction(pairs, family),
        pair_correlation=paired.pair_correlation(pairs.level, pairs.baseline) if n >= 3 else None,
        pair_correlation95=None if together is None else together.correlation95,
        seeds_saved=None if together is None else together.saved,
        seeds_saved95=None if together is None else together.saved95,
        comparisons=comparisons,
        smallest_detectable=_detectable(n, sd, comparisons, family),
        further_seeds=further,
        with_failures=with_failures,
        verdict=verdict,
        notes=(*pair_notes(pairs, family, verdict, comparisons, (tests.p[1], tests.t[1]), unfinished=unfinished), *why),
        sentence="",
    )
    said = sentence(unlabelled, family, contrast.label, pairs.failed, unfinished=unfinished)
    return unlabelled.model_copy(update={"sentence": said})


def _verdict(centre: float | None, ci95: Interval | None, tests: _Tested, family: Family) -> Verdict:
    p, equivalent = tests.p[1], tests.equivalence[1]
    if centre is None or ci95 is None or p is None or equivalent is None:
        return "inconclusive"
    if p < family.alpha and not ci95[0] <= 0 <= ci95[1]:
        return "better" if (centre > 0) == (family.direction == "maximize") else "worse"
    return "equivalent" if equivalent < family.alpha else "inconclusive"


def _detectable(n: int, sd: float | None, comparisons: int, family: Family) -> float | None:
    if not sd or family.screen:
        return None
    return power.smallest_effect(n, sd, family.alpha, comparisons, family.power, family.overlap)


def _further(n: int, sd: float | None, comparisons: int, family: Family) -> tuple[int | None, tuple[str, ...]]:
    """Plan how many more pairs of this spread find an effect of the margin, or show that there is none that large."""
    if family.screen or not sd or not family.margin:
        return None, ()
    one = power.seeds_needed(family.margin, sd, family.alpha, comparisons, family.power, family.overlap)
    two = power.seeds_for_equivalence(family.margin, sd, family.alpha, comparisons, family.power, family.overlap)
    if one is None or two is None:
        if family.overlap:
            said = f"no number of {family.pairs}s of these samples settles {amount(family.margin, family)}"
            return None, (f"{said}: it takes more samples, as the same ones are divided again and again",)
        return None, (
            f"to settle {amount(family.margin, family)} more than {power.MOST_PLANNED_SEEDS:,} seeds are needed",
        )
    needed = max(one, two)
    if needed <= n:
        return None, (f"{n} pairs were enough for an effect of the margin; this one lies close to a limit",)
    return needed - n, ()


def _error_reduction(pairs: Pairs, family: Family) -> float | None:
    """Errors are 1 - the metric where it is a fraction to be maximised, the metric itself where it is minimised."""
    if not pairs.seeds:
        return None
    level, baseline = intervals.mean(pairs.level), intervals.mean(pairs.baseline)
    if family.direction == "minimize":
        return 1 - level / baseline if baseline > 0 else None
    fractions = all(0 <= value <= 1 for value in (*pairs.level, *pairs.baseline))
    return paired.relative_error_reduction(level, baseline) if fractions else None


def _with_failures(contrast: Contrast, values: ValuesBySeed, family: Family) -> WithFailures | None:
    if family.failed_value is None:
        return None
    stand_in = family.failed_value

    def value(one: float | None) -> float:
        return one if one is not None and math.isfinite(one) else stand_in

    d = []
    for seed in _shared(contrast, values):
        level, baseline = _sides(contrast, {name: value(values[name][seed]) for name in contrast.weights})
        d.append(level - baseline)
    tested = len(d) >= 2 and not family.screen
    return WithFailures(
        n=len(d),
        mean_difference=intervals.mean(d),
        ci95=intervals.t_interval(d, overlap=family.overlap) if len(d) >= 2 else None,
        p=_p_of_mean(d, family) if tested else None,
    )
