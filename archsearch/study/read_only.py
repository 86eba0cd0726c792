"""SQLite databases that lie where nothing may be written: a share that is read-only, a folder of somebody else.

    connect = connect_read_only(path)      # None where the database can be written
    connection = connect()

A database in WAL mode is more than its file: what was written last may stand in `-wal`, and readers want to write
`-shm`. Where both are there SQLite reads them; where neither is, the file is all; else a copy is read.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote


def connect_read_only(path: Path) -> Callable[[], sqlite3.Connection] | None:
    """Give what connects to a database that is there and cannot be written, None for one that can be."""
    if not path.is_file() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return None
    log = path.with_name(path.name + "-wal")
    as_it_is = f"file:{quote(str(path.absolute()))}?mode=ro"
    if _is_readable(as_it_is):
        return lambda: _connection(as_it_is)
    if not log.exists() or log.stat().st_size == 0:
        return lambda: _connection(f"{as_it_is}&immutable=1")
    copy = _copied(path, log)
    return lambda: _connection(f"file:{quote(str(copy))}")


def _connection(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def _is_readable(uri: str) -> bool:
    try:
        connection = _connection(uri)
        try:
            connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return False
    return True


def _copied(path: Path, log: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="archsearch-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for file in (path, log):
        shutil.copyfile(file, folder / file.name)
    return folder / path.name
