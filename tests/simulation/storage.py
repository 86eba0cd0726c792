"""Optuna's storage in memory, shared by all processes of a world: every transaction is one step of it.

    database = Database()                       # once; `database.clear()` before each study
    storage = SimulatedStorage(database, gate)  # a process's own
    storage.get_trial(1), storage.engine.begin()

The tables are Optuna's, in SQLite. What Optuna does to them by its object mapper is done here by plain statements, to
the same rows with the same answers and errors (tests/simulation/test_storage.py holds it against Optuna's own); our own
statements run as they are. The `gate` is passed before and after each transaction: there time passes, others go first,
and faults come.
"""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Protocol, TypeVar

import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.functions import Function

from tests.simulation.faults import as_optuna
from tests.simulation.statements import execute

T = TypeVar("T")
_STATES = {state.name: state for state in TrialState}
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_ATTRIBUTES = {"user": "trial_user_attributes", "system": "trial_system_attributes"}


class Gate(Protocol):
    """What a transaction passes."""

    now: float

    def before(self, what: str) -> None:
        """Be passed before a transaction; raises where it does not come about."""

    def after(self, what: str) -> None:
        """Be passed after its commit; raises where the answer is lost."""

    def wait(self) -> None:
        """Wait a moment, as Optuna does before it makes a trial again."""

    def lock(self) -> None:
        """Wait for the server's lock, and have it."""

    def unlock(self) -> None:
        """Give it back; raises where it was lost."""


class Database:
    """Optuna's tables in memory. A step is one transaction: `seen` is called after each that changed something."""

    def __init__(self) -> None:
        self.raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        # Optuna's own makes the tables; kept, as its pool would close the connection
        self.maker = RDBStorage("sqlite://", engine_kwargs={"creator": lambda: self.raw, "poolclass": StaticPool})
        self.raw.isolation_level = None
        found = self.raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        kept = ("alembic_version", "version_info")
        self.tables = [name for (name,) in found if name not in kept]
        self.seen: Callable[[], None] = lambda: None
        self._changes = 0

    def clear(self) -> None:
        """Empty all tables: ids begin at 1 again."""
        self.raw.execute("BEGIN")
        for table in self.tables:
            self.raw.execute(f"DELETE FROM {table}")
        self.raw.execute("COMMIT")
        self._changes = self.raw.total_changes

    def begin(self) -> sqlite3.Connection:
        """Begin a step."""
        self.raw.execute("BEGIN")
        return self.raw

    def end(self, *, well: bool) -> None:
        """Commit it, or leave all as it was."""
        self.raw.execute("COMMIT" if well else "ROLLBACK")
        if self.raw.total_changes != self._changes:
            self._changes = self.raw.total_changes
            if well:
                self.seen()


class SimulatedConnection:
    """A connection of our own statements; made by an engine."""

    def __init__(self, engine: SimulatedEngine) -> None:
        self.dialect = engine.dialect
        self.raw = engine.database.raw
        self._gate = engine.gate

    def execute(self, statement: Any, rows: Any = None) -> Any:
        """Run a statement in the transaction, or wait for a lock of the server."""
        first = getattr(statement, "_raw_columns", (None,))[0]  # public ways to ask compile the statement
        if isinstance(first, Function) and "advisory" in first.name:
            return self._gate.unlock() if "unlock" in first.name else self._gate.lock()
        return execute(self.raw, statement, rows)

    def scalar(self, statement: Any) -> Any:
        """Run a statement, and give the first column of its first row."""
        return self.execute(statement).scalar()


class _Dialect:
    def __init__(self, name: str) -> None:
        self.name = name


