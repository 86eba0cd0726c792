"""`archsearch status --follow`: what the runs of studies write while they run, line by line.

follow_runs(storage, runs_dir, None)      # until nothing runs any more
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archsearch.study.storage import Storage

FOLLOW_SECONDS = 0.5
QUIET_LOOKS = 20  # looks at which nothing runs before it ends: what waits may wait for ever
_MOST = 1 << 16  # bytes of a file that are read at one look


@dataclass(slots=True)
class _Tail:
    """A file that grows: how far it was read, and the line that has no end yet."""

    at: int = 0
    rest: bytes = b""

    def lines(self, path: Path, *, ended: bool = False) -> Iterator[str]:
        """Yield the lines that have come since."""
        while True:
            try:
                with path.open("rb") as file:
                    file.seek(self.at)
                    found = file.read(_MOST)
            except OSError:
                return
            self.at += len(found)
            *whole, self.rest = (self.rest + found).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace").rstrip("\r")
            if len(found) < _MOST:
                break
        if ended and self.rest:
            yield self.rest.decode(errors="replace")
            self.rest = b""


@dataclass(slots=True)
class _Run:
    label: str
    folder: Path
    out: _Tail = field(default_factory=_Tail)
    err: _Tail = field(default_factory=_Tail)

    def show(self, *, ended: bool = False) -> None:
        from archsearch.cli import console

        for name, tail in (("stdout.txt", self.out), ("stderr.txt", self.err)):
            for line in tail.lines(self.folder / name, ended=ended):
                console.followed_line(self.label, line)


def follow_runs(storage: Storage, runs_dir: Path, name: str | None) -> None:
    """Show what runs write, and how far studies are, until nothing runs any more; Ctrl-C ends it as well."""
    from archsearch.cli import console

    runs: dict[Path, _Run] = {}
    said: dict[str, str] = {}
    quiet = 0
    while True:
        under_way, counts = _look(storage, runs_dir, name)
        for study, text in counts.items():
            if said.get(study) != text:
                console.note(f"{study}: {text}")
                said[study] = text
        for one in under_way:
            runs.setdefault(one.folder, one)
        there = {one.folder for one in under_way}
        for folder in list(runs):
            runs[folder].show(ended=folder not in there)
            if folder not in there:
                del runs[folder]
        quiet = 0 if any("running" in text for text in counts.values()) else quiet + 1
        if quiet and not any("waiting" in text for text in counts.values()):
            return
        if quiet > QUIET_LOOKS:
            console.note("nothing runs; what waits is gone on with by the call that made it")
            return
        time.sleep(FOLLOW_SECONDS)


def _look(storage: Storage, runs_dir: Path, name: str | None) -> tuple[list[_Run], dict[str, str]]:
    """Find the programs that are under way, and count the trials of each study by their states."""
    from archsearch.study.under_way import states_of

    states = states_of(storage, name)
    counts = {
        one: ", ".join(f"{count} {state}" for state, count in sorted(of.items())) or "nothing planned yet"
        for one, of in states.items()
    }
    return [run for one in states for run in _programs(storage, one, runs_dir)], counts


def _programs(storage: Storage, name: str, runs_dir: Path) -> Iterator[_Run]:
    from archsearch.errors import ArchsearchError
    from archsearch.kinds.program import PROGRAM
    from archsearch.program.experiment import program_run_id
    from archsearch.program.read import is_program
    from archsearch.study.under_way import running

    for spec, seed in running(storage, name):
        if not is_program(spec):
            continue
        try:
            experiment = PROGRAM.plan(PROGRAM.read(spec))
        except (ArchsearchError, ValueError):
            continue  # written by another version: its runs are not known here
        yield _Run(f"{experiment.name} seed {seed}", runs_dir / program_run_id(experiment, seed))
