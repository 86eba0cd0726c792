"""The raw files of a downloaded data set in the data folder: checked whenever they are there, replaced whole.

    digests("mnist", DATASETS["mnist"], folder)      # raises DamagedFileError if a file is not what it should be

A digest is pinned in the registry where somebody publishes one; else it is recorded in `<folder>/sums/<name>.json` when
the file is first seen, so that a later change is noticed. Knows no torch and no network.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from archsearch.data.integrity import FileCheck, digest_of, matches, writing
from archsearch.data.registry import DATASETS, Downloaded
from archsearch.errors import DamagedFileError
from archsearch.files import make_folder, sync, sync_folder, write_json


def examine(name: str, source: Downloaded, folder: Path) -> Iterator[FileCheck]:
    """Compare each raw file with its digest; a file without any digest yet is ok if it is there."""
    recorded = _recorded(name, folder)
    for file in source.files:
        path = folder / file.path
        expected = file.digest or recorded.get(file.path, "")
        if not path.is_file():
            yield FileCheck(path, "missing", f"Get it with `archsearch data get {name}`.")
            continue
        same, difference = matches(path, expected) if expected else (True, "")
        if same and not file.digest and not expected:
            same, difference = _not_of_another(name, path)
        yield (
            FileCheck(path, "ok")
            if same
            else FileCheck(
                path,
                "damaged",
                f"{difference}. Delete it, or replace it with `archsearch data get {name}`.",
            )
        )


def digests(name: str, source: Downloaded, folder: Path) -> dict[str, str] | None:
    """Give each raw file's digest, after checking all files that are there; None if one was never seen.

    Raises DamagedFileError for the first file that is not what it should be. A file that is missing is no error here:
    a prepared copy does not need it.
    """
    present = set()
    for check in examine(name, source, folder):
        if check.state == "damaged":
            raise DamagedFileError(f"{check.path} is damaged and was not used: {check.detail}")
        if check.state == "ok":
            present.add(check.path)
    known = _recorded(name, folder)
    new = {
        file.path: digest_of(folder / file.path)
        for file in source.files
        if not file.digest and file.path not in known and folder / file.path in present
    }
    if new:
        _record(name, folder, known | new)
        known |= new
    found = {file.path: file.digest or known.get(file.path, "") for file in source.files}
    return found if all(found.values()) else None


def missing_files(source: Downloaded, folder: Path) -> list[str]:
    """Paths of the raw files that are not in the folder."""
    return [file.path for file in source.files if not (folder / file.path).is_file()]


def install(name: str, source: Downloaded, delivered: Mapping[str, Path], folder: Path) -> None:
    """Move files that lie beside the data folder to their place, all checked before the first is moved.

    `delivered`: raw path -> file on the same file system. Raises DamagedFileError if one is not what it should be.
    """
    new = {}
    for file in source.files:
        path = delivered[file.path]
        if file.digest:
            same, difference = matches(path, file.digest)
        else:
            same, difference = _not_of_another(name, path)
            new[file.path] = digest_of(path)
        if not same:
            raise DamagedFileError(f"{path.name} for {name} is not what it should be and was not used: {difference}.")
    with writing(folder):
        for file in source.files:
            target = folder / file.path
            make_folder(target.parent)
            with delivered[file.path].open("rb") as arrived:
                sync(arrived.fileno())
            delivered[file.path].replace(target)
            sync_folder(target.parent)
    if new:
        _record(name, folder, new)


def _not_of_another(name: str, path: Path) -> tuple[bool, str]:
    """MNIST and its successors share file names: refuse a file that is known to be another data set's."""
    found = digest_of(path)
    for other, source in DATASETS.items():
        if other != name and isinstance(source, Downloaded) and found in {file.digest for file in source.files}:
            return False, f"it is a file of {other}"
    return True, ""


def _sums(name: str, folder: Path) -> Path:
    return folder / "sums" / f"{name}.json"


def _record(name: str, folder: Path, values: Mapping[str, str]) -> None:
    path = _sums(name, folder)
    with writing(folder):
        write_json(path, dict(values))


def _recorded(name: str, folder: Path) -> dict[str, str]:
    path = _sums(name, folder)
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not all(
        isinstance(digest, str) and len(digest) == 71 and digest.startswith("sha256:") for digest in values.values()
    ):
        raise DamagedFileError(
            f"{path} (digests of the raw files of {name}) is damaged. Delete it, "
            f"and if you doubt the raw files, those too; then `archsearch data get {name}`."
        )
    return values
