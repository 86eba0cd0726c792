"""The runs that a folder holds, found by what was run. Imports no torch.

for directory, held in begun(Path("runs")): ...          # every run.json that is whole
kept_runs(Path("runs")).get(experiment_key(plan), [])    # directories of finished runs
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsearch.errors import DamagedFileError
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


def begun(runs_dir: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the directory and the identity of every run that has begun; damaged ones are left out."""
    for path in sorted(runs_dir.glob("*/run.json")):
        try:
            yield path.parent, read_sealed(path)
        except DamagedFileError:
            continue


def kept_runs(runs_dir: Path) -> dict[str, list[Path]]:
    """Give the directories of finished runs by their `experiment_key`; what cannot be read is training's to say."""
    found: dict[str, list[Path]] = {}
    for path in sorted(runs_dir.glob("*/run.json")) if runs_dir.is_dir() else ():
        if not (path.parent / "result.json").exists():
            continue
        try:
            key = experiment_key_of(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        found.setdefault(key, []).append(path.parent)
    return found


def read_kept(directories: Sequence[Path]) -> Iterator[Kept]:
    """Read finished runs; damaged ones are left out. Quick: no file but the two is looked at, no seal is checked."""
    for directory in directories:
        try:
            run = json.loads((directory / "run.json").read_text(encoding="utf-8"))
            result = json.loads((directory / "result.json").read_text(encoding="utf-8"))["result"]
            yield Kept(int(run["seed"]), run["train"]["device"], run["train"].get("engine", "torch"), result, directory)
        except (OSError, ValueError, KeyError, TypeError):
            continue
