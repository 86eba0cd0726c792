"""How far a study is, in a few numbers: what the live panel shows."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import optuna
from optuna.study import StudyDirection
from optuna.trial import TrialState

from archsearch.search.reached import stopped_after, stopped_text
from archsearch.search.search_file import describe_values
from archsearch.study.held import HeldStudy, HeldTrial
from archsearch.study.queue import slots_of


class StudyProgress(NamedTuple):
    """Counts of slots, and the best value so far after each completed trial.

    `stopped` says after how much of an epoch trials were stopped, "" where none was within one.
    A confirmation has no best: its slots are single runs, and what they come to is judged when all are there.
    """

    study: str
    total: int
    done: int
    running: int
    pruned: int
    stopped: str
    repeated: int
    diverged: int
    infeasible: int
    metric: str
    best: float | None
    best_trial: int | None
    best_line: str
    history: list[float]


def progress_of(study: optuna.Study) -> StudyProgress:
    """Look at a study's slots once."""
    slots = list(slots_of(study).values())
    states = Counter(trial.state for trial in slots)
    outcomes = Counter(HeldTrial(trial).outcome for trial in slots)
    sign = 1.0 if study.directions[0] == StudyDirection.MAXIMIZE else -1.0
    history: list[float] = []
    best = None
    held = HeldStudy(study)
    ranked = [t for t in slots if t.state == TrialState.COMPLETE] if held.kind == "search" else []
    for trial in sorted(ranked, key=lambda t: t.number):
        if best is None or sign * trial.values[0] > sign * best.values[0]:
            best = trial
        history.append(best.values[0])
    metrics = held.metrics if held.kind == "search" else ("",)
    return StudyProgress(
        study=study.study_name,
        total=max(held.trials, len(slots)),
        done=sum(trial.state.is_finished() for trial in slots),
        running=states[TrialState.RUNNING],
        pruned=states[TrialState.PRUNED],
        stopped=stopped_text(stopped_after(slots)),
        repeated=outcomes["repeated"],
        diverged=outcomes["diverged"],
        infeasible=sum(HeldTrial(trial).infeasible for trial in slots),
        metric=metrics[0],
        best=best.values[0] if best is not None else None,
        best_trial=best.number if best is not None else None,
        best_line=describe_values(best.params) if best is not None else "",
        history=history,
    )
