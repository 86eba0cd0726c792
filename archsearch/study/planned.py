"""Which slots of a study are planned: what a worker knows, so that it reads only what is newer.

    planned = Planned()
    with storage.engine.begin() as connection:
        planned.look(connection, study_id)              # {0, 1, 2}: their numbers
        planned.count_waiting(connection, study_id)     # 2

A number that is planned stays, and a trial that has ended does; rows are made under a lock of their study, so one that
is newer has a greater id. What was read is committed, so that it holds also where the reader is rolled back.
"""

from __future__ import annotations

import sqlalchemy
from optuna.trial import TrialState
from sqlalchemy import bindparam
from sqlalchemy.engine import Connection

from archsearch.study.held import HeldTrial
from archsearch.study.optuna_private import TrialModel, TrialUserAttributeModel

_NUMBERS = (
    sqlalchemy.select(TrialModel.trial_id, TrialUserAttributeModel.value_json)
    .join(TrialUserAttributeModel, TrialModel.trial_id == TrialUserAttributeModel.trial_id)
    .where(TrialModel.study_id == bindparam("study"), TrialModel.trial_id > bindparam("newest"))
    .where(TrialUserAttributeModel.key == HeldTrial.slot.key)
    .order_by(TrialModel.trial_id)
)
_STATES = (
    sqlalchemy.select(TrialModel.trial_id, TrialModel.state)
    .where(TrialModel.study_id == bindparam("study"), TrialModel.trial_id > bindparam("ended"))
    .order_by(TrialModel.trial_id)
)


class Planned:
    """The numbers of a study's slots up to the trial `newest`; all trials up to `ended` have ended."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        self.newest = -1
        self.ended = -1

    def look(self, connection: Connection, study_id: int) -> set[int]:
        """Give the numbers of the slots that are planned."""
        for id_, text in connection.execute(_NUMBERS, {"study": study_id, "newest": self.newest}):
            self.numbers.add(int(text))
            self.newest = id_
        return self.numbers

    def count_waiting(self, connection: Connection, study_id: int) -> int:
        """Count the trials that wait."""
        waiting, all_ended = 0, True
        for id_, state in connection.execute(_STATES, {"study": study_id, "ended": self.ended}):
            all_ended = all_ended and state.is_finished()
            if all_ended:
                self.ended = id_
            waiting += state == TrialState.WAITING
        return waiting
