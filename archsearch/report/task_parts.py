"""What is shown of the predictions of an experiment's runs, task by task, all seeds together.

    parts = task_parts("lenet5", "lenet5", pooled)

Classes: confusion and reliability. Yes or no: these, ROC, precision and recall. Labels: a table and the curves.
Numbers: errors of each target, predicted against true, residuals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archsearch.report.document import SectionPart, Tabled, slug
from archsearch.report.experiments import AnyNumbers, Floats
from archsearch.report.figures.figure import Column, Missing, Table, interval_columns
from archsearch.report.figures.predictions import confusion_figure, reliability_figure
from archsearch.report.figures.ranking import precision_recall_figure, roc_figure
from archsearch.report.figures.residuals import predicted_figure, residuals_figure, targets_table
from archsearch.stats.calibration import reliability_data
from archsearch.stats.confusion import ClassScores, confusion_data, of_labels
from archsearch.stats.ranking import ranking_data
from archsearch.stats.residuals import of_targets, residual_data
from archsearch.task import Task
from archsearch.train.probabilities import of_both

_MOST_TARGETS = 4  # with figures of their own; all are in the table


@dataclass(frozen=True, slots=True)
class Pooled:
    """Outputs (N, outputs) and targets (N, ...) of so many runs on one part of the data; `names` as `Contents` has."""

    task: Task
    outputs: Floats
    targets: AnyNumbers
    probabilities: Floats | None
    names: Sequence[str]
    part: str
    runs: int
    meaning: str


def task_parts(key: str, label: str, found: Pooled) -> list[SectionPart]:
    """Show predictions as their task asks for it."""
    if found.task.groups > 1:
        return _classes(key, label, found)
    if found.task.name == "multilabel":
        return _labels(key, label, found)
    return _numbers(key, label, found)


def _classes(key: str, label: str, found: Pooled) -> list[SectionPart]:
    confusion = confusion_data(found.targets, found.task.predicted(found.outputs), found.names)
    parts: list[SectionPart] = [confusion_figure(f"{key}-confusion", label, confusion, found.part, found.runs)]
    if found.probabilities is None:
        return [*parts, Missing(f"{key}-reliability", f"Reliability of the probabilities, {label}", found.meaning)]
    binary = found.probabilities.shape[1] == 1
    bins = reliability_data(of_both(found.probabilities) if binary else found.probabilities, found.targets)
    parts.append(reliability_figure(f"{key}-reliability", label, bins, found.part, found.runs, found.meaning))
    return parts + (_curves(key, label, found, found.targets[:, None], found.names[1:]) if binary else [])


def _curves(key: str, label: str, found: Pooled, targets: AnyNumbers, names: Sequence[str]) -> list[SectionPart]:
    assert found.probabilities is not None
    data = ranking_data(found.probabilities, targets, names)
    if not data:
        return [Missing(f"{key}-roc", f"ROC, {label}", "no label has samples with it and without it")]
    return [
        roc_figure(f"{key}-roc", label, data, found.part, found.runs),
        precision_recall_figure(f"{key}-precision-recall", label, data, found.part, found.runs),
    ]


def _labels(key: str, label: str, found: Pooled) -> list[SectionPart]:
    scores = of_labels(found.targets, found.task.predicted(found.outputs), found.names)
    runs = "1 run" if found.runs == 1 else f"{found.runs} runs together"
    says = f"{len(found.targets):,} {found.part} predictions ({runs}). Recall: the share of a label that was found."
    parts: list[SectionPart] = [Tabled(f"{key}-labels", f"Each label, {label}", says, labels_table(scores))]
    if found.probabilities is None:
        return [*parts, Missing(f"{key}-roc", f"ROC, {label}", found.meaning)]
    return parts + _curves(key, label, found, found.targets, found.names)


def labels_table(scores: Sequence[ClassScores]) -> Table:
    """Give what was found of every label."""
    columns = (
        Column("label"), Column("samples", "count"), Column("predicted", "count"), Column("recall", "percent"),
        *interval_columns("percent"), Column("precision", "percent"), Column("F1", "percent"),
    )  # fmt: skip
    rows = tuple(
        (one.name, one.samples, one.predicted, one.recall, *(one.recall95 or (None, None)), one.precision, one.f1)
        for one in scores
    )
    return Table(columns, rows)


def _numbers(key: str, label: str, found: Pooled) -> list[SectionPart]:
    outputs, targets = (values.reshape(len(values), -1).astype(np.float64) for values in (found.outputs, found.targets))
    names = found.names if len(found.names) == targets.shape[1] else [str(k) for k in range(targets.shape[1])]
    says = (
        "Errors in the unit of the target. The mean residual (predicted - true) has Student's 95 % interval over these "
        "predictions; 95 % of the residuals are no larger than the last column."
    )
    scores = of_targets(outputs, targets, names)
    parts: list[SectionPart] = [Tabled(f"{key}-targets", f"Each target, {label}", says, targets_table(scores))]
    for k, name in enumerate(names[:_MOST_TARGETS]):
        data, more = residual_data(outputs[:, k], targets[:, k]), f"-{slug(name)}" if len(names) > 1 else ""
        about = f"{label}: {name}" if len(names) > 1 else label
        parts.append(predicted_figure(f"{key}-predicted{more}", about, name, data, found.part, found.runs))
        parts.append(residuals_figure(f"{key}-residuals{more}", about, name, data, found.part, found.runs))
    return parts
