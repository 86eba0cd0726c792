"""Optuna's storage with trials that are read by plain statements, each built once, and that take little memory.

    Database("sqlite:///study.db", engine_kwargs={}).get_trial(7)

Optuna reads by its object mapper, and reads the unfinished trials of a study again for every sample: that costs more
than sampling does. The same trials are given here for a fraction of the time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

import sqlalchemy
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import bindparam
from sqlalchemy.engine import Connection

from archsearch.study.folded import Folding
from archsearch.study.optuna_private import (
    NOT_FOUND,
    StudyModel,
    TrialIntermediateValueModel,
    TrialModel,
    TrialParamModel,
    TrialSystemAttributeModel,
    TrialUserAttributeModel,
    TrialValueModel,
    opened_as_it_is,
)

T = TypeVar("T")
_Rows = Iterable[Sequence[Any]]

_AT_ONCE = 1000  # trials whose parts are asked for by one statement: databases bound the number of its values

_TRIALS = TrialModel.__table__.c
_TRIAL = (_TRIALS.trial_id, _TRIALS.number, _TRIALS.state, _TRIALS.datetime_start, _TRIALS.datetime_complete)
_STUDY = sqlalchemy.select(StudyModel.study_id).where(StudyModel.study_id == bindparam("study"))
_BY_ID = sqlalchemy.select(*_TRIAL).where(_TRIALS.trial_id.in_(bindparam("ids", expanding=True)))
_NEWER = sqlalchemy.select(*_TRIAL).where(_TRIALS.study_id == bindparam("study"), _TRIALS.trial_id > bindparam("after"))


def _part(table: type[Any], *columns: str) -> sqlalchemy.Select[Any]:
    """Ask for what a table holds of some trials, in the order in which it was written."""
    of = table.__table__
    [key] = of.primary_key
    asked = sqlalchemy.select(of.c.trial_id, *(of.c[name] for name in columns))
    return asked.where(of.c.trial_id.in_(bindparam("ids", expanding=True))).order_by(key)


_PARAMS = _part(TrialParamModel, "param_name", "param_value", "distribution_json")
_VALUES = _part(TrialValueModel, "objective", "value", "value_type")
_USER = _part(TrialUserAttributeModel, "key", "value_json")
_SYSTEM = _part(TrialSystemAttributeModel, "key", "value_json")
_STEPS = _part(TrialIntermediateValueModel, "step", "intermediate_value", "intermediate_value_type")


class Database(RDBStorage):
    """Optuna's storage, whose finished trials take little memory: Optuna keeps every one that it has read."""

    def __init__(self, url: str, engine_kwargs: dict[str, Any]) -> None:
        self._fold = Folding()
        if not opened_as_it_is(self, url, engine_kwargs):
            super().__init__(url, engine_kwargs=engine_kwargs)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Give a trial; raise `KeyError` where there is none."""
        with self.engine.begin() as connection:
            found = self._read(connection, connection.execute(_BY_ID, {"ids": [trial_id]}).all())
        if not found:
            raise KeyError(NOT_FOUND)
        return found[0]

    def check_trial_is_updatable(self, trial_id: int, trial_state: TrialState) -> None:
        """Raise `UpdateFinishedTrialError` for a trial that has ended.

        Optuna reads the trial once more for its number, in the middle of a transaction: here that would be a second one
        on the same connection, which SQLite refuses.
        """
        if trial_state.is_finished():
            raise UpdateFinishedTrialError(f"trial with id {trial_id} has ended and takes no note")

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """Give what Optuna's own storage gives: of a study the trials that are newer than one, and some older ones."""
        older = sorted(id_ for id_ in included_trial_ids if id_ <= trial_id_greater_than)
        with self.engine.begin() as connection:
            if connection.execute(_STUDY, {"study": study_id}).first() is None:
                raise KeyError(NOT_FOUND)
            rows: list[Any] = []
            for ids in _batches(older):
                rows += connection.execute(_BY_ID, {"ids": ids})
            rows += connection.execute(_NEWER, {"study": study_id, "after": trial_id_greater_than})
            if states is not None:
                rows = [row for row in rows if row.state in states]
            return self._read(connection, sorted(rows, key=lambda row: row.trial_id))

    def _read(self, connection: Connection, trials: Sequence[Any]) -> list[FrozenTrial]:
        """Read all parts of some trials; those that have ended are folded."""
        found = []
        for batch in _batches(trials):
            ids = {"ids": [trial.trial_id for trial in batch]}
            params, values, user, system, steps = (
                _by_trial(connection.execute(part, ids)) for part in (_PARAMS, _VALUES, _USER, _SYSTEM, _STEPS)
            )
            for trial in batch:
                id_ = trial.trial_id
                one = FrozenTrial(
                    number=trial.number,
                    state=trial.state,
                    value=None,
                    values=_told(values[id_]),
                    datetime_start=_local(trial.datetime_start),
                    datetime_complete=_local(trial.datetime_complete),
                    params={name: _distribution(text).to_external_repr(held) for _, name, held, text in params[id_]},
                    distributions={name: _distribution(text) for _, name, _, text in params[id_]},
                    user_attrs={key: json.loads(text) for _, key, text in user[id_]},
                    system_attrs={key: json.loads(text) for _, key, text in system[id_]},
                    intermediate_values={
                        step: TrialIntermediateValueModel.stored_repr_to_intermediate_value(value, kind)
                        for _, step, value, kind in steps[id_]
                    },
                    trial_id=id_,
                )
                if one.state.is_finished():
                    self._fold(one)
                found.append(one)
        return found


def _batches(of: Sequence[T]) -> Iterable[Sequence[T]]:
    return (of[at : at + _AT_ONCE] for at in range(0, len(of), _AT_ONCE))


def _by_trial(rows: _Rows) -> defaultdict[int, list[Sequence[Any]]]:
    found: defaultdict[int, list[Sequence[Any]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


@lru_cache(maxsize=4096)
def _distribution(text: str) -> BaseDistribution:
    """Read a distribution, once for all trials that have it: none is ever changed."""
    return json_to_distribution(text)


def _told(rows: Sequence[Sequence[Any]]) -> list[float] | None:
    values = [0.0] * len(rows)
    for _, objective, value, kind in rows:
        values[objective] = TrialValueModel.stored_repr_to_value(value, kind)
    return values or None


def _local(time: datetime | None) -> datetime | None:
    """Give a time as Optuna gives it: stored as UTC, shown in the local zone, both without saying so."""
    return None if time is None else time.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)
