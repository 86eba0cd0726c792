"""Are the seeds of a program seeds? Its baseline is run twice with the first one, and once with each of the next.

    check = check_seeds(ablation, trials)       # None where the seeds are ours, or nothing can be said yet
    check.ignored, check.sentence

A program that gives the same numbers for every seed ignores it: ten seeds would be one run, counted ten times. One that
gives other numbers for the same seed does not repeat itself: that is allowed, and said. These are runs of the design,
so that the check costs one run.
"""

from __future__ import annotations

from collections.abc import Mapping

from optuna.trial import FrozenTrial, TrialState

from archsearch.ablate.planned import Ablation
from archsearch.kinds.seed_check import FIRST_SEEDS, LOOKED_AT, SeedCheck, judge_seeds, seeds_are_checked
from archsearch.study.held import HeldRun


def first_runs(ablation: Ablation, check: SeedCheck | None) -> list[tuple[str, int]] | None:
    """Give the runs that come before all others; None where every run may begin."""
    if not _is_checked(ablation) or (check is not None and check.settled):
        return None
    baseline = ablation.cells[0]
    seen = FIRST_SEEDS if check is None else LOOKED_AT
    return [(baseline.name, seed) for seed in baseline.seeds[:seen]]


def is_run_twice(ablation: Ablation, cell: str, seed: int) -> bool:
    """Say whether a run is the one that is repeated."""
    baseline = ablation.cells[0]
    return _is_checked(ablation) and cell == baseline.name and seed == baseline.seeds[0]


def _is_checked(ablation: Ablation) -> bool:
    baseline = ablation.cells[0]
    several = len(baseline.seeds) >= FIRST_SEEDS
    return several and seeds_are_checked(ablation.kind, baseline.spec, ablation.family.metric)


def check_seeds(ablation: Ablation, trials: Mapping[tuple[str, int], FrozenTrial]) -> SeedCheck | None:
    """Look at the baseline's first runs; None as long as two have not ended, or where the seeds are ours."""
    if not _is_checked(ablation):
        return None
    baseline = ablation.cells[0]
    looked_at = baseline.seeds[:LOOKED_AT]
    there = [(seed, trials.get((baseline.name, seed))) for seed in looked_at]
    ended = {
        seed: HeldRun(trial) if trial.state == TrialState.COMPLETE else None
        for seed, trial in there
        if trial is not None and trial.state.is_finished()
    }
    return judge_seeds(ablation.kind, ablation.baseline, ended, looked_at)
