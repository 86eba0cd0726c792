"""The directory of a program's run, `runs/<id>/`, and its files.

    program.json      what is run: spec, seed, files' hash (sealed); written first
    files/            the run's own folder, {run_dir}
    stdout.txt        what it has written so far, as it comes
    stderr.txt
    outcome.json      the result (sealed); written last

Named otherwise than the files of a network's run, so that neither is ever taken for the other.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from archsearch.errors import DamagedFileError
from archsearch.files import damaged, locked, read_sealed, write_sealed
from archsearch.program.program_result import ProgramResult

BEGUN, OUTCOME = "program.json", "outcome.json"


class ProgramDirectory:
    """Reads and writes the files of one run; holds no other state than its path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def own(self) -> Path:
        """The run's own folder: {run_dir}."""
        return self.path / "files"

    @property
    def stdout(self) -> Path:
        """What it has written to its standard output."""
        return self.path / "stdout.txt"

    @property
    def stderr(self) -> Path:
        """What it has written to its standard error."""
        return self.path / "stderr.txt"

    @property
    def stdin(self) -> Path:
        """What it is given to read."""
        return self.path / "stdin.txt"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from the same run; raise `BusyError` if one is at it."""
        with locked(self.path / ".lock", f"{self.path} is being run by another process; wait for it"):
            yield

    def begin(self, identity: dict[str, Any]) -> None:
        """Clear what an unfinished run has left, and say what is run."""
        for path in self.path.iterdir():
            if path.name != ".lock":
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        self.own.mkdir()
        write_sealed(self.path / BEGUN, identity, synced=False)  # without a result the run begins anew

    def again(self) -> None:
        """Clear what a try has left, for the next one."""
        shutil.rmtree(self.own)
        self.own.mkdir()
        for path in (self.stdout, self.stderr):
            path.unlink(missing_ok=True)

    def finish(self, result: ProgramResult) -> None:
        """Write the result."""
        write_sealed(self.path / OUTCOME, {"result": result.model_dump(mode="json")})

    def result(self) -> ProgramResult | None:
        """Read the result, None where the run is not finished; raise `DamagedFileError` if it was altered."""
        path = self.path / OUTCOME
        if not path.exists():
            return None
        try:
            return ProgramResult.model_validate(read_sealed(path)["result"])
        except (ValidationError, KeyError):
            raise damaged(path) from None


def kept_programs(runs_dir: Path) -> Iterator[tuple[Path, ProgramResult]]:
    """Yield the directory and the result of every run of a program that has ended; damaged ones are left out."""
    for path in sorted(runs_dir.glob(f"*/{OUTCOME}")) if runs_dir.is_dir() else ():
        try:
            result = ProgramDirectory(path.parent).result()
        except DamagedFileError:
            continue
        if result is not None:
            yield path.parent, result
