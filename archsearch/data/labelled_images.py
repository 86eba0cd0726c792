"""Images with a table beside them: a row for each, with its file and its label, its labels, or numbers.

    described = describe_images(DataSpec(name="folder", path="photos", labels="labels.csv"))
    described.contents.task, described.contents.class_names        # 'multilabel', ('boat', 'dog', 'tree')

A cell may hold several labels (dog|tree, dog;tree), or each label has a column of its own. Parts, groups and weights
are those of tables. Must not import torch when it only describes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.data.folder import images_below, images_part, sample_shape
from archsearch.data.groups import numbered
from archsearch.data.images import ImageSource, wrong
from archsearch.data.registry import Contents
from archsearch.data.table.columns import as_words
from archsearch.data.table.described import contents_of
from archsearch.data.table.read import DataTable, import_polars, read_table
from archsearch.data.table.rows import PART_WORDS, groups_fault, groups_of, part_rows, weights_of
from archsearch.data.table.target import TARGET, Meant, column_named, meant_by, targets_fault, targets_of
from archsearch.errors import Problem, SpecError
from archsearch.spec.dataset import WHITE, DataSpec
from archsearch.wording import count_of, listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from archsearch.data.samples import SourcePart

    Rows = NDArray[np.int64]

FILE_WORDS = ("file_name", "file", "filename", "image", "image_file", "path", "img")
_LABELS = ("data", "labels")
_SEVERAL = re.compile(r"[|;]")
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class DescribedImages:
    """What a table says of images: the files in its order, their targets `y`, and the rows of each part."""

    contents: Contents
    files: tuple[ImageSource, ...]
    meant: Meant
    y: NDArray[Any]
    rows: dict[str, Rows]
    groups: NDArray[Any] | None
    weights: NDArray[Any] | None
    remarks: tuple[str, ...] = ()


def describe_images(spec: DataSpec) -> DescribedImages:
    """Describe the images of a spec; raises `SpecError` with the places of all that is wrong."""
    folder, labels = (Path(text or "").expanduser().absolute() for text in (spec.path, spec.labels))
    if not folder.is_dir():
        raise wrong(folder, "is a file" if folder.exists() else "does not exist", "expected a folder of images")
    stat = labels.stat() if labels.is_file() else None
    named = spec.of_source().model_copy(
        update={"path": str(folder), "labels": str(labels), "grayscale": spec.grayscale, "background": spec.background}
    )
    return _described(named, (stat.st_mtime_ns, stat.st_size) if stat else (0, 0))


@lru_cache(maxsize=8)
def _described(spec: DataSpec, state: tuple[int, int]) -> DescribedImages:
    folder = Path(spec.path or "")
    table = read_table(Path(spec.labels or ""), spec.encoding)
    column = file_column(table)
    targets = spec.target or _others(spec, table, column)
    for name in targets:
        column_named(table, name, "target")
    table, targets = _each_label_a_column(table, targets, spec.task)
    files = files_of(folder, table, column)
    by_folder = _by_folder(spec, files, folder)
    found = described_files(spec.model_copy(update={"target": targets}), table, files, folder, by_folder)
    others = len(set(images_below(folder)) - set(files))
    remarks = _remarks(spec, table, found, by_folder is not None)
    return replace(
        found, remarks=(*remarks, f"not used: {count_of(others, 'image')} without a row") if others else remarks
    )


def described_files(
    spec: DataSpec,
    table: DataTable,
    files: Sequence[ImageSource],
    folder: Path,
    by_folder: dict[str, Rows] | None = None,
) -> DescribedImages:
    """Describe images, a row of the table for each, with the targets that the spec names; nothing is said of them yet.

    `by_folder` are the rows of each part where the table does not say it.
    """
    targets = spec.target or ()
    meant = meant_by(table, targets, spec.task)
    y = targets_of(table, targets, meant)
    groups, weights = groups_of(spec, table), weights_of(spec, table)
    rows = by_folder or part_rows(spec, table, y, groups)
    if fault := targets_fault(y, rows["train"], meant, targets):
        raise SpecError(Problem(f"{table.path}:{listed(targets)}", fault), TARGET)
    if (wrong := groups_fault(spec, table, groups, rows)) is not None:
        raise wrong
    drawn = spec.part is None and by_folder is None
    shape = sample_shape(files, folder, grayscale=spec.grayscale, ground=spec.background)
    names, numbers = ((), None) if groups is None else _numbered(groups)
    return DescribedImages(
        contents=contents_of(meant, shape, y, rows, names, spec.weight, "uint8", drawn=drawn),
        files=tuple(files),
        meant=meant,
        y=y,
        rows=rows,
        groups=numbers,
        weights=weights,
    )


def _numbered(groups: NDArray[Any]) -> tuple[tuple[str, ...], NDArray[Any]]:
    names, numbers = numbered({"all": groups})
    return names, numbers["all"]


def file_column(table: DataTable) -> str:
    """Name the column of the files: by its name, else the first."""
    by_name = {name.lower(): name for name in table.columns}
    return next((by_name[word] for word in FILE_WORDS if word in by_name), table.columns[0])


def _others(spec: DataSpec, table: DataTable, column: str) -> tuple[str, ...]:
    """Give the columns that nothing else is said of: the labels."""
    beside = {column, spec.part, spec.group, spec.weight, *(spec.ignore or ()), ""}
    found = tuple(name for name in table.columns if name not in beside)
    if not found:
        raise SpecError(f"{table.path} has no column of labels beside {column}.", _LABELS)
    return found


def _each_label_a_column(
    table: DataTable, targets: tuple[str, ...], task: str | None
) -> tuple[DataTable, tuple[str, ...]]:
    """Where cells hold several labels, give the table with a column of no and yes for each label instead."""
    if len(targets) > 1 or task not in (None, "multilabel"):
        return table, targets
    words = as_words(table, targets[0])
    cells = [{label.strip() for label in _SEVERAL.split(cell or "")} - {""} for cell in words.to_list()]
    if max(map(len, cells)) < 2 and task is None:
        return table, targets
    polars = import_polars()
    labels = sorted(set().union(*cells))
    columns = [polars.Series(label, [str(int(label in cell)) for cell in cells]) for label in labels]
    rest = table.frame.drop(targets[0])
    if twice := [label for label in labels if label in rest.columns]:
        raise SpecError(f"{table.path}: {twice[0]} is a label and a column; rename one of them.", _LABELS)
    return replace(table, frame=rest.with_columns(columns)), tuple(labels)


def files_of(folder: Path, table: DataTable, column: str) -> tuple[Path, ...]:
    """Give the file of each row; raise `SpecError` with the places of those that are not there, or there twice."""
    found, problems = [], []
    seen: dict[str, int] = {}
    for row, name in enumerate(as_words(table, column).to_list()):
        path = folder / (name or "")
        if not name or not path.is_file():
            what = f"{name} is no file in {folder}" if name else "no file is named"
            problems.append(Problem(table.place(row, column), what))
        elif name in seen:
            problems.append(Problem(table.place(row, column), f"{name} has a row already: {table.line(seen[name])}"))
        seen.setdefault(name or "", row)
        found.append(path)
        if len(problems) == _MOST_PROBLEMS:
            break
    if problems:
        raise SpecError(problems, _LABELS)
    return tuple(found)


def _by_folder(spec: DataSpec, files: Sequence[Path], folder: Path) -> dict[str, Rows] | None:
    """Give the rows of each part where images lie in folders called train, test (and val), and no column says it."""
    import numpy as np

    words = [file.relative_to(folder).parts[0].lower() for file in files]
    parts = np.array([PART_WORDS.get(word, "") for word in words])
    if spec.part is not None or "" in parts or not {"train", "test"} <= set(parts.tolist()):
        return None
    return {part: np.flatnonzero(parts == part) for part in ("train", "val", "test") if part in parts}


def _remarks(spec: DataSpec, table: DataTable, found: DescribedImages, by_folder: bool) -> tuple[str, ...]:
    said, rows = [targets_said(found.meant, table.path.name)], found.rows
    if by_folder:
        if "val" in rows:
            said.append(f"validation part: {len(rows['val']):,} images of its folder, the same for every seed")
        return tuple(said)
    return (*said, *parts_said(spec, rows))


def targets_said(meant: Meant, of: str) -> str:
    """Say what the targets are, and of what: classes of labels.csv: ant, cat."""
    kinds = {"multilabel": "labels", "regression": "numbers"}
    return f"{kinds.get(meant.task, 'classes')} of {of}: {listed(meant.names)}"


def parts_said(spec: DataSpec, rows: dict[str, Rows]) -> list[str]:
    """Say which rows are held out where a table says it, or nothing does."""
    if spec.part is None:
        return [f"test part: each fifth {f'group of {spec.group}' if spec.group else 'row'}"]
    return (
        [f"validation part: {len(rows['val']):,} rows of {spec.part}, the same for every seed"] if "val" in rows else []
    )


def labelled_parts(spec: DataSpec, shape: tuple[int, ...]) -> tuple[SourcePart, SourcePart]:
    """Read train (with the validation part behind it) and test; `shape` is that after `grayscale` and `size`."""
    return parts_of_images(describe_images(spec), spec, shape)


def parts_of_images(
    described: DescribedImages, spec: DataSpec, shape: tuple[int, ...]
) -> tuple[SourcePart, SourcePart]:
    """Read train (with the validation part behind it) and test of images that are described."""
    import numpy as np
    import torch

    ground = spec.background or WHITE

    def part(at: Rows) -> SourcePart:
        y = torch.from_numpy(described.y[at])
        files = [described.files[row] for row in at.tolist()]
        read = images_part(files, y, shape, grayscale=spec.grayscale, size=spec.size, ground=ground)
        groups, weights = described.groups, described.weights
        return replace(
            read,
            groups=None if groups is None else torch.from_numpy(groups[at]),
            weights=None if weights is None else torch.from_numpy(weights[at].astype(np.float32)),
        )

    rows = described.rows
    own = rows["train"] if "val" not in rows else np.concatenate([rows["train"], rows["val"]])
    return part(own), part(rows["test"])


def labelled_digest(spec: DataSpec) -> str:
    """Hash the table, and names and contents of its images."""
    import hashlib

    from archsearch.data.folder import hash_images
    from archsearch.data.integrity import digest_of

    total = hashlib.sha256(digest_of(Path(spec.labels or "").expanduser().absolute()).encode())
    files = [file for file in describe_images(spec).files if isinstance(file, Path)]
    hash_images(total.update, files, Path(spec.path or "").expanduser().absolute())
    return total.hexdigest()
