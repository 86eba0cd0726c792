"""The loop of a worker: take a slot, run what it stands for, tell what came out, until no slot is left.

    work(Workplace(storage, study, runs_dir), job)

What a slot means (a sample of a search, a cell of an ablation) is asked of the `Job`, and its `Runner` runs it. A trial
carries its run: experiment, seed and record are attributes, so that reports need the storage alone. Metrics that are
not finite never reach Optuna, and a result that comes late, after the worker was thought dead, is dropped: the run is
kept anyway.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import NamedTuple

import optuna
from optuna.trial import TrialState

from archsearch.crash import crash_point
from archsearch.errors import ArchsearchError, Interrupted, UnavailableError
from archsearch.study.alike import take_alike
from archsearch.study.alive import BEAT_SECONDS, Watchdog
from archsearch.study.held import Ended, Ending, HeldTrial, Started, stored
from archsearch.study.optuna_private import id_of
from archsearch.study.queue import finish, give_back, let_go, requeue_dead, take, waits
from archsearch.study.runner import (
    IDLE_SECONDS,
    Assignment,
    CannotKeepError,
    Job,
    Outcome,
    PrunedError,
    RefusedError,
    Workplace,
)
from archsearch.study.storage import Storage
from archsearch.study.taken import TakenTrial
from archsearch.study.transaction import write_down
from archsearch.train.interrupt import interruptible

GOES_ON = "finished trials are kept, the same call goes on"
REAP_SECONDS = 5.0
MOST_TOGETHER = 16  # slots whose runs share a call
LEAVE_SECONDS = 5.0  # that a worker which ends waits for a storage that does not answer


class SlotsWaitError(UnavailableError):
    """Raised by a worker that leaves slots to others, where no other one works: they wait, nothing is lost."""

    def __init__(self, name: str, reasons: Iterable[str]) -> None:
        self.reasons = tuple(dict.fromkeys(reasons))
        super().__init__(
            f"{name}: what is left waits for another worker, as a study is computed with what it was begun with: "
            f"{'; '.join(self.reasons)}. The same call goes on where that is, or choose another name with --name"
        )


def work(place: Workplace, job: Job, look: Callable[[], None] = lambda: None, watchdog: Watchdog | None = None) -> int:
    """Take slots until none is left that waits or that another worker could still give back; give how many were run.

    `look` is called after every slot: a single worker has nobody who watches it. Who takes another part (`place.part`)
    may leave earlier, or take none and `look` all the time. `watchdog` is that of an earlier call on the study.
    Raises `Interrupted` after giving the slot back, and `SlotsWaitError` where only slots are left that this worker
    cannot compute as the study fixed it.
    """
    calls = place.storage.calls
    watchdog = watchdog or Watchdog(calls.clock)
    reaped = -math.inf
    done = 0
    with interruptible() as interruption:
        while calls.clock() < place.deadline and done < place.most:
            interruption.check(GOES_ON)
            if calls.clock() - reaped > REAP_SECONDS:
                requeue_dead(place.storage, place.study, watchdog)
                reaped = calls.clock()
            job.plan_ahead(place.storage)
            trial = take(place.storage, place.study, place.refused) if place.part != "watcher" else None
            if trial is not None:
                with _holding(place, trial):
                    done += _do(place, job, trial, place.most - done)
                look()
            elif place.part == "visitor":
                break
            elif place.part == "watcher" and (somebody_works(place.study) or waits(place.storage, place.study)):
                look()
                calls.sleep(IDLE_SECONDS)
            elif somebody_works(place.study):
                calls.sleep(IDLE_SECONDS)
            elif place.refused and waits(place.storage, place.study):
                raise SlotsWaitError(place.study.study_name, place.refused.values())
            else:
                break
    return done


def somebody_works(study: optuna.Study) -> bool:
    """Say whether a slot is under way: it may come back, where its worker has died."""
    return bool(study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))


class _Begun(NamedTuple):
    """A slot of which is noted what it stands for."""

    trial: TakenTrial
    assignment: Assignment
    clock: float


def _do(place: Workplace, job: Job, trial: TakenTrial, most: float = math.inf) -> int:
    """Do a slot, and with it others whose runs can share its call, up to so many; give how many were not refused."""
    first = _begin(place, job, trial)
    if first is None:
        return int(id_of(trial) not in place.refused)
    taken, begun = [trial], [first]
    with ExitStack() as held:
        if most > 1 and job.runner.together(first.assignment, first.assignment):
            room = int(min(most, MOST_TOGETHER)) - 1
            for other in take_alike(place.storage, place.study, trial, room, place.refused):
                held.enter_context(_holding(place, other, beside=True))
                taken.append(other)
                if (one := _begin(place, job, other)) is not None:
                    begun.append(one)
        outcomes = _run_together(place, job, begun) if len(begun) > 1 else {}
        for one in begun:
            _end(place, job, one, outcomes.get(id_of(one.trial)), len(outcomes) or 1)
    return sum(id_of(one) not in place.refused for one in taken)


def _begin(place: Workplace, job: Job, trial: TakenTrial) -> _Begun | None:
    """Note what a slot stands for; None for one that cannot be run, which is told."""
    began = time.monotonic()
    with _telling(place, trial, began):
        assignment = job.assignment(trial)
        experiment = assignment.experiment
        started = Started(seed=assignment.seed, spec=experiment.written, **experiment.sizes)
        attrs = {**stored(assignment.held), **stored(started)}
        write_down(place.storage, trial, attrs, assignment.params)
        crash_point("noted")
        return _Begun(trial, assignment, began)
    return None


def _run_together(place: Workplace, job: Job, begun: Sequence[_Begun]) -> Mapping[int, Outcome]:
    """Run what may share a call, and give the outcomes by the trials' ids; none where something went wrong.

    Each is then run by itself, and what is wrong with one is said of that one.
    """
    assignments = [one.assignment for one in begun]
    if not all(job.runner.together(assignments[0], other) for other in assignments):
        return {}
    trials = {id(one.assignment): one.trial for one in begun}
    try:
        outcomes = job.runner.run(assignments, place, lambda assignment: job.watch(trials[id(assignment)]))
    except Interrupted:
        raise
    except (ArchsearchError, PrunedError, RefusedError, CannotKeepError, MemoryError):
        return {}
    return {id_of(one.trial): outcome for one, outcome in zip(begun, outcomes, strict=True)}


def _end(place: Workplace, job: Job, begun: _Begun, outcome: Outcome | None, sharing: int) -> None:
    """Run a slot, if that is not done yet, and tell what came out; its seconds were shared by so many."""
    trial, assignment, began = begun
    done = _ran(place, job, begun, outcome)
    if done is None:
        return
    outcome, artifacts = done
    values = () if outcome.failure is not None else job.values(assignment, outcome)
    failure = outcome.failure
    if any(value is None or not math.isfinite(value) for value in values):
        failure = "a metric is not finite"
    how: Ending = "diverged" if failure is not None else "repeated" if outcome.cached else "completed"
    ended = Ended(
        outcome=how,
        seconds=(time.monotonic() - began) / sharing,
        run_id=outcome.run_id,
        result=outcome.record,
        failure=failure,
        artifacts=artifacts,
        fold_results=tuple(part.record for part in outcome.parts[1:]) or None,
    )
    if failure is not None:
        _tell(place, trial, TrialState.FAIL, ended)
    else:
        _tell(place, trial, TrialState.COMPLETE, ended, [value for value in values if value is not None])


def _ran(place: Workplace, job: Job, begun: _Begun, outcome: Outcome | None) -> tuple[Outcome, str | None] | None:
    """Give the outcome of a slot and where its files are put; None where there is none, which is told."""
    with _telling(place, begun.trial, begun.clock):
        if outcome is None:
            [outcome] = job.runner.run([begun.assignment], place, lambda _: job.watch(begun.trial))
        crash_point("ran")
        return outcome, _put_away(place, outcome)
    return None


@contextmanager
def _telling(place: Workplace, trial: TakenTrial, began: float) -> Iterator[None]:
    """Tell of a slot what is raised in the block; what is not the slot's fault ends the worker."""
    try:
        yield
    except Interrupted:
        raise
    except optuna.exceptions.UpdateFinishedTrialError:
        # this worker was thought dead, and another one has ended the slot: what is done so far stays in the runs folder
        return
    except PrunedError:
        _tell(place, trial, TrialState.PRUNED, Ended(outcome="pruned", seconds=time.monotonic() - began))
    except RefusedError as refused:
        _tell(place, trial, TrialState.FAIL, Ended(outcome="failed", failure=str(refused)))
    except CannotKeepError as refused:
        place.refused[id_of(trial)] = str(refused)
        give_back(place.storage, trial)
    except UnavailableError:
        _leave(place, trial)  # a full disk, a server that is gone: not the slot's fault
        raise
    except ArchsearchError as error:
        _tell(place, trial, TrialState.FAIL, Ended(outcome="failed", failure=str(error)))
        raise
    except MemoryError as error:
        # this one is too large for this machine; the others need not be
        reason = f"out of memory: {str(error).partition(chr(10))[0]}"
        _tell(place, trial, TrialState.FAIL, Ended(outcome="failed", failure=reason))


