"""From the values of an ablation's cells to its effects: the right pairs for every design, and the models beside them.

    effects = judge_ablation(ablation, runs, complete=True)       # runs: {cell: {seed: value, None if it failed}}
    model = linear_model(ablation, runs)                          # of a factorial

Knows numbers and names: no storage, no specs.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from archsearch.ablate.design.cell import Cell
from archsearch.ablate.design.factorial import Attribution, LinearModel, attribute, fit
from archsearch.ablate.planned import Ablation
from archsearch.ablate.questions import OF_MANY_CELLS, Question
from archsearch.ablate.record import CourseReport
from archsearch.ablate.schedule import Runs, contrast_of, decisions, look_decisions, look_differences
from archsearch.errors import UsageError
from archsearch.stats import sequential
from archsearch.stats.effect import Effect, Exclusion
from archsearch.stats.group_sequential import look_p_values, repeated_interval
from archsearch.stats.pairs import left_out_note
from archsearch.stats.sentence import sentence
from archsearch.stats.verdict import Contrast, judge_contrasts, pair_up


def judge_ablation(
    ablation: Ablation, runs: Runs, *, complete: bool, unusable: Collection[tuple[str, int]] = ()
) -> tuple[Effect, ...]:
    """Judge the family of claims, then the screens, which have no verdict.

    `unusable` are runs that have finished and are in no pair: of planned looks, they must not be waited for.
    """
    claims = [question for family in ablation.families for question in family]
    screens = [question for question in ablation.questions if question.kind == "screen"]
    family, effects = ablation.family, tuple[Effect, ...]()
    if claims and ablation.looks:
        effects = _by_looks(ablation, runs, complete, unusable)
    elif claims and ablation.sequential:
        effects = _anytime(ablation, runs, complete)
    elif claims:
        effects = tuple(
            effect
            for one in ablation.families
            for effect in judge_contrasts(runs, [contrast_of(q) for q in one], family, unfinished=not complete)
        )
    exploratory = family.model_copy(update={"screen": True})
    found = (*effects, *judge_contrasts(runs, [contrast_of(q) for q in screens], exploratory))
    return tuple(of_kind(effect, question) for effect, question in zip(found, (*claims, *screens), strict=True))


def of_kind(effect: Effect, question: Question) -> Effect:
    """Add what a question's kind means: aliases; and take out what an interaction does not have."""
    changes: dict[str, object] = {}
    if question.aliases:
        words = f"cannot be told apart from {', '.join(question.aliases)}: the estimate is the sum of them all"
        changes["notes"] = (*effect.notes, words)
    if question.kind in OF_MANY_CELLS and not math.isclose(
        sum(weight for weight in question.weights.values() if weight > 0), 1.0
    ):
        # sums of several cells: their difference means something, they alone do not
        changes |= dict.fromkeys(("mean", "baseline_mean", "relative_error_reduction"))
    return effect.model_copy(update=changes) if changes else effect


def _by_looks(
    ablation: Ablation, runs: Runs, complete: bool, unusable: Collection[tuple[str, int]]
) -> tuple[Effect, ...]:
    """Judge by the looks so far: their p in the place of the sign-flip test's, their interval in that of Student's."""
    family, looks = ablation.family, ablation.looks
    differences, courses = look_differences(ablation, runs, unusable), look_decisions(ablation, runs, unusable)
    p_values = look_p_values(differences, courses, looks=looks, margin=family.margin)
    contrasts = [contrast_of(question) for question in ablation.claims]
    effects = []
    for contrast, plain in zip(contrasts, judge_contrasts(runs, contrasts, family), strict=True):
        course, p = courses[contrast.name], p_values[contrast.name]
        which = f"look {course.look} of {len(looks)}" if course.look else "before the first look"
        changes = {
            "ci95": repeated_interval(differences[contrast.name], looks),
            "p": p.p,
            "p_adjusted": p.p_adjusted,
            "equivalence_p": p.equivalence_p,
            "equivalence_p_adjusted": p.equivalence_p_adjusted,
            "verdict": course.verdict or "inconclusive",
        }
        used = f"{len(ablation.seeds)} seeds at most" if course.stopped_at is None else "stopped: it is decided"
        planned = ", ".join(map(str, looks))
        note = f"group-sequential sign flips, {which} (after {planned} seeds): p and interval hold at each; {used}"
        effects.append(_sequential(ablation, contrast, plain, changes, note, f"group-sequential, {which}, Holm", runs,
                                   unfinished=not complete and course.verdict is None))  # fmt: skip
    return tuple(effects)


