"""From the runs of a confirmation to what they show: the verdicts of an ablation, with the finalists as levels.

    confirmed = conclude(seeds, test, validation, searched, test_reads, family=family_of(kind, base, "val_loss"))
    confirmed.effects, confirmed.winner, confirmed.sentence

The search's own values are not used for inference: they were selected. Pairs are runs with the same seed. Where all
have the same number of seeds there are two questions, a family each: every finalist against the baseline, and, as
nobody chose beforehand which finalist is the best, every pair of finalists; tests, corrections and verdicts are those
of `stats/verdict.py`. A race (`stats/race.py`) asks of all pairs at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from archsearch.search.confirm import (
    BASELINE,
    FAMILY,
    NONE_COMPLETED,
    Confirmation,
    Confirmed,
    RaceReport,
    best_of,
    best_row,
    lies_in,
)
from archsearch.search.confirm_said import confirmed_sentence
from archsearch.stats.effect import Effect, Family
from archsearch.stats.group_sequential import LookP
from archsearch.stats.intervals import mean, t_interval, within
from archsearch.stats.pairs import left_out_note
from archsearch.stats.power import seeds_for_equivalence, seeds_needed
from archsearch.stats.race import DIFFERENT, Judged, Race, RaceValues, Standing, race_interval, race_p_values
from archsearch.stats.sentence import sentence
from archsearch.stats.verdict import Contrast, ValuesBySeed, judge_contrasts, pair_up


def conclude(
    seeds: Sequence[int],
    test: Mapping[str, Mapping[int, float | None]],
    validation: Mapping[str, Mapping[int, float]],
    searched: Mapping[str, tuple[int | None, float | None]],
    test_reads: int,
    *,
    complete: bool = True,
    family: Family = FAMILY,
) -> Confirmation:
    """Compare the finalists with the baseline and with one another; names are those of `test`.

    `test`, `validation` and `searched` hold the metric of the `family`. A failed run is None. Where runs are still to
    come (`complete` is false) there are no verdicts.
    """
    rows = tuple(_row(name, seeds, test, validation, family, *searched.get(name, (None, None))) for name in test)
    first = best_row(rows, family)
    effects, between = _judged(test, None if first is None else first.candidate, complete, family)
    found = Confirmation(
        seeds=tuple(seeds),
        candidates=rows,
        winner=None,
        sentence=NONE_COMPLETED,
        test_reads=test_reads,
        effects=effects,
        between=between,
        complete=complete,
        family=family,
    )
    if first is None:
        return found
    against = found.effect(first.candidate)
    clear = against is not None and all(one.verdict == "better" for one in (against, *between))
    return found.model_copy(
        update={
            "winner": first.candidate if clear else None,
            "sentence": confirmed_sentence(first, found, len(seeds)),
        }
    )


def _judged(
    test: Mapping[str, Mapping[int, float | None]], first: str | None, complete: bool, family: Family
) -> tuple[tuple[Effect, ...], tuple[Effect, ...]]:
    """Judge every finalist against the baseline, and the best against the others among all pairs of finalists."""
    values: ValuesBySeed = {name: dict(runs.items()) for name, runs in test.items()}
    names = [name for name in test if name != BASELINE]
    effects: tuple[Effect, ...] = ()
    if BASELINE in values and names:
        contrasts = [contrast_of_finalists(name, BASELINE) for name in names]
        effects = judge_contrasts(values, contrasts, family, unfinished=not complete)
    pairs = [(two, one) if two == first else (one, two) for one, two in combinations(names, 2)]
    judged = judge_contrasts(values, [contrast_of_finalists(*pair) for pair in pairs], family, unfinished=not complete)
    return effects, tuple(effect for effect in judged if effect.variant == first)


def contrast_of_finalists(one: str, other: str) -> Contrast:
    """Ask for the difference between two candidates."""
    label = f"{one} instead of {'the ' * (other == BASELINE)}{other}"
    return Contrast(one, other, label, {one: 1.0, other: -1.0})


def _row(
    name: str,
    seeds: Sequence[int],
    test: Mapping[str, Mapping[int, float | None]],
    validation: Mapping[str, Mapping[int, float]],
    family: Family,
    trial: int | None,
    value: float | None,
) -> Confirmed:
    by_seed = {seed: found for seed in seeds if (found := test[name].get(seed)) is not None}
    held_out = list(validation.get(name, {}).values())
    base = test.get(BASELINE, {}) if name != BASELINE else {}
    differences = [found - other for seed, found in by_seed.items() if (other := base.get(seed)) is not None]
    values = list(by_seed.values())
    values_by_seed = {str(seed): found for seed, found in by_seed.items()}
    return Confirmed(
        candidate=name,
        trial=trial,
        search_value=value,
        test_values=values_by_seed,
        test_accuracies=values_by_seed if family.metric == "test_accuracy" else {},
        mean=mean(values) if values else None,
        ci95=within(t_interval(values), mean(values), lies_in(family)) if len(values) >= 2 else None,
        shrinkage=value - mean(held_out) if value is not None and held_out else None,
        gain=mean(differences) if differences else None,
        gain_ci95=t_interval(differences) if len(differences) >= 2 else None,
    )


# -- a race ------------------------------------------------------------------------------------------------------------


def conclude_race(
    race: Race,
    standing: Standing,
    values: RaceValues,
    validation: Mapping[str, Mapping[int, float]],
    searched: Mapping[str, tuple[int | None, float | None]],
    test_reads: int,
    *,
    family: Family = FAMILY,
) -> Confirmation:
    """Say what a race has shown so far; `values` are those of all runs that have ended, by runner and seed.

    Before its first look there are no verdicts. What has run since the last look is in the means, and in no test.
    """
    left = {one.runner: one.seeds for one in standing.left}
    test = {name: {seed: values[name][seed] for seed in race.seeds if seed in values[name]} for name in race.runners}
    seeds = [seed for seed in race.seeds if any(seed in of for of in test.values())]
    rows = tuple(_row(name, seeds, test, validation, family, *searched.get(name, (None, None))) for name in test)
    found = Confirmation(
        seeds=tuple(seeds),
        candidates=rows,
        winner=None,
        sentence=NONE_COMPLETED,
        test_reads=test_reads,
        complete=standing.outcome != "running",
        family=family,
        race=RaceReport(
            outcome=standing.outcome,
            looks=race.looks,
            seeds=standing.seeds,
            racing=standing.racing,
            left=standing.left,
            unit=race.unit,
            budget=race.budget,
            spent=standing.spent,
            searched=race.searched,
        ),
    )
    first = best_of(found)
    if first is None:
        return found
    at = {name: race.seeds[: left.get(name, standing.seeds or len(race.seeds))] for name in race.runners}
    shown = {name: {seed: of[seed] for seed in at[name] if seed in of} for name, of in test.items()}
    tested = race_p_values(race, shown, standing)

    def compared(variant: str, against: str) -> Effect:
        judged = next(one for one in standing.judged if {*one.pair} == {variant, against})
        return _raced(race, judged, tested[judged.pair], shown, family, variant)

    names = [name for name in race.runners if name != BASELINE]
    found = found.model_copy(
        update={
            "winner": standing.winner if standing.winner != BASELINE else None,
            "effects": tuple(compared(name, BASELINE) for name in names),
            "between": tuple(compared(first.candidate, name) for name in names if name != first.candidate),
        }
    )
    found = found.model_copy(update={"race": _with_look(found, race, standing)})
    return found.model_copy(update={"sentence": confirmed_sentence(first, found, standing.seeds or len(seeds))})


def _with_look(found: Confirmation, race: Race, standing: Standing) -> RaceReport | None:
    """Add to a race that is open after which look a difference of the margin is known between all that are left."""
    if found.race is None or standing.outcome != "open":
        return found.race
    left = [effect for effect in (*found.effects, *found.between) if effect.verdict == "inconclusive"]
    left = [effect for effect in left if {effect.variant, effect.against} <= set(standing.racing)]
    if not left or any(effect.further_seeds is None for effect in left):
        return found.race
    needed = max(effect.n + (effect.further_seeds or 0) for effect in left)
    at = next((look for look in race.looks if look > standing.seeds and look >= needed), None)
    return found.race.model_copy(update={"needed": needed, "settled_at": at})


def _raced(race: Race, judged: Judged, tested: LookP, values: RaceValues, family: Family, variant: str) -> Effect:
    """Give a pair of a race as a comparison of `variant` with the other one."""
    (against,) = (name for name in judged.pair if name != variant)
    contrast = contrast_of_finalists(variant, against)
    shown: ValuesBySeed = {name: dict(values[name].items()) for name in judged.pair}
    (plain,) = judge_contrasts(shown, [contrast], family, unfinished=not judged.look)
    if not judged.look:
        return plain
    turned = variant != judged.pair[0]
    between = race_interval(race, values, judged)
    verdict = judged.verdict or "inconclusive"
    if turned and verdict in DIFFERENT:
        verdict = "worse" if verdict == "better" else "better"
    pairs = pair_up(contrast, shown)
    look = f"look {race.looks.index(judged.look) + 1} of {len(race.looks)}"
    effect = plain.model_copy(
        update={
            "ci95": (-between[1], -between[0]) if between is not None and turned else between,
            "bca95": None,
            "p": tested.p,
            "p_adjusted": tested.p_adjusted,
            "t_p": None,
            "t_p_adjusted": None,
            "equivalence_p": tested.equivalence_p,
            "equivalence_p_adjusted": tested.equivalence_p_adjusted,
            "comparisons": len(race.runners) * (len(race.runners) - 1) // 2,
            "smallest_detectable": None,
            "further_seeds": _further(race, plain, family) if verdict == "inconclusive" else None,
            "verdict": verdict,
            "notes": (
                *((left_out_note(pairs),) if pairs.failed else ()),
                f"a race, {look}: p and interval are right whichever look it ends at",
            ),
        }
    )
    said = sentence(effect, family, contrast.label, pairs.failed, correction=f"{look}, Shaffer")
    return effect.model_copy(update={"sentence": said})


def _further(race: Race, effect: Effect, family: Family) -> int | None:
    """Plan how many more pairs settle a difference of the margin; None where that is not known."""
    if not effect.sd or not family.margin:
        return None
    asked = family.margin, effect.sd, family.alpha, len(race.runners) * (len(race.runners) - 1) // 2
    needed = seeds_needed(*asked), seeds_for_equivalence(*asked)
    return None if None in needed else max(1, max(one or 0 for one in needed) - effect.n)
