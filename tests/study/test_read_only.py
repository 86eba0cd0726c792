"""A database that cannot be written is read as it is, and whole: with what stands in its write-ahead log alone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from archsearch.study import read_only
from archsearch.study.read_only import connect_read_only

WRITER = """
import os, sqlite3, sys
connection = sqlite3.connect("a b?c#d.db", isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("CREATE TABLE t (value)")
connection.execute("INSERT INTO t VALUES (1)")
connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
if sys.argv[1] == "log":
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("INSERT INTO t VALUES (2)")
    os._exit(0)
connection.close()
"""


@pytest.mark.parametrize(("how", "expected"), [("closed", [1]), ("log", [1, 2])])
@pytest.mark.parametrize("shared", [True, False], ids=["with -shm", "without"])
def test_database_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, expected: list[int], shared: bool
) -> None:
    subprocess.run([sys.executable, "-c", WRITER, how], cwd=tmp_path, check=True)
    path = tmp_path / "a b?c#d.db"
    assert connect_read_only(path) is None, "it can be written"
    monkeypatch.setattr(os, "access", lambda *_: False)
    if not shared:  # as SQLite finds it where it cannot make the file in which readers meet
        monkeypatch.setattr(read_only, "_is_readable", lambda _: False)
    connect = connect_read_only(path)
    assert connect is not None
    connection = connect()
    assert [value for (value,) in connection.execute("SELECT value FROM t ORDER BY value")] == expected
    if how == "closed":
        with pytest.raises(sqlite3.OperationalError, match=r"readonly"):
            connection.execute("INSERT INTO t VALUES (3)")
    connection.close()


def test_file_that_is_not_there_is_for_others_to_say(tmp_path: Path) -> None:
    assert connect_read_only(tmp_path / "none.db") is None
