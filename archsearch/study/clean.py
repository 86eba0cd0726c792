"""Find what no study needs any more among runs and prepared data, and remove it.

    found = removable(Path("runs"), url)      # [Removable("runs/0123", "begun and never finished", 81920, ...)]
    removed(found[0])                          # bytes that are free now

Of runs: what killed processes left half written, checkpoints of finished runs, and runs that were begun and that no
slot of a study waits for. Of prepared data: what was left half written, what another version prepared, and all of it
with `caches`. Nothing is found through a link, or that archsearch did not write, or that a process is at work on;
results stay.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState
from pydantic import ValidationError

from archsearch.data import store
from archsearch.data.integrity import LEFTOVER_SECONDS
from archsearch.data.location import data_dir
from archsearch.data.prepare import PREPARATION_VERSION
from archsearch.errors import ArchsearchError, BusyError
from archsearch.experiment_plan import plan_experiment
from archsearch.files import is_locked, is_temporary, locked, read_sealed
from archsearch.program.program_directory import BEGUN as PROGRAM_BEGUN
from archsearch.program.program_directory import OUTCOME, ProgramDirectory
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.network import Limits
from archsearch.study.held import HeldTrial
from archsearch.study.storage import Storage, default_url, open_storage
from archsearch.study.verify_runs import run_folders
from archsearch.train.identity import experiment_key, experiment_key_of
from archsearch.train.run_files import BEGUN, CHECKPOINT, RESULT, RUN_FILES

_TEMPORARY_SECONDS = 3600.0  # a file that is being written is renamed within moments
_ANY_SIZE = Limits(parameters=2**62, activation_bytes=2**62, layers=2**31)


@dataclass(frozen=True, slots=True)
class Removable:
    """Something that can go: why, how many bytes, its parts in the order in which they go, and what stays beside.

    A `folder` goes with its parts where nothing else is in it.
    """

    where: Path
    why: str
    size: int
    parts: tuple[Path, ...]
    folder: bool = False
    stays: tuple[str, ...] = ()


def removable(
    runs_dir: Path, url: str | None = None, *, data: Path | None = None, caches: bool = False
) -> list[Removable]:
    """Find what can go; the storage, and the one beside the runs, are read for what their studies wait for.

    Nothing is changed.
    """
    found = list(_temporaries(runs_dir)) if runs_dir.is_dir() else []
    waited = _waited_for(runs_dir, url)
    for folder in run_folders(runs_dir):
        if folder.is_symlink() or is_locked(folder / ".lock"):
            continue
        if any((folder / name).exists() for name in (PROGRAM_BEGUN, OUTCOME)):
            found += _program(folder)
        else:
            found += _network(folder, waited)
    return found + list(_prepared(data_dir(data) / "prepared", caches=caches))


def removed(one: Removable) -> int:
    """Remove it, unless a process began to work on it meanwhile; give how many bytes are free now."""
    if not one.folder:
        return sum(_remove(path) for path in one.parts)
    lock = one.where / ".lock"
    try:
        with locked(lock, "busy"):
            if any((one.where / name).exists() for name in (RESULT, OUTCOME)):
                return 0  # finished since it was looked at
            size = sum(_remove(path) for path in one.parts)
            lock.unlink(missing_ok=True)
            with suppress(OSError):  # something else is in it
                one.where.rmdir()
    except BusyError:
        return 0
    return size


def _remove(path: Path) -> int:
    size = _size(path)
    try:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    except FileNotFoundError:
        return 0
    return size


def _size(path: Path) -> int:
    """Count the bytes of a file, or of all below a folder; what links lead to is not counted."""
    if path.is_symlink() or not path.exists():
        return 0
    return path.stat().st_size if path.is_file() else sum(map(_size, path.iterdir())) if path.is_dir() else 0


def _sizes(paths: tuple[Path, ...]) -> int:
    return sum(map(_size, paths))


# -- runs --------------------------------------------------------------------------------------------------------------


def _temporaries(runs_dir: Path) -> Iterator[Removable]:
    """Yield files that were never renamed, among the runs and one folder below."""
    for parent in (runs_dir, *(one for one in sorted(runs_dir.iterdir()) if one.is_dir() and not one.is_symlink())):
        for path in sorted(parent.iterdir()):
            if _is_leftover(path, _TEMPORARY_SECONDS) and path.is_file():
                yield Removable(path, "never written to its end", _size(path), (path,))


def _is_leftover(path: Path, seconds: float) -> bool:
    if not is_temporary(path.name) or path.is_symlink():
        return False
    return time.time() - path.stat().st_mtime > seconds


def _network(folder: Path, waited: set[tuple[str, int]] | None) -> Iterator[Removable]:
    try:
        held = read_sealed(folder / BEGUN)
        finished = (folder / RESULT).exists()
        if finished:
            read_sealed(folder / RESULT)
        key = (experiment_key_of(held), int(held["seed"]))
    except (ArchsearchError, KeyError, TypeError, ValueError):
        return  # damaged: what to do is verify's to say
    if finished:
        checkpoint = folder / CHECKPOINT
        if checkpoint.is_file() and not checkpoint.is_symlink():
            yield Removable(checkpoint, "the checkpoint of a finished run", _size(checkpoint), (checkpoint,))
    elif waited is not None and key not in waited:
        # run.json last: it says that the others are ours
        parts = tuple(folder / name for name in reversed(RUN_FILES) if (folder / name).exists())
        yield _unfinished(folder, "begun and never finished, and no study waits for it", parts)


def _program(folder: Path) -> Iterator[Removable]:
    if (folder / OUTCOME).exists():
        return
    held = ProgramDirectory(folder)
    parts = tuple(
        path for path in (held.own, held.stdout, held.stderr, held.stdin, folder / PROGRAM_BEGUN) if path.exists()
    )
    yield _unfinished(folder, "a program's run that did not end, which begins anew anyway", parts)


def _unfinished(folder: Path, why: str, parts: tuple[Path, ...]) -> Removable:
    ours = {path.name for path in parts}
    temporary = tuple(path for path in folder.iterdir() if is_temporary(path.name) and path.is_file())
    others = {path.name for path in folder.iterdir()} - ours - {path.name for path in temporary} - {".lock"}
    return Removable(folder, why, _sizes((*temporary, *parts)), (*temporary, *parts), True, tuple(sorted(others)))


def _waited_for(runs_dir: Path, url: str | None) -> set[tuple[str, int]] | None:
    """Give experiment and seed of each network's run that a slot waits for or has; None where that cannot be said."""
    beside = [default_url(runs_dir)] if (runs_dir / "archsearch.db").exists() else []
    storages = [open_storage(one, reading=True) for one in ([url] if url else []) + beside]
    waited = set()
    for spec, seed in (slot for storage in storages for slot in _open_slots(storage)):
        if "network" not in spec:
            continue
        try:
            waited.add((experiment_key(plan_experiment(ExperimentSpec.model_validate(spec), limits=_ANY_SIZE)), seed))
        except (ArchsearchError, ValidationError):
            return None
    return waited


