"""Are the seeds of a program seeds? Its baseline is run twice with the first one, and once with each of the next.

    check = check_seeds(ablation, trials)       # None where the seeds are ours, or nothing can be said yet
    check.ignored, check.sentence

A program that gives the same numbers for every seed ignores it: ten seeds would be one run, counted ten times. One that
gives other numbers for the same seed does not repeat itself: that is allowed, and said. These are runs of the design,
so that the check costs one run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from archsearch.ablate.planned import Ablation
from archsearch.study.held import HeldRun

LOOKED_AT = 3  # seeds of the baseline: a metric of few samples may be the same for two by chance, seldom for three
_FIRST = 2


@dataclass(frozen=True, slots=True)
class SeedCheck:
    """What the baseline's first runs say of the seeds.

    `repeats` is None where the second run with the same seed gave nothing; `settled` says whether enough has been seen
    for the other runs to begin.
    """

    settled: bool
    ignored: bool
    repeats: bool | None
    sentence: str = ""


def first_runs(ablation: Ablation, check: SeedCheck | None) -> list[tuple[str, int]] | None:
    """Give the runs that come before all others; None where every run may begin."""
    if not _is_checked(ablation) or (check is not None and check.settled):
        return None
    baseline = ablation.cells[0]
    seen = _FIRST if check is None else LOOKED_AT
    return [(baseline.name, seed) for seed in baseline.seeds[:seen]]


def is_run_twice(ablation: Ablation, cell: str, seed: int) -> bool:
    """Say whether a run is the one that is repeated."""
    baseline = ablation.cells[0]
    return _is_checked(ablation) and cell == baseline.name and seed == baseline.seeds[0]


def _is_checked(ablation: Ablation) -> bool:
    baseline = ablation.cells[0]
    if len(baseline.seeds) < _FIRST or ablation.kind.metric(baseline.spec, ablation.family.metric).known == "measured":
        return False  # a time is no seed's work: nothing to be checked
    return not ablation.kind.seeds_are_ours(baseline.spec)


def check_seeds(ablation: Ablation, trials: Mapping[tuple[str, int], FrozenTrial]) -> SeedCheck | None:
    """Look at the baseline's first runs; None as long as two have not ended, or where the seeds are ours.

    A run that failed says nothing; where fewer than two gave numbers the check is settled, and says so.
    """
    if not _is_checked(ablation):
        return None
    baseline = ablation.cells[0]
    looked_at = [(seed, trials.get((baseline.name, seed))) for seed in baseline.seeds[:LOOKED_AT]]
    ended = [(seed, trial) for seed, trial in looked_at if trial is not None and trial.state.is_finished()]
    if len(ended) < _FIRST:
        return None
    runs = {seed: HeldRun(trial) for seed, trial in ended if trial.state == TrialState.COMPLETE}
    numbers = {seed: dict(ablation.kind.decided_by_seed(run)) for seed, run in runs.items()}
    first = baseline.seeds[0]
    again = ablation.kind.repeated(runs[first]) if first in runs else None
    repeats = None if again is None else _same(dict(again), numbers[first])
    equal = len(numbers) > 1 and all(_same(of, next(iter(numbers.values()))) for of in numbers.values())
    if equal and len(ended) < len(looked_at):
        return SeedCheck(settled=False, ignored=False, repeats=repeats)
    if equal:
        return SeedCheck(settled=True, ignored=True, repeats=repeats, sentence=_ignored(ablation.baseline, numbers))
    return SeedCheck(settled=True, ignored=False, repeats=repeats, sentence=_of_repeats(repeats, first, numbers, again))


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return dict(one) == dict(other)


def _ignored(baseline: str, numbers: Mapping[int, Mapping[str, Any]]) -> str:
    seeds = ", ".join(map(str, numbers))
    values = "; ".join(
        f"{name} {' and '.join(_written(of.get(name)) for of in numbers.values())}" for name in _scalars(numbers)
    )
    return (
        f"{baseline} ignores its seed: the seeds {seeds} gave the same numbers ({values}), and ten seeds would be one "
        "run, counted ten times. Use {seed} in the program, or say `deterministic: true` in its file: then one run a "
        "cell is compared, without p values"
    )


def _of_repeats(
    repeats: bool | None, seed: int, numbers: Mapping[int, Mapping[str, Any]], again: Mapping[str, Any] | None
) -> str:
    if repeats is None:
        return "whether the program repeats itself is not known: its second run with the same seed gave no numbers"
    if repeats:
        return ""
    assert again is not None
    name = next((one for one in _scalars(numbers) if again.get(one) != numbers[seed].get(one)), "")
    values = f" ({name} {_written(numbers[seed].get(name))} and {_written(again.get(name))} with seed {seed})"
    return (
        f"the program does not repeat itself{values if name else ''}: pairs share only what its seed decides, and the "
        "intervals hold what is left to chance"
    )


def _scalars(numbers: Mapping[int, Mapping[str, Any]]) -> Sequence[str]:
    names = dict.fromkeys(name for of in numbers.values() for name, value in of.items() if isinstance(value, float))
    return list(names)[:4]


def _written(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "nothing"
