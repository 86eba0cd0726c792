"""The queue of slots: planned trials, each counted exactly once however often it was tried.

    add_slots(storage, study, [Slot(0, params={...}), Slot(1), Slot(2)])
    taken = take(storage, study)              # the first waiting slot, now ours; None if none waits
    give_back(storage, taken)                 # interrupted: it waits again, its parameters kept
    requeue_dead(storage, study, watchdog)    # slots whose worker died wait again

A slot is an Optuna trial that was enqueued. A worker that dies leaves it RUNNING; it goes back to WAITING, the same
trial with the same number and the parameters that it had, in one transaction, so nothing is lost and nothing is counted
twice. After `MOST_DEATHS` it fails for good.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from archsearch.study.held import HeldPart, HeldTrial, deaths_attribute, slot_attributes
from archsearch.study.optuna_private import TrialModel, TrialUserAttributeModel, id_of
from archsearch.study.storage import exclusive, steadily

FEW, AHEAD = 3, 8  # slots are planned when fewer than FEW wait, and then until AHEAD do
MOST_DEATHS = 20  # a slot that kills its worker so often is not tried again
BEAT_SECONDS = 10.0
GRACE_SECONDS = 90.0  # a worker on another machine that does not beat for so long is dead
UNOWNED_SECONDS = 15.0  # a slot that was taken by a worker which died before it could sign


@dataclass(frozen=True, slots=True)
class Slot:
    """One planned trial: its number in the plan, parameters that are known already, and what its job needs to know."""

    number: int
    params: Mapping[str, Any] = field(default_factory=dict)
    held: HeldPart | None = None


def slots_of(study: optuna.Study) -> dict[int, FrozenTrial]:
    """Give the trial that counts for every slot of a study: of two with one number the first."""
    found: dict[int, FrozenTrial] = {}
    for trial in steadily(partial(study.get_trials, deepcopy=False)):
        number = HeldTrial(trial).slot
        if number is not None:
            found.setdefault(number, trial)
    return found


def add_slots(storage: RDBStorage, study: optuna.Study, slots: Iterable[Slot]) -> int:
    """Enqueue the slots that are not there yet; give how many were added. Any number of processes may try."""
    with exclusive(storage):
        there = slots_of(study)
        new = [slot for slot in slots if slot.number not in there]
        for slot in new:
            attrs = slot_attributes(slot.number, slot.held)
            steadily(partial(study.enqueue_trial, dict(slot.params), user_attrs=attrs))
    return len(new)


def refill(storage: RDBStorage, study: optuna.Study, total: int, make: Callable[[int], Slot]) -> None:
    """Keep a few slots waiting until `total` are planned; `make(number)` gives the slot of a number.

    Slots are numbered without gaps, so the next one's number is how many there are. Not all are planned at once: Optuna
    reads every unfinished trial again for every sample.
    """
    there = count_slots(storage, study)
    if there.planned >= total or there.waiting >= FEW:
        return
    with exclusive(storage):
        there = count_slots(storage, study)
        for number in range(there.planned, min(total, there.planned + AHEAD - there.waiting)):
            slot = make(number)
            attrs = slot_attributes(slot.number, slot.held)
            steadily(partial(study.enqueue_trial, dict(slot.params), user_attrs=attrs))


class SlotCounts(NamedTuple):
    """How many slots a study has, and how many of them wait and have finished."""

    planned: int
    waiting: int
    finished: int


def count_slots(storage: RDBStorage, study: optuna.Study) -> SlotCounts:
    """Count a study's slots without reading them: Optuna reads every unfinished one again for every look."""
    return steadily(partial(_counted, storage, study))


def _counted(storage: RDBStorage, study: optuna.Study) -> SlotCounts:
    in_study = TrialModel.study_id == storage.get_study_id_from_name(study.study_name)
    query = sqlalchemy.select(TrialModel.state, sqlalchemy.func.count()).where(in_study).group_by(TrialModel.state)
    with storage.engine.begin() as connection:
        found = {state: int(count) for state, count in connection.execute(query)}
    finished = sum(count for state, count in found.items() if state.is_finished())
    return SlotCounts(sum(found.values()), found.get(TrialState.WAITING, 0), finished)


def take(storage: RDBStorage, study: optuna.Study, refused: Collection[int] = ()) -> optuna.Trial | None:
    """Take the first waiting slot and sign it; None if none waits. Two workers never get the same.

    `refused` are ids of trials that this worker leaves to others. Parameters of what is taken are noted by `write_down`
    and not suggested: for that Optuna would have to read all that is not finished.
    """
    for id_ in steadily(partial(_waiting, storage, study, refused)):
        try:
            ours = steadily(partial(storage.set_trial_state_values, id_, state=TrialState.RUNNING))
        except optuna.exceptions.UpdateFinishedTrialError:
            continue
        if ours:
            steadily(partial(storage.set_trial_user_attr, id_, HeldTrial.owner.key, this_process()))
            return optuna.Trial(study, id_)
    return None


def waits(storage: RDBStorage, study: optuna.Study) -> bool:
    """Say whether any slot waits."""
    return bool(steadily(partial(_waiting, storage, study)))


