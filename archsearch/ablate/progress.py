"""How far an ablation is, in a few numbers: what the live panel shows."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import optuna
from optuna.trial import TrialState

from archsearch.study.held import HeldTrial
from archsearch.study.queue import slots_of


class AblationProgress(NamedTuple):
    """Counts of runs."""

    done: int
    running: int
    others: dict[str, int]


def progress_of(study: optuna.Study) -> AblationProgress:
    """Look at a study's slots once."""
    slots = list(slots_of(study).values())
    states = Counter(trial.state for trial in slots)
    outcomes = Counter(HeldTrial(trial).outcome for trial in slots)
    others = {"cached": outcomes["repeated"], "diverged": outcomes["diverged"], "failed": outcomes["failed"]}
    return AblationProgress(sum(trial.state.is_finished() for trial in slots), states[TrialState.RUNNING], others)
