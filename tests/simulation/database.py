"""The database of a world: Optuna's tables in SQLite's memory, and the connections of our own statements to it.

    database = Database()                       # once; `database.clear()` before each study
    engine = SimulatedEngine(database, gate, "postgresql", url)
    with engine.begin() as connection: connection.execute(statement)

Every transaction is one step: the `gate` is passed before and after it; there time passes, others go first, and faults
come.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import sqlalchemy
from optuna.storages import RDBStorage
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.functions import Function

from tests.simulation.statements import execute


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
        if not well and not self.raw.in_transaction:
            return  # its process was killed in the middle of it
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
