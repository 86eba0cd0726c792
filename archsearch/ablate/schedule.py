"""Which runs are due: all of a fixed design, seed after seed; of a sequential one those of undecided questions.

    due(ablation, runs)        # [(cell, seed), ...] in order; runs: {cell: {seed: value, None if it failed}}
    decisions(ablation, runs)  # where each comparison of a sequential design stands

Pure functions of the ablation and the finished runs: a worker that comes later plans what an earlier one would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archsearch.ablate.planned import Ablation
from archsearch.ablate.questions import Question
from archsearch.stats.effect import Seed
from archsearch.stats.sequential import Course, follow
from archsearch.stats.verdict import Contrast, pair_up

Runs = Mapping[str, Mapping[Seed, float | None]]


def due(ablation: Ablation, runs: Runs) -> list[tuple[str, int]]:
    """Give the runs that may be planned now, finished ones among them: seed by seed, so that pairs complete early."""
    wanted = _sequential(ablation, runs) if ablation.sequential else None
    return [
        (name, seed)
        for seed in ablation.seeds
        for name in ablation.kind.in_order(
            [cell.name for cell in ablation.cells if seed in cell.seeds], seed, ablation.name, ablation.family.metric
        )
        if wanted is None or (name, seed) in wanted
    ]


def _sequential(ablation: Ablation, runs: Runs) -> set[tuple[str, int]]:
    """Take the next seed for undecided questions only, when all runs of the seeds before have finished."""
    wanted: set[tuple[str, int]] = set()
    for question in ablation.questions:
        if question.kind == "screen":  # has its few seeds, whatever is decided
            few = min((ablation.cell(name).seeds for name in question.weights), key=len)
            wanted |= {(name, seed) for name in question.weights for seed in few}
    asked, claimed = ablation.claims, set[tuple[str, int]]()
    for row, seed in enumerate(ablation.seeds):
        if row >= fewest_pairs(ablation.family.alpha):
            if not all(one in runs.get(name, {}) for name, one in claimed):
                break
            asked = _undecided(ablation, runs, ablation.seeds[:row])
        claimed |= {(name, seed) for question in asked for name in question.weights}
    return wanted | claimed


def fewest_pairs(alpha: float) -> int:
    """Give how many pairs cannot decide anything, whatever they say: a bet at most doubles with each."""
    pairs = 1
    while 2 ** (pairs + 1) < 1 / alpha:
        pairs += 1
    return pairs


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
