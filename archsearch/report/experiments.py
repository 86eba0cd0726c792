"""Runs that a report knows: their results, where their files lie, and which belong together.

    groups = grouped([KnownRun(result, directory), ...])      # one for each experiment, seeds in order

A result may come from a storage whose run directories are gone; what is in the files is missing then, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from archsearch.errors import ArchsearchError
from archsearch.experiment_plan import plan_experiment, task_of_kept
from archsearch.files import seal
from archsearch.metrics import bare_name, part_of
from archsearch.report.document import slug
from archsearch.spec.experiment import ExperimentSpec
from archsearch.task import Task
from archsearch.train.directory import RunDirectory
from archsearch.train.identity import experiment_key
from archsearch.train.measures import PredictedPart
from archsearch.train.probabilities import probabilities_of
from archsearch.train.result import RunResult

Floats = NDArray[np.floating[Any]]
AnyNumbers = NDArray[Any]


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A result with the directory of its files, or why there is none."""

    result: RunResult
    directory: Path | None
    why: str = ""

    def file(self, name: str) -> Path | str:
        """Give a file of the run, or the reason why it cannot be read."""
        if self.directory is None:
            return self.why
        path = self.directory / name
        return path if path.is_file() else f"{path} is gone"


@dataclass(frozen=True, slots=True)
class RunGroup:
    """The runs of one experiment, by seed."""

    label: str
    runs: tuple[KnownRun, ...]

    @property
    def completed(self) -> tuple[KnownRun, ...]:
        """Give the runs that did not diverge."""
        return tuple(run for run in self.runs if run.result.status == "completed")


def with_files(result: RunResult, runs_dir: Path) -> KnownRun:
    """Look for the files of a result that a storage holds; files that are not that run's any more are not used."""
    directory = runs_dir / result.run_id
    if not directory.is_dir():
        return KnownRun(result, None, f"the run directory {directory} is not there")
    try:
        there = RunDirectory(directory).result()
    except ArchsearchError as error:
        return KnownRun(result, None, str(error))
    if there is None or there.run_id != result.run_id:
        return KnownRun(result, None, f"{directory} holds no finished run")
    return KnownRun(result, directory)


def grouped(runs: Sequence[KnownRun]) -> tuple[RunGroup, ...]:
    """Put runs of the same experiment together, in the order they came; each run once."""
    groups: dict[str, dict[str, KnownRun]] = {}
    keys: dict[str, str] = {}
    for run in runs:
        written = seal([run.result.spec.get(part) for part in ("data", "network", "train")])
        if written not in keys:
            keys[written] = key_of_spec(run.result.spec) or written
        group = seal([keys[written], _place(run.result.spec), run.result.data_fingerprint])
        groups.setdefault(group, {}).setdefault(run.result.run_id, run)
    taken: dict[str, int] = {}
    made = []
    for members in groups.values():
        ordered = tuple(sorted(members.values(), key=lambda run: run.result.seed))
        name = ordered[0].result.name
        count = taken[slug(name)] = taken.get(slug(name), 0) + 1  # two labels never make one link
        made.append(RunGroup(name if count == 1 else f"{name} ({count})", ordered))
    return tuple(made)


def key_of_spec(spec: dict[str, Any]) -> str | None:
    """Give the `experiment_key` of a resolved spec; None where it cannot be planned here (own data that is gone)."""
    try:
        return experiment_key(plan_experiment(ExperimentSpec.model_validate(spec)))
    except (ArchsearchError, ValidationError):
        return None


def _place(spec: dict[str, Any]) -> list[Any]:
    """Give where a spec asks to be computed: runs of one seed on two engines that were asked for are two groups."""
    return [spec["train"].get(key) for key in ("device", "engine")]


# -- what is in the files ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Predictions:
    """Outputs (N, outputs) and targets (N, ...) of a part of the data; `probabilities` is None where there are none."""

    task: Task
    part: str  # test or validation
    outputs: Floats
    labels: AnyNumbers
    probabilities: Floats | None
    meaning: str


def predictions_of(run: KnownRun) -> Predictions | str:
    """Read what a run predicted, on test data if it read them, else on validation data; or say why not."""
    path = run.file("predictions.npz")
    if isinstance(path, str):
        return path
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for key, part in (("test", "test"), ("val", "validation")):
                if f"{key}_outputs" in arrays:
                    outputs, labels = arrays[f"{key}_outputs"], arrays[f"{key}_labels"]
                    task = task_of_kept(outputs, labels, run.result.spec)
                    probabilities, meaning = probabilities_of(outputs, run.result.spec, task.name)
                    return Predictions(task, part, outputs, labels, probabilities, meaning)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        return f"{path} cannot be read: {error}"
    return f"{path} holds no predictions"


def tested_by(run: KnownRun, name: str) -> float | None:
    """Give a metric on test data: as it was measured, else of what was predicted; None where neither is there."""
    value = run.result.metrics.get(name)
    if value is not None or run.result.status != "completed" or part_of(name) != "test":
        return value
    there = predictions_of(run)
    if isinstance(there, str) or there.part != "test":
        return None
    return PredictedPart(there.task, run.result.spec, there.outputs, there.labels).value(bare_name(name))
