"""Which runs are due: all of a fixed design, seed after seed; of a sequential one those of undecided questions.

    due(ablation, runs)        # [(cell, seed), ...] in order; runs: {cell: {seed: value, None if it failed}}
    decisions(ablation, runs)  # where each comparison of a sequential design stands, looked at after each seed
    look_decisions(ablation, runs)  # the same of one that looks at planned numbers of seeds

Pure functions of the ablation and the finished runs: a worker that comes later plans what an earlier one would have.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from archsearch.ablate.planned import Ablation
from archsearch.ablate.questions import Question
from archsearch.stats.effect import Seed
from archsearch.stats.group_sequential import LookCourse, follow_looks
from archsearch.stats.sequential import Course, follow
from archsearch.stats.verdict import Contrast, pair_up

Runs = Mapping[str, Mapping[Seed, float | None]]


def due(ablation: Ablation, runs: Runs) -> list[tuple[str, int]]:
    """Give the runs that may be planned now, finished ones among them: seed by seed, so that pairs complete early."""
    wanted = None
    if ablation.sequential:
        wanted = _screened(ablation) | (_by_looks(ablation, runs) if ablation.looks else _anytime(ablation, runs))
    return [
        (name, seed)
        for seed in ablation.seeds
        for name in ablation.kind.in_order(
            [cell.name for cell in ablation.cells if seed in cell.seeds], seed, ablation.name, ablation.family.metric
        )
        if wanted is None or (name, seed) in wanted
    ]


def _screened(ablation: Ablation) -> set[tuple[str, int]]:
    """Give the runs of the screens: they have their few seeds, whatever is decided."""
    wanted: set[tuple[str, int]] = set()
    for question in ablation.questions:
        if question.kind == "screen":
            few = min((ablation.cell(name).seeds for name in question.weights), key=len)
            wanted |= {(name, seed) for name in question.weights for seed in few}
    return wanted


def _by_looks(ablation: Ablation, runs: Runs) -> set[tuple[str, int]]:
    """Take the seeds up to the next look for undecided questions only, when all runs before it have finished."""
    asked, claimed, start = ablation.claims, set[tuple[str, int]](), 0
    for look in ablation.looks:
        if not all(seed in runs.get(name, {}) for name, seed in claimed):
            break
        if start:
            courses = look_decisions(ablation, _in_order(runs, ablation.seeds[:start]))
            asked = tuple(question for question in ablation.claims if courses[question.name].verdict is None)
        claimed |= {(name, seed) for seed in ablation.seeds[start:look] for one in asked for name in one.weights}
        start = look
    return claimed


def _anytime(ablation: Ablation, runs: Runs) -> set[tuple[str, int]]:
    """Take the next seed for undecided questions only, when all runs of the seeds before have finished."""
    asked, claimed = ablation.claims, set[tuple[str, int]]()
    for row, seed in enumerate(ablation.seeds):
        if row >= fewest_pairs(ablation.family.alpha):
            if not all(one in runs.get(name, {}) for name, one in claimed):
                break
            asked = _undecided(ablation, runs, ablation.seeds[:row])
        claimed |= {(name, seed) for question in asked for name in question.weights}
    return claimed


def fewest_pairs(alpha: float) -> int:
    """Give how many pairs cannot decide anything, whatever they say: a bet at most doubles with each."""
    pairs = 1
    while 2 ** (pairs + 1) < 1 / alpha:
        pairs += 1
    return pairs


def rule_note(ablation: Ablation) -> str:
    """Say that a study of version 0.1.0 goes on with the rule that it was begun with; "" of all others."""
    if not ablation.sequential or ablation.looks or ablation.anytime:
        return ""
    return (
        "this study was begun when `sequential` meant a look after every seed (`anytime: true` now), and is judged so "
        "to its end"
    )


def contrast_of(question: Question) -> Contrast:
    """Give a question as the statistics take it."""
    return Contrast(question.name, question.against, question.label, question.weights)


def _undecided(ablation: Ablation, runs: Runs, seeds: Sequence[int]) -> tuple[Question, ...]:
    courses = decisions(ablation, _in_order(runs, seeds))
    return tuple(question for question in ablation.claims if courses[question.name].verdict is None)


def _in_order(runs: Runs, seeds: Sequence[int]) -> dict[str, dict[Seed, float | None]]:
    return {name: {seed: of[seed] for seed in seeds if seed in of} for name, of in runs.items()}


def decisions(ablation: Ablation, runs: Runs) -> dict[str, Course]:
    """Replay the sequential rule over the finished pairs, in the order of the declared seeds."""
    ordered = _in_order(runs, ablation.seeds)
    differences = {question.name: pair_up(contrast_of(question), ordered).differences for question in ablation.claims}
    family = ablation.family
    return follow(differences, alpha=family.alpha, margin=family.margin, direction=family.direction)


def look_decisions(ablation: Ablation, runs: Runs, unusable: Collection[tuple[str, int]] = ()) -> dict[str, LookCourse]:
    """Replay the looks over the seeds that have finished, in the order in which they were declared.

    `unusable` are finished runs that are in no pair, beside those that failed.
    """
    family = ablation.family
    return follow_looks(
        look_differences(ablation, runs, unusable),
        looks=ablation.looks,
        alpha=family.alpha,
        margin=family.margin,
        direction=family.direction,
    )


def look_differences(
    ablation: Ablation, runs: Runs, unusable: Collection[tuple[str, int]] = ()
) -> dict[str, list[float | None]]:
    """Give the differences of each question, seed by seed up to the first that has not finished; None: no pair."""
    found: dict[str, list[float | None]] = {}
    for question in ablation.claims:
        there = [
            seed
            for seed in ablation.seeds
            if all(seed in runs.get(name, {}) or (name, seed) in unusable for name in question.weights)
        ]
        finished = [seed for seed, declared in zip(there, ablation.seeds, strict=False) if seed == declared]
        pairs = pair_up(contrast_of(question), _in_order(runs, ablation.seeds))
        by_seed = dict(zip(pairs.seeds, pairs.differences, strict=True))
        found[question.name] = [by_seed.get(seed) for seed in finished]
    return found
