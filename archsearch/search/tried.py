"""Which experiment a trial of a search tried: trials of version 0.1.0 compare with those of this one."""

from __future__ import annotations

from optuna.trial import FrozenTrial
from pydantic import ValidationError

from archsearch.errors import ArchsearchError
from archsearch.experiment_plan import plan_experiment
from archsearch.spec.experiment import ExperimentSpec
from archsearch.study.held import HeldTrial
from archsearch.train.identity import experiment_key

_KEY_DIGITS = 64  # of an `experiment_key`
_renamed: dict[str, str] = {}  # what version 0.1.0 called a network -> its `experiment_key`


def experiment_of(trial: FrozenTrial) -> str | None:
    """Give the `experiment_key` of a trial, None where it was not sampled yet.

    Version 0.1.0 named a network by another, shorter hash: its trials are asked for their spec, each network once.
    Where that cannot be planned here, its old name still tells it from others.
    """
    held = HeldTrial(trial)
    named = held.network
    if named is None or len(named) == _KEY_DIGITS:
        return named
    if named not in _renamed:
        try:
            _renamed[named] = experiment_key(plan_experiment(ExperimentSpec.model_validate(held.spec)))
        except (ArchsearchError, ValidationError):
            return named
    return _renamed[named]
