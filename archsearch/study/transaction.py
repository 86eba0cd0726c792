"""Write a study, or what a trial is or came to, all of it in one transaction.

    make_study(storage, "lenet", [StudyDirection.MAXIMIZE], ["val_accuracy"], {"kind": "search"})
    write_down(storage, trial, {"seed": 0, "network": key}, {"conv1.out_channels": (IntDistribution(6, 150), 16)})

Optuna writes each attribute and parameter in a transaction of its own, which for a trial of twenty parameters and ten
attributes costs more than sampling it, and leaves half a study where the process is killed between two of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from sqlalchemy.dialects import postgresql, sqlite

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
)

_INSERT: dict[str, Callable[[type[Any]], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


def write_down(
    storage: RDBStorage,
    trial: optuna.Trial,
    attrs: Mapping[str, Any],
    params: Mapping[str, tuple[BaseDistribution, Any]] | None = None,
) -> None:
    """Write a trial's attributes and parameters, over those that it has.

    Raises `UpdateFinishedTrialError` if the trial has ended, as Optuna does.
    """
    id_ = id_of(trial)
    insert = _INSERT[storage.engine.dialect.name]
    with storage.engine.begin() as connection:
        locked = sqlalchemy.select(TrialModel.state).where(TrialModel.trial_id == id_).with_for_update()
        state = connection.execute(locked).scalar_one()
        if state.is_finished():
            raise UpdateFinishedTrialError(f"trial {trial.number} has ended ({state.name.lower()}) and takes no note")
        if attrs:
            rows = [{"trial_id": id_, "key": key, "value_json": json.dumps(value)} for key, value in attrs.items()]
            into = insert(TrialUserAttributeModel)
            same = [TrialUserAttributeModel.trial_id, TrialUserAttributeModel.key]
            connection.execute(
                into.on_conflict_do_update(index_elements=same, set_={"value_json": into.excluded.value_json}), rows
            )
        if params:
            rows = [
                {
                    "trial_id": id_,
                    "param_name": name,
                    "param_value": distribution.to_internal_repr(value),
                    "distribution_json": distribution_to_json(distribution),
                }
                for name, (distribution, value) in params.items()
            ]
            into = insert(TrialParamModel)
            same = [TrialParamModel.trial_id, TrialParamModel.param_name]
            values = {name: into.excluded[name] for name in ("param_value", "distribution_json")}
            connection.execute(into.on_conflict_do_update(index_elements=same, set_=values), rows)


def make_study(
    storage: RDBStorage,
    name: str,
    directions: Sequence[StudyDirection],
    metrics: Sequence[str],
    attrs: Mapping[str, Any],
) -> None:
    """Make a study with its metrics' names and its attributes; one that is there gets those that it lacks.

    Any number of processes may try: the first one's attributes stay.
    """
    insert = _INSERT[storage.engine.dialect.name]
    with storage.engine.begin() as connection:
        row = insert(StudyModel).values(study_name=name).on_conflict_do_nothing(index_elements=[StudyModel.study_name])
        is_new = bool(connection.execute(row).rowcount)
        found = sqlalchemy.select(StudyModel.study_id).where(StudyModel.study_name == name)
        id_ = connection.execute(found).scalar_one()
        if is_new:
            rows = [{"study_id": id_, "objective": at, "direction": one} for at, one in enumerate(directions)]
            connection.execute(insert(StudyDirectionModel), rows)
        named = {METRIC_NAMES: list(metrics)}
        for table, held in ((StudyUserAttributeModel, attrs), (StudySystemAttributeModel, named)):
            rows = [{"study_id": id_, "key": key, "value_json": json.dumps(value)} for key, value in held.items()]
            same = [table.study_id, table.key]
            connection.execute(insert(table).on_conflict_do_nothing(index_elements=same), rows)
