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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

import optuna
from optuna.trial import TrialState

from archsearch.crash import crash_point
from archsearch.errors import ArchsearchError, Interrupted, UnavailableError
from archsearch.study.alive import BEAT_SECONDS, Watchdog
from archsearch.study.held import Ended, Ending, HeldTrial, Started, stored
from archsearch.study.optuna_private import id_of
from archsearch.study.queue import TakenTrial, finish, give_back, let_go, requeue_dead, take, waits
from archsearch.study.runner import IDLE_SECONDS, CannotKeepError, Job, Outcome, PrunedError, RefusedError, Workplace
from archsearch.study.storage import Storage
from archsearch.study.transaction import write_down
from archsearch.train.interrupt import interruptible

GOES_ON = "finished trials are kept, the same call goes on"
REAP_SECONDS = 5.0
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
                try:
                    with _beating(place.storage, trial):
                        _do(place, job, trial)
                except (Interrupted, KeyboardInterrupt):  # wherever it came, also while a result is told
                    _leave(place, trial)
                    raise
                finally:
                    let_go(trial)
                done += id_of(trial) not in place.refused
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


def _do(place: Workplace, job: Job, trial: TakenTrial) -> None:
    began = time.monotonic()
    try:
        assignment = job.assignment(trial)
        experiment = assignment.experiment
        started = Started(seed=assignment.seed, spec=experiment.written, **experiment.sizes)
        attrs = {**stored(assignment.held), **stored(started)}
        write_down(place.storage, trial, attrs, assignment.params)
        crash_point("noted")
        [outcome] = job.runner.run([assignment], place, lambda _: job.watch(trial))
        crash_point("ran")
        artifacts = _put_away(place, outcome)
    except Interrupted:
        raise
    except optuna.exceptions.UpdateFinishedTrialError:
        # this worker was thought dead, and another one has ended the slot: what is done so far stays in the runs folder
        return
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
        _leave(place, trial)  # a full disk, a server that is gone: not the slot's fault
        raise
    except ArchsearchError as error:
        _tell(place, trial, TrialState.FAIL, Ended(outcome="failed", failure=str(error)))
        raise
    except MemoryError as error:
        # this one is too large for this machine; the others need not be
        reason = f"out of memory: {str(error).partition(chr(10))[0]}"
        _tell(place, trial, TrialState.FAIL, Ended(outcome="failed", failure=reason))
        return
    values = () if outcome.failure is not None else job.values(assignment, outcome)
    failure = outcome.failure
    if any(value is None or not math.isfinite(value) for value in values):
        failure = "a metric is not finite"
    how: Ending = "diverged" if failure is not None else "repeated" if outcome.cached else "completed"
    ended = Ended(
        outcome=how,
        seconds=time.monotonic() - began,
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
