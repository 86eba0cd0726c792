"""What a race may cost, and who runs in it: by default a third of the search's own work.

    work = work_of(opened, specs, trials)                   # multiply-accumulates of training, or seconds
    count, budget = choose_field([work.runs["trial 7"]], work.runs["baseline"], work.searched, share=None)

Work is what the house counts as such: of networks the multiply-accumulates of a training, of programs its seconds.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import optuna
from optuna.trial import FrozenTrial, TrialState
from pydantic import ValidationError

from archsearch.errors import ArchsearchError
from archsearch.kinds import kind_of_held
from archsearch.kinds.kind import ExperimentKind
from archsearch.search.reached import epochs_done
from archsearch.stats.race import looks_for
from archsearch.study.held import HeldStudy, HeldTrial
from archsearch.study.queue import slots_of

BUDGET_SHARE = 1 / 3  # of the search's own work
LEAST_FINALISTS = 2  # that the budget is made to carry to the first look, where none was said

WorkUnit = Literal["multiply-accumulates", "seconds", "runs"]


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a search, and of one run of each of some experiments, in one unit."""

    unit: WorkUnit
    searched: float
    runs: Mapping[str, float]


def work_of(opened: optuna.Study, specs: Mapping[str, Mapping[str, Any]], trials: Mapping[str, FrozenTrial]) -> Work:
    """Count what a search has cost, and what one run of each of `specs` does.

    `trials` are those that tried the same, where there is one: of a program its seconds are known by running only.
    """
    kind = kind_of_held(HeldStudy(opened).base)
    ended = [trial for trial in slots_of(opened).values() if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    runs = {name: _whole(kind, spec) for name, spec in specs.items()}
    if all(runs.values()):
        known: dict[str | None, float] = {}
        return Work("multiply-accumulates", sum(_trained(kind, trial, known) for trial in ended), _floats(runs))
    took = [seconds for trial in ended if trial.state == TrialState.COMPLETE and (seconds := _seconds(trial))]
    if not took:
        return Work("runs", float(len(ended)), dict.fromkeys(specs, 1.0))
    usual = statistics.fmean(took)
    of_each = {name: _seconds(trials[name]) or usual if name in trials else usual for name in specs}
    return Work("seconds", sum(map(_seconds, ended)), of_each)


def _floats(runs: Mapping[str, float | None]) -> dict[str, float]:
    return {name: work or 0.0 for name, work in runs.items()}


def _whole(kind: ExperimentKind, spec: Mapping[str, Any]) -> float | None:
    """Count a whole run; None where it is not known, or this version cannot plan it."""
    try:
        return kind.work(kind.plan(kind.read(spec)))
    except (ArchsearchError, ValidationError):
        return None


def _trained(kind: ExperimentKind, trial: FrozenTrial, known: dict[str | None, float]) -> float:
    """Count what a trial was trained for: one that was stopped to that epoch, of folds all of them."""
    held = HeldTrial(trial)
    if held.network not in known or held.network is None:
        known[held.network] = sum(_whole(kind, spec) or 0.0 for spec in held.specs)
    whole = known[held.network]
    if trial.state == TrialState.COMPLETE or not held.specs:
        return whole
    epochs = kind.epochs(kind.read(held.specs[0]))
    return whole * min(1.0, epochs_done(trial) / epochs) if epochs else whole


def _seconds(trial: FrozenTrial) -> float:
    """Give what a trial took, of one that was there already what its run did."""
    held = HeldTrial(trial)
    runs = held.runs
    return sum(run.seconds for run in runs) if runs else held.seconds or 0.0


def choose_field(works: Sequence[float], baseline: float, searched: float, share: float | None) -> tuple[int, float]:
    """Say how many of the best finalists race with the baseline, and what the race may cost.

    As many as the budget carries to the first look that can decide. A budget that was not said is made large enough for
    two, one that was for one: with less nothing could be shown.
    """
    budget = searched * (BUDGET_SHARE if share is None else share)
    least = min(LEAST_FINALISTS if share is None else 1, len(works))
    for count in range(len(works), least - 1, -1):
        needed = looks_for(count + 1)[0] * (baseline + sum(works[:count]))
        if needed <= budget:
            return count, budget
    return least, needed
