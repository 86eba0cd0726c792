"""The rows of a split in Arrow or Parquet files: their columns, whole or cell by cell, and what each column is.

    rows = StoredRows(files)                     # Arrow files are memory-mapped, of Parquet a row group is held
    rows.columns["labels"]                       # StoredColumn(kind='class', names=('zebra', 'ant'))
    rows.cell("image", 7)                        # {'bytes': b'...', 'path': None}

Reads with pyarrow (extra `huggingface`) and executes nothing: columns of types that only `datasets` knows are what they
are stored as.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

from archsearch.errors import DamagedFileError, UsageError
from archsearch.wording import count_of

StoredKind = Literal["image", "array", "class", "labels", "number", "word", "other"]


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """What a column holds: images, arrays of numbers, a class or labels by their numbers in `names`, numbers, words."""

    kind: StoredKind
    names: tuple[str, ...] = ()
    type: str = ""

    @property
    def said(self) -> str:
        """Say it in a word or two."""
        if self.kind in ("class", "labels") and self.names:
            return count_of(len(self.names), "class") if self.kind == "class" else count_of(len(self.names), "label")
        return self.type if self.kind in ("other", "array") else self.kind


def import_pyarrow() -> Any:
    """Import pyarrow; raise `UsageError` with the way out where it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError("data sets of Hugging Face are an extra: pip install 'archsearch[huggingface]'") from None
    return pyarrow


class StoredRows:
    """The rows of files that follow one another; raises `DamagedFileError` for one that cannot be read."""

    def __init__(self, files: Sequence[Path], info: Path | None = None) -> None:
        self._pa = import_pyarrow()
        self.files = tuple(files)
        self._sources = [_ParquetFile(self._pa, file) if _is_parquet(file) else _ArrowFile(self._pa, file)
                         for file in files]  # fmt: skip
        self._ends = list(accumulate(source.count for source in self._sources))
        first = self._sources[0].schema
        for file, source in zip(files[1:], self._sources[1:], strict=True):
            if not source.schema.equals(first):
                raise DamagedFileError(f"{file} has other columns than {files[0]}; save the data again")
        said = _features_of(first, info)
        self.columns: Mapping[str, StoredColumn] = {
            field.name: _column(self._pa, field.type, said.get(field.name)) for field in first
        }

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def whole(self, names: Sequence[str]) -> Any:
        """Give columns as an Arrow table."""
        return self._pa.concat_tables([source.whole(list(names)) for source in self._sources])

    def cell(self, name: str, row: int) -> Any:
        """Give a cell as Python has it."""
        at = bisect_right(self._ends, row)
        return self._sources[at].cell(name, row - (self._ends[at - 1] if at else 0))


class _ArrowFile:
    def __init__(self, pa: Any, path: Path) -> None:
        with reading(pa, path):
            mapped = pa.memory_map(str(path))
            in_order = mapped.read(6) != b"ARROW1"
            mapped.seek(0)
            opened = pa.ipc.open_stream(mapped) if in_order else pa.ipc.open_file(mapped)
            self._table = opened.read_all()
        self.schema, self.count = self._table.schema, self._table.num_rows

    def whole(self, names: list[str]) -> Any:
        return self._table.select(names)

    def cell(self, name: str, row: int) -> Any:
        return self._table.column(name)[row].as_py()


class _ParquetFile:
    def __init__(self, pa: Any, path: Path) -> None:
        self._pa, self._path = pa, path
        with reading(pa, path):
            self._file = pa.parquet.ParquetFile(path, memory_map=True)
            self.schema, self.count = self._file.schema_arrow, self._file.metadata.num_rows
            groups = range(self._file.num_row_groups)
            self._ends = list(accumulate(self._file.metadata.row_group(group).num_rows for group in groups))
        self._held: tuple[int, str, Any] = (-1, "", None)  # the group that was read last: rows are read in their order

    def whole(self, names: list[str]) -> Any:
        with reading(self._pa, self._path):
            return self._file.read(columns=names).select(names)

    def cell(self, name: str, row: int) -> Any:
        group = bisect_right(self._ends, row)
        if self._held[:2] != (group, name):
            with reading(self._pa, self._path):
                self._held = (group, name, self._file.read_row_group(group, columns=[name]).column(name))
        return self._held[2][row - (self._ends[group - 1] if group else 0)].as_py()


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


@contextmanager
def reading(pa: Any, path: Path) -> Iterator[None]:
    """Turn what pyarrow says about a broken file into `DamagedFileError`."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as problem:
        said = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise DamagedFileError(f"{path} cannot be read ({said}); get the data again, or save them again") from None


# -- columns -----------------------------------------------------------------------------------------------------------


def _features_of(schema: Any, info: Path | None) -> dict[str, Any]:
    """Give what `datasets` wrote of the columns: in the files themselves, else in dataset_info.json."""
    held = (schema.metadata or {}).get(b"huggingface")
    try:
        found = (
            json.loads(held)["info"]["features"] if held else json.loads(info.read_bytes())["features"] if info else {}
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        found = {}
    return found if isinstance(found, dict) else {}


def _column(pa: Any, type_: Any, said: Any) -> StoredColumn:
    type_ = type_.storage_type if isinstance(type_, pa.BaseExtensionType) else type_
    kind = said.get("_type") if isinstance(said, dict) else None
    names = _names(said)
    within = _within(pa, type_)
    fields = {type_.field(number).name for number in range(type_.num_fields)} if pa.types.is_struct(type_) else set()
    if kind in ("Audio", "Video"):
        return StoredColumn("other", type=kind.lower())
    if kind == "Image" or fields == {"bytes", "path"} or _is_binary(pa, type_):
        return StoredColumn("image")
    if kind == "ClassLabel" and names and pa.types.is_integer(type_):
        return StoredColumn("class", names)
    if within is not None:
        inner = said.get("feature") if isinstance(said, dict) else None
        if (labels := _names(inner)) and pa.types.is_integer(within):
            return StoredColumn("labels", labels)
        if _is_text(pa, within):
            return StoredColumn("labels", type="lists of words")
        if pa.types.is_integer(within) or pa.types.is_floating(within) or pa.types.is_boolean(within):
            return StoredColumn("array", type=f"arrays of {within}")
        return StoredColumn("other", type=str(type_))
    if pa.types.is_dictionary(type_) or _is_text(pa, type_):
        return StoredColumn("word")
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_):
        return StoredColumn("number")
    return StoredColumn("other", type=str(type_))


def _names(said: Any) -> tuple[str, ...]:
    names = said.get("names") if isinstance(said, dict) else None
    return tuple(map(str, names)) if isinstance(names, list) and len(set(map(str, names))) == len(names) else ()


def _within(pa: Any, type_: Any) -> Any:
    """Give the type of the values of lists, or of lists of lists; None for what is no list."""
    found = None
    while is_list(pa, type_):
        type_ = found = type_.value_type
    return found


def is_list(pa: Any, type_: Any) -> bool:
    """Say whether cells are lists, of one length or of many."""
    types = pa.types
    return bool(types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_))


def _is_text(pa: Any, type_: Any) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def _is_binary(pa: Any, type_: Any) -> bool:
    return bool(pa.types.is_binary(type_) or pa.types.is_large_binary(type_))
