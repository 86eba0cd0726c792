"""The queue of slots: planned trials, each counted exactly once however often it was tried.

    add_slots(storage, study, [Slot(0, params={...}), Slot(1), Slot(2)])
    taken = take(storage, study)              # the first waiting slot, now ours; None if none waits
    finish(storage, taken, TrialState.COMPLETE, [0.97], attrs)   # False: it was not ours any more
    give_back(storage, taken)                 # interrupted: it waits again, its parameters kept
    requeue_dead(storage, study, watchdog)    # slots whose worker died wait again

A slot is an Optuna trial that was enqueued. A worker that dies leaves it RUNNING; it goes back to WAITING, the same
trial with the same number and the parameters that it had, in one transaction, so nothing is lost and nothing is counted
twice. After `MOST_DEATHS` it fails for good. Each of these is one transaction that compares the owner and may be made
again when its answer was lost; `alive.py` says who is dead.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import optuna
import sqlalchemy
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from archsearch.crash import crash_point
from archsearch.study.alive import CLAIMS, Watchdog, this_process
from archsearch.study.held import HeldPart, HeldTrial, deaths_attribute, late_attribute, slot_attributes
from archsearch.study.ledger import OF_ENTRY, entry_contents, link
from archsearch.study.optuna_private import (
    FIXED_PARAMS,
    TrialIntermediateValueModel,
    TrialModel,
    TrialSystemAttributeModel,
    TrialUserAttributeModel,
    TrialValueModel,
    id_of,
    study_id_of,
)
from archsearch.study.planned import Planned
from archsearch.study.steady import Storage
from archsearch.study.taken import TakenTrial, write_reports
from archsearch.study.transaction import lock_study, locked_state, read_attrs, write_attrs

FEW, AHEAD = 3, 8  # slots are planned when fewer than FEW wait, and then until AHEAD do
MOST_DEATHS = 20  # a slot that kills its worker so often is not tried again


@dataclass(frozen=True, slots=True)
class Slot:
    """One planned trial: its number in the plan, parameters that are known already, and what its job needs to know."""

    number: int
    params: Mapping[str, Any] = field(default_factory=dict)
    held: HeldPart | None = None


# -- planning ----------------------------------------------------------------------------------------------------------


def slots_of(study: optuna.Study) -> dict[int, FrozenTrial]:
    """Give the trial that counts for every slot of a study: of two with one number the first."""
    found: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        number = HeldTrial(trial).slot
        if number is not None:
            found.setdefault(number, trial)
    return found


def add_slots(storage: Storage, study: optuna.Study, slots: Iterable[Slot]) -> int:
    """Enqueue the slots that are not there yet; give how many were added. Any number of processes may try."""
    id_, wanted = study_id_of(study), list(slots)
    before = storage.transact(lambda connection: Planned().look(connection, id_))

    def add(connection: Connection) -> None:
        lock_study(connection, id_)
        there = Planned().look(connection, id_)
        _enqueue(connection, id_, [slot for slot in wanted if slot.number not in there])

    if all(slot.number in before for slot in wanted):
        return 0
    storage.transact(add)
    crash_point("slots planned")
    return sum(slot.number not in before for slot in wanted)


def refill(
    storage: Storage, study: optuna.Study, total: int, make: Callable[[int], Slot], planned: Planned | None = None
) -> None:
    """Keep a few slots waiting until `total` are planned; `make(number)` gives the slot of a number.

    A slot is missing when its number is: rows are not counted, of which a study may have too many. Not all are planned
    at once: Optuna reads every unfinished trial again for every sample. `planned` is what is known from earlier calls.
    """
    id_, known = study_id_of(study), planned or Planned()
    if storage.transact(lambda connection: known.count_waiting(connection, id_)) >= FEW:
        return

    def missing(connection: Connection) -> list[int]:
        there = known.look(connection, id_)
        room = max(0, AHEAD - known.count_waiting(connection, id_))
        return list(itertools.islice((number for number in range(total) if number not in there), room))

    def fill(connection: Connection) -> None:
        lock_study(connection, id_)
        _enqueue(connection, id_, [make(number) for number in missing(connection)])

    if storage.transact(missing):
        storage.transact(fill)
        crash_point("slots planned")


def _enqueue(connection: Connection, study_id: int, slots: Iterable[Slot]) -> None:
    """Write slots as Optuna would enqueue them, but together: all are planned or none."""
    of_study = sqlalchemy.select(sqlalchemy.func.count()).where(TrialModel.study_id == study_id)
    number = int(connection.execute(of_study).scalar_one())
    for slot in slots:
        row = sqlalchemy.insert(TrialModel).values(number=number, study_id=study_id, state=TrialState.WAITING)
        key = connection.execute(row).inserted_primary_key
        assert key is not None
        fixed = {"trial_id": key[0], "key": FIXED_PARAMS, "value_json": json.dumps(dict(slot.params))}
        connection.execute(sqlalchemy.insert(TrialSystemAttributeModel).values(fixed))
        write_attrs(connection, key[0], slot_attributes(slot.number, slot.held))
        number += 1
        crash_point("slot planned")


class SlotCounts(NamedTuple):
    """How many slots a study has, and how many of them wait and have finished."""

    planned: int
    waiting: int
    finished: int


def count_slots(storage: Storage, study: optuna.Study) -> SlotCounts:
    """Count a study's slots without reading them: Optuna reads every unfinished one again for every look."""
    return storage.transact(lambda connection: _counted(connection, study_id_of(study)))


