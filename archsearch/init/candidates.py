"""What a path holds that a first file can be written for: training scripts, folders of images, arrays, tables.

    candidates(Path("."))            # [FoundFile(Path("train.py"), "script", "argparse, 12 options"), ...]
    what_is(Path("images"))          # "images"

Looks at names, endings and the text of scripts; reads no data and executes nothing.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archsearch.data.images import ENDINGS
from archsearch.errors import SpecError, UsageError
from archsearch.init.source import SourceFile, dotted, read_source

CandidateKind = Literal["script", "program", "images", "arrays", "table"]
_NO_SCRIPTS = (
    "setup.py",
    "conftest.py",
    "noxfile.py",
    "tasks.py",
    "fabfile.py",
    "manage.py",
    "hubconf.py",
    "__main__.py",
)
_PARSERS = (
    "argparse.ArgumentParser", "ArgumentParser", "fire.Fire", "typer.run", "tyro.cli", "app.run", "LightningCLI",
    "HfArgumentParser",
)  # fmt: skip
_TRAINING = ("fit", "backward", "train", "step")
_MOST_ENTRIES = 2000
_MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class FoundFile:
    """Something that a first file can be written for, and why it is taken for that."""

    path: Path
    kind: CandidateKind
    why: str


def what_is(path: Path) -> CandidateKind | None:
    """Say what one path is; None for a folder that is none of images, and for what nothing can be written for.

    Raises `UsageError` for a path that is not there, and for kinds of files that are near misses, with the way out.
    """
    if not path.exists():
        raise UsageError(f"{path} does not exist")
    if path.is_dir():
        return "images" if _class_folders(path) else None
    ending = path.suffix.lower()
    if ending in (".py", ".npz", ".csv", ".tsv", ".parquet", ".pq"):
        return {".py": "script", ".npz": "arrays"}.get(ending, "table")  # type: ignore[return-value]
    if ending in (".yaml", ".yml"):
        raise UsageError(f"{path} is written already; look at it with `archsearch check {path}`")
    if ending == ".ipynb":
        raise UsageError(f"{path} is a notebook; make a script of it: jupyter nbconvert --to script {path}")
    if ending == ".npy":
        raise UsageError(f"{path} is one array; put x_train, y_train, x_test and y_test into one file with numpy.savez")
    if os.access(path, os.X_OK):
        return "program"
    raise UsageError(
        f"{path} is none of what init reads: a Python script, a program that can be executed, a folder of images, "
        "an .npz, a .csv or a .parquet"
    )


def candidates(folder: Path) -> list[FoundFile]:
    """List what lies in a folder, scripts first, those called train before others."""
    found = [one for entry in _entries(folder) if (one := _candidate(entry)) is not None]
    order = ("script", "images", "arrays", "table", "program")
    return sorted(found, key=lambda one: (order.index(one.kind), "train" not in one.path.name.lower(), one.path.name))


def _entries(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith((".", "_")))
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}") from None
    yield from entries[:_MOST_ENTRIES]


def _candidate(path: Path) -> FoundFile | None:
    if path.is_dir():
        classes = _class_folders(path)
        return FoundFile(path, "images", f"images in {len(classes)} class folders") if classes else None
    ending = path.suffix.lower()
    if ending == ".npz":
        return FoundFile(path, "arrays", "arrays")
    if ending in (".csv", ".tsv", ".parquet", ".pq"):
        return FoundFile(path, "table", "a table")
    if ending == ".py" and path.name not in _NO_SCRIPTS and not path.name.startswith("test_"):
        try:
            why = _why_script(read_source(path))
        except SpecError:
            return None
        return FoundFile(path, "script", why) if why else None
    return None


def _why_script(source: SourceFile) -> str:
    """Say why a file is a script that is started: it reads arguments, or is started and trains; "" for a module."""
    calls = {dotted(call.func) for call in source.calls}
    decorators = {
        dotted(d.func if isinstance(d, ast.Call) else d) for f in source.functions.values() for d in f.decorator_list
    }
    if found := sorted((calls & set(_PARSERS)) | (decorators & {"hydra.main", "click.command", "click.group"})):
        return f"a script ({found[0]})"
    started = any(isinstance(n, ast.If) and "__name__" in ast.unparse(n.test) for n in source.tree.body)
    trains = any(name.rpartition(".")[2] in _TRAINING for name in calls)
    top = any(
        isinstance(n, (ast.Expr, ast.For)) and any(isinstance(i, ast.Call) for i in ast.walk(n))
        for n in source.tree.body
    )
    if trains and (started or top):
        return "a script that trains"
    return "a script" if started else ""


def _class_folders(path: Path) -> list[str]:
    """Name the folders with images, of `train/` where there is one; fewer than two are no classes."""
    top = path / "train" if (path / "train").is_dir() else path
    try:
        folders = [entry for entry in sorted(top.iterdir())[:_MOST_ENTRIES] if entry.is_dir()]
        names = [folder.name for folder in folders if not folder.name.startswith(".") and _has_image(folder)]
    except OSError:
        return []
    return names if len(names) > 1 else []


def _has_image(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(Path(entry.name).suffix.lower() in ENDINGS for entry, _ in zip(entries, range(200), strict=False))


def the_one(folder: Path) -> FoundFile:
    """Give the only candidate of a folder; raise `UsageError` that lists them where there are several, or none."""
    found = candidates(folder)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            f"{folder} holds nothing that init reads: a Python script that is started, a folder of images (one "
            "sub-folder per class), an .npz or a .csv. Say which file: archsearch init FILE"
        )
    lines = [f"  archsearch init {one.path}    {one.why}" for one in found[:_MOST_SHOWN]]
    more = [f"  and {len(found) - _MOST_SHOWN} more"] if len(found) > _MOST_SHOWN else []
    raise UsageError("\n".join([f"{folder} holds several things to begin with; say which one:", *lines, *more]))
