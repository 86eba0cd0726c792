"""What trials hold together: their runs, the machines these were made on, why some came to none.

    machines_of(runs_of(trials)), reads_of(runs_of(trials))
    why_lost(trial)                     # ("diverged", "its loss is not finite")

Trial by trial it is `held.py` that reads.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from archsearch.plain import Plain
from archsearch.study.held import HeldRun, HeldTrial
from archsearch.train.result import RunResult

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class Machine(Plain):
    """An environment that runs were made in (see RunResult.environment), and how many; why torch is left out."""

    environment: dict[str, Any]
    runs: int


def run_of(trial: FrozenTrial) -> RunResult | None:
    """Give the run that a finished trial carries, None where it carries none."""
    held = HeldTrial(trial)
    if held.run is None or held.spec is None:
        return None
    return RunResult.model_validate({**held.run.result, "spec": held.spec})


def why_lost(trial: FrozenTrial) -> tuple[str, str]:
    """Say how a trial that failed ended, and why."""
    held = HeldTrial(trial)
    return held.outcome or "failed", held.failure or f"its worker died {held.deaths or 1} times"


def runs_of(trials: Iterable[FrozenTrial]) -> list[HeldRun]:
    """Give the runs that trials carry, those of all folds."""
    return [run for trial in trials for run in HeldTrial(trial).runs]


def machines_of(runs: Iterable[HeldRun]) -> tuple[Machine, ...]:
    """Count the runs of every environment."""
    # The reason names a share of each network's work, so it would make a machine of every network.
    environments = ({k: v for k, v in run.environment.items() if k != "engine_reason"} for run in runs)
    counted = Counter(json.dumps(environment, sort_keys=True) for environment in environments)
    return tuple(Machine(environment=json.loads(text), runs=count) for text, count in sorted(counted.items()))


def fingerprints_of(runs: Iterable[HeldRun]) -> dict[str, int]:
    """Count the runs on every state of the data."""
    return dict(Counter(run.data_fingerprint for run in runs))


def reads_of(runs: Iterable[HeldRun]) -> int:
    """Add up the evaluations of the test set."""
    return sum(run.test_reads for run in runs)
