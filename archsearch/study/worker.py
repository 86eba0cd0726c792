"""The loop of a worker: take a slot, train what it stands for, tell what came out, until no slot is left.

    work(Workplace(storage, study, runs_dir), job)

What a slot means (a sample of a search, a cell of an ablation) is asked of the `Job`. A trial carries its run: resolved
spec, seed, result and history are user attributes, so that reports need the storage alone. Metrics that are not finite
never reach Optuna, and a result that comes late, after the worker was thought dead, is dropped: the run is kept anyway.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from archsearch.data.prepare import Dataset, load
from archsearch.errors import ArchsearchError, BusyError, Interrupted, SpecError, UnavailableError, UsageError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.study.compute import CannotKeepError, Keeper, data_key
from archsearch.study.held import Assigned, Ended, Ending, HeldTrial, Started, stored
from archsearch.study.optuna_private import id_of
from archsearch.study.queue import BEAT_SECONDS, Watchdog, give_back, is_ours, requeue_dead, take, waits
from archsearch.study.storage import steadily
from archsearch.study.transaction import note
from archsearch.train.interrupt import interruptible
from archsearch.train.loop import ReadTest, Watch
from archsearch.train.run import FinishedRun, run

IDLE_SECONDS = 0.5
GOES_ON = "finished trials are kept, the same call goes on"
REAP_SECONDS = 5.0


class PrunedError(Exception):
    """Raised by a job's watch to stop a weak run; its checkpoint stays."""


class RefusedError(Exception):
    """Raised by a job whose slot stands for what cannot be trained here: the slot fails, the study goes on."""