@contextmanager
def _holding(place: Workplace, trial: TakenTrial, *, beside: bool = False) -> Iterator[None]:
    """Show that a slot's worker lives; where it is asked to stop in the block, wherever, the slot waits again.

    One `beside` another waits again too where that one's error ends the worker.
    """
    try:
        with _beating(place.storage, trial):
            yield
    except BaseException as error:
        stops = isinstance(error, (Interrupted, KeyboardInterrupt))
        if stops or (beside and not isinstance(error, UnavailableError)):
            _leave(place, trial)
        raise
    finally:
        let_go(trial)


def _leave(place: Workplace, trial: TakenTrial) -> None:
    """Give back the slot of a worker that ends, which does not wait for the storage again: that may be why it ends.

    A slot that is not given back is found by others when this process has ended.
    """
    with suppress(UnavailableError):
        give_back(place.storage.within(LEAVE_SECONDS), trial)


def _put_away(place: Workplace, outcome: Outcome) -> str | None:
    """Copy a run's files to where others find them, before it is told: a result that is known has its files."""
    files = [one.files for one in outcome.parts or (outcome,) if one.files is not None]
    if place.artifacts is None or not files:
        return None
    from archsearch.study.artifacts import put_run  # which knows networks' runs, and so torch: programs go without

    for folder in files:
        put_run(folder, place.artifacts)
    return place.artifacts


def _tell(place: Workplace, trial: TakenTrial, state: TrialState, ended: Ended, values: Sequence[float] = ()) -> None:
    """Say how a slot ended; where it is not ours any more, that is kept aside."""
    finish(place.storage, trial, state, values, stored(ended))


@contextmanager
def _beating(storage: Storage, trial: TakenTrial) -> Iterator[None]:
    """Show the workers on other machines that this one lives."""
    done = threading.Event()

    def beat() -> None:
        count = 0
        while not done.wait(BEAT_SECONDS):
            count += 1
            try:
                storage.calls.once(
                    partial(storage.database.set_trial_user_attr, id_of(trial), HeldTrial.beat.key, count)
                )
            except Exception:  # a missed beat is no reason to stop; the grace time covers many
                continue

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
