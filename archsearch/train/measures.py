"""Metrics of what a network predicted: while it trains those that are watched, of a finished run any one, at any time.

    predicted = PredictedPart(task, spec, outputs, targets)       # outputs (N, outputs), spec: resolved, as JSON
    predicted.value("f1_macro")                                 # None where the number does not exist
    kept_predictions(run_dir, task, spec)["test"].value("auroc")

A finished run keeps outputs and targets of its validation and test data in `predictions.npz`, so that no metric ever
asks for another training. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsearch.experiment_plan import ExperimentPlan
from archsearch.metrics import METRICS, OwnMetric, bare_name, part_of
from archsearch.task import Task
from archsearch.train.probabilities import probabilities_of
from archsearch.train.run_files import PREDICTIONS


@dataclass(frozen=True)
class PredictedPart:
    """Outputs (N, outputs) of a part of the data with their targets (N, ...), as arrays."""

    task: Task
    spec: Mapping[str, Any]
    outputs: NDArray[Any]
    targets: NDArray[Any]

    def value(self, name: str) -> float | None:
        """Compute a metric by its name in the table; None where it does not exist, or is none of outputs and task."""
        row = METRICS.get(name)
        if row is None or row.known != "training" or row.compute is None or not row.fits(self.task.name):
            return None
        given: Any = self.outputs
        if row.takes == "predicted":
            given = self.predicted
        elif row.takes == "probabilities":
            given = self.probabilities
        if given is None:
            return None
        value = float(row.compute(given, self.targets))
        return value if math.isfinite(value) else None

    @cached_property
    def predicted(self) -> Any:
        """Give what the task says is predicted, shaped as the targets."""
        return self.task.predicted(self.outputs)

    @cached_property
    def probabilities(self) -> Any:
        """Give probabilities shaped as the outputs; None where they are none."""
        return probabilities_of(self.outputs.astype(np.float64), dict(self.spec), self.task.name)[0]


def beside_the_usual(task: Task, names: Iterable[str]) -> tuple[str, ...]:
    """Give the names, without their part, of what a run of the task does not compute anyway."""
    usual = {"loss", *(metric.name for metric in task.told())}
    known = (METRICS[name] for name in dict.fromkeys(map(bare_name, names)) if name in METRICS and name not in usual)
    return tuple(row.name for row in known if row.known == "training")


def metric_values(
    plan: ExperimentPlan, outputs: NDArray[Any], targets: NDArray[Any], names: Sequence[str]
) -> dict[str, float | None]:
    """Compute metrics by their names in the table, of outputs that are finite."""
    if not names:
        return {}
    there = PredictedPart(plan.task, plan.spec.model_dump(mode="json"), outputs, targets)
    return {name: there.value(name) for name in names}


def kept_predictions(run_dir: Path, task: Task, spec: Mapping[str, Any]) -> dict[str, PredictedPart]:
    """Read what a finished run predicted, by part (`val`, `test`); nothing where that was deleted or is damaged."""
    try:
        with np.load(run_dir / PREDICTIONS, allow_pickle=False) as arrays:
            return {
                part: PredictedPart(task, spec, arrays[f"{part}_outputs"], arrays[f"{part}_labels"])
                for part in ("val", "test")
                if f"{part}_outputs" in arrays
            }
    except (OSError, ValueError, KeyError):
        return {}


def metrics_kept(
    run_dir: Path, task: Task, spec: Mapping[str, Any], names: Iterable[str], own: Iterable[OwnMetric] = ()
) -> dict[str, float | None]:
    """Compute metrics with their part (`test_f1_macro`) of what a run predicted; None where it predicted nothing.

    `own` are those that are functions of people's files: see `metrics/own.py` for what they raise.
    """
    functions = {one.name: one for one in own}
    kept = kept_predictions(run_dir, task, spec)
    found: dict[str, float | None] = {}
    for name in names:
        part = part_of(name)
        there = kept.get(part) if part is not None else None
        bare = bare_name(name)
        if there is None:
            found[name] = None
        elif bare in functions:
            found[name] = functions[bare].value(there.targets, there.outputs)
        else:
            found[name] = there.value(bare)
    return found
