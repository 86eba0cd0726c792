"""A slot that a process has taken: Optuna's trial, signed, whose reports wait a moment.

    taken = TakenTrial(study, id_, owner, storage.calls.clock)
    taken.report(0.91, step=3)          # in the storage now, or with the end of the trial if it was told just now
    taken.pending                       # {3: 0.91}: what the storage does not know yet

An epoch of a tiny network takes milliseconds, and telling the storage of it as many. Pruners read reports of this trial
from memory and those of trials that have ended from the storage, so to them a report counts at once; who looks at a
running trial sees its last report but those of the last seconds. Where the process dies, whoever goes on reports again
what it finds learned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import optuna
from sqlalchemy.engine import Connection

from archsearch.study.optuna_private import TrialIntermediateValueModel, note_report
from archsearch.study.transaction import insert_into

REPORT_SECONDS = 2.0


class TakenTrial(optuna.Trial):
    """A slot that this process has taken; `owner` is what it has signed it with."""

    def __init__(self, study: optuna.Study, id_: int, owner: Mapping[str, Any], clock: Callable[[], float]) -> None:
        self.owner = owner
        self.pending: dict[int, float] = {}
        super().__init__(study, id_)
        self._clock, self._told = clock, clock()

    def report(self, value: float, step: int) -> None:
        """Report a value; Optuna's own method where the last one that the storage got is some seconds old."""
        if self._clock() - self._told < REPORT_SECONDS:
            self.pending[step] = note_report(self, float(value), step)
            return
        super().report(value, step)
        self._told = self._clock()


def write_reports(connection: Connection, id_: int, reports: Mapping[int, float]) -> None:
    """Write reports of a trial over those that it has."""
    model = TrialIntermediateValueModel
    rows = []
    for step, value in reports.items():
        stored, kind = model.intermediate_value_to_stored_repr(value)
        row = {"trial_id": id_, "step": step, "intermediate_value": stored, "intermediate_value_type": kind}
        rows.append(row)
    if rows:
        into = insert_into(connection, model)
        over = {name: into.excluded[name] for name in ("intermediate_value", "intermediate_value_type")}
        connection.execute(into.on_conflict_do_update(index_elements=[model.trial_id, model.step], set_=over), rows)