def _counted(connection: Connection, study_id: int) -> SlotCounts:
    of_study = TrialModel.study_id == study_id
    query = sqlalchemy.select(TrialModel.state, sqlalchemy.func.count()).where(of_study).group_by(TrialModel.state)
    found = {state: int(count) for state, count in connection.execute(query)}
    finished = sum(count for state, count in found.items() if state.is_finished())
    return SlotCounts(sum(found.values()), found.get(TrialState.WAITING, 0), finished)


# -- taking and giving back --------------------------------------------------------------------------------------------


def take(
    storage: Storage, study: optuna.Study, refused: Collection[int] = (), among: Collection[int] | None = None
) -> TakenTrial | None:
    """Take the first waiting slot and sign it; None if none waits. Two workers never get the same.

    `refused` are ids of trials that this worker leaves to others, `among` the only ones that it takes. Parameters of
    what is taken are noted by `write_down` and not suggested: for that Optuna would have to read all that is not
    finished.
    """
    study_id, claim = study_id_of(study), uuid.uuid4().hex[:16]
    owner = {**this_process(), "claim": claim}
    # a claim counts from before it is made: whoever looks in the next moment finds that its owner lives
    CLAIMS.add(claim)
    id_ = None
    try:
        id_ = storage.transact(
            lambda connection: _claim(connection, _waiting(study_id, refused, among), owner),
            done=lambda connection: _claimed(connection, study_id, owner),
        )
    finally:
        if id_ is None:
            CLAIMS.discard(claim)
    if id_ is None:
        return None
    crash_point("claimed")
    return TakenTrial(study, id_, owner, storage.calls.clock)


def _claim(connection: Connection, waiting: sqlalchemy.Select[int], owner: Mapping[str, Any]) -> int | None:
    id_: int | None = connection.scalar(waiting.limit(1).with_for_update(skip_locked=True))
    if id_ is not None:
        with Session(connection) as session:  # Optuna's own class knows in which time zone it stores what
            trial = session.get_one(TrialModel, id_)
            trial.state = TrialState.RUNNING
            trial.datetime_start = datetime.now()
            session.flush()
        crash_point("claiming")
        write_attrs(connection, id_, {HeldTrial.owner.key: owner})
    return id_


def _claimed(connection: Connection, study_id: int, owner: Mapping[str, Any]) -> int | None:
    """Give the slot that was claimed with just this signature."""
    query = (
        sqlalchemy.select(TrialModel.trial_id)
        .join(TrialUserAttributeModel, TrialModel.trial_id == TrialUserAttributeModel.trial_id)
        .where(TrialModel.study_id == study_id, TrialModel.state == TrialState.RUNNING)
        .where(TrialUserAttributeModel.key == HeldTrial.owner.key)
        .where(TrialUserAttributeModel.value_json == json.dumps(owner))
    )
    id_: int | None = connection.execute(query).scalar()
    return id_


def waits(storage: Storage, study: optuna.Study) -> bool:
    """Say whether any slot waits."""
    query = _waiting(study_id_of(study)).limit(1)
    return storage.transact(lambda connection: connection.execute(query).scalar()) is not None


def _waiting(
    study_id: int, refused: Collection[int] = (), among: Collection[int] | None = None
) -> sqlalchemy.Select[int]:
    """Ask for the waiting trials but the refused ones, in their order."""
    of_study = sqlalchemy.select(TrialModel.trial_id).where(TrialModel.study_id == study_id)
    waiting = of_study.where(TrialModel.state == TrialState.WAITING).where(TrialModel.trial_id.not_in(refused))
    waiting = waiting if among is None else waiting.where(TrialModel.trial_id.in_(among))
    return waiting.order_by(TrialModel.number)


def give_back(storage: Storage, trial: TakenTrial) -> None:
    """Let a slot that was taken wait again: its worker stops, and it is nobody's fault."""
    try:
        storage.transact(lambda connection: _release(connection, id_of(trial), trial.owner, TrialState.WAITING))
        crash_point("given back")
    finally:
        let_go(trial)


