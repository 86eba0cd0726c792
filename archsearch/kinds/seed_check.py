"""Are the seeds of a program seeds? What the baseline's first runs say of it, in an ablation and in a search.

    check = judge_seeds(PROGRAM, "mine", {0: run, 1: other}, looked_at=(0, 1, 2))       # None: nothing is known yet
    check.ignored, check.sentence

A program that gives the same numbers for every seed ignores it: ten seeds would be one run, counted ten times. One that
gives other numbers for the same seed does not repeat itself: that is allowed, and said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsearch.kinds.kind import AnySpec, ExperimentKind
from archsearch.study.held import HeldRun

LOOKED_AT = 3  # seeds of the baseline: a metric of few samples may be the same for two by chance, seldom for three
FIRST_SEEDS = 2


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


def seeds_are_checked(kind: ExperimentKind, baseline: AnySpec, metric: str) -> bool:
    """Say whether a baseline must show that its seed decides the metric: not where the seeds are our own."""
    if kind.metric(baseline, metric).known == "measured":
        return False  # a time is no seed's work: nothing to be checked
    return not kind.seeds_are_ours(baseline)


def judge_seeds(
    kind: ExperimentKind, name: str, ended: Mapping[int, HeldRun | None], looked_at: Sequence[int]
) -> SeedCheck | None:
    """Judge the runs of a baseline that have ended, by seed, None for one that failed; None as long as two have not.

    `looked_at` are the seeds that are waited for; the run with the first of them may have been made twice. A run that
    failed says nothing; where fewer than two gave numbers the check is settled, and says so.
    """
    if len(ended) < FIRST_SEEDS:
        return None
    runs = {seed: run for seed, run in ended.items() if run is not None}
    numbers = {seed: dict(kind.decided_by_seed(run)) for seed, run in runs.items()}
    first = looked_at[0]
    again = kind.repeated(runs[first]) if first in runs else None
    repeats = None if again is None else _same(dict(again), numbers[first])
    equal = len(numbers) > 1 and all(_same(of, next(iter(numbers.values()))) for of in numbers.values())
    if equal and len(ended) < len(looked_at):
        return SeedCheck(settled=False, ignored=False, repeats=repeats)
    if equal:
        return SeedCheck(settled=True, ignored=True, repeats=repeats, sentence=_ignored(name, numbers))
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
        "run, counted ten times. Use the seed in the program ({seed} in its command, a function's first argument), or "
        "say `deterministic: true` in its file: then one run a cell is compared, without p values"
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
