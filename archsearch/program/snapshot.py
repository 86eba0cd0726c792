"""What a program writes into the folder that it runs in, seen by what changed there.

before = Snapshot(folder, names)
before.written(Snapshot(folder, names))       # ("results.csv",)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

_MOST = 5000  # entries that are looked at
_MOST_NAMED = 50
_PASSED_OVER = (".git", "__pycache__", ".pytest_cache", ".ipynb_checkpoints")


class Snapshot:
    """Times and sizes in the folders that the program's files lie in; nothing deeper is looked at."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder = folder
        self.entries: dict[str, tuple[int, int]] = {}
        for below in sorted({"", *(str(PurePosixPath(name).parent) for name in names)} - {"."}):
            self._look(below)

    def _look(self, below: str) -> None:
        try:
            entries = os.scandir(self.folder / below)
        except OSError:
            return
        with entries:
            for entry in entries:
                if len(self.entries) >= _MOST:
                    return
                if entry.name in _PASSED_OVER:
                    continue
                try:
                    stat = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                # a folder's time changes with what is in it; a folder that is new is told by its name
                folder = entry.is_dir(follow_symlinks=False)
                key = str(PurePosixPath(below) / entry.name)
                self.entries[key] = (0, 0) if folder else (stat.st_mtime_ns, stat.st_size)

    def written(self, after: Snapshot, expected: Sequence[str] = (), runs_dir: Path | None = None) -> tuple[str, ...]:
        """Name what is new or changed since, but for what was expected and the folder of the runs."""
        found = [
            name
            for name, entry in after.entries.items()
            if self.entries.get(name) != entry and name not in expected and self.folder / name != runs_dir
        ]
        return tuple(sorted(found)[:_MOST_NAMED])
