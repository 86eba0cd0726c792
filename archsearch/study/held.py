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

from archsearch.plain import Plain
from archsearch.train.result import RunResult

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
