"""From what a person names to measurements: runs that a tracker kept, read as a file of numbers is.

values = read_tracked("mlflow:demo", Reading(variant="norm", seed="seed", value="val_acc"), Tracking(take="max"))
compare(values, "batch", values.family(margin=0.001))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from archsearch.ablate.columns import Reading
from archsearch.ablate.compare import Measurements, sheet_values
from archsearch.ablate.tracked.mlflow_runs import mlflow_runs
from archsearch.ablate.tracked.named import settings_in
from archsearch.ablate.tracked.rows import Tracking, rows_of
from archsearch.ablate.tracked.runs import TrackedRun
from archsearch.ablate.tracked.tensorboard_runs import tensorboard_runs
from archsearch.ablate.tracked.wandb_runs import wandb_runs
from archsearch.errors import Problem, SpecError


def _of_tensorboard(place: str) -> list[TrackedRun]:
    runs = tensorboard_runs(Path(place or "."))
    return [replace(run, settings={**settings_in(run.name), **run.settings}) for run in runs]


def _of_wandb(place: str) -> list[TrackedRun]:
    return wandb_runs(Path(place or "wandb"))


READERS: dict[str, Callable[[str], list[TrackedRun]]] = {
    "mlflow": mlflow_runs,
    "tb": _of_tensorboard,
    "wandb": _of_wandb,
}


def is_tracked(reference: str) -> bool:
    """Say whether a reference names tracked runs: `mlflow:`, `tb:` or `wandb:` and where they are."""
    kind, mark, _ = reference.partition(":")
    return bool(mark) and kind in READERS


def read_tracked(reference: str, reading: Reading, tracking: Tracking) -> Measurements:
    """Read runs and choose what stands for each.

    Raises `SpecError` where there are none, or where it is not clear what is compared; `UsageError` without the extra;
    `UnavailableError` where a server cannot be reached.
    """
    kind, _, place = reference.partition(":")
    runs = READERS[kind](place)
    source = reference.removesuffix(":")
    if not runs:
        raise SpecError(Problem(source, "there is no run"))
    chosen = rows_of(source, runs, reading, tracking)
    values = sheet_values(chosen.sheet, chosen.reading)
    return replace(values, notes=(*chosen.notes, *values.notes))