def _open_slots(storage: Storage) -> Iterator[tuple[dict[str, Any], int]]:
    for name in optuna.get_all_study_names(storage):
        study = optuna.load_study(study_name=name, storage=storage)
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
            held = HeldTrial(trial)
            if held.seed is not None:
                for spec in held.specs:
                    yield spec, held.seed


# -- prepared data -----------------------------------------------------------------------------------------------------


def _prepared(parent: Path, *, caches: bool) -> Iterator[Removable]:
    for entry in sorted(parent.iterdir()) if parent.is_dir() and not parent.is_symlink() else ():
        if entry.is_symlink() or not entry.is_dir():
            continue
        if _is_leftover(entry, LEFTOVER_SECONDS):
            yield _copy(entry, "data that were never prepared to the end")
        elif (meta := _meta(entry)) is not None:
            if meta.get("preparation") != PREPARATION_VERSION:
                yield _copy(entry, "data as another version prepared them")
            elif caches:
                yield _copy(entry, "prepared data, which are prepared again when they are needed")


def _copy(folder: Path, why: str) -> Removable:
    names = {f"{name}.npy" for name in store.TENSOR_NAMES} | {"meta.json"}
    if any(path.name not in names and not is_temporary(path.name) for path in folder.iterdir()):
        return Removable(folder, f"{why}; it stays, as something else lies in it", 0, ())
    return Removable(folder, why, _size(folder), (folder,))


def _meta(folder: Path) -> dict[str, Any] | None:
    """Read what a prepared folder says of itself; None where that is none of ours."""
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return meta if isinstance(meta, dict) and {"files", "fingerprint", "check"} <= meta.keys() else None
