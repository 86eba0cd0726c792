"""From the values of an ablation's cells to its effects: the right pairs for every design, and the models beside them.

    effects = judge_ablation(ablation, runs, complete=True)       # runs: {cell: {seed: value, None if it failed}}
    model = linear_model(ablation, runs)                          # of a factorial

Knows numbers and names: no storage, no specs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from archsearch.ablate.design.cell import Cell
from archsearch.ablate.design.factorial import Attribution, LinearModel, attribute, fit
from archsearch.ablate.planned import Ablation
from archsearch.ablate.questions import OF_MANY_CELLS, Question
from archsearch.ablate.schedule import Runs, contrast_of, decisions
from archsearch.errors import UsageError
from archsearch.stats import sequential
from archsearch.stats.effect import Effect, Exclusion
from archsearch.stats.pairs import left_out_note
from archsearch.stats.sentence import sentence
from archsearch.stats.verdict import judge_contrasts, pair_up


def judge_ablation(ablation: Ablation, runs: Runs, *, complete: bool) -> tuple[Effect, ...]:
    """Judge the family of claims, then the screens, which have no verdict."""
    claims = [question for family in ablation.families for question in family]
    screens = [question for question in ablation.questions if question.kind == "screen"]
    family, effects = ablation.family, tuple[Effect, ...]()
    if claims and ablation.sequential:
        effects = _sequential(ablation, runs, complete)
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


def _sequential(ablation: Ablation, runs: Runs, complete: bool) -> tuple[Effect, ...]:
    """Judge by the always-valid rule: e-values in the place of p, its interval in the place of Student's."""
    family, courses = ablation.family, decisions(ablation, runs)
    contrasts = [contrast_of(question) for question in ablation.claims]
    effects = []
    for contrast, plain in zip(contrasts, judge_contrasts(runs, contrasts, family), strict=True):
        course = courses[contrast.name]
        d = plain.differences
        evidence = float(sequential.evidence(d)[-1]) if d else 1.0
        flat = float(sequential.equivalence_evidence(d, family.margin)[-1]) if d and family.margin else 0.0
        verdict = course.verdict or "inconclusive"
        pairs = pair_up(contrast, runs)
        used = f"{len(ablation.seeds)} seeds at most" if course.stopped_at is None else "stopped: it is decided"
        effect = plain.model_copy(
            update={
                "ci95": sequential.always_valid_interval(d),
                "bca95": None,
                "p": min(1.0, 1 / evidence) if evidence else 1.0,
                "p_adjusted": min(1.0, 1 / course.evidence) if course.evidence else 1.0,
                "t_p": None,
                "t_p_adjusted": None,
                "equivalence_p": min(1.0, 1 / flat) if flat else 1.0,
                "equivalence_p_adjusted": min(1.0, 1 / course.equivalence_evidence)
                if course.equivalence_evidence
                else 1.0,
                "smallest_detectable": None,
                "further_seeds": None,
                "verdict": verdict,
                "notes": (
                    *((left_out_note(pairs),) if pairs.failed else ()),
                    f"sequential: p is 1/e, the interval is valid whenever one stops; {used}",
                ),
            }
        )
        said = sentence(
            effect,
            family,
            contrast.label,
            pairs.failed,
            unfinished=not complete and course.verdict is None,
            correction="sequential, e-Holm",
        )
        effects.append(effect.model_copy(update={"sentence": said}))
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
