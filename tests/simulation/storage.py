"""Optuna's storage, in the memory that all processes of a world share: every operation is one transaction, one step.

    storage = SimulatedStorage(database, gate)  # a process's own
    storage.get_trial(1), storage.engine.begin()

What Optuna does to its tables by its object mapper is done here by plain statements, to the same rows with the same
answers and errors: tests/simulation/test_storage.py holds it against Optuna's own.
"""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable, Container, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar

import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from tests.simulation.database import Database, Gate, SimulatedEngine
from tests.simulation.faults import as_optuna
from tests.simulation.rows import (
    ATTRIBUTES,
    frozen_trials,
    one_value,
    set_attribute,
    set_study_attribute,
    study_attributes,
    study_is_there,
    updatable,
)

T = TypeVar("T")
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)


class SimulatedStorage(RDBStorage):
    """What a process has of the storage."""

    def __init__(self, database: Database, gate: Gate, dialect: str = "sqlite", url: str = "sqlite:///s.db") -> None:
        self._database = database
        self._gate = gate
        self.url = url
        self.engine = SimulatedEngine(database, gate, dialect, url)  # type: ignore[assignment]

    @property
    def scoped_session(self) -> NoReturn:  # type: ignore[override]
        """Be asked by what Optuna does by its object mapper, and is not written here."""
        raise NotImplementedError("the simulated storage does not know this operation of Optuna's: write it")

    def _step(self, what: str, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._gate.before(what)
            try:
                found = work(self._database.begin())
            except BaseException:
                self._database.end(well=False)
                raise
            self._database.end(well=True)
            self._gate.after(what)
        except sqlalchemy.exc.OperationalError as error:
            raise as_optuna(error.orig) from error  # type: ignore[arg-type]
        return found

    # -- studies -------------------------------------------------------------------------------------------------------

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        def work(raw: sqlite3.Connection) -> None:
            try:
                id_ = raw.execute("INSERT INTO studies (study_name) VALUES (?)", (study_name,)).lastrowid
            except sqlite3.IntegrityError:
                raise DuplicatedStudyError from None
            rows = [(id_, at, one.name) for at, one in enumerate(directions)]
            raw.executemany("INSERT INTO study_directions (study_id, objective, direction) VALUES (?, ?, ?)", rows)

        self._step("create_new_study", work)
        return self.get_study_id_from_name(str(study_name))

    def get_study_id_from_name(self, study_name: str) -> int:
        query = "SELECT study_id FROM studies WHERE study_name = ?"
        return self._step("get_study_id_from_name", lambda raw: int(one_value(raw, query, study_name)))

    def get_study_name_from_id(self, study_id: int) -> str:
        query = "SELECT study_name FROM studies WHERE study_id = ?"
        return self._step("get_study_name_from_id", lambda raw: str(one_value(raw, query, study_id)))

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        def work(raw: sqlite3.Connection) -> list[StudyDirection]:
            study_is_there(raw, study_id)
            query = "SELECT direction FROM study_directions WHERE study_id = ?"
            return [StudyDirection[name] for (name,) in raw.execute(query, (study_id,))]

        return self._step("get_study_directions", work)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._step("get_study_user_attrs", lambda raw: study_attributes(raw, "user", study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._step("get_study_system_attrs", lambda raw: study_attributes(raw, "system", study_id))

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._step("set_study_user_attr", lambda raw: set_study_attribute(raw, "user", study_id, key, value))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._step("set_study_system_attr", lambda raw: set_study_attribute(raw, "system", study_id, key, value))

    def get_all_studies(self) -> list[FrozenStudy]:
        def work(raw: sqlite3.Connection) -> list[FrozenStudy]:
            query = "SELECT study_id, study_name FROM studies ORDER BY study_id"
            directions = "SELECT direction FROM study_directions WHERE study_id = ?"
            return [
                FrozenStudy(
                    study_name=name,
                    direction=None,
                    directions=[StudyDirection[one] for (one,) in raw.execute(directions, (id_,))],
                    user_attrs=study_attributes(raw, "user", id_),
                    system_attrs=study_attributes(raw, "system", id_),
                    study_id=id_,
                )
                for id_, name in raw.execute(query).fetchall()
            ]

        return self._step("get_all_studies", work)

    # -- trials that are made and changed ------------------------------------------------------------------------------

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        assert template_trial is None or not template_trial.params, "no trial is made with parameters here"

        def work(raw: sqlite3.Connection) -> FrozenTrial:
            study_is_there(raw, study_id)
            began = template_trial.datetime_start if template_trial else self._time()
            state = template_trial.state if template_trial else TrialState.RUNNING
            values = (study_id, state.name, str(began) if began else None)
            into = "INSERT INTO trials (study_id, state, datetime_start) VALUES (?, ?, ?)"
            id_ = raw.execute(into, values).lastrowid
            assert id_ is not None
            for kind in ATTRIBUTES:
                attrs = getattr(template_trial, f"{kind}_attrs") if template_trial else {}
                for key, value in attrs.items():
                    set_attribute(raw, kind, id_, key, value)
            before = "SELECT COUNT(*) FROM trials WHERE study_id = ? AND trial_id < ?"
            (number,) = raw.execute(before, (study_id, id_)).fetchone()
            raw.execute("UPDATE trials SET number = ? WHERE trial_id = ?", (number, id_))
            return frozen_trials(raw, "trial_id = ?", (id_,))[0]

        for _ in range(4):  # as Optuna does, whether the answer was lost before the commit or after it
            try:
                return self._step("create_new_trial", work)
            except optuna.exceptions.StorageInternalError:
                self._gate.wait()
        return self._step("create_new_trial", work)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        def work(raw: sqlite3.Connection) -> bool:
            was = updatable(raw, trial_id)
            for at, value in enumerate(values or ()):
                raw.execute(
                    "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, ?, ?, 'FINITE') "
                    "ON CONFLICT (trial_id, objective) DO UPDATE SET value = excluded.value",
                    (trial_id, at, value),
                )
            if state == TrialState.RUNNING and was != TrialState.WAITING:
                return False
            change = "UPDATE trials SET state = ? WHERE trial_id = ?"
            raw.execute(change, (state.name, trial_id))
            if state == TrialState.RUNNING or state.is_finished():
                column = "datetime_complete" if state.is_finished() else "datetime_start"
                raw.execute(f"UPDATE trials SET {column} = ? WHERE trial_id = ?", (str(self._time()), trial_id))
            return True

        return self._step(f"set_trial_state_values {state.name}", work)

    def _set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
        previous_distribution: BaseDistribution | None,
    ) -> None:
        def work(raw: sqlite3.Connection) -> None:
            updatable(raw, trial_id)
            raw.execute(
                "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",  # as Optuna leaves what another one has noted
                (trial_id, param_name, param_value_internal, distribution_to_json(distribution)),
            )

        self._step("set_trial_param", work)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        def work(raw: sqlite3.Connection) -> None:
            updatable(raw, trial_id)
            raw.execute(
                "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) "
                "VALUES (?, ?, ?, 'FINITE') ON CONFLICT (trial_id, step) DO UPDATE "
                "SET intermediate_value = excluded.intermediate_value",
                (trial_id, step, intermediate_value),
            )

        self._step("set_trial_intermediate_value", work)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._set_checked("user", trial_id, key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._set_checked("system", trial_id, key, value)

    def _set_checked(self, kind: str, trial_id: int, key: str, value: Any) -> None:
        def work(raw: sqlite3.Connection) -> None:
            updatable(raw, trial_id)
            set_attribute(raw, kind, trial_id, key, value)

        self._step(f"set_trial_{kind}_attr {key}", work)

    # -- trials that are read ------------------------------------------------------------------------------------------

    def get_trial(self, trial_id: int) -> FrozenTrial:
        def work(raw: sqlite3.Connection) -> FrozenTrial:
            found = frozen_trials(raw, "trial_id = ?", (trial_id,))
            if not found:
                raise KeyError("Record does not exist.")
            return found[0]

        return self._step("get_trial", work)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        found = self._get_trials(study_id, states, set(), -1)
        return copy.deepcopy(found) if deepcopy else found

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        def work(raw: sqlite3.Connection) -> list[FrozenTrial]:
            study_is_there(raw, study_id)
            where, values = "study_id = ?", [study_id]
            if states is not None:
                names = ", ".join(f"'{state.name}'" for state in TrialState if state in states)
                where += f" AND state IN ({names})"
            if trial_id_greater_than > -1:
                ids = ", ".join(str(id_) for id_ in sorted(included_trial_ids) if id_ <= trial_id_greater_than)
                where += f" AND (trial_id > ? OR trial_id IN ({ids}))"
                values.append(trial_id_greater_than)
            return frozen_trials(raw, where, values)

        return self._step("get_trials", work)

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        query = "SELECT trial_id FROM trials WHERE study_id = ? AND number = ?"
        return self._step("get_trial_id", lambda raw: int(one_value(raw, query, study_id, trial_number)))

    def _time(self) -> datetime:
        return _BEGAN + timedelta(seconds=self._gate.now)
