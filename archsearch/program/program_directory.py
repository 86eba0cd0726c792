"""The directory of a program's run, `runs/<id>/`, and its files.

    program.json      what is run: spec, seed, files' hash (sealed); written first
    files/            the run's own folder, {run_dir}
    stdout.txt        what it has written so far, as it comes
    stderr.txt
    outcome.json      the result (sealed); written last

Named otherwise than the files of a network's run, so that neither is ever taken for the other. The folder bears the
run's id, which the result says too: one that was moved here from another run is refused.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from archsearch.errors import ArchsearchError, DamagedFileError
from archsearch.files import damaged, is_temporary, locked, read_plain, read_sealed, renamed, unsealed, write_sealed
from archsearch.program.program_result import ProgramResult

BEGUN, OUTCOME = "program.json", "outcome.json"
_ID = re.compile(r"[0-9a-f]{16}")


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
        """Clear what an unfinished run has left, and say what is run; what the run did not write stays.

        Raises `DamagedFileError` where the folder holds another run's result, or is none of a run.
        """
        if (strange := self._not_ours()) is not None:
            raise DamagedFileError(f"{self.path} holds {strange}, which this run did not write; move that folder away")
        (self.path / OUTCOME).unlink(missing_ok=True)
        write_sealed(self.path / BEGUN, identity, synced=False)  # without a result the run begins anew
        self._remove_files()
        for path in (self.stdout, self.stderr, self.stdin):
            path.unlink(missing_ok=True)
        for entry in self.path.iterdir():
            if is_temporary(entry.name) and not entry.is_dir():
                entry.unlink(missing_ok=True)
        self.own.mkdir()

    def _not_ours(self) -> str | None:
        """Name what says that the folder is not this run's to clear."""
        there = self.path / OUTCOME
        if there.exists():
            held = unsealed(read_plain(there))
            id_ = held.get("result", {}).get("run_id") if held is not None else self.path.name
            return None if id_ == self.path.name else f"the result of the run {id_}"
        if (self.path / BEGUN).exists():
            return None
        return next((f"{path.name} and no {BEGUN}" for path in self._written() if path.exists()), None)

    def _written(self) -> tuple[Path, ...]:
        return (self.own, self.stdout, self.stderr, self.stdin)

    def again(self) -> None:
        """Clear what a try has left, for the next one."""
        self._remove_files()
        self.own.mkdir()
        for path in (self.stdout, self.stderr):
            path.unlink(missing_ok=True)

    def _remove_files(self) -> None:
        """Remove the run's own folder; of a link only the link."""
        if self.own.is_symlink():
            self.own.unlink()
        elif self.own.exists():
            shutil.rmtree(self.own)

    def finish(self, result: ProgramResult) -> None:
        """Write the result."""
        write_sealed(self.path / OUTCOME, {"result": result.model_dump(mode="json")})

    def result(self) -> ProgramResult | None:
        """Read the result, None where the run is not finished.

        Raises `DamagedFileError` if it was altered, or is not that of the run whose id the folder bears.
        """
        path = self.path / OUTCOME
        if not path.exists():
            return None
        try:
            result = ProgramResult.model_validate(read_sealed(path)["result"])
        except (ValidationError, KeyError):
            raise damaged(path) from None
        if _ID.fullmatch(self.path.name) and result.run_id != self.path.name:
            raise renamed(self.path, result.run_id)
        return result


def kept_programs(runs_dir: Path) -> Iterator[tuple[Path, ProgramResult]]:
    """Yield the directory and the result of every run of a program that has ended; damaged ones are left out."""
    for path in sorted(runs_dir.glob(f"*/{OUTCOME}")) if runs_dir.is_dir() else ():
        try:
            result = ProgramDirectory(path.parent).result()
        except ArchsearchError:
            continue
        if result is not None:
            yield path.parent, result


def unreadable_programs(runs_dir: Path) -> Iterator[tuple[Path, dict[str, Any] | None, str]]:
    """Yield the runs that have ended and whose result cannot be read: the directory, the spec that it began with, why.

    The spec is None where that cannot be read either.
    """
    for path in sorted(runs_dir.glob(f"*/{OUTCOME}")) if runs_dir.is_dir() else ():
        try:
            ProgramDirectory(path.parent).result()
        except ArchsearchError as error:
            try:
                spec = read_sealed(path.parent / BEGUN)["spec"]
            except (ArchsearchError, KeyError):
                spec = None
            yield path.parent, spec if isinstance(spec, dict) else None, str(error)
