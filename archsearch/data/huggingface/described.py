"""A data set of Hugging Face as archsearch reads it: which splits are parts, what goes in, what is to be predicted.

    described = describe_dataset(spec)             # SpecError with what there is, where something must be said
    described.contents, described.remarks
    dataset_parts(spec, shape, task)               # what is stored

Images are read as those of a folder, arrays as those of an .npz (which is made of them once), and all other columns as
a table. A description is kept for this process as long as the files do not change; must not import torch.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.data import npz
from archsearch.data.folder import hash_images
from archsearch.data.huggingface.layout import DatasetLayout, find_layout
from archsearch.data.huggingface.source import SplitSource, SplitTable, split_source, with_target
from archsearch.data.images import image_changes, look
from archsearch.data.integrity import remove_leftovers, writing
from archsearch.data.labelled_images import DescribedImages, described_files, parts_of_images, parts_said, targets_said
from archsearch.data.location import data_dir
from archsearch.data.registry import Contents
from archsearch.data.table.described import DescribedTable, describe_rows, parts_of_rows
from archsearch.data.table.rows import PART_WORDS, groups_fault, groups_of, part_rows, weights_of
from archsearch.data.table.target import TARGET, Meant, column_named, meant_by, targets_fault, targets_of
from archsearch.errors import DamagedFileError, Problem, SpecError
from archsearch.files import expanded, seal
from archsearch.spec.dataset import WHITE, DataSpec
from archsearch.wording import listed

if TYPE_CHECKING:
    from archsearch.data.samples import SourcePart

_INPUT, _SPLITS = ("data", "input"), ("data", "splits")
_OF_TABLES = ("categorical", "missing", "unseen")
_USUAL_TARGETS = ("label", "labels", "target")


@dataclass(frozen=True, slots=True)
class DescribedDataset:
    """What a data set holds; `spec` names the target and the parts where that was left open, in words of `table`.

    One of `images`, `rows` and `arrays` (the .npz that was made) says what a network reads.
    """

    contents: Contents
    spec: DataSpec
    table: SplitTable
    remarks: tuple[str, ...]
    images: DescribedImages | None = None
    rows: DescribedTable | None = None
    arrays: Path | None = None


def describe_dataset(spec: DataSpec) -> DescribedDataset:
    """Describe the data set of a spec; raises `SpecError`, and `DamagedFileError` for files that cannot be read."""
    layout = _layout(spec)
    kept = {key: getattr(spec, key) for key in ("grayscale", "background", "channels")}
    named = spec.of_source().model_copy(update={"path": str(layout.path), **kept})
    return _described(named, _state(layout))


def _layout(spec: DataSpec) -> DatasetLayout:
    return find_layout(expanded(spec.path or "", ("data", "path")).absolute())


def _state(layout: DatasetLayout) -> tuple[tuple[str, int, int], ...]:
    found = [(file, file.stat()) for file in layout.files]
    return tuple((str(file), stat.st_mtime_ns, stat.st_size) for file, stat in found)


@lru_cache(maxsize=4)
def _described(spec: DataSpec, state: tuple[tuple[str, int, int], ...]) -> DescribedDataset:
    layout = find_layout(Path(spec.path or ""))
    parts = _parts(spec, layout)
    source = split_source(layout, parts)
    column = _input(spec, source)
    kind = source.columns[column].kind if column is not None else "table"
    _fitting_keys(spec, kind, source)
    target = _target(spec, source, column)
    if source.part is not None and spec.part is not None:
        raise SpecError(f"the splits say the parts of {layout.path}; take data.part out.", ("data", "part"))
    spec = spec.model_copy(update={"target": target, "part": spec.part or source.part})
    table = source.table
    if len(target) == 1:
        _must_be_known(source, target[0], parts)
        table, target = with_target(source, target[0])
        spec = spec.model_copy(update={"target": target})
    for key in ("target", "part", "group", "weight"):
        names = getattr(spec, key) or ()
        for name in (names,) if isinstance(names, str) else names:
            column_named(table, name, key)
    unused = _unused(spec, source, layout, parts, column)
    if kind == "image":
        described = described_files(spec, table, source.images(str(column)), layout.path)
        said = [_columns_said(column, described.meant, spec), *parts_said(spec, described.rows)]
        return DescribedDataset(described.contents, spec, table, (*said, *unused), images=described)
    if kind == "array":
        return _of_arrays(spec, table, source, str(column), state, unused)
    rows = describe_rows(spec, table)
    return DescribedDataset(rows.contents, spec, table, (*rows.remarks, *unused), rows=rows)


# -- what is what ------------------------------------------------------------------------------------------------------


def _parts(spec: DataSpec, layout: DatasetLayout) -> dict[str, str]:
    """Give for each split that is used its part: train, val or test; training first, the test part last."""
    there = f"There are {listed(list(layout.splits))}"
    if spec.splits is not None:
        named = {spec.splits.train: "train", spec.splits.validation: "val", spec.splits.test: "test"}
        found = {split: part for split, part in named.items() if split is not None}
        if missing := [split for split in found if split not in layout.splits]:
            raise SpecError(f"{layout.path} has no split {missing[0]}. {there}.", _SPLITS)
        return found
    if len(layout.splits) == 1:
        return dict.fromkeys(layout.splits, "train")
    found = {split: PART_WORDS[split.lower()] for split in layout.splits if split.lower() in PART_WORDS}
    by_part = {part: [split for split in found if found[split] == part] for part in ("train", "val", "test")}
    if twice := [splits for splits in by_part.values() if len(splits) > 1]:
        raise SpecError(
            f"{layout.path}: {listed(twice[0])} are two splits for one part; say which: data.splits.", _SPLITS
        )
    if not by_part["train"] or not by_part["test"]:
        lacks = "train" if not by_part["train"] else "test"
        example = f"{{train: {[*by_part['train'], *layout.splits][0]}, test: {list(layout.splits)[-1]}}}"
        raise SpecError(
            f"{layout.path} has no split called {lacks}. {there}; say which are for training and testing: "
            f"data.splits: {example}, or train alone, of which every fifth row then is for testing.",
            _SPLITS,
        )
    return {splits[0]: part for part, splits in by_part.items() if splits}


def _there_are(source: SplitSource) -> str:
    return "There are " + listed([f"{name} ({column.said})" for name, column in source.columns.items()], 12)


def _input(spec: DataSpec, source: SplitSource) -> str | None:
    """Name the column that a network reads: as the spec says, else the only one of images, else of arrays."""
    if spec.input is not None:
        if spec.input not in source.columns:
            raise SpecError(f"{source.table.path} has no column {spec.input}. {_there_are(source)}.", _INPUT)
        if source.columns[spec.input].kind not in ("image", "array"):
            said = source.columns[spec.input].said
            raise SpecError(
                f"the column {spec.input} holds no images and no arrays ({said}). {_there_are(source)}; without "
                "data.input all columns but the target are read.",
                _INPUT,
            )
        return spec.input
    for kind in ("image", "array"):
        found = [
            name for name, column in source.columns.items() if column.kind == kind and name not in (spec.target or ())
        ]
        if len(found) > 1:
            raise SpecError(
                f"say which column of {source.table.path} the network reads: data.input. {_there_are(source)}.", _INPUT
            )
        if found:
            return found[0]
    return None


def _target(spec: DataSpec, source: SplitSource, column: str | None) -> tuple[str, ...]:
    """Name the target columns: as the spec says, else the only one of classes, or of labels, or by its name."""
    if spec.target is not None:
        if missing := [name for name in spec.target if name not in source.columns]:
            raise SpecError(f"{source.table.path} has no column {missing[0]}. {_there_are(source)}.", TARGET)
        several = [name for name in spec.target if source.columns[name].kind in ("labels", "array", "image")]
        if several and len(spec.target) > 1:
            raise SpecError(f"{several[0]} holds several values and cannot be one target of several.", TARGET)
        return spec.target
    columns = source.columns
    classes = [name for name in columns if columns[name].kind == "class"]
    labels = [name for name in columns if columns[name].kind == "labels" and columns[name].names]
    usual = [name for name in columns if name in _USUAL_TARGETS and name != column]
    found = classes or labels or usual
    if column is None or len(found) != 1:
        raise SpecError(
            f"say which column of {source.table.path} is to be predicted: data.target. {_there_are(source)}.", TARGET
        )
    return (found[0],)


def _must_be_known(source: SplitSource, target: str, parts: Mapping[str, str]) -> None:
    """Raise `SpecError` for a split without any target, as test splits of competitions are."""
    if target not in source.table.frame.columns:
        return
    ends = source.table.ends
    for split, start, end in zip(parts, (0, *ends), ends, strict=False):
        if source.table.frame[target][start:end].is_null().all():
            raise SpecError(
                f"{source.table.path}: no row of the split {split} has a {target}, as where it is kept back. Say which "
                f"splits are used, such as data.splits: {_without(split, parts)}.",
                _SPLITS,
            )


def _without(split: str, parts: Mapping[str, str]) -> str:
    others = [other for other in parts if other != split] or ["..."]
    return f"{{train: {others[0]}, test: {others[-1]}}}" if len(others) > 1 else f"{{train: {others[0]}}}"


def _fitting_keys(spec: DataSpec, kind: str, source: SplitSource) -> None:
    """Raise `SpecError` for a key that says how columns of another kind are read."""
    wrong = [("background", "images")] if kind != "image" and spec.background is not None else []
    wrong += [("channels", "arrays")] if kind != "array" and spec.channels is not None else []
    wrong += [(key, "a table") for key in _OF_TABLES if kind != "table" and getattr(spec, key) is not None]
    for key, of in wrong:
        are = {"image": "images", "array": "arrays"}.get(kind, "a table")
        said = f"{key} says how {of} are read, and {source.table.path} is read as {are}. Remove it."
        raise SpecError(said, ("data", key))


def _columns_said(column: str | None, meant: Meant, spec: DataSpec) -> str:
    return f"input {column}; {targets_said(meant, ', '.join((spec.target or ())[:3]))}"


def _unused(
    spec: DataSpec, source: SplitSource, layout: DatasetLayout, parts: Mapping[str, str], column: str | None
) -> list[str]:
    said = []
    if others := [split for split in layout.splits if split not in parts]:
        said.append(f"{'split' if len(others) == 1 else 'splits'} {listed(others)}")
    used = {column, spec.part, spec.group, spec.weight, *(spec.target or ())}
    if column is not None and (left := [name for name in source.columns if name not in used]):
        whole = [name for name in left if not any(name == one.partition("[")[0] for one in spec.target or ())]
        said += [f"{'column' if len(whole) == 1 else 'columns'} {listed(whole)}"] if whole else []
    return [f"not used: {'; '.join(said)}"] if said else []


# -- arrays ------------------------------------------------------------------------------------------------------------


def _of_arrays(
    spec: DataSpec, table: SplitTable, source: SplitSource, column: str, state: object, unused: list[str]
) -> DescribedDataset:
    targets = spec.target or ()
    meant = meant_by(table, targets, spec.task)
    y = targets_of(table, targets, meant)
    groups, weights = groups_of(spec, table), weights_of(spec, table)
    rows = part_rows(spec, table, y, groups)
    if fault := targets_fault(y, rows["train"], meant, targets):
        raise SpecError(Problem(f"{table.path}:{listed(targets)}", fault), TARGET)
    if (wrong := groups_fault(spec, table, groups, rows)) is not None:
        raise wrong
    key = seal([str(table.path), state, spec.model_dump(mode="json"), column])[:16]
    file = data_dir() / "made" / f"{table.path.name}-{key}.npz"
    if not file.exists():
        beside = {"group": groups, "weight": weights}
        x = source.array(column)
        arrays: dict[str, Any] = {}
        for part, at in rows.items():
            arrays |= {f"x_{part}": x[at], f"y_{part}": y[at]}
            arrays |= {f"{name}_{part}": values[at] for name, values in beside.items() if values is not None}
        _write(file, arrays)
    try:
        contents = npz.contents(file, spec.channels, meant.task)
    except (SpecError, DamagedFileError) as error:
        raise SpecError(str(error).replace(str(file), f"{table.path}:{column}"), _INPUT) from None
    contents = replace(contents, class_names=meant.names, drawn=spec.part is None)
    said = (_columns_said(column, meant, spec), *parts_said(spec, rows), *unused)
    return DescribedDataset(contents, spec, table, said, arrays=file)


def _write(file: Path, arrays: Mapping[str, Any]) -> None:
    import numpy as np

    temporary = file.with_name(f".{file.stem}-{uuid.uuid4().hex[:12]}.npz")
    with writing(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(file.parent, ".*-*")
        try:
            np.savez(temporary, **arrays)
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)


# -- what is stored ----------------------------------------------------------------------------------------------------


def dataset_parts(spec: DataSpec, shape: tuple[int, ...], task: str) -> tuple[SourcePart, SourcePart]:
    """Read train (with the validation part behind it) and test; `shape` is that after `grayscale` and `size`."""
    described = describe_dataset(spec)
    if described.images is not None:
        return parts_of_images(described.images, spec, shape)
    if described.rows is not None:
        return parts_of_rows(described.rows, described.spec, described.table)
    from archsearch.data.samples import fit_images

    assert described.arrays is not None
    train, test = npz.parts(described.arrays, spec.channels, task, normalize=spec.normalize)
    if len(shape) != 3:
        return train, test

    def fitted(part: SourcePart) -> SourcePart:
        return replace(part, read=lambda rows: fit_images(part.read(rows), grayscale=spec.grayscale, size=spec.size))

    return fitted(train), fitted(test)


def dataset_digest(spec: DataSpec) -> str:
    """Hash names and contents of all files that decide what the data are."""
    layout = _layout(spec)
    total = hashlib.sha256()
    hash_images(total.update, layout.files, layout.path)
    return total.hexdigest()


def said_of_dataset(spec: DataSpec) -> list[str]:
    """Say in a sentence each how the data set is read, and what of it is not."""
    described = describe_dataset(spec)
    ends = described.table.ends
    sizes = [end - start for start, end in zip((0, *ends), ends, strict=False)]
    splits = [f"{split} {size:,}" for split, size in zip(described.table.splits, sizes, strict=True)]
    said = [f"rows of each split: {listed(splits)}", *described.remarks]
    if described.images is None:
        return said
    return said + image_changes([look(image) for image in described.images.files], spec.background or WHITE)
