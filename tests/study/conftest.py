"""A storage in the test's folder, and a study whose slots train in a moment."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from archsearch.study.storage import Storage, open_storage

POSTGRES = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'study.db'}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of its own on a free port; skipped where the binaries or the driver are missing."""
    pytest.importorskip("psycopg")
    if not (POSTGRES / "initdb").exists():
        pytest.skip("PostgreSQL 15 is not installed")
    folder = Path(tempfile.mkdtemp())
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True, "cwd": folder}
    subprocess.run([*as_user, POSTGRES / "initdb", "-D", folder / "db", "-A", "trust", "-U", "postgres"], **quiet)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    control = [*as_user, POSTGRES / "pg_ctl", "-D", folder / "db", "-w"]
    subprocess.run([*control, "-o", options, "-l", folder / "log", "start"], **quiet)
    time.sleep(0.2)
    yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Storage, optuna.Study]]:
    """A study in each kind of storage: (url, storage, study)."""
    url = f"sqlite:///{tmp_path / 'study.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres")
    storage = open_storage(url)
    study = optuna.create_study(study_name=f"s-{tmp_path.name}", storage=storage)
    yield url, storage, study
    storage.engine.dispose()