def _waiting(storage: RDBStorage, study: optuna.Study, refused: Collection[int] = ()) -> list[int]:
    """Give the first waiting trials but those, without reading all that wait."""
    query = (
        sqlalchemy.select(TrialModel.trial_id)
        .where(TrialModel.study_id == storage.get_study_id_from_name(study.study_name))
        .where(TrialModel.state == TrialState.WAITING)
        .where(TrialModel.trial_id.not_in(refused))
        .order_by(TrialModel.number)
        .limit(8)
    )
    with storage.engine.begin() as connection:
        return [int(id_) for id_ in connection.execute(query).scalars()]


def _in_state(storage: RDBStorage, study: optuna.Study, state: TrialState) -> list[FrozenTrial]:
    study_id = steadily(partial(storage.get_study_id_from_name, study.study_name))
    return steadily(partial(storage.get_all_trials, study_id, deepcopy=False, states=(state,)))


def give_back(storage: RDBStorage, trial: optuna.Trial) -> None:
    """Let a slot that was taken wait again: its worker stops, and it is nobody's fault."""
    steadily(partial(_release, storage, id_of(trial), this_process(), TrialState.WAITING))


def _release(storage: RDBStorage, id_: int, owner: object, state: TrialState) -> bool:
    """Take a RUNNING slot from its owner, if it is still that one's: compared and changed in one transaction."""
    with storage.engine.begin() as connection:
        locked = sqlalchemy.select(TrialModel.state).where(TrialModel.trial_id == id_).with_for_update()
        if connection.execute(locked).scalar() != TrialState.RUNNING:
            return False
        if _owner(connection, id_) != owner:
            return False
        connection.execute(sqlalchemy.update(TrialModel).where(TrialModel.trial_id == id_).values(state=state))
        connection.execute(
            sqlalchemy.update(TrialUserAttributeModel)
            .where(TrialUserAttributeModel.trial_id == id_, TrialUserAttributeModel.key == HeldTrial.owner.key)
            .values(value_json="null")
        )
    return True


def is_ours(storage: RDBStorage, trial: optuna.Trial) -> bool:
    """Say whether a slot is still ours: a worker that was thought dead must not tell what another one tells."""
    return steadily(partial(_signed_by, storage, id_of(trial))) == this_process()


def _signed_by(storage: RDBStorage, id_: int) -> object:
    with storage.engine.begin() as connection:
        return _owner(connection, id_)


def _owner(connection: sqlalchemy.engine.Connection, id_: int) -> object:
    """Give who has signed a RUNNING slot, None for any other."""
    signature = (
        sqlalchemy.select(TrialUserAttributeModel.value_json)
        .join(TrialModel, TrialModel.trial_id == TrialUserAttributeModel.trial_id)
        .where(TrialModel.trial_id == id_, TrialModel.state == TrialState.RUNNING)
        .where(TrialUserAttributeModel.key == HeldTrial.owner.key)
    )
    signed = connection.execute(signature).scalar()
    return json.loads(signed) if signed is not None else None


# -- who is alive ------------------------------------------------------------------------------------------------------


def this_process() -> dict[str, Any]:
    """Name this process so that another one can tell whether it is alive."""
    return {"host": _host(), "pid": os.getpid(), "started": _started(os.getpid())}


def _host() -> str:
    """Name the machine since its last start: after a restart no process of before is alive."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{socket.gethostname()}/{boot.read_text().strip() if boot.exists() else ''}"


def _started(pid: int) -> str:
    """Give when a process began, in the system's own ticks; "" where it is gone or the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _dead_here(owner: Mapping[str, Any]) -> bool | None:
    """Say whether an owner on this machine is dead; None if it is on another one."""
    if owner["host"] != _host():
        return None
    if owner["started"]:
        return bool(_started(owner["pid"]) != owner["started"])
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


class Watchdog:
    """Remembers when a slot's heartbeat last changed, by this process's own clock: machines' clocks may differ."""

    def __init__(self) -> None:
        self.seen: dict[int, tuple[Any, float]] = {}

    def is_dead(self, trial: FrozenTrial) -> bool:
        """Say whether the worker of a RUNNING slot is dead."""
        held = HeldTrial(trial)
        owner = held.owner
        if owner is not None and (dead := _dead_here(owner)) is not None:
            return dead
        pulse = (owner, held.beat)
        before, since = self.seen.get(trial.number, (None, 0.0))
        if before != pulse:
            self.seen[trial.number] = (pulse, time.monotonic())
            return False
        return time.monotonic() - since > (GRACE_SECONDS if owner is not None else UNOWNED_SECONDS)


def requeue_dead(storage: RDBStorage, study: optuna.Study, watchdog: Watchdog) -> int:
    """Let the slots of dead workers wait again, those that failed too often fail for good; give how many.

    Safe to call from any number of processes at any time.
    """
    count = 0
    for trial in _in_state(storage, study, TrialState.RUNNING):
        if not watchdog.is_dead(trial):
            continue
        held = HeldTrial(trial)
        deaths = held.deaths + 1
        state = TrialState.WAITING if deaths < MOST_DEATHS else TrialState.FAIL
        # counted first: a process that is killed between the two lines costs a try, never the slot
        steadily(partial(storage.set_trial_user_attr, id_of(trial), *deaths_attribute(deaths)))
        count += steadily(partial(_release, storage, id_of(trial), held.owner, state))
    return count
