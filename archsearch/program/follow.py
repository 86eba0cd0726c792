"""Follow the table that a program writes while it runs: each complete row once, as it comes.

following = Following(history, places, shared=False)
for row in following.new(): ...       # HistoryRow(epoch=3, metrics={"loss": 0.4})
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from archsearch.program.measure import Places, state_of
from archsearch.program.program_result import HistoryRow
from archsearch.program.program_spec import HistoryFile

_MOST_ROWS = 100_000


class Following:
    """Where a table has been read to; a row whose line has no end yet waits."""

    def __init__(self, history: HistoryFile | None, places: Places, *, shared: bool) -> None:
        self.history = history
        self.places, self.shared = places, shared
        self.rows: list[HistoryRow] = []
        self.problem: str | None = None
        self._at = 0
        self._rest = ""
        self._header: list[str] | None = None
        self._separator = ","

    def _path(self) -> Path | None:
        """Give the table, once the run has written it."""
        assert self.history is not None
        name = self.history.csv
        if (own := self.places.run_dir / name).is_file():
            return own
        there = self.places.folder / name
        return there if self.shared and state_of(there) != self.places.before.get(name) else None

    def new(self, *, ended: bool = False) -> Iterator[HistoryRow]:
        """Yield the rows that have come since; with `ended` also a last line without an end."""
        if self.history is None or self.problem is not None:
            return
        try:
            path = self._path()
            if path is None:
                return
            with path.open("rb") as file:
                if path.stat().st_size < self._at:  # it was written anew
                    self._at, self._rest, self._header = 0, "", None
                file.seek(self._at)
                content = file.read()
                self._at += len(content)
        except OSError:
            return
        lines = (self._rest + content.decode(errors="replace")).splitlines(keepends=True)
        self._rest = ""
        if lines and not lines[-1].endswith("\n") and not ended:
            self._rest = lines.pop()
        for line in lines:
            row = self._row(line.rstrip("\r\n"))
            if row is not None and len(self.rows) < _MOST_ROWS and not self._again(row):
                self.rows.append(row)
                yield row

    def _again(self, row: HistoryRow) -> bool:
        """Say whether a row tells of a step and of metrics that were told already."""
        last = self.rows[-1] if self.rows else None
        return last is not None and last.epoch == row.epoch and set(row.metrics) <= set(last.metrics)

    def _row(self, line: str) -> HistoryRow | None:
        assert self.history is not None
        if not line.strip():
            return None
        if self._header is None:
            self._separator = max(",;\t", key=line.count)
            self._header = [word.strip() for word in next(csv.reader([line], delimiter=self._separator))]
            wanted = (self.history.step, *self.history.named.values())
            missing = [name for name in wanted if name not in self._header]
            if missing:
                self.problem = f"{self.history.csv} has no column {missing[0]}; it has {', '.join(self._header)}"
            return None
        cells = dict(zip(self._header, next(csv.reader([line], delimiter=self._separator)), strict=False))
        step = _finite(cells.get(self.history.step))
        values = {name: _finite(cells.get(column)) for name, column in self.history.named.items()}
        if step is None or all(value is None for value in values.values()):
            return None
        return HistoryRow(epoch=int(step), metrics={name: v for name, v in values.items() if v is not None})


def _finite(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
