"""What is wrong with a storage or a runs folder, and what mends it.

one = Trouble("runs/0123", "was renamed", mend=lambda: "called it as its run")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from archsearch.files import make_folder, sync_folder

ASIDE = ".damaged"  # the folder among the runs that takes what cannot be used any more: nothing is deleted


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong; `mend` does what can be done and says it, and is None where nothing can."""

    where: str
    problem: str
    mend: Callable[[], str] | None = None


def put_aside(runs_dir: Path, path: Path) -> str:
    """Move a file of a run, or a run's folder, below ASIDE, beside what is there already; say where it is."""
    to = runs_dir / ASIDE / path.relative_to(runs_dir)
    number = 1
    while to.exists():
        number += 1
        to = to.with_name(f"{path.name}.{number}")
    make_folder(to.parent)
    path.rename(to)
    sync_folder(to.parent)
    sync_folder(path.parent)
    return f"moved to {to}"