class SlotsWaitError(UnavailableError):
    """Raised by a worker that leaves slots to others, where no other one works: they wait, nothing is lost."""

    def __init__(self, name: str, reasons: Iterable[str]) -> None:
        self.reasons = tuple(dict.fromkeys(reasons))
        super().__init__(
            f"{name}: what is left waits for another worker, as a study is computed with what it was begun with: "
            f"{'; '.join(self.reasons)}. The same call goes on where that is, or choose another name with --name"
        )


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a slot stands for: a checked spec, a seed, what the trial shall hold of it, and its parameters.

    Parameters that the job has suggested itself need not be given again.
    """

    plan: ExperimentPlan
    seed: int
    held: Assigned = field(default_factory=Assigned)
    params: Mapping[str, tuple[BaseDistribution, Any]] = field(default_factory=dict)


class Job(Protocol):
    """What the slots of a study mean."""

    read_test: ReadTest
    goes_on: bool  # whether a run that is refused before it trains fails alone, or ends the study

    def plan_ahead(self, storage: RDBStorage) -> None:
        """Keep some slots waiting as long as the plan has more."""

    def assignment(self, trial: optuna.Trial) -> Assignment:
        """Say what a slot stands for, and which parameters the trial has."""

    def watch(self, trial: optuna.Trial) -> Watch:
        """Give what follows the run while it trains; it may raise `PrunedError`."""

    def values(self, assignment: Assignment, finished: FinishedRun) -> Sequence[float | None]:
        """Give the objective values of a completed run."""


@dataclass(slots=True)
class Workplace:
    """Where a worker works: storage and study, folders, and the data sets it has loaded."""

    storage: RDBStorage
    study: optuna.Study
    runs_dir: Path
    data_dir: Path | None = None
    deadline: float = math.inf  # on the monotonic clock: no slot is taken after it
    datasets: dict[str, Dataset] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)  # ids of trials that are left to others, and why
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        self.keeper = Keeper(self.storage, self.study)

    def dataset(self, plan: ExperimentPlan) -> Dataset:
        """Load a data set once for all runs that use it (memory-mapped, so processes share it)."""
        key = data_key(plan.spec.data)
        if key not in self.datasets:
            self.datasets[key] = load(plan.spec.data, data_dir=self.data_dir)
        self.keeper.check_data(plan.spec.data, self.datasets[key])
        return self.datasets[key]


def work(place: Workplace, job: Job, look: Callable[[], None] = lambda: None) -> None:
    """Take slots until none is left that waits or that another worker could still give back.

    `look` is called after every slot: a single worker has nobody who watches it.
    Raises `Interrupted` after giving the slot back, and `SlotsWaitError` where only slots are left that this worker
    cannot compute as the study fixed it.
    """
    watchdog = Watchdog()
    reaped = -math.inf
    with interruptible() as interruption, place.keeper.threads():
        while time.monotonic() < place.deadline:
            interruption.check(GOES_ON)
            if time.monotonic() - reaped > REAP_SECONDS:
                requeue_dead(place.storage, place.study, watchdog)
                reaped = time.monotonic()
            job.plan_ahead(place.storage)
            trial = take(place.storage, place.study, place.refused)
            if trial is not None:
                with _beating(place.storage, trial):
                    _do(place, job, trial)
                look()
            elif _somebody_works(place.study):
                time.sleep(IDLE_SECONDS)
            elif place.refused and waits(place.storage, place.study):
                raise SlotsWaitError(place.study.study_name, place.refused.values())
            else:
                return


def _somebody_works(study: optuna.Study) -> bool:
    return bool(steadily(partial(study.get_trials, deepcopy=False, states=(TrialState.RUNNING,))))


def _do(place: Workplace, job: Job, trial: optuna.Trial) -> None:
    began = time.monotonic()
    try:
        assignment = job.assignment(trial)
        started = Started(seed=assignment.seed, spec=assignment.plan.spec.model_dump(mode="json"))
        attrs = {**stored(assignment.held), **stored(started)}
        steadily(partial(note, place.storage, trial, attrs, assignment.params))
        finished = _train(place, job, trial, assignment)
    except (Interrupted, KeyboardInterrupt):
        give_back(place.storage, trial)
        raise
    except PrunedError:
        _tell(place, trial, TrialState.PRUNED, Ended(outcome="pruned", seconds=time.monotonic() - began))
        return
    except RefusedError as refused:
        _tell(place, trial, TrialState.FAIL, Ended(outcome="failed", failure=str(refused)))
        return
    except CannotKeepError as refused:
        place.refused[id_of(trial)] = str(refused)
        give_back(place.storage, trial)
        return
    except UnavailableError:
        give_back(place.storage, trial)  # a full disk, a server that is gone: not the slot's fault
        raise
    except ArchsearchError as error:
        _tell(place, trial, TrialState.FAIL, Ended(outcome="failed", failure=str(error)))
        raise
    except (MemoryError, _out_of_memory()) as error:
        # this network is too large for this machine; the others need not be
        reason = f"out of memory: {str(error).partition(chr(10))[0]}"
        _tell(place, trial, TrialState.FAIL, Ended(outcome="failed", failure=reason))
        return
    result = finished.result

    def ended(outcome: Ending, failure: str | None = None) -> Ended:
        record = result.model_dump(mode="json", exclude={"spec"})
        seconds = time.monotonic() - began
        return Ended(outcome=outcome, seconds=seconds, run_id=result.run_id, result=record, failure=failure)

    if result.status == "diverged":
        _tell(place, trial, TrialState.FAIL, ended("diverged", result.reason))
        return
    values = job.values(assignment, finished)
    if any(value is None or not math.isfinite(value) for value in values):
        _tell(place, trial, TrialState.FAIL, ended("diverged", "a metric is not finite"))
        return
    numbers = [value for value in values if value is not None]
    _tell(place, trial, TrialState.COMPLETE, ended("repeated" if finished.cached else "completed"), numbers)


def _out_of_memory() -> type[BaseException]:
    from torch import OutOfMemoryError

    return OutOfMemoryError


def _train(place: Workplace, job: Job, trial: optuna.Trial, assignment: Assignment) -> FinishedRun:
    """Train a slot's run; where another worker is at the very same one, wait for its result."""
    dataset = place.dataset(assignment.plan)
    while True:
        try:
            return run(
                assignment.plan,
                seed=assignment.seed,
                runs_dir=place.runs_dir,
                dataset=dataset,
                compute=place.keeper.compute(assignment.plan),
                read_test=job.read_test,
                watch=job.watch(trial),
            )
        except BusyError:
            time.sleep(IDLE_SECONDS)
        except (SpecError, UsageError) as error:
            if job.goes_on:
                raise RefusedError(str(error)) from None
            raise


def _tell(
    place: Workplace,
    trial: optuna.Trial,
    state: TrialState,
    ended: Ended,
    values: Sequence[float] | None = None,
) -> None:
    """Tell Optuna how a slot ended, unless it is not ours any more."""
    if not is_ours(place.storage, trial):
        return
    try:
        steadily(partial(note, place.storage, trial, stored(ended)))
        steadily(partial(place.study.tell, trial, values, state))
    except (optuna.exceptions.UpdateFinishedTrialError, ValueError):
        if is_ours(place.storage, trial):
            raise


@contextmanager
def _beating(storage: RDBStorage, trial: optuna.Trial) -> Iterator[None]:
    """Show the workers on other machines that this one lives."""
    done = threading.Event()

    def beat() -> None:
        count = 0
        while not done.wait(BEAT_SECONDS):
            count += 1
            try:
                storage.set_trial_user_attr(id_of(trial), HeldTrial.beat.key, count)
            except Exception:  # a missed beat is no reason to stop; the grace time covers many
                continue

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
