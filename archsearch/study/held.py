"""What finished trials of any study hold beside their values: runs, the machines that made them, what they read.

results = results_of(trials)
machines_of(results), fingerprints_of(results), reads_of(results)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial
from pydantic import ValidationError

from archsearch.errors import ArchsearchError
from archsearch.experiment_plan import plan_experiment
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.fields import Plain
from archsearch.train.identity import experiment_key
from archsearch.train.result import RunResult

_KEY_DIGITS = 64  # of an `experiment_key`
_renamed: dict[str, str] = {}  # what version 0.1.0 called a network -> its `experiment_key`
Held = Mapping[str, Any]  # a result as a trial carries it: without its spec, which stands beside it


class Machine(Plain):
    """An environment that runs were made in (see RunResult.environment), and how many; why torch is left out."""

    environment: dict[str, Any]
    runs: int


def run_of(trial: FrozenTrial) -> RunResult | None:
    """Give the run that a finished trial carries, None where it carries none."""
    held = trial.user_attrs
    if "result" not in held or "spec" not in held:
        return None
    return RunResult.model_validate({**held["result"], "spec": held["spec"]})


def why_lost(trial: FrozenTrial) -> tuple[str, str]:
    """Say how a trial that failed ended, and why."""
    held = trial.user_attrs
    reason = held.get("failure") or f"its worker died {held.get('attempts', 1)} times"
    return held.get("outcome", "failed"), str(reason)


def results_of(trials: Iterable[FrozenTrial]) -> list[Held]:
    """Give the results that trials carry."""
    return [trial.user_attrs["result"] for trial in trials if "result" in trial.user_attrs]


def machines_of(results: Iterable[Held]) -> tuple[Machine, ...]:
    """Count the runs of every environment."""
    # The reason names a share of each network's work, so it would make a machine of every network.
    environments = ({k: v for k, v in result["environment"].items() if k != "engine_reason"} for result in results)
    counted = Counter(json.dumps(environment, sort_keys=True) for environment in environments)
    return tuple(Machine(environment=json.loads(text), runs=count) for text, count in sorted(counted.items()))


def fingerprints_of(results: Sequence[Held]) -> dict[str, int]:
    """Count the runs on every state of the data."""
    return dict(Counter(result["data_fingerprint"] for result in results))


def reads_of(results: Iterable[Held]) -> int:
    """Add up the evaluations of the test set."""
    return sum(result["test_reads"] for result in results)


def experiment_of(trial: FrozenTrial) -> str | None:
    """Give the `experiment_key` of a search's trial, None where it was not sampled yet.

    Version 0.1.0 named a network by another, shorter hash: its trials are asked for their spec, each network once.
    Where that cannot be planned here, its old name still tells it from others.
    """
    named: str | None = trial.user_attrs.get("network")
    if named is None or len(named) == _KEY_DIGITS or "spec" not in trial.user_attrs:
        return named
    if named not in _renamed:
        try:
            plan = plan_experiment(ExperimentSpec.model_validate(trial.user_attrs["spec"]))
            _renamed[named] = experiment_key(plan)
        except (ArchsearchError, ValidationError):
            return named
    return _renamed[named]
