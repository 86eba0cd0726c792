"""The runs that a folder holds, found by what was run. Imports no torch.

for directory, held in begun(Path("runs")): ...          # every run.json that is whole
kept_runs(Path("runs")).get(experiment_key(plan), [])    # directories of finished runs
unreadable(Path("runs"))                                 # those of which nobody can say what was run
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsearch.errors import ArchsearchError
from archsearch.files import read_sealed
from archsearch.train.identity import experiment_key_of


@dataclass(frozen=True, slots=True)
class Kept:
    """A finished run as it lies there: its seed, device, engine, result and folder."""

    seed: int
    device: str
    engine: str
    result: dict[str, Any]
    directory: Path


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A run whose run.json is damaged or gone, with the spec that its result says; None where that is damaged too."""

    directory: Path
    spec: dict[str, Any] | None
    why: str


def begun(runs_dir: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the directory and the identity of every run that has begun; damaged ones are left to `unreadable`."""
    for path in sorted(runs_dir.glob("*/run.json")):
        try:
            yield path.parent, read_sealed(path)
        except ArchsearchError:
            continue


def unreadable(runs_dir: Path) -> Iterator[Unreadable]:
    """Yield the runs of which run.json does not say what was run."""
    folders = {path.parent for name in ("run.json", "result.json") for path in runs_dir.glob(f"*/{name}")}
    for folder in sorted(folders):
        path = folder / "run.json"
        try:
            read_sealed(path)
        except ArchsearchError as error:
            yield Unreadable(folder, _spec_of_result(folder), str(error))


def _spec_of_result(folder: Path) -> dict[str, Any] | None:
    try:
        spec = read_sealed(folder / "result.json")["result"]["spec"]
    except (ArchsearchError, KeyError, TypeError):
        return None
    return spec if isinstance(spec, dict) else None


def kept_runs(runs_dir: Path) -> dict[str, list[Path]]:
    """Give the directories of finished runs by their `experiment_key`; what cannot be read is training's to say."""
    found: dict[str, list[Path]] = {}
    for directory, held in begun(runs_dir) if runs_dir.is_dir() else ():
        if not (directory / "result.json").exists():
            continue
        try:
            found.setdefault(experiment_key_of(held), []).append(directory)
        except (KeyError, TypeError, AttributeError):
            continue
    return found


def read_kept(directories: Sequence[Path]) -> Iterator[Kept]:
    """Read finished runs; damaged ones are left out. Quick: no file but the two is looked at."""
    for directory in directories:
        try:
            run = read_sealed(directory / "run.json")
            result = read_sealed(directory / "result.json")["result"]
            yield Kept(int(run["seed"]), run["train"]["device"], run["train"].get("engine", "torch"), result, directory)
        except (ArchsearchError, ValueError, KeyError, TypeError):
            continue
