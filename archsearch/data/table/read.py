"""A table as columns of text or numbers, with the place of each cell: CSV with any separator, Parquet, lines of JSON.

    table = read_table(Path("penguins.csv"))
    table.columns, table.frame["mass"], table.place(17, "mass")        # 'penguins.csv:19:mass'

The cells of a CSV stay text: what a column holds is decided by all of it, and a cell that does not fit has a place.
polars does the reading (extra `tables`); must not import torch.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from archsearch.errors import DamagedFileError, LimitError, Problem, SpecError, UnavailableError
from archsearch.spec.text.separated import says_separator, separator_of

if TYPE_CHECKING:
    import polars as pl

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "?")
LARGEST_TABLE = 8 * 2**30  # bytes of a file whose cells are held as text while it is read
_PARQUET = (".parquet", ".pq")
_LINES_OF_JSON = (".jsonl", ".ndjson")
TABLE_ENDINGS = (".csv", ".tsv", ".txt", *_PARQUET, *_LINES_OF_JSON)
_HEAD = 2**16
_MOST_PROBLEMS = 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_PATH = ("data", "path")


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table: `frame` has its cells, those of a CSV as text without blanks around it, null where nothing is said.

    `separator` is that of a CSV, "" of Parquet. `rows` are the places of the rows in the file, where some were empty.
    """

    path: Path
    frame: pl.DataFrame
    separator: str = ""
    encoding: str = "utf-8"
    rows: Sequence[int] | None = field(default=None, repr=False)

    @property
    def columns(self) -> list[str]:
        """Give the names of the columns in their order."""
        names: list[str] = self.frame.columns
        return names

    def __len__(self) -> int:
        return int(self.frame.height)

    def line(self, row: int) -> int:
        """Give the line of the file that a row begins on; of Parquet its number, from 1."""
        at = row if self.rows is None else int(self.rows[row])
        if not self.separator:
            return at + 1
        with _opened(self.path, self.encoding) as file:
            reader, before = csv.reader(file, delimiter=self.separator), 0
            header = False
            for cells in reader:
                if not header:
                    header = bool(cells) and not says_separator(cells)
                elif at == 0:
                    return before + 1
                else:
                    at -= 1
                before = reader.line_num
        return before

    def place(self, row: int, column: str) -> str:
        """Say where a cell is: file:line:column."""
        return f"{self.path}:{'' if self.separator else 'row '}{self.line(row)}:{column}"


def is_table(path: Path) -> bool:
    """Say whether a file is called as a table is."""
    return path.suffix.lower() in TABLE_ENDINGS


def import_polars() -> Any:
    """Import polars; raise `UnavailableError` with the way out where it is not installed."""
    try:
        import polars
    except ImportError:
        raise UnavailableError(
            "tables are read with polars; install it with pip install 'archsearch[tables]'"
        ) from None
    return polars


def read_table(path: Path, encoding: str | None = None) -> DataTable:
    """Read a table; raise `SpecError` with places for what is none, `DamagedFileError` for Parquet that is broken.

    `encoding` is that of a CSV, by default UTF-8, or what the mark at its beginning says.
    """
    if not path.is_file():
        state = "is a folder" if path.is_dir() else "does not exist"
        raise SpecError(f"{path} {state}; expected a table ({', '.join(TABLE_ENDINGS)}).", _PATH)
    if path.stat().st_size > LARGEST_TABLE:
        raise LimitError(
            f"{path} has {path.stat().st_size / 2**30:.0f} GiB, and at most {LARGEST_TABLE // 2**30} are read; "
            "leave out columns, or write the arrays to an .npz.",
            _PATH,
        )
    if encoding is not None:
        _must_be_known(encoding)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    polars = import_polars()
    if head.startswith(b"PAR1") or path.suffix.lower() in _PARQUET:
        table = _parquet(polars, path)
    elif path.suffix.lower() in _LINES_OF_JSON:
        table = _lines_of_json(polars, path)
    else:
        table = _separated(polars, path, head, encoding)
    if not len(table):
        raise SpecError(f"{path} has no rows; its first line names the columns, each other one is a sample.", _PATH)
    return table


