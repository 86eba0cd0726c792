"""Faults that the queue once had, put back into the real code: the simulator must find each.

    with FAULTS["half a study is made"]():
        simulator.simulate(seed)          # raises `Violation` for some seed

What stands here is what the code did before, as far as its surroundings still have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any
from unittest.mock import patch

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from sqlalchemy.engine import make_url

from archsearch.ablate import jobs as ablate_jobs
from archsearch.search import jobs as search_jobs
from archsearch.study import lifecycle, queue, worker
from archsearch.study import storage as opening
from archsearch.study.calls import Calls
from archsearch.study.held import slot_attributes
from archsearch.study.optuna_private import frozen, study_id_of
from archsearch.study.queue import AHEAD, FEW, Slot, count_slots, slots_of
from archsearch.study.steady import Storage
from tests.simulation import jobs, schedule

Fault = Callable[[], AbstractContextManager[Any]]


# -- 1: a study is made in many transactions ---------------------------------------------------------------------------


def made_in_many(
    storage: Storage, name: str, directions: Sequence[StudyDirection], metrics: Sequence[str], attrs: Mapping[str, Any]
) -> None:
    """Make a study as Optuna does, an attribute at a time."""
    study = optuna.create_study(study_name=name, storage=storage, directions=directions, load_if_exists=True)
    for key, value in attrs.items():
        study.set_user_attr(key, value)
    study._storage.set_study_system_attr(study._study_id, "study:metric_names", list(metrics))


# -- 2: slots are numbered by counting rows, and enqueued again when no answer came ------------------------------------


def enqueued_again(storage: Storage, study: optuna.Study, slot: Slot) -> None:
    """Enqueue a slot; again where no answer came, whether it was there already or not."""
    attrs = slot_attributes(slot.number, slot.held)
    fixed = {"fixed_params": dict(slot.params)}
    template = create_trial(state=TrialState.WAITING, system_attrs=fixed, user_attrs=attrs)
    storage.calls(partial(storage._cached.create_new_trial, study_id_of(study), template))


def refilled_by_counting(
    storage: Storage, study: optuna.Study, total: int, make: Callable[[int], Slot], planned: object = None
) -> None:
    """Keep a few slots waiting; the next one's number is how many rows there are."""
    there = count_slots(storage, study)
    if there.planned >= total or there.waiting >= FEW:
        return
    for number in range(there.planned, min(total, there.planned + AHEAD - there.waiting)):
        enqueued_again(storage, study, make(number))


def added_again(storage: Storage, study: optuna.Study, slots: Iterable[Slot]) -> int:
    """Enqueue the slots that are not there yet."""
    there = slots_of(study)
    new = [slot for slot in slots if slot.number not in there]
    for slot in new:
        enqueued_again(storage, study, slot)
    return len(new)


# -- 3: calls that nobody makes again ----------------------------------------------------------------------------------


def unguarded(name: str) -> Fault:
    """Make one of the storage's calls directly: what the database says is what its caller gets."""

    def directly(self: Storage, *arguments: Any, **keys: Any) -> Any:
        return getattr(self._cached, name)(*arguments, **keys)

    return lambda: patch.object(Storage, name, directly)


def opened_once(url: str, calls: Calls) -> Storage:
    """Open a storage; what the database says is what the caller gets."""
    return Storage(opening._postgres(make_url(url)), calls)


def transact_once(self: Storage, work: Callable[[Any], Any], **keys: Any) -> Any:
    """Make a transaction directly."""
    with self.engine.begin() as connection:
        return work(connection)


# -- 4: a report on a trial that has ended is an error that ends the worker --------------------------------------------


def report_that_raises(self: Storage, *arguments: Any) -> None:
    """Report; where the trial has ended that is what no worker knows of."""
    try:
        self._call(self._cached.set_trial_intermediate_value, *arguments)
    except UpdateFinishedTrialError as error:
        raise RuntimeError(f"nobody has thought of this: {error}") from None


# -- others, to see how much the simulator sees ------------------------------------------------------------------------


def released_unseen(
    connection: Any, id_: int, owner: object, state: TrialState, attrs: Mapping[str, Any] | None = None
) -> bool:
    """Take a slot from whoever has it now, not only from its owner of before."""
    if queue.locked_state(connection, id_) != TrialState.RUNNING:
        return False
    return _release(connection, id_, queue._owner(connection, id_), state, attrs)


def finished_whoever_has_it(storage: Storage, trial: queue.TakenTrial, *arguments: Any) -> bool:
    """End a slot as its owner of now would."""
    trial.owner = {**trial.owner, **(queue.HeldTrial(frozen(trial)).owner or {})}
    return _finish(storage, trial, *arguments)


def kept(storage: Storage, trial: queue.TakenTrial) -> None:
    """Go without giving the slot back."""
    queue.let_go(trial)


_release, _finish = queue._release, queue.finish


def _several(*patches: tuple[Any, str, Any]) -> Fault:
    from contextlib import ExitStack, contextmanager

    @contextmanager
    def put() -> Any:
        with ExitStack() as stack:
            for where, name, what in patches:
                stack.enter_context(patch.object(where, name, what))
            yield

    return put


FAULTS: dict[str, Fault] = {
    "1: a study is made in many transactions": _several((lifecycle, "make_study", made_in_many)),
    "2: a search enqueues again what it has no answer of, and counts rows": _several(
        (search_jobs, "refill", refilled_by_counting)
    ),
    "2: an ablation enqueues again what it has no answer of": _several(
        (ablate_jobs, "add_slots", added_again), (jobs, "add_slots", added_again)
    ),
    "3: a storage is opened once": _several((schedule, "open_storage", opened_once)),
    "3: a report is made once": unguarded("set_trial_intermediate_value"),
    "3: a trial is read once": unguarded("get_trial"),
    "3: trials are read once": unguarded("get_all_trials"),
    "3: a transaction is made once": _several((Storage, "transact", transact_once)),
    "4: a report on a trial that has ended": _several((Storage, "set_trial_intermediate_value", report_that_raises)),
    "a reaper takes a slot from whoever has it": _several((queue, "_release", released_unseen)),
    "a worker ends a slot that another one has": _several((worker, "finish", finished_whoever_has_it)),
    "a worker that is stopped keeps its slot": _several((worker, "give_back", kept)),
}
