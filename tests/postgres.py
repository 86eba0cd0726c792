"""A PostgreSQL server of the tests' own, in a temporary folder on a free port, which they may stop and start."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

BINARIES = Path("/usr/lib/postgresql/15/bin")


def why_absent() -> str:
    """Say why there can be no server here; "" where there can."""
    if find_spec("psycopg") is None:
        return "PostgreSQL's driver is not installed: pip install 'archsearch[postgres]'"
    return "" if (BINARIES / "initdb").exists() else "PostgreSQL 15 is not installed: apt-get install postgresql-15"


class Server:
    """A server, made when this is made, with accounts that need no password."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # it refuses to run as root
        if self.as_user:
            shutil.chown(self.folder, "postgres")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._run(BINARIES / "initdb", "-D", self.folder / "db", "-A", "trust", "-U", "postgres")

    def _run(self, *command: object) -> None:
        subprocess.run(
            [*self.as_user, *map(str, command)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )

    def start(self) -> None:
        """Start it and wait until it answers; what an immediate stop left is recovered first."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        control = [BINARIES / "pg_ctl", "-D", self.folder / "db", "-w", "-t", 120]
        self._run(*control, "-o", options, "-l", self.folder / "log", "start")
        time.sleep(0.2)

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: at once, as if it had crashed, or as `mode` says."""
        self._run(BINARIES / "pg_ctl", "-D", self.folder / "db", "-w", "-m", mode, "stop")

    def url(self, database: str = "postgres") -> str:
        """Give the URL of a database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def new_database(self, name: str) -> str:
        """Make an empty database and give its URL."""
        import psycopg

        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def remove(self) -> None:
        """Stop it and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
