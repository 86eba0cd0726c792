"""What is under way in a storage: the trials that run, and how many there are of each state.

for name, counts in states_of(storage).items(): counts["running"]
running(storage, "norm")      # [(spec, seed), ...] as the trials hold them
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.trial import TrialState

from archsearch.errors import UsageError
from archsearch.study.held import HeldTrial
from archsearch.study.lifecycle import study_names
from archsearch.study.storage import Storage


def states_in(study: optuna.Study) -> Counter[str]:
    """Count the trials of a study by their states: complete, pruned, fail, running, waiting."""
    return Counter(trial.state.name.lower() for trial in study.get_trials(deepcopy=False))


def states_of(storage: Storage, name: str | None = None) -> dict[str, Counter[str]]:
    """Count the trials of every study, or of one, by their states; raise `UsageError` where there is no such study."""
    names = study_names(storage)
    if name is not None and name not in names:
        raise UsageError(f"no study {name!r} in this storage ({', '.join(names) or 'there are none yet'})")
    found = {}
    for one in names if name is None else [name]:
        study = optuna.load_study(study_name=one, storage=storage)
        found[one] = states_in(study)
    return found


def running(storage: Storage, name: str) -> Sequence[tuple[dict[str, Any], int]]:
    """Give the spec and the seed of every trial that runs, where it holds them already."""
    study = optuna.load_study(study_name=name, storage=storage)
    held = map(HeldTrial, study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))
    return [(one.spec, one.seed) for one in held if one.spec is not None and one.seed is not None]
