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

from archsearch.data import folder, npz
from archsearch.data.integrity import digest_of
from archsearch.data.registry import Contents
from archsearch.data.table.described import describe_table, table_parts
from archsearch.errors import SpecError
from archsearch.files import expanded
from archsearch.spec.dataset import TABLE_KEYS, WHITE, DataSpec

if TYPE_CHECKING:
    from archsearch.data.samples import SourcePart

_Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OwnSource:
    """A kind of your own data.

    `contents` describes, `digest` changes when the files do, `parts` reads train (with the
    validation part behind it) and test as samples of a shape, `said` gives a sentence each for what is done to them.
    `keys` are those of `data:` that are for this kind, and `only` says so; `fits`: its images are made to fit as they
    are read.
    """

    contents: Callable[[DataSpec], Contents]
    digest: Callable[[DataSpec], object]
    parts: Callable[[DataSpec, _Shape], tuple[SourcePart, SourcePart]]
    said: Callable[[DataSpec], list[str]]
    keys: tuple[str, ...] = ()
    only: str = ""
    fits: bool = False


def own_path(spec: DataSpec) -> Path:
    """Find own data: `path`, from the current folder if it is relative."""
    if spec.path is None:
        raise SpecError(f"{spec.name} needs a path.", ("data", "path"))
    return expanded(spec.path, ("data", "path")).absolute()


def _npz_parts(spec: DataSpec, shape: _Shape) -> tuple[SourcePart, SourcePart]:
    task = spec.task or npz.own_task(own_path(spec))
    assert task is not None, "targets that may be several things were refused as they were described"
    return npz.parts(own_path(spec), spec.channels, task, normalize=spec.normalize)


def _folder_parts(spec: DataSpec, shape: _Shape) -> tuple[SourcePart, SourcePart]:
    ground = spec.background or WHITE
    return folder.parts(own_path(spec), shape, grayscale=spec.grayscale, size=spec.size, ground=ground)


def _folder_contents(spec: DataSpec) -> Contents:
    return folder.contents(own_path(spec), grayscale=spec.grayscale, ground=spec.background)


def _npz_said(spec: DataSpec) -> list[str]:
    held_out = npz.contents(own_path(spec), spec.channels, spec.task).validation
    said = [f"validation part: {held_out:,} samples of x_val, the same for every seed"] if held_out else []
    return said + _not_used(npz.unused(own_path(spec)))


def _folder_said(spec: DataSpec) -> list[str]:
    path = own_path(spec)
    held_out = len(folder.listing(path).validation)
    said = [f"validation part: {held_out:,} samples of the validation folder, the same for every seed"]
    said = said if held_out else []
    return said + folder.said_of_images(path, spec.background or WHITE) + _not_used(folder.unused(path))


def _not_used(others: list[str]) -> list[str]:
    return [f"not used: {'; '.join(others)}"] if others else []


OWN_SOURCES: Mapping[str, OwnSource] = {
    "npz": OwnSource(
        contents=lambda spec: npz.contents(own_path(spec), spec.channels, spec.task),
        digest=lambda spec: digest_of(own_path(spec)),
        parts=_npz_parts,
        said=_npz_said,
        keys=("channels",),
        only="says how your own arrays (npz) are read, and {} is known",
    ),
    "folder": OwnSource(
        contents=_folder_contents,
        digest=lambda spec: folder.digest(own_path(spec)),
        parts=_folder_parts,
        said=_folder_said,
        keys=("background",),
        only="is for your own images (folder), and {} has no such",
        fits=True,
    ),
    "table": OwnSource(
        contents=lambda spec: describe_table(spec).contents,
        digest=lambda spec: digest_of(own_path(spec)),
        parts=lambda spec, shape: table_parts(spec),
        said=lambda spec: list(describe_table(spec).remarks),
        keys=TABLE_KEYS,
        only="is for tables (table), and {} is none",
    ),
}
