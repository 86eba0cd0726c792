"""A file of numbers as rows of texts, whatever it is written in: CSV with any separator, JSON lines, Parquet.

    sheet = read_sheet(Path("runs.csv"))
    sheet.columns, sheet.rows[0].line, sheet.rows[0].cells

Empty lines and those that begin with # are left out, the latter counted. Knows nothing of variants and seeds.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsearch.errors import LimitError, Problem, SpecError, UsageError
from archsearch.spec.text.sentences import short
from archsearch.spec.text.separated import says_separator, separator_of

MOST_BYTES = 50_000_000
MOST_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class SheetRow:
    """The cells of a row, stripped, one for each column.

    `line` is its place in the file, `run` the name of a tracked run.
    """

    line: int
    cells: tuple[str, ...]
    run: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file: what errors call it, its columns in order, its rows. `commas` says that commas separate its cells.

    `tracked` says that the rows are runs that a tracker kept: what is no value, seed or factor is a setting.
    """

    source: str
    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    commas: bool = False
    comments: int = 0
    tracked: bool = False

    def where(self, row: SheetRow) -> str:
        """Give the place of a row."""
        return f"{self.source}: {row.run}" if row.run else f"{self.source}:{row.line}"


def read_sheet(path: Path) -> Sheet:
    """Read a file, or standard input for `-`; raise `SpecError` with all its problems as `file:line`."""
    piped = str(path) == "-"
    source = "standard input" if piped else str(path)
    data = _bytes(path, source)
    if data.startswith(b"PAR1") or path.suffix.lower() in (".parquet", ".pq"):
        return _parquet(io.BytesIO(data) if piped else path, source)
    text = _text(data, source)
    start = text.lstrip()[:1]
    if path.suffix.lower() in (".jsonl", ".ndjson", ".json") or start == "{" or (piped and start == "["):
        return _json(text, source)
    return _separated(text, source)


def _bytes(path: Path, source: str) -> bytes:
    try:
        with path.open("rb") if str(path) != "-" else nullcontext(sys.stdin.buffer) as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SpecError(Problem(source, f"cannot be read: {getattr(error, 'strerror', None) or error}")) from None
    if len(data) > MOST_BYTES:
        raise LimitError(Problem(source, f"has more than {MOST_BYTES:,} bytes"))
    return data


def _text(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SpecError(Problem(f"{source}:{line}", "is not UTF-8; save it as UTF-8")) from None


# -- CSV ---------------------------------------------------------------------------------------------------------------


def _separated(text: str, source: str) -> Sheet:
    comments = 0

    def lines() -> Iterator[str]:
        nonlocal comments
        for line in io.StringIO(text, newline=""):
            if line.lstrip().startswith("#"):
                comments += 1
                yield "\n"
            else:
                yield line

    separator = separator_of(text)
    reader = csv.reader(lines(), delimiter=separator)
    header: tuple[str, ...] = ()
    rows: list[SheetRow] = []
    problems: list[Problem] = []
    try:
        for cells in reader:
            words = tuple(cell.strip() for cell in cells)
            if not any(words) or (not header and says_separator(words)):
                continue
            if not header:
                header = words
                continue
            while len(words) > len(header) and not words[-1]:  # spreadsheets end rows with empty cells
                words = words[:-1]
            if len(words) != len(header):
                where = f"{source}:{reader.line_num}"
                problems.append(Problem(where, f"{len(words)} cells, the header has {len(header)}"))
                continue
            rows.append(SheetRow(reader.line_num, words))
    except csv.Error as error:
        raise SpecError(Problem(f"{source}:{reader.line_num}", f"not CSV: {error}")) from None
    if problems:
        raise SpecError(problems[:MOST_PROBLEMS])
    if not header:
        raise SpecError(Problem(source, "is empty; its first line names the columns, such as variant,seed,value"))
    return Sheet(source, header, tuple(rows), commas=separator == ",", comments=comments)


# -- JSON lines --------------------------------------------------------------------------------------------------------


def _json(text: str, source: str) -> Sheet:
    """Read an object in each line, or one list of objects; numbers stay as they were written."""
    try:
        found = list(_objects(text, source))
    except RecursionError:
        raise SpecError(Problem(source, "is nested too deeply; a row is an object of texts and numbers")) from None
    columns = tuple(dict.fromkeys(key for _, one in found for key in one))
    if not columns:
        raise SpecError(Problem(source, 'is empty; a row is an object such as {"variant": "a", "seed": 0, ...}'))
    problems = [
        Problem(f"{source}:{line}", f"{short(key)!r} is neither text nor a number")
        for line, one in found for key, value in one.items() if isinstance(value, (list, dict))
    ]  # fmt: skip
    if problems:
        raise SpecError(problems[:MOST_PROBLEMS])
    rows = tuple(SheetRow(line, tuple(_cell(one.get(column)) for column in columns)) for line, one in found)
    return Sheet(source, columns, rows)


def _objects(text: str, source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    def read(part: str, line: int) -> Any:
        try:
            return json.loads(part, parse_float=str, parse_int=str, parse_constant=str)
        except ValueError as error:
            at = line + getattr(error, "lineno", 1) - 1
            raise SpecError(Problem(f"{source}:{at}", f"not JSON: {getattr(error, 'msg', error)}")) from None

    whole = text.lstrip()[:1] == "["
    parts = [(1, text)] if whole else [(n, part) for n, part in enumerate(text.split("\n"), 1) if part.strip()]
    for line, part in parts:
        value = read(part, line)
        for number, one in enumerate(value if whole and isinstance(value, list) else [value], 1):
            place = number if whole else line
            if not isinstance(one, dict):
                raise SpecError(Problem(f"{source}:{place}", "is no object; a row is an object of texts and numbers"))
            yield place, {key.strip(): cell for key, cell in one.items()}


# -- Parquet -----------------------------------------------------------------------------------------------------------


def _parquet(path: Path | io.BytesIO, source: str) -> Sheet:
    """Read the columns of a Parquet file; a missing number (null or NaN) is an empty cell."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            f"{source}: reading Parquet needs pyarrow; install it with pip install 'archsearch[parquet]', or save a CSV"
        ) from None
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise SpecError(Problem(source, f"is no Parquet file: {str(error).splitlines()[0]}")) from None
    columns = [_column(table.column(number), pyarrow) for number in range(table.num_columns)]
    rows = tuple(SheetRow(number, cells) for number, cells in enumerate(zip(*columns, strict=True), 1))
    return Sheet(source, tuple(name.strip() for name in table.column_names), rows)


def _column(column: Any, pyarrow: Any) -> list[str]:
    """Write a column as texts; a float32 in its own few digits, not in those of a float64."""
    values = column.to_pylist()
    if pyarrow.types.is_float32(column.type) or pyarrow.types.is_float16(column.type):
        import numpy as np

        kind = np.float16 if pyarrow.types.is_float16(column.type) else np.float32
        return ["" if one is None or math.isnan(one) else str(kind(one)) for one in values]
    return [_cell(one) for one in values]


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return (repr(value) if isinstance(value, float) else str(value)).strip()
