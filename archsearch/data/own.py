"""Your own data, an entry for each kind: how they are described, recognised again, read, and what is said of them.

    OWN_SOURCES["npz"].contents(DataSpec(name="npz", path="har.npz")).shape

To add a kind, add an entry, its title in `OWN_DATA`, and its name in `OWN_KINDS`. Must not import
torch when it only describes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archsearch.data import folder, npz, python_source
from archsearch.data.huggingface.described import dataset_digest, dataset_parts, describe_dataset, said_of_dataset
from archsearch.data.images import image_changes, look
from archsearch.data.integrity import digest_of
from archsearch.data.labelled_images import DescribedImages, describe_images, labelled_digest, labelled_parts
from archsearch.data.registry import Contents
from archsearch.data.table.described import DescribedTable, describe_table, table_parts
from archsearch.data.table.read import DataTable, read_table
from archsearch.errors import DamagedFileError, SpecError
from archsearch.files import expanded
from archsearch.spec.dataset import COLUMN_KEYS, TABLE_KEYS, WHITE, DataSpec

if TYPE_CHECKING:
    from archsearch.data.samples import SourcePart

_Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OwnSource:
    """A kind of your own data.

    `contents` describes, `digest` changes when the files do, `parts` reads train (with the validation part behind it)
    and test as samples of a shape with targets of a task, `said` gives a sentence each for what is done to them. `keys`
    are those of `data:` that are for this kind, and `only` says so. `fits`: its images are made to fit as they are
    read; `by_task`: its targets are read as `data.task` says. `values` raises for values that are not finite, where
    `contents` does not look at them.
    """

    contents: Callable[[DataSpec], Contents]
    digest: Callable[[DataSpec], object]
    parts: Callable[[DataSpec, _Shape, str], tuple[SourcePart, SourcePart]]
    said: Callable[[DataSpec], list[str]]
    keys: tuple[str, ...] = ()
    only: str = ""
    fits: bool = False
    by_task: bool = False
    values: Callable[[DataSpec], None] | None = None


def own_path(spec: DataSpec) -> Path:
    """Find own data: `path`, from the current folder if it is relative."""
    if spec.path is None:
        raise SpecError(f"{spec.name} needs a path.", ("data", "path"))
    return expanded(spec.path, ("data", "path")).absolute()


def arrays_file(spec: DataSpec) -> Path | None:
    """Give the .npz with the arrays of a source, None where it has none."""
    if spec.name == "huggingface":
        return describe_dataset(spec).arrays
    return own_path(spec) if spec.name == "npz" else python_source.made(spec) if spec.name == "python" else None


def images_of(spec: DataSpec) -> DescribedImages | None:
    """Give the images of a source that has a table beside them, None where it has none."""
    if spec.name == "huggingface":
        return describe_dataset(spec).images
    return describe_images(spec) if spec.name == "folder" and spec.labels is not None else None


def table_of(spec: DataSpec) -> tuple[DataTable, DescribedTable, tuple[str, ...]] | None:
    """Give the table of a source, read and described, and its target columns; None where it has none."""
    if spec.name == "huggingface":
        found = describe_dataset(spec)
        return None if found.rows is None else (found.table, found.rows, found.spec.target or ())
    if spec.name != "table":
        return None
    return read_table(own_path(spec), spec.encoding), describe_table(spec), spec.target or ()


def _npz_parts(spec: DataSpec, shape: _Shape, task: str) -> tuple[SourcePart, SourcePart]:
    return npz.parts(own_path(spec), spec.channels, task, normalize=spec.normalize)


def _folder_parts(spec: DataSpec, shape: _Shape, task: str) -> tuple[SourcePart, SourcePart]:
    if spec.labels is not None:
        return labelled_parts(spec, shape)
    ground = spec.background or WHITE
    return folder.parts(own_path(spec), shape, grayscale=spec.grayscale, size=spec.size, ground=ground)


def _folder_contents(spec: DataSpec) -> Contents:
    if spec.labels is not None:
        return describe_images(spec).contents
    return folder.contents(own_path(spec), grayscale=spec.grayscale, ground=spec.background)


def _npz_said(spec: DataSpec) -> list[str]:
    held_out = npz.contents(own_path(spec), spec.channels, spec.task).validation
    said = [f"validation part: {held_out:,} samples of x_val, the same for every seed"] if held_out else []
    return said + _not_used(npz.unused(own_path(spec)))


def _folder_said(spec: DataSpec) -> list[str]:
    path = own_path(spec)
    if spec.labels is not None:
        described = describe_images(spec)
        changes = image_changes([look(file) for file in described.files], spec.background or WHITE)
        return [*described.remarks, *changes]
    held_out = len(folder.listing(path).validation)
    said = [f"validation part: {held_out:,} samples of the validation folder, the same for every seed"]
    said = said if held_out else []
    return said + folder.said_of_images(path, spec.background or WHITE) + _not_used(folder.unused(path))


def _not_used(others: list[str]) -> list[str]:
    return [f"not used: {'; '.join(others)}"] if others else []


def _made_contents(spec: DataSpec) -> Contents:
    file = python_source.made(spec)
    try:
        return npz.contents(file, spec.channels, spec.task)
    except (SpecError, DamagedFileError) as error:
        raise python_source.in_words_of(spec, error) from None


def _made_values(spec: DataSpec) -> None:
    try:
        npz.refuse_not_finite(python_source.made(spec), spec.channels)
    except SpecError as error:
        raise python_source.in_words_of(spec, error) from None


def _made_parts(spec: DataSpec, shape: _Shape, task: str) -> tuple[SourcePart, SourcePart]:
    file = python_source.made(spec)
    try:
        return npz.parts(file, spec.channels, task, normalize=spec.normalize)
    except (SpecError, DamagedFileError) as error:
        raise python_source.in_words_of(spec, error) from None


OWN_SOURCES: Mapping[str, OwnSource] = {
    "npz": OwnSource(
        contents=lambda spec: npz.contents(own_path(spec), spec.channels, spec.task),
        digest=lambda spec: digest_of(own_path(spec)),
        parts=_npz_parts,
        said=_npz_said,
        keys=("channels",),
        only="says how your own arrays (npz) are read, and {} is known",
        by_task=True,
        values=lambda spec: npz.refuse_not_finite(own_path(spec), spec.channels),
    ),
    "folder": OwnSource(
        contents=_folder_contents,
        digest=lambda spec: folder.digest(own_path(spec)) if spec.labels is None else labelled_digest(spec),
        parts=_folder_parts,
        said=_folder_said,
        keys=("background", "labels"),
        only="is for your own images (folder), and {} has no such",
        fits=True,
    ),
    "table": OwnSource(
        contents=lambda spec: describe_table(spec).contents,
        digest=lambda spec: digest_of(own_path(spec)),
        parts=lambda spec, shape, task: table_parts(spec),
        said=lambda spec: list(describe_table(spec).remarks),
        keys=TABLE_KEYS,
        only="is for tables (table, and labels of images), and {} is none",
        by_task=True,
    ),
    "python": OwnSource(
        contents=_made_contents,
        digest=python_source.made_digest,
        parts=_made_parts,
        said=lambda spec: python_source.said_of_function(spec) + _not_used(npz.unused(python_source.made(spec))),
        keys=("function", "channels"),
        only="is for a function of your own (python), and {} is none",
        by_task=True,
        values=_made_values,
    ),
    "huggingface": OwnSource(
        contents=lambda spec: describe_dataset(spec).contents,
        digest=dataset_digest,
        parts=dataset_parts,
        said=said_of_dataset,
        keys=(*COLUMN_KEYS, "channels", "background", *(key for key in TABLE_KEYS if key != "encoding")),
        only="is for data sets of Hugging Face (huggingface), and {} is none",
        fits=True,
        by_task=True,
    ),
}