class SimulatedEngine:
    """What our own code asks of a storage's engine."""

    def __init__(self, database: Database, gate: Gate, dialect: str, url: str) -> None:
        self.database = database
        self.gate = gate
        self.dialect = _Dialect(dialect)
        self.url = sqlalchemy.engine.make_url(url)

    @contextmanager
    def begin(self) -> Iterator[SimulatedConnection]:
        """Make a transaction."""
        self.gate.before("transaction")
        self.database.begin()
        try:
            yield SimulatedConnection(self)
        except BaseException:
            self.database.end(well=False)
            raise
        self.database.end(well=True)
        self.gate.after("transaction")

    @contextmanager
    def connect(self) -> Iterator[SimulatedConnection]:
        """Hold a connection, for the locks that belong to it."""
        self.gate.before("connect")
        yield SimulatedConnection(self)

    def dispose(self) -> None:
        """Nothing is open."""


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
        return self._step("get_study_id_from_name", lambda raw: int(_found(raw, query, study_name)))

    def get_study_name_from_id(self, study_id: int) -> str:
        query = "SELECT study_name FROM studies WHERE study_id = ?"
        return self._step("get_study_name_from_id", lambda raw: str(_found(raw, query, study_id)))

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        def work(raw: sqlite3.Connection) -> list[StudyDirection]:
            _study_is_there(raw, study_id)
            query = "SELECT direction FROM study_directions WHERE study_id = ?"
            return [StudyDirection[name] for (name,) in raw.execute(query, (study_id,))]

        return self._step("get_study_directions", work)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._step("get_study_user_attrs", lambda raw: _study_attributes(raw, "user", study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._step("get_study_system_attrs", lambda raw: _study_attributes(raw, "system", study_id))

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._step("set_study_user_attr", lambda raw: _set_study_attribute(raw, "user", study_id, key, value))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._step("set_study_system_attr", lambda raw: _set_study_attribute(raw, "system", study_id, key, value))

    def get_all_studies(self) -> list[FrozenStudy]:
        def work(raw: sqlite3.Connection) -> list[FrozenStudy]:
            query = "SELECT study_id, study_name FROM studies ORDER BY study_id"
            directions = "SELECT direction FROM study_directions WHERE study_id = ?"
            return [
                FrozenStudy(
                    study_name=name,
                    direction=None,
                    directions=[StudyDirection[one] for (one,) in raw.execute(directions, (id_,))],
                    user_attrs=_study_attributes(raw, "user", id_),
                    system_attrs=_study_attributes(raw, "system", id_),
                    study_id=id_,
                )
                for id_, name in raw.execute(query).fetchall()
            ]

        return self._step("get_all_studies", work)

    # -- trials that are made and changed ------------------------------------------------------------------------------

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        assert template_trial is None or not template_trial.params, "no trial is made with parameters here"

        def work(raw: sqlite3.Connection) -> FrozenTrial:
            _study_is_there(raw, study_id)
            began = template_trial.datetime_start if template_trial else self._time()
            state = template_trial.state if template_trial else TrialState.RUNNING
            values = (study_id, state.name, str(began) if began else None)
            into = "INSERT INTO trials (study_id, state, datetime_start) VALUES (?, ?, ?)"
            id_ = raw.execute(into, values).lastrowid
            assert id_ is not None
            for kind in _ATTRIBUTES:
                attrs = getattr(template_trial, f"{kind}_attrs") if template_trial else {}
                for key, value in attrs.items():
                    _set_attribute(raw, kind, id_, key, value)
            before = "SELECT COUNT(*) FROM trials WHERE study_id = ? AND trial_id < ?"
            (number,) = raw.execute(before, (study_id, id_)).fetchone()
            raw.execute("UPDATE trials SET number = ? WHERE trial_id = ?", (number, id_))
            return _frozen(raw, "trial_id = ?", (id_,))[0]

        for _ in range(4):  # as Optuna does, whether the answer was lost before the commit or after it
            try:
                return self._step("create_new_trial", work)
            except optuna.exceptions.StorageInternalError:
                self._gate.wait()
        return self._step("create_new_trial", work)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        def work(raw: sqlite3.Connection) -> bool:
            was = _updatable(raw, trial_id)
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
            _updatable(raw, trial_id)
            raw.execute(
                "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",  # as Optuna leaves what another one has noted
                (trial_id, param_name, param_value_internal, distribution_to_json(distribution)),
            )

        self._step("set_trial_param", work)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        def work(raw: sqlite3.Connection) -> None:
            _updatable(raw, trial_id)
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
            _updatable(raw, trial_id)
            _set_attribute(raw, kind, trial_id, key, value)

        self._step(f"set_trial_{kind}_attr {key}", work)

    # -- trials that are read ------------------------------------------------------------------------------------------

    def get_trial(self, trial_id: int) -> FrozenTrial:
        def work(raw: sqlite3.Connection) -> FrozenTrial:
            found = _frozen(raw, "trial_id = ?", (trial_id,))
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
            _study_is_there(raw, study_id)
            where, values = "study_id = ?", [study_id]
            if states is not None:
                names = ", ".join(f"'{state.name}'" for state in TrialState if state in states)
                where += f" AND state IN ({names})"
            if trial_id_greater_than > -1:
                ids = ", ".join(str(id_) for id_ in sorted(included_trial_ids) if id_ <= trial_id_greater_than)
                where += f" AND (trial_id > ? OR trial_id IN ({ids}))"
                values.append(trial_id_greater_than)
            return _frozen(raw, where, values)

        return self._step("get_trials", work)

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        query = "SELECT trial_id FROM trials WHERE study_id = ? AND number = ?"
        return self._step("get_trial_id", lambda raw: int(_found(raw, query, study_id, trial_number)))

    def _time(self) -> datetime:
        return _BEGAN + timedelta(seconds=self._gate.now)


# -- rows --------------------------------------------------------------------------------------------------------------


def _found(raw: sqlite3.Connection, query: str, *values: Any) -> Any:
    row = raw.execute(query, values).fetchone()
    if row is None:
        raise KeyError("Record does not exist.")
    return row[0]


def _study_is_there(raw: sqlite3.Connection, study_id: int) -> None:
    _found(raw, "SELECT 1 FROM studies WHERE study_id = ?", study_id)


def _study_attributes(raw: sqlite3.Connection, kind: str, study_id: int) -> dict[str, Any]:
    _study_is_there(raw, study_id)
    query = f"SELECT key, value_json FROM study_{kind}_attributes WHERE study_id = ?"
    return {key: json.loads(value) for key, value in raw.execute(query, (study_id,))}


def _set_study_attribute(raw: sqlite3.Connection, kind: str, study_id: int, key: str, value: Any) -> None:
    _study_is_there(raw, study_id)
    raw.execute(
        f"INSERT INTO study_{kind}_attributes (study_id, key, value_json) VALUES (?, ?, ?) "
        "ON CONFLICT (study_id, key) DO UPDATE SET value_json = excluded.value_json",
        (study_id, key, json.dumps(value)),
    )


def _updatable(raw: sqlite3.Connection, trial_id: int) -> TrialState:
    """Give a trial's state; raise as Optuna does where it has ended."""
    state = _STATES[_found(raw, "SELECT state FROM trials WHERE trial_id = ?", trial_id)]
    if state.is_finished():
        (number,) = raw.execute("SELECT number FROM trials WHERE trial_id = ?", (trial_id,)).fetchone()
        raise UpdateFinishedTrialError(f"Trial#{number} has already finished and can not be updated.")
    return state


def _set_attribute(raw: sqlite3.Connection, kind: str, trial_id: int, key: str, value: Any) -> None:
    raw.execute(
        f"INSERT INTO {_ATTRIBUTES[kind]} (trial_id, key, value_json) VALUES (?, ?, ?) "
        "ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json",
        (trial_id, key, json.dumps(value)),
    )


def _frozen(raw: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[FrozenTrial]:
    """Read trials: what five tables hold of them, in one statement."""
    return [_trial(rows) for rows in _rows(raw, where, values).values()]


_PARTS = """
WITH t AS (SELECT * FROM trials WHERE {where})
SELECT 0, trial_id, number, state, datetime_start, datetime_complete FROM t
UNION ALL SELECT 1, trial_id, key, value_json, 0, 0
  FROM trial_user_attributes WHERE trial_id IN (SELECT trial_id FROM t)
UNION ALL SELECT 2, trial_id, key, value_json, 0, 0
  FROM trial_system_attributes WHERE trial_id IN (SELECT trial_id FROM t)
UNION ALL SELECT 3, trial_id, param_name, param_value, distribution_json, param_id
  FROM trial_params WHERE trial_id IN (SELECT trial_id FROM t)
UNION ALL SELECT 4, trial_id, objective, value, 0, 0 FROM trial_values WHERE trial_id IN (SELECT trial_id FROM t)
UNION ALL SELECT 5, trial_id, step, intermediate_value, 0, 0
  FROM trial_intermediate_values WHERE trial_id IN (SELECT trial_id FROM t)
ORDER BY 2, 1
"""


def _rows(raw: sqlite3.Connection, where: str, values: Sequence[Any]) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for row in raw.execute(_PARTS.format(where=where), values):
        found.setdefault(row[1], []).append(row)
    return found


def _trial(rows: Sequence[tuple[Any, ...]]) -> FrozenTrial:
    _, id_, number, state, began, ended = rows[0]
    attrs: dict[int, dict[str, Any]] = {1: {}, 2: {}}
    params: list[tuple[Any, ...]] = []
    told: dict[int, float] = {}
    reported: dict[int, float] = {}
    for part, _, key, value, *more in rows[1:]:
        if part < 3:
            attrs[part][key] = json.loads(value)
        elif part == 3:
            params.append((more[1], key, value, json_to_distribution(more[0])))
        else:
            (told if part == 4 else reported)[key] = value
    params.sort(key=lambda one: one[0])
    return FrozenTrial(
        number=number,
        state=_STATES[state],
        value=None,
        values=[told[at] for at in sorted(told)] or None,
        datetime_start=datetime.fromisoformat(began) if began else None,
        datetime_complete=datetime.fromisoformat(ended) if ended else None,
        params={name: distribution.to_external_repr(value) for _, name, value, distribution in params},
        distributions={name: distribution for _, name, _, distribution in params},
        user_attrs=attrs[1],
        system_attrs=attrs[2],
        intermediate_values=reported,
        trial_id=id_,
    )
