"""Prepared data on disk: a folder of .npy files and meta.json, written once, checked and memory-mapped.

    write(folder / "prepared" / "digits-0123", arrays, about={"name": "digits"})
    read(folder / "prepared" / "digits-0123").arrays["x_train"]

A folder appears whole or not at all. Knows arrays and digests, not data sets.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.data.integrity import (
    FileCheck,
    matches,
    remove_leftovers,
    writing,
)
from archsearch.errors import DamagedFileError
from archsearch.files import make_folder, seal, sync, sync_folder, temporary_beside, write_json

if TYPE_CHECKING:
    from torch import Tensor

TENSOR_NAMES = ("x_train", "y_train", "x_test", "y_test")
FURTHER_NAMES = ("groups_train", "groups_test", "weights_train")  # where the source says so


@dataclass(frozen=True, slots=True)
class NewArray:
    """An array to be written: numpy's `dtype` word (|u1, <f4, <i8), its whole shape, and its rows in chunks."""

    dtype: str
    shape: tuple[int, ...]
    chunks: Iterable[Tensor]


@dataclass(frozen=True, slots=True)
class Stored:
    """What `read` found: memory-mapped tensors (writes stay private) and the hash of their contents."""

    arrays: dict[str, Tensor]
    fingerprint: str


def write_prepared(target: Path, arrays: Mapping[str, NewArray], about: Mapping[str, object]) -> None:
    """Write the folder `target`; if another process was faster, its folder is left as it is.

    Raises UnavailableError, with nothing left behind, when the disk is full or the folder cannot be written.
    """
    temporary = temporary_beside(target)
    try:
        with writing(target.parent):
            make_folder(target.parent)
            remove_leftovers(target.parent, ".*-*")
            temporary.mkdir()
        contents = {name: _write_array(temporary / f"{name}.npy", array) for name, array in arrays.items()}
        files = {}
        for name in arrays:
            path = temporary / f"{name}.npy"
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            files[path.name] = {"bytes": path.stat().st_size, "sha256": digest}
        meta = {**about, "files": files, "fingerprint": seal(contents)}
        with writing(target.parent):
            write_json(temporary / "meta.json", {**meta, "check": seal(meta)})
            sync_folder(temporary)
            try:
                temporary.rename(target)
            except OSError:
                if not target.is_dir():
                    raise
            sync_folder(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read(folder: Path) -> Stored:
    """Check every file of `folder` and map it; raises DamagedFileError naming the first that is not what it was."""
    import numpy as np
    import torch

    for check in examine(folder):
        if check.state != "ok":
            raise DamagedFileError(f"{check.path} is {check.state} and was not used: {check.detail}")
    meta = _meta(folder)
    arrays = {}
    for name in _names(meta):
        path = folder / f"{name}.npy"
        try:
            # Mode "c" maps copy-on-write: torch gets memory that it may call writable, the file stays as it is.
            arrays[name] = torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False))
        except (ValueError, TypeError, OSError, EOFError, SyntaxError) as problem:
            raise not_used(folder, f"{path.name} holds no array ({problem})") from None
    for part in ("train", "test"):
        if arrays[f"x_{part}"].shape[:1] != arrays[f"y_{part}"].shape[:1]:
            raise not_used(folder, f"x_{part}.npy and y_{part}.npy are not of as many samples")
    return Stored(arrays, meta["fingerprint"])


def not_used(folder: Path, what: str) -> DamagedFileError:
    """Give the error for a prepared folder that is whole as it was written, and is not what it is called."""
    return DamagedFileError(f"{folder} is not used: {what}. {_way_out(folder)}")


def _way_out(folder: Path) -> str:
    return f"Delete the folder {folder}; it is prepared again from the raw files when it is next needed."


def examine(folder: Path) -> Iterator[FileCheck]:
    """Compare the files of a prepared folder with its meta.json."""
    way_out = _way_out(folder)
    try:
        meta = _meta(folder)
    except DamagedFileError as problem:
        yield FileCheck(folder / "meta.json", "damaged", f"{problem}. {way_out}")
        return
    yield FileCheck(folder / "meta.json", "ok")
    files: dict[str, dict[str, Any]] = meta["files"]
    for name in (f"{array}.npy" for array in _names(meta)):
        path = folder / name
        if not path.is_file():
            yield FileCheck(path, "missing", way_out)
            continue
        size, expected = path.stat().st_size, files[name]["bytes"]
        if size != expected:
            yield FileCheck(path, "damaged", f"{size} bytes instead of {expected}. {way_out}")
            continue
        same, difference = matches(path, f"sha256:{files[name]['sha256']}")
        yield FileCheck(path, "ok") if same else FileCheck(path, "damaged", f"{difference}. {way_out}")


def _names(meta: Mapping[str, Any]) -> tuple[str, ...]:
    return (*TENSOR_NAMES, *(name for name in FURTHER_NAMES if f"{name}.npy" in meta["files"]))


def folders(data_dir: Path) -> list[Path]:
    """Find the prepared folders below a data folder."""
    parent = data_dir / "prepared"
    if not parent.is_dir():
        return []
    return sorted(entry for entry in parent.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _write_array(path: Path, array: NewArray) -> list[object]:
    """Write one .npy file; gives what the fingerprint is made of: type, shape and the hash of the values."""
    import numpy as np

    content = hashlib.sha256()
    rows = 0
    with path.open("xb") as file:
        with writing(path.parent.parent):
            np.lib.format.write_array_header_1_0(
                file, {"descr": array.dtype, "fortran_order": False, "shape": array.shape}
            )
        for chunk in array.chunks:
            values = np.ascontiguousarray(chunk.numpy(), dtype=array.dtype).reshape(-1).view(np.uint8).data
            content.update(values)
            rows += len(chunk)
            with writing(path.parent.parent):  # not through a memory map: a full disk would kill the process
                file.write(values)
        with writing(path.parent.parent):
            file.flush()
            sync(file.fileno())
    if rows != array.shape[0]:
        raise ValueError(f"{path.name}: {rows} rows written, {array.shape[0]} announced")
    return [array.dtype, list(array.shape), content.hexdigest()]


def _meta(folder: Path) -> dict[str, Any]:
    """Read meta.json, which carries its own hash."""
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        check = meta.pop("check")
        sound = isinstance(meta["fingerprint"], str) and all(
            isinstance(file["bytes"], int) and isinstance(file["sha256"], str)
            for file in (meta["files"][f"{name}.npy"] for name in TENSOR_NAMES)
        )
    except OSError as problem:
        raise DamagedFileError(f"it cannot be read ({problem.strerror or problem})") from problem
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as problem:
        raise DamagedFileError("it is not what was written") from problem
    if not sound or check != seal(meta):
        raise DamagedFileError("it is not what was written")
    found: dict[str, Any] = meta
    return found