def _must_be_known(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise SpecError(
            f"there is no encoding {encoding}; name one such as utf-8, cp1252, latin-1 or utf-16", ("data", "encoding")
        ) from None


def _parquet(polars: Any, path: Path) -> DataTable:
    try:
        return DataTable(path, polars.read_parquet(path, hive_partitioning=False, glob=False))
    except polars.exceptions.PolarsError as problem:
        raise DamagedFileError(f"{path} cannot be read as Parquet ({_first_line(problem)}); write it again") from None


def _lines_of_json(polars: Any, path: Path) -> DataTable:
    try:
        return DataTable(path, polars.read_ndjson(path, infer_schema_length=None))
    except polars.exceptions.PolarsError as problem:
        raise SpecError(f"{path} cannot be read as lines of JSON: {_first_line(problem)}.", _PATH) from None


def _separated(polars: Any, path: Path, head: bytes, encoding: str | None) -> DataTable:
    encoding = encoding or next((name for mark, name in _BOMS if head.startswith(mark)), "utf-8")
    begins = head.decode(encoding, errors="replace")
    if "\0" in begins:
        raise SpecError(f"{path} is no text; expected a table ({', '.join(TABLE_ENDINGS)}).", _PATH)
    separator = separator_of(begins)
    names, lines_before = _checked(path, encoding, separator)
    source: Any = path
    if encoding not in ("utf-8", "utf-8-sig"):
        source = io.BytesIO(path.read_bytes().decode(encoding).encode("utf-8"))
    try:
        frame = polars.read_csv(source, separator=separator, infer_schema=False, skip_lines=lines_before, glob=False)
    except polars.exceptions.PolarsError as problem:
        raise SpecError(f"{path} cannot be read as a table: {_first_line(problem)}.", _PATH) from None
    frame.columns = names
    cells = polars.all().str.strip_chars()
    frame = frame.select(polars.when(cells.is_in(MISSING)).then(None).otherwise(cells).name.keep())
    said = frame.select(polars.any_horizontal(polars.all().is_not_null())).to_series()
    if said.all():
        return DataTable(path, frame, separator, encoding)
    return DataTable(path, frame.filter(said), separator, encoding, said.arg_true().to_numpy())


def _first_line(problem: Exception) -> str:
    return str(problem).splitlines()[0] if str(problem) else type(problem).__name__


def _opened(path: Path, encoding: str) -> IO[str]:
    return path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="")


def _checked(path: Path, encoding: str, separator: str) -> tuple[list[str], int]:
    """Read all lines once: give the names of the columns, and how many lines stand before them.

    Raises `SpecError` for another encoding, and for rows of another width than the header, with their lines.
    """
    names: list[str] = []
    before, problems = 0, []
    with _opened(path, encoding) as file:
        reader = csv.reader(_lines(file, path, encoding), delimiter=separator)
        try:
            for cells in reader:
                if not names:
                    if cells and any(cell.strip() for cell in cells) and not says_separator(cells):
                        names = _names(path, cells, reader.line_num)
                    else:
                        before = reader.line_num
                elif cells and len(cells) != len(names):
                    where = f"{path}:{reader.line_num}"
                    problems.append(Problem(where, f"has {len(cells)} cells, and the header {len(names)}"))
                    if len(problems) == _MOST_PROBLEMS:
                        break
        except csv.Error as problem:
            raise SpecError(Problem(f"{path}:{reader.line_num}", f"is not CSV: {problem}"), _PATH) from None
    if problems:
        raise SpecError(problems, _PATH)
    if not names:
        raise SpecError(f"{path} is empty; its first line names the columns, each other one is a sample.", _PATH)
    return names, before


def _lines(file: IO[str], path: Path, encoding: str) -> Iterator[str]:
    number = 0
    try:
        for line in file:
            number += 1
            yield line
    except (UnicodeDecodeError, UnicodeError):
        number += _undecoded_after(path, encoding, number)
        raise SpecError(
            Problem(f"{path}:{number}", f"is not {encoding.upper()}; say which it is, such as data.encoding: cp1252"),
            _PATH,
        ) from None


def _undecoded_after(path: Path, encoding: str, number: int) -> int:
    """Count the lines from a number on to the one that is not of the encoding: text is decoded in blocks."""
    with path.open("rb") as file:
        for skipped, line in enumerate(file):
            if skipped >= number:
                try:
                    line.decode(encoding)
                except UnicodeError:
                    return skipped - number + 1
    return 1


def _names(path: Path, cells: list[str], line: int) -> list[str]:
    """Take the header: blanks around names go, a first column without a name is one of row numbers."""
    names = [cell.strip() for cell in cells]
    if empty := [number for number, name in enumerate(names, 1) if not name and number > 1]:
        raise SpecError(
            Problem(f"{path}:{line}", f"column {empty[0]} has no name; the first line names the columns"), _PATH
        )
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise SpecError(
            Problem(f"{path}:{line}", f"has the column {twice[0]!r} twice; each column needs a name of its own"), _PATH
        )
    return names
