"""The splits of a data set as one table, its images and arrays beside it: whichever form the folder has.

    source = split_source(find_layout(path), {"train": "train", "test": "test"})
    source.columns["image"].kind, source.table.place(0, "labels")   # 'image', 'beans:train row 1:labels'

Classes are columns of names in the order of their numbers. Must not import torch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.data.folder import images_below, named_folders
from archsearch.data.huggingface.layout import DatasetLayout, metadata_of
from archsearch.data.huggingface.stored import StoredColumn, StoredRows, import_pyarrow, is_list
from archsearch.data.images import HeldImage, ImageSource, wrong
from archsearch.data.table.read import DataTable, import_polars, read_table
from archsearch.errors import Problem, SpecError
from archsearch.wording import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IN_TABLE = ("class", "labels", "number", "word", "other")
_INDEX = "__index_level_0__"  # what pandas leaves in Parquet


@dataclass(frozen=True, slots=True)
class SplitTable(DataTable):
    """The rows of all parts, one after the other; a place names the split and the row in it, from 1."""

    splits: tuple[str, ...] = ()
    ends: tuple[int, ...] = ()
    own: tuple[DataTable, ...] = field(default=(), repr=False)  # of a metadata file each: places are lines of it

    def place(self, row: int, column: str) -> str:
        """Say where a cell is: folder:split row n:column."""
        at = bisect_right(self.ends, row)
        inside = row - (self.ends[at - 1] if at else 0)
        if self.own:
            return self.own[at].place(inside, column)
        return f"{self.path}:{self.splits[at]} row {inside + 1}:{column}"


@dataclass(frozen=True, slots=True)
class SplitSource:
    """What a data set holds. `part` is the column of `table` that says train, val or test; None: one split for all.

    `rows` are the stored rows of each split, `files` those of a data set of image files.
    """

    columns: Mapping[str, StoredColumn]
    table: SplitTable
    part: str | None
    rows: tuple[StoredRows, ...] = ()
    files: tuple[Path, ...] = ()

    def images(self, column: str) -> list[ImageSource]:
        """Give the images of a column, one for each row of the table."""
        if self.files:
            return list(self.files)
        return [
            HeldImage(f"{self.table.path}:{split} row {row + 1}", partial(_content, rows, column, row, self.table.path))
            for split, rows in zip(self.table.splits, self.rows, strict=True)
            for row in range(len(rows))
        ]

    def array(self, column: str) -> NDArray[Any]:
        """Give the arrays of a column (rows, ...); raise `SpecError` where they are missing or of several lengths."""
        import numpy as np

        found = [
            nested_lists(rows.whole([column]).column(column), f"{self.table.path}:{split}:{column}")
            for split, rows in zip(self.table.splits, self.rows, strict=True)
        ]
        if len({(one.shape[1:], one.dtype) for one in found}) > 1:
            shapes = [
                f"{one.shape[1:]} {one.dtype} in {split}" for one, split in zip(found, self.table.splits, strict=True)
            ]
            raise SpecError(f"{self.table.path}: the arrays of {column} differ: {listed(shapes)}.", ("data", "input"))
        return np.concatenate(found)


def split_source(layout: DatasetLayout, parts: Mapping[str, str]) -> SplitSource:
    """Open the splits that are parts; `parts` names for each split train, val or test."""
    return _of_images(layout, parts) if layout.form == "images" else _of_rows(layout, parts)


# -- rows in Arrow and Parquet files -----------------------------------------------------------------------------------


def _of_rows(layout: DatasetLayout, parts: Mapping[str, str]) -> SplitSource:
    polars = import_polars()
    info = layout.beside[0] if layout.beside else None
    rows = [StoredRows(layout.splits[split], info) for split in parts]
    columns = {name: column for name, column in rows[0].columns.items() if name != _INDEX}
    for split, some in zip(parts, rows, strict=True):
        if odd := [name for name in columns if some.columns.get(name) != columns[name]]:
            raise SpecError(
                f"{layout.path}: the splits {next(iter(parts))} and {split} differ in {listed(odd)}.", ("data", "path")
            )
    names = [name for name, column in columns.items() if column.kind in _IN_TABLE]
    frames = []
    for split, some in zip(parts, rows, strict=True):
        frame = polars.from_arrow(some.whole(names)) if names else polars.DataFrame({"": [None] * len(some)})
        named = [
            _named(polars, frame[name], column.names, f"{layout.path}:{split}")
            for name, column in columns.items()
            if column.kind == "class"
        ]
        frames.append(frame.with_columns(named))
    table, part = _joined(polars, layout.path, frames, parts)
    return SplitSource(columns, table, part, rows=tuple(rows))


def _named(polars: Any, numbers: Any, names: tuple[str, ...], where: str) -> Any:
    """Give the names of classes for their numbers; -1 is none, as `datasets` has it."""
    strange = ((numbers < -1) | (numbers >= len(names))).fill_null(False)
    if strange.any():
        row = int(strange.arg_true()[0])
        raise SpecError(
            Problem(
                f"{where} row {row + 1}:{numbers.name}",
                f"{numbers[row]} is no class; there are {len(names)}, from 0 to {len(names) - 1}",
            ),
            ("data", "target"),
        )
    words = numbers.replace_strict(list(range(len(names))), list(names), default=None, return_dtype=polars.String)
    return words.cast(polars.Enum(list(names)))


def _joined(
    polars: Any, path: Path, frames: Sequence[Any], parts: Mapping[str, str], own: tuple[DataTable, ...] = ()
) -> tuple[SplitTable, str | None]:
    ends = tuple(accumulate(frame.height for frame in frames))
    if empty := [split for split, frame in zip(parts, frames, strict=True) if not frame.height]:
        raise SpecError(f"{path}: the split {empty[0]} has no rows.", ("data", "path"))
    part = None
    if len(parts) > 1:
        part = "split"
        while part in frames[0].columns:
            part += "_"
        frames = [
            frame.with_columns(polars.lit(word).alias(part)) for frame, word in zip(frames, parts.values(), strict=True)
        ]
    try:
        frame = polars.concat(frames, how="vertical_relaxed")
    except polars.exceptions.PolarsError as problem:
        said = str(problem).splitlines()[0]
        raise SpecError(
            f"{path}: the splits {listed(list(parts))} are no one table: {said}.", ("data", "path")
        ) from None
    return SplitTable(path, frame, splits=tuple(parts), ends=ends, own=own), part


def _content(rows: StoredRows, column: str, row: int, folder: Path) -> bytes:
    cell = rows.cell(column, row)
    content, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, None)
    if content is None and isinstance(path, str):
        file = (folder / path).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise ValueError(
                f"it is the file {path}, which lies outside of the folder; save the data with their images"
            )
        content = file.read_bytes()
    if not isinstance(content, bytes):
        raise ValueError("it is missing")
    return content


def nested_lists(column: Any, where: str) -> NDArray[Any]:
    """Give lists of numbers, or lists of such lists, as an array; raise `SpecError` where their lengths differ."""
    pa = import_pyarrow()
    import pyarrow.compute

    array = pa.concat_arrays([_plain(pa, chunk) for chunk in column.chunks])
    shape = [len(array)]
    while True:
        if array.null_count:
            row = array.is_null().index(True).as_py() // max(1, len(array) // max(1, shape[0]))
            raise SpecError(Problem(where, f"row {row + 1} lacks a value; fill it in, or take the row out"), ("data",))
        if not is_list(pa, array.type):
            break
        lengths = pyarrow.compute.min_max(pyarrow.compute.list_value_length(array)).as_py()
        if lengths["min"] != lengths["max"]:
            said = f"lists of {lengths['min']} to {lengths['max']} values; give all one length: pad or cut them"
            raise SpecError(Problem(where, said), ("data", "input"))
        shape.append(lengths["min"])
        array = array.flatten()
    found: NDArray[Any] = array.to_numpy(zero_copy_only=False).reshape(shape)
    return found


def _plain(pa: Any, chunk: Any) -> Any:
    return chunk.storage if isinstance(chunk.type, pa.BaseExtensionType) else chunk


# -- images by split ---------------------------------------------------------------------------------------------------


def _of_images(layout: DatasetLayout, parts: Mapping[str, str]) -> SplitSource:
    from archsearch.data.labelled_images import file_column, files_of

    polars = import_polars()
    folders = {split: layout.splits[split][0] for split in parts}
    by_class = [split for split, folder in folders.items() if not metadata_of(folder)]
    if by_class and len(by_class) < len(folders):
        raise wrong(layout.path, f"{by_class[0]}/ has no metadata file", "all splits need one, or none")
    if by_class:
        return _by_class(polars, layout.path, folders, parts)
    tables, files, frames = list[DataTable](), list[Path](), []
    for folder in folders.values():
        table = read_table(metadata_of(folder)[0])
        column = file_column(table)
        tables.append(table)
        files += files_of(folder, table, column)
        frames.append(table.frame.drop(column))
    if odd := sorted({name for frame in frames[1:] for name in {*frames[0].columns} ^ {*frame.columns}}):
        raise wrong(layout.path, f"the metadata of the splits differ in {listed(odd)}", "all need the same columns")
    table, part = _joined(polars, layout.path, [one.select(frames[0].columns) for one in frames], parts, tuple(tables))
    columns = {name: StoredColumn("word") for name in frames[0].columns}
    return SplitSource({"image": StoredColumn("image"), **columns}, table, part, files=tuple(files))


def _by_class(polars: Any, path: Path, folders: Mapping[str, Path], parts: Mapping[str, str]) -> SplitSource:
    names = sorted({name for folder in folders.values() for name in named_folders(folder)})
    files, frames = list[Path](), []
    for folder in folders.values():
        found = [(file, name) for name in named_folders(folder) for file in images_below(folder / name)]
        files += [file for file, _ in found]
        frames.append(polars.DataFrame({"label": polars.Series([name for _, name in found], dtype=polars.Enum(names))}))
    table, part = _joined(polars, path, frames, parts)
    columns = {"image": StoredColumn("image"), "label": StoredColumn("class", tuple(names))}
    return SplitSource(columns, table, part, files=tuple(files))


def with_target(source: SplitSource, target: str) -> tuple[SplitTable, tuple[str, ...]]:
    """Give the table with a column for each label, or number, of a target whose cells hold several; and their names."""
    kind, table = source.columns[target], source.table
    polars = import_polars()
    if kind.kind == "array":
        values = source.array(target).reshape(len(table), -1)
        names = tuple(f"{target}[{number}]" for number in range(values.shape[1]))
        columns = [polars.Series(name, values[:, number].copy()) for number, name in enumerate(names)]
    elif kind.kind == "labels":
        cells = [set(cell or ()) for cell in table.frame[target].to_list()]
        held: Sequence[Any] = range(len(kind.names)) if kind.names else sorted(set().union(*cells))
        names = kind.names or tuple(map(str, held))
        columns = [
            polars.Series(name, [int(value in cell) for cell in cells]) for name, value in zip(names, held, strict=True)
        ]
    else:
        return table, (target,)
    rest = table.frame.drop(target, strict=False)
    if twice := [name for name in names if name in rest.columns]:
        raise SpecError(f"{table.path}: {twice[0]} is a label and a column; rename one of them.", ("data", "target"))
    return replace(table, frame=rest.with_columns(columns)), names