def let_go(trial: TakenTrial) -> None:
    """Forget a slot: whoever finds it RUNNING from now on may take it for that of a dead worker."""
    CLAIMS.discard(trial.owner["claim"])


def _release(
    connection: Connection, id_: int, owner: object, state: TrialState, attrs: Mapping[str, Any] | None = None
) -> bool:
    """Take a RUNNING slot from its owner, if it is still that one's; a second time it is not."""
    if locked_state(connection, id_) != TrialState.RUNNING or _owner(connection, id_) != owner:
        return False
    connection.execute(sqlalchemy.update(TrialModel).where(TrialModel.trial_id == id_).values(state=state))
    write_attrs(connection, id_, {HeldTrial.owner.key: None, **(attrs or {})})
    return True


def is_ours(storage: Storage, trial: TakenTrial) -> bool:
    """Say whether a slot is still ours: a worker that was thought dead must not tell what another one tells."""
    id_ = id_of(trial)

    def ours(connection: Connection) -> bool:
        return locked_state(connection, id_) == TrialState.RUNNING and _owner(connection, id_) == trial.owner

    return storage.transact(ours)


def _owner(connection: Connection, id_: int) -> object:
    """Give who has signed a slot last."""
    return read_attrs(connection, id_, [HeldTrial.owner.key]).get(HeldTrial.owner.key)


# -- ending ------------------------------------------------------------------------------------------------------------


def finish(
    storage: Storage,
    trial: TakenTrial,
    state: TrialState,
    values: Sequence[float] = (),
    attrs: Mapping[str, Any] | None = None,
) -> bool:
    """End a slot with its values and what the trial shall hold; say whether it counts.

    It does not where the slot is not ours any more: the worker was thought dead, another one has it. What it came to is
    kept aside then. State, values, reports, attributes and the ledger's entry are one transaction. A pruned trial
    without values has that of its last report, as Optuna tells it.
    """
    id_, attrs = id_of(trial), attrs or {}

    def end(connection: Connection) -> bool:
        before = locked_state(connection, id_)
        held = read_attrs(connection, id_, OF_ENTRY)
        if held.get(HeldTrial.owner.key) != trial.owner:
            write_attrs(connection, id_, late_attribute(trial.owner["claim"], attrs, values))
            return False
        if before.is_finished():  # ours, and told by a first try whose answer was lost
            return True
        write_reports(connection, id_, trial.pending)
        told = list(values) or _last_report(connection, id_, state)
        entry = link(connection, study_id_of(trial.study), entry_contents({**held, **attrs}, state.name.lower(), told))
        write_attrs(connection, id_, {**attrs, **entry})
        with Session(connection) as session:
            ended = session.get_one(TrialModel, id_)
            ended.state = state
            ended.datetime_complete = datetime.now()
            for at, value in enumerate(told):
                stored, kind = TrialValueModel.value_to_stored_repr(value)
                session.add(TrialValueModel(trial_id=id_, objective=at, value=stored, value_type=kind))
            session.flush()
        crash_point("telling")
        return True

    counts = storage.transact(end)
    crash_point("told")
    let_go(trial)
    return counts


def _last_report(connection: Connection, id_: int, state: TrialState) -> list[float]:
    model = TrialIntermediateValueModel
    query = sqlalchemy.select(model.intermediate_value).where(model.trial_id == id_).order_by(model.step.desc())
    last = connection.execute(query.limit(1)).scalar() if state == TrialState.PRUNED else None
    return [] if last is None else [float(last)]


def requeue_dead(storage: Storage, study: optuna.Study, watchdog: Watchdog) -> int:
    """Let the slots of dead workers wait again, those that failed too often fail for good; give how many.

    Safe to call from any number of processes at any time.
    """
    count = 0
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not watchdog.is_dead(trial):
            continue
        held = HeldTrial(trial)
        state = TrialState.WAITING if held.deaths + 1 < MOST_DEATHS else TrialState.FAIL
        count += storage.transact(_bury(study_id_of(study), id_of(trial), held.owner, state, held.deaths + 1))
        crash_point("buried")
    return count


def _bury(study_id: int, id_: int, owner: object, state: TrialState, deaths: int) -> Callable[[Connection], bool]:
    attrs = dict([deaths_attribute(deaths)])

    def bury(connection: Connection) -> bool:
        released = _release(connection, id_, owner, state, attrs)
        if released and state.is_finished():
            contents = entry_contents(read_attrs(connection, id_, OF_ENTRY), state.name.lower(), ())
            write_attrs(connection, id_, link(connection, study_id, contents))
        crash_point("burying")
        return released

    return bury
