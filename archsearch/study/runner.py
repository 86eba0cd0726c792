"""What stands between a slot and its outcome: the job says what a slot means, the runner runs it.

    assignment = job.assignment(trial)
    [outcome] = job.runner.run([assignment], place, lambda assignment: job.watch(trial))
    job.values(assignment, outcome)

The queue and the worker know experiments and runners, no network: see `study/network_runner.py` for the runner of
networks. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import optuna
from optuna.distributions import BaseDistribution

from archsearch.experiment import Experiment
from archsearch.study.held import Assigned
from archsearch.study.storage import Storage
from archsearch.train.keeping import checkpoint_seconds

if TYPE_CHECKING:
    from archsearch.train.watch import Watch

IDLE_SECONDS = 0.5  # between two looks at what another worker is at

# What who works does when no slot waits. A worker waits for those that others are at, which may come back; a visitor
# leaves, as other studies may have some, and comes again. A watcher takes none at all: others do, elsewhere.
WorkerPart = Literal["worker", "visitor", "watcher"]


class PrunedError(Exception):
    """Raised by a job's watch to stop a weak run; its checkpoint stays."""


class RefusedError(Exception):
    """Raised by a job or a runner for what cannot be run here: the slot fails, the study goes on."""


class CannotKeepError(Exception):
    """Raised by a runner for what it cannot compute as the study fixed it: the slot waits for another worker."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a slot stands for: an experiment, a seed, what the trial shall hold of it, and its parameters.

    Parameters are noted as they stand here; nothing is suggested to the trial. `twice` asks for a second run with the
    same seed, whose metrics are recorded beside those of the first: does the experiment repeat itself? `parts` are the
    experiments that are run where these are several, as the folds of a search are; `experiment` is the first of them.
    """

    experiment: Experiment
    seed: int
    held: Assigned = field(default_factory=Assigned)
    params: Mapping[str, tuple[BaseDistribution, Any]] = field(default_factory=dict)
    twice: bool = False
    parts: tuple[Experiment, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of a run: its metrics by name, and all that a trial shall carry of it, as JSON.

    `record` holds at least `environment` (what it was computed on and with), `data_fingerprint`, `test_reads` and
    `seconds`, and `history` where there are epochs. `files` is the folder of the run's files, None where there are
    none; `cached` says that the run was there already; `failure` says why it came to no value. Where several runs make
    one outcome, `parts` are theirs: record and files are of the first, the metrics of all.
    """

    run_id: str
    metrics: Mapping[str, float | None]
    record: dict[str, Any]
    files: Path | None = None
    cached: bool = False
    failure: str | None = None
    parts: tuple[Outcome, ...] = ()


@dataclass(slots=True)
class Workplace:
    """Where a worker works: storage, study and folders; and how: see `WorkerPart`."""

    storage: Storage
    study: optuna.Study
    runs_dir: Path
    data_dir: Path | None = None
    deadline: float = math.inf  # on the clock of the storage's calls: no slot is taken after it
    refused: dict[int, str] = field(default_factory=dict)  # ids of trials that are left to other workers, and why
    part: WorkerPart = "worker"
    most: float = math.inf  # slots are taken in one call of `work`
    artifacts: str | None = None  # where the files of finished runs are put as well
    checkpoint_seconds: float = field(default_factory=checkpoint_seconds)  # of training that may be in memory only


class Runner(Protocol):
    """What turns assignments into outcomes."""

    def run(
        self, assignments: Sequence[Assignment], place: Workplace, watch: Callable[[Assignment], Watch]
    ) -> Sequence[Outcome]:
        """Run assignments that may share a call, and give their outcomes in the same order.

        `watch` gives what follows a run. Where the very same run is done elsewhere at this moment, its result is
        waited for. Raises `RefusedError` for what cannot be run here, `CannotKeepError` for what another worker may
        run, `MemoryError` for what is too large, and lets pass what a watch raises.
        """

    def key(self, assignment: Assignment) -> str:
        """Name the run: two assignments with one key are one run, whatever they are called."""

    def together(self, one: Assignment, other: Assignment) -> bool:
        """Say whether two assignments may share a call of `run`."""


class Job(Protocol):
    """What the slots of a study mean."""

    @property
    def runner(self) -> Runner:
        """What runs them."""

    def plan_ahead(self, storage: Storage) -> None:
        """Keep some slots waiting as long as the plan has more."""

    def assignment(self, trial: optuna.Trial) -> Assignment:
        """Say what a slot stands for, and which parameters the trial has; it may raise `RefusedError`."""

    def watch(self, trial: optuna.Trial) -> Watch:
        """Give what follows the run; it may raise `PrunedError`."""

    def values(self, assignment: Assignment, outcome: Outcome) -> Sequence[float | None]:
        """Give the objective values of a completed run."""
