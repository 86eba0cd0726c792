"""Open the storage of studies: SQLite in a file, or PostgreSQL, for any number of processes.

    storage = open_storage("sqlite:///runs/archsearch.db")

Optuna's own SQLite storage hands one queued trial to two processes (`SELECT ... FOR UPDATE` is nothing there). Here
every transaction begins with BEGIN IMMEDIATE, waits for its turn, and the file is in WAL mode, so that readers such as
the dashboard (opened with `reading=True`) neither block writers nor wait for them. PostgreSQL connections are checked
before use: a restarted server costs one retry.
"""

from __future__ import annotations

import os
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import optuna
import sqlalchemy
from optuna.storages import RDBStorage

from archsearch.errors import UnavailableError, UsageError
from archsearch.study.storage_url import server_url, shown_url, sqlite_file, without_secrets

Storage = RDBStorage
Study = optuna.Study
T = TypeVar("T")
BUSY_SECONDS = 60.0
_TRIES = 6
_LOCK = 0x61726368  # the number of our advisory lock: "arch"

optuna.logging.set_verbosity(optuna.logging.ERROR)


@contextmanager
def experimental() -> Iterator[None]:
    """Use what Optuna calls experimental, without telling the user of a study so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def default_url(runs_dir: Path) -> str:
    """Give the URL of the storage that lies beside the runs, whatever characters the folder has."""
    return f"sqlite:///{quote(str(runs_dir / 'archsearch.db'), safe='/:' + os.sep)}"


def open_storage(url: str, *, reading: bool = False) -> RDBStorage:
    """Open a storage, creating its tables; raise `UsageError` for a bad URL, `UnavailableError` if it is not there.

    With `reading` a transaction takes SQLite's write lock only when it writes: for what reads much and seldom writes.
    """
    if (path := sqlite_file(url)) is not None:
        return _open_sqlite(path, reading)
    parsed = server_url(url)
    try:
        return RDBStorage(_for_optuna(parsed), engine_kwargs={"pool_pre_ping": True})
    except ImportError:
        raise UsageError(
            f"--storage: PostgreSQL needs its driver {parsed.get_driver_name()}: pip install 'archsearch[postgres]', "
            "and a URL that begins with postgresql+psycopg://"
        ) from None
    except (optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError) as error:
        reason = without_secrets(_first(error), url)
        raise UnavailableError(f"the storage {shown_url(url)} cannot be reached: {reason}") from None


def _for_optuna(url: sqlalchemy.URL) -> str:
    """Write a URL as Optuna takes it: braces stand for something of its own there."""
    return url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")


def _open_sqlite(path: Path, reading: bool) -> RDBStorage:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            return connection

        connect().close()
        # the tables are made under Optuna's own transactions; two processes may both try at first
        with _file_lock(path):
            storage = RDBStorage("sqlite:///archsearch.db", engine_kwargs={"creator": connect})
    except (OSError, sqlite3.Error) as error:
        raise UnavailableError(f"the storage {path} cannot be opened: {error}") from None
    except (optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError) as error:
        raise UnavailableError(f"the storage {path} cannot be used: {_first(error)}") from None
    # the file as it is called: in which characters of a URL stand for others is not the same in all of SQLAlchemy
    storage.engine.url = storage.engine.url.set(database=str(path))
    sqlalchemy.event.listen(storage.engine, "begin", _begin if reading else _begin_immediate)
    return storage


@contextmanager
def exclusive(storage: RDBStorage) -> Iterator[None]:
    """Keep every other process out of a passage that reads and then writes a storage."""
    if storage.engine.dialect.name == "sqlite":
        with _file_lock(Path(str(storage.engine.url.database))):
            yield
        return
    with storage.engine.connect() as connection:
        connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_lock(_LOCK)))
        try:
            yield
        finally:
            connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_unlock(_LOCK)))


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.with_name(path.name + ".lock").open("w") as file:
        try:
            import fcntl
        except ImportError:
            yield
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _begin(connection: sqlalchemy.engine.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_immediate(connection: sqlalchemy.engine.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _first(error: Exception) -> str:
    cause = error.__cause__ or error
    return str(cause).strip().split("\n")[0]


def steadily(call: Callable[[], T]) -> T:
    """Make a storage call, again after a while if the server went away; raise `UnavailableError` in the end."""
    wait = 0.2
    for attempt in range(_TRIES):
        try:
            return call()
        except (optuna.exceptions.StorageInternalError, sqlalchemy.exc.OperationalError) as error:
            if attempt == _TRIES - 1:
                raise UnavailableError(f"the storage does not answer: {_first(error)}") from None
            time.sleep(wait)
            wait *= 2
    raise AssertionError("unreachable")
