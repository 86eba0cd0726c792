"""The figures of one experiment's runs: how it learned, what it gets wrong, what its first layer looks for.

    parts = run_parts(group, data_dir)

What a storage holds (the curves) is always there; what lies in the run directories is missing with its reason where
they are gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from archsearch.metrics import METRICS, metric_of
from archsearch.report.document import SectionPart, slug
from archsearch.report.experiments import KnownRun, Predictions, RunGroup, predictions_of
from archsearch.report.figures.curves import Losses, curves_figure
from archsearch.report.figures.figure import Missing
from archsearch.report.pictures import class_names, filters_gallery, mistakes_gallery
from archsearch.report.task_parts import Pooled, task_parts
from archsearch.spec.losses import EVAL_LOSS, AnyLoss, Loss, loss_words
from archsearch.task import main_metric_of
from archsearch.train.result import EpochRecord, RunResult


def run_parts(group: RunGroup, data_dir: Path | None) -> list[SectionPart]:
    """Make everything that the runs of one experiment show; diverged runs have curves and nothing else."""
    key = slug(group.label)
    histories = {run.result.seed: run.result.history for run in group.runs}
    losses = _losses(group.runs[0].result)
    parts: list[SectionPart] = [
        curves_figure(f"{key}-{slug(name)}", group.label, name, histories, losses) for name in _learned(histories)
    ]
    if not group.completed:
        return [*parts, Missing(f"{key}-predictions", f"Predictions, {group.label}", "every run diverged")]
    first = next((run for run in group.completed if run.directory is not None), group.completed[0])
    parts += _of_predictions(key, group)
    if _of_classes(group):
        parts.append(mistakes_gallery(f"{key}-mistakes", group.label, first, data_dir))
    parts.append(filters_gallery(f"{key}-filters", group.label, first))
    return parts


def _of_classes(group: RunGroup) -> bool:
    """Say whether the experiment tells classes apart: then it has mistakes."""
    return main_metric_of(group.completed[0].result.metrics) == "accuracy"


def _learned(histories: Mapping[int, Sequence[EpochRecord]]) -> list[str]:
    """Name what the epochs hold of the table's metrics; what every version held where there are no epochs."""
    names = dict.fromkeys(name for history in histories.values() for record in history for name in record.metrics)
    held = {metric.name for name in names if (metric := metric_of(name)) is not None}
    return [name for name, metric in METRICS.items() if metric.known == "training" and (not names or name in held)]


def _losses(result: RunResult) -> Losses:
    """Name what a run minimised and what it was measured by."""
    loss = TypeAdapter[AnyLoss](Loss).validate_python(result.spec["train"].get("loss", EVAL_LOSS))
    if not result.spec["data"].get("normalize_targets"):
        return Losses(loss_words(loss), result.eval_loss)
    return Losses(f"{loss_words(loss)} of scaled targets", result.eval_loss, scaled=True)


def _of_predictions(key: str, group: RunGroup) -> list[SectionPart]:
    """Pool the predictions of all seeds whose files are there."""
    found: list[tuple[KnownRun, Predictions]] = []
    reason = ""
    for run in group.completed:
        held = predictions_of(run)
        if isinstance(held, str):
            reason = reason or held
        elif not found or held.part == found[0][1].part:
            found.append((run, held))
    if not found:
        titles = {"predictions": "What is predicted"}
        if _of_classes(group):
            titles = {"confusion": "Confusion matrix", "reliability": "Reliability of the probabilities"}
        return [Missing(f"{key}-{what}", f"{title}, {group.label}", reason) for what, title in titles.items()]
    first, n = found[0][1], len(found)
    names = class_names(found[0][0].result.spec, first.outputs.shape[1])
    shares = [held.probabilities for _, held in found if held.probabilities is not None]
    pooled = Pooled(
        task=first.task,
        outputs=np.concatenate([held.outputs for _, held in found]),
        targets=np.concatenate([held.labels for _, held in found]),
        probabilities=np.concatenate(shares) if len(shares) == n else None,
        names=names if first.task.name != "binary" or len(names) == 2 else ("0", "1"),
        part=first.part,
        runs=n,
        meaning=first.meaning,
    )
    return task_parts(key, group.label, pooled)