def _sequential(
    ablation: Ablation,
    contrast: Contrast,
    plain: Effect,
    changes: Mapping[str, object],
    note: str,
    correction: str,
    runs: Runs,
    *,
    unfinished: bool,
) -> Effect:
    """Take out of an effect what is for a fixed number of seeds only, and say by which rule it was judged."""
    pairs = pair_up(contrast, runs)
    fixed_only = ("bca95", "t_p", "t_p_adjusted", "smallest_detectable", "further_seeds")
    notes = (*((left_out_note(pairs),) if pairs.failed else ()), note)
    effect = plain.model_copy(update=dict.fromkeys(fixed_only) | {**changes, "notes": notes})
    said = sentence(effect, ablation.family, contrast.label, pairs.failed, unfinished=unfinished, correction=correction)
    return effect.model_copy(update={"sentence": said})


def courses_of(ablation: Ablation, runs: Runs, unusable: Collection[tuple[str, int]] = ()) -> tuple[CourseReport, ...]:
    """Say where each comparison of a sequential design stands; of a fixed one nothing."""
    if ablation.looks:
        return tuple(
            CourseReport(name=name, decided=one.verdict is not None, pairs=one.seeds, look=one.look)
            for name, one in look_decisions(ablation, runs, unusable).items()
        )
    return tuple(
        CourseReport(
            name=name,
            decided=one.verdict is not None,
            pairs=one.pairs,
            evidence=one.evidence,
            equivalence_evidence=one.equivalence_evidence,
        )
        for name, one in (decisions(ablation, runs) if ablation.sequential else {}).items()
    )


def _anytime(ablation: Ablation, runs: Runs, complete: bool) -> tuple[Effect, ...]:
    """Judge by the always-valid rule: e-values in the place of p, its interval in the place of Student's."""
    family, courses = ablation.family, decisions(ablation, runs)
    contrasts = [contrast_of(question) for question in ablation.claims]
    effects = []
    for contrast, plain in zip(contrasts, judge_contrasts(runs, contrasts, family), strict=True):
        course = courses[contrast.name]
        d = plain.differences
        evidence = float(sequential.evidence(d)[-1]) if d else 1.0
        flat = float(sequential.equivalence_evidence(d, family.margin)[-1]) if d and family.margin else 0.0
        used = f"{len(ablation.seeds)} seeds at most" if course.stopped_at is None else "stopped: it is decided"
        changes = {
            "ci95": sequential.always_valid_interval(d),
            "p": min(1.0, 1 / evidence) if evidence else 1.0,
            "p_adjusted": min(1.0, 1 / course.evidence) if course.evidence else 1.0,
            "equivalence_p": min(1.0, 1 / flat) if flat else 1.0,
            "equivalence_p_adjusted": min(1.0, 1 / course.equivalence_evidence) if course.equivalence_evidence else 1.0,
            "verdict": course.verdict or "inconclusive",
        }
        note = f"sequential: p is 1/e, the interval is valid whenever one stops; {used}"
        effects.append(_sequential(ablation, contrast, plain, changes, note, "sequential, e-Holm", runs,
                                   unfinished=not complete and course.verdict is None))  # fmt: skip
    return tuple(effects)


def exclusions(
    runs: Runs, planned: Sequence[tuple[str, int]], mixed: Mapping[tuple[str, int], str]
) -> tuple[Exclusion, ...]:
    """State every planned run that is in no pair: failed, not there yet, or left out as its pair would be mixed."""
    found = []
    for name, seed in planned:
        if (name, seed) in mixed:
            found.append(Exclusion(variant=name, seed=seed, kind="mixed", reason=mixed[name, seed]))
        elif seed not in runs.get(name, {}):
            found.append(Exclusion(variant=name, seed=seed, kind="missing", reason="missing: it has not finished yet"))
        elif runs[name][seed] is None:
            found.append(Exclusion(variant=name, seed=seed, kind="failed", reason="failed: it has no value"))
    return tuple(found)


def _observed(ablation: Ablation, runs: Runs) -> dict[Cell, dict[int | str, float]]:
    """Give the completed runs of the design's own cells."""
    return {
        Cell(cell.moved): {seed: value for seed, value in runs.get(cell.name, {}).items() if value is not None}
        for cell in ablation.cells
        if any(cell.name in question.weights for question in ablation.questions if question.kind in OF_MANY_CELLS)
    }


def linear_model(ablation: Ablation, runs: Runs) -> LinearModel | None:
    """Fit the factorial's model to all completed runs; None for other designs, or where there is too little."""
    if not any(question.kind in ("effect", "interaction") for question in ablation.questions) or ablation.blocks:
        return None
    try:
        return fit({cell: of for cell, of in _observed(ablation, runs).items() if of}, ablation.factor_list())
    except UsageError:
        return None


def attribution(ablation: Ablation, runs: Runs) -> Attribution | None:
    """Split the whole difference among the factors; None for other designs, or where no seed has all cells."""
    if not ablation.orders:
        return None
    try:
        return attribute(_observed(ablation, runs), ablation.factor_list(), ablation.orders)
    except UsageError:
        return None
