"""Write a study, or what a trial is or came to, all of it in one transaction that may be made twice.

    make_study(storage, "lenet", [StudyDirection.MAXIMIZE], ["val_accuracy"], {"kind": "search"})
    write_down(storage, trial, {"seed": 0, "network": key}, {"conv1.out_channels": (IntDistribution(6, 150), 16)})
    replace_attr(storage, study, "compute", None, text)

Optuna writes each attribute and parameter in a transaction of its own, which for a trial of twenty parameters and ten
attributes costs more than sampling it, and leaves half a study where the process is killed between two of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import StudyDirection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from archsearch.crash import crash_point
from archsearch.study.optuna_private import (
    METRIC_NAMES,
    StudyDirectionModel,
    StudyModel,
    StudySystemAttributeModel,
    StudyUserAttributeModel,
    TrialModel,
    TrialParamModel,
    TrialUserAttributeModel,
    id_of,
    study_id_of,
)
from archsearch.study.steady import Storage, gone

_INSERT: dict[str, Callable[[type[Any]], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


def write_down(
    storage: Storage,
    trial: optuna.Trial,
    attrs: Mapping[str, Any],
    params: Mapping[str, tuple[BaseDistribution, Any]] | None = None,
) -> None:
    """Write a trial's attributes and parameters, over those that it has.

    Raises `UpdateFinishedTrialError` if the trial has ended, as Optuna does.
    """
    id_ = id_of(trial)

    def write(connection: Connection) -> None:
        state = locked_state(connection, id_)
        if state.is_finished():
            raise UpdateFinishedTrialError(f"trial {trial.number} has ended ({state.name.lower()}) and takes no note")
        write_attrs(connection, id_, attrs)
        if params:
            _write_params(connection, id_, params)

    storage.transact(write)


def insert_into(connection: Connection, table: type[Any]) -> sqlite.Insert | postgresql.Insert:
    """Give an insert that may say what is done where a row is there already."""
    return _INSERT[connection.dialect.name](table)


def locked_state(connection: Connection, id_: int) -> optuna.trial.TrialState:
    """Give the state of a trial, and keep others from changing it until the transaction ends."""
    locked = sqlalchemy.select(TrialModel.state).where(TrialModel.trial_id == id_).with_for_update()
    state: optuna.trial.TrialState | None = connection.execute(locked).scalar()
    if state is None:
        raise gone()
    return state


def write_attrs(connection: Connection, id_: int, attrs: Mapping[str, Any]) -> None:
    """Write attributes of a trial over those that it has."""
    rows = [{"trial_id": id_, "key": key, "value_json": json.dumps(value)} for key, value in attrs.items()]
    if rows:
        into = _INSERT[connection.dialect.name](TrialUserAttributeModel)
        same = [TrialUserAttributeModel.trial_id, TrialUserAttributeModel.key]
        over = into.on_conflict_do_update(index_elements=same, set_={"value_json": into.excluded.value_json})
        connection.execute(over, rows)


def read_attrs(connection: Connection, id_: int, keys: Iterable[str]) -> dict[str, Any]:
    """Read attributes of a trial, those of these keys that it has."""
    model = TrialUserAttributeModel
    of = (model.trial_id == id_, model.key.in_(list(keys)))
    found = connection.execute(sqlalchemy.select(model.key, model.value_json).where(*of))
    return {key: json.loads(text) for key, text in found}


def _write_params(connection: Connection, id_: int, params: Mapping[str, tuple[BaseDistribution, Any]]) -> None:
    rows = [
        {
            "trial_id": id_,
            "param_name": name,
            "param_value": distribution.to_internal_repr(value),
            "distribution_json": distribution_to_json(distribution),
        }
        for name, (distribution, value) in params.items()
    ]
    into = _INSERT[connection.dialect.name](TrialParamModel)
    same = [TrialParamModel.trial_id, TrialParamModel.param_name]
    values = {name: into.excluded[name] for name in ("param_value", "distribution_json")}
    connection.execute(into.on_conflict_do_update(index_elements=same, set_=values), rows)


def make_study(
    storage: Storage,
    name: str,
    directions: Sequence[StudyDirection],
    metrics: Sequence[str],
    attrs: Mapping[str, Any],
) -> None:
    """Make a study with its metrics' names and its attributes; one that is there gets those that it lacks.

    Any number of processes may try: the first one's attributes stay.
    """

    def make(connection: Connection) -> None:
        insert = _INSERT[connection.dialect.name]
        row = insert(StudyModel).values(study_name=name).on_conflict_do_nothing(index_elements=[StudyModel.study_name])
        connection.execute(row)
        found = sqlalchemy.select(StudyModel.study_id).where(StudyModel.study_name == name)
        id_ = connection.execute(found).scalar_one()
        known = sqlalchemy.select(StudyDirectionModel.direction).where(StudyDirectionModel.study_id == id_)
        if connection.execute(known).first() is None:  # of two drivers one counts rows that were not inserted
            rows = [{"study_id": id_, "objective": at, "direction": one} for at, one in enumerate(directions)]
            connection.execute(insert(StudyDirectionModel), rows)
        crash_point("study begun")
        named = {METRIC_NAMES: list(metrics)}
        for table, held in ((StudyUserAttributeModel, attrs), (StudySystemAttributeModel, named)):
            rows = [{"study_id": id_, "key": key, "value_json": json.dumps(value)} for key, value in held.items()]
            same = [table.study_id, table.key]
            connection.execute(insert(table).on_conflict_do_nothing(index_elements=same), rows)
            crash_point("study half")

    storage.transact(make)
    crash_point("study made")


def lock_study(connection: Connection, study_id: int) -> None:
    """Keep others from planning in a study until the transaction ends."""
    locked = sqlalchemy.select(StudyModel.study_id).where(StudyModel.study_id == study_id).with_for_update()
    if connection.execute(locked).scalar() is None:
        raise gone()


def read_study_attrs(connection: Connection, study_id: int, keys: Iterable[str]) -> dict[str, Any]:
    """Read attributes of a study, those of these keys that it has."""
    model = StudyUserAttributeModel
    of = (model.study_id == study_id, model.key.in_(list(keys)))
    found = connection.execute(sqlalchemy.select(model.key, model.value_json).where(*of))
    return {key: json.loads(text) for key, text in found}


def write_study_attrs(connection: Connection, study_id: int, attrs: Mapping[str, Any]) -> None:
    """Write attributes of a study over those that it has."""
    rows = [{"study_id": study_id, "key": key, "value_json": json.dumps(value)} for key, value in attrs.items()]
    into = _INSERT[connection.dialect.name](StudyUserAttributeModel)
    same = [StudyUserAttributeModel.study_id, StudyUserAttributeModel.key]
    connection.execute(
        into.on_conflict_do_update(index_elements=same, set_={"value_json": into.excluded.value_json}), rows
    )


def replace_attr(storage: Storage, study: optuna.Study, key: str, before: Any, now: Any) -> bool:
    """Give an attribute of a study another value if it still has the one of before (None: none); say whether it has it.

    Of processes that change it at once one gets True, the others read again what it is by now.
    """
    id_ = study_id_of(study)

    def replace(connection: Connection) -> bool:
        lock_study(connection, id_)
        of = [StudyUserAttributeModel.study_id == id_, StudyUserAttributeModel.key == key]
        text = connection.execute(sqlalchemy.select(StudyUserAttributeModel.value_json).where(*of)).scalar()
        there = None if text is None else json.loads(text)
        if there == now:  # already, as when the answer of a first try was lost
            return True
        if there != before:
            return False
        write_study_attrs(connection, id_, {key: now})
        return True

    return storage.transact(replace)
