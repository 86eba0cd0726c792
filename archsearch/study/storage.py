"""Open the storage of studies: SQLite in a file, or PostgreSQL, for any number of processes.

    storage = open_storage("sqlite:///runs/archsearch.db")

Optuna's own SQLite storage hands one queued trial to two processes (`SELECT ... FOR UPDATE` is nothing there). Here
every transaction begins with BEGIN IMMEDIATE, waits for its turn, and the file is in WAL mode, so that readers such as
the dashboard (opened with `reading=True`) neither block writers nor wait for them. PostgreSQL connections are checked
before use: a restarted server costs one retry.
"""

from __future__ import annotations

import logging
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy

from archsearch.crash import crash_point
from archsearch.errors import DamagedFileError, UnavailableError, UsageError
from archsearch.files import sync, sync_folder, temporary_beside
from archsearch.study.calls import Calls, StorageErrors, most_seconds, said_by
from archsearch.study.database import Database
from archsearch.study.read_only import connect_read_only
from archsearch.study.steady import Storage
from archsearch.study.storage_url import server_url, shown_url, sqlite_file, sqlite_url, without_secrets

__all__ = ["Storage", "Study", "default_url", "experimental", "open_storage"]

Study = optuna.Study
BUSY_SECONDS = 60.0
READING_SECONDS = 10.0  # who only looks does not wait for long
_LOCK = 0x61726368  # the number of our advisory lock: "arch"
# how a connection is made and watched over, where the URL does not say: a server that is gone is noticed within a
# minute, and a worker that is stopped in the middle of a transaction does not keep its locks
_CONNECTING: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "options": "-c idle_in_transaction_session_timeout=60000",
}

optuna.logging.set_verbosity(optuna.logging.ERROR)
logging.getLogger("psycopg").setLevel(logging.ERROR)  # it tells of each connection that a restart cut; so do we, once


@contextmanager
def experimental() -> Iterator[None]:
    """Use what Optuna calls experimental, without telling the user of a study so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def default_url(runs_dir: Path) -> str:
    """Give the URL of the storage that lies beside the runs, whatever characters the folder has."""
    return sqlite_url(runs_dir / "archsearch.db")


def open_storage(url: str, *, reading: bool = False, calls: Calls | None = None) -> Storage:
    """Open a storage, creating its tables; raise `UsageError` for a bad URL, `UnavailableError` if it is not there.

    With `reading` a transaction takes SQLite's write lock only when it writes, for what reads much and seldom writes,
    and a server that does not answer is waited for a moment only. `calls` is what its calls are made by. Raises
    `DamagedFileError` where the file was emptied or is no database any more.
    """
    if calls is None:
        calls = Calls(min(READING_SECONDS, most_seconds()) if reading else None)
    if (path := sqlite_file(url)) is not None:
        return _open_sqlite(path, reading, calls)
    parsed = server_url(url)
    try:
        return Storage(calls(partial(_postgres, parsed)), calls)
    except ImportError:
        raise UsageError(
            f"--storage: PostgreSQL needs its driver {parsed.get_driver_name()}: pip install 'archsearch[postgres]', "
            "and a URL that begins with postgresql+psycopg://"
        ) from None
    except UnicodeError:  # of a host, by the rules of names in the net, or of a name that UTF-8 cannot write
        raise UsageError(f"--storage: {shown_url(url)} has a character that no host, user or database has") from None
    except UnavailableError as error:
        reason = without_secrets(str(error), url)
        raise UnavailableError(f"the storage {shown_url(url)} cannot be reached: {reason}") from None


def _postgres(parsed: sqlalchemy.engine.URL) -> Database:
    """Open a database; of several processes that find it empty one makes the tables and the others wait."""
    arguments = {key: value for key, value in _CONNECTING.items() if key not in parsed.query}
    kwargs: dict[str, Any] = {"pool_pre_ping": True, "connect_args": arguments}
    locking = sqlalchemy.create_engine(parsed, poolclass=sqlalchemy.pool.NullPool, **kwargs)
    try:
        with locking.begin() as connection:
            connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_LOCK)))
            # braces stand for something of its own in a URL that Optuna is given
            url = parsed.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
            return Database(url, engine_kwargs=kwargs)
    finally:
        locking.dispose()


def _open_sqlite(path: Path, reading: bool, calls: Calls) -> Storage:
    try:
        if reading and (connect := connect_read_only(path)) is not None:
            opened = Database("sqlite://", engine_kwargs=_pooled(connect))
            sqlalchemy.event.listen(opened.engine, "begin", _begin)
            return Storage(opened, calls)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with _file_lock(path):
                if not path.exists():
                    _make_sqlite(path)
        _check_not_emptied(path)
        # tables that an older version left half made are completed: by one process
        with _file_lock(path):
            opened = Database("sqlite://", engine_kwargs=_pooled(partial(_connect, path)))
    except (OSError, sqlite3.Error) as error:
        raise UnavailableError(f"the storage {path} cannot be opened: {error}") from None
    except StorageErrors as error:
        raise UnavailableError(f"the storage {path} cannot be used: {said_by(error)}") from None
    sqlalchemy.event.listen(opened.engine, "begin", _begin if reading else _begin_immediate)
    return Storage(opened, calls)


def _pooled(connect: Callable[[], sqlite3.Connection]) -> dict[str, Any]:
    """Give an engine's connections one user at a time.

    A URL without a file gets SQLAlchemy's pool for databases in memory, a connection for each thread: of more than five
    threads, which a worker has in the course of its slots, it closes those of others, also while they are used.
    """
    return {"creator": connect, "poolclass": sqlalchemy.pool.QueuePool}


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _make_sqlite(path: Path) -> None:
    """Make a database with its tables, whole or not at all: what is there and empty was therefore emptied."""
    temporary = temporary_beside(path)
    try:
        made = Database("sqlite://", engine_kwargs=_pooled(partial(_connect, temporary)))
        made.remove_session()
        made.engine.dispose()
        with temporary.open("rb") as file:
            sync(file.fileno())
        crash_point("tables made")
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        for leftover in ("", "-wal", "-shm"):
            temporary.with_name(temporary.name + leftover).unlink(missing_ok=True)


def _check_not_emptied(path: Path) -> None:
    with closing(_connect(path)) if path.stat().st_size else nullcontext() as connection:
        if connection is not None and connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
            return
    raise DamagedFileError(
        f"{path} is an empty database: it was emptied; take it from a backup, or move it away to begin anew"
    )


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
