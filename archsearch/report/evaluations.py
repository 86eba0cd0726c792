"""The section of a report on runs that shows what was evaluated on other data, as the runs' folders keep it.

    sections = evaluation_sections(groups)       # none where nothing was evaluated

Everything is in the kept files; nothing is computed anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archsearch.metrics import title_of, written
from archsearch.report.document import Section, SectionPart, Tabled, slug
from archsearch.report.experiments import RunGroup
from archsearch.report.figures.figure import Column, Missing, Table, interval_columns
from archsearch.report.figures.predictions import confusion_figure, reliability_figure
from archsearch.report.figures.residuals import targets_table
from archsearch.report.task_parts import labels_table
from archsearch.stats.confusion import Confusion
from archsearch.train.evaluation import EvaluationRecord, kept_evaluations

_MOST_IN_FULL = 6  # evaluations with figures of their own; all are in the first table


def evaluation_sections(groups: Sequence[RunGroup]) -> list[Section]:
    """Give one section with all evaluations of these runs, or none."""
    kept: list[tuple[str, EvaluationRecord]] = []
    parts: list[SectionPart] = []
    for group in groups:
        for run in group.runs:
            for one in [] if run.directory is None else kept_evaluations(run.directory):
                if isinstance(one, str):
                    parts.append(Missing(f"evaluation-lost-{len(parts)}", f"An evaluation of {group.label}", one))
                else:
                    kept.append((group.label, one))
    if not kept and not parts:
        return []
    classes = [(label, one) for label, one in kept if one.confusion]
    others = [(label, one) for label, one in kept if not one.confusion]
    parts = [*([_all(classes)] if classes else []), *([_others(others)] if others else []), *parts]
    for number, (label, record) in enumerate(kept[:_MOST_IN_FULL], start=1):
        parts += _in_full(f"evaluation-{number}-{slug(record.data)}", f"{label} seed {record.seed}", record)
    intro = "The same networks on data that were handed to them afterwards."
    if classes:
        intro += (
            " Intervals count the samples as drawn from all such, Wilson's 95 %; they say nothing about other seeds."
        )
    return [Section("evaluations", "On other data", (intro,), tuple(parts))]


def _all(kept: Sequence[tuple[str, EvaluationRecord]]) -> Tabled:
    columns = (
        Column("experiment"), Column("seed"), Column("data"), Column("samples", "count"), Column("accuracy", "percent"),
        *interval_columns("percent"), Column("balanced accuracy", "percent"), Column("on its test data", "percent"),
        Column("loss", "number"), Column("calibration error", "percent"), Column("evaluated"), Column("fingerprint"),
    )  # fmt: skip
    rows = tuple(
        (
            label, str(one.seed), one.data, one.samples, one.metrics.get("accuracy"), *(one.accuracy95 or (None, None)),
            one.metrics.get("balanced_accuracy"), one.own_test, one.metrics.get("loss"),
            None if one.calibration is None else one.calibration.ece, one.made, one.fingerprint[:16],
        )
        for label, one in kept
    )  # fmt: skip
    return Tabled("evaluations", "Evaluations", "Every evaluation that is kept.", Table(columns, rows))


def _others(kept: Sequence[tuple[str, EvaluationRecord]]) -> Tabled:
    """Tabulate those of labels and of numbers: a row for each metric."""
    columns = (
        Column("experiment"), Column("seed"), Column("data"), Column("samples", "count"), Column("metric"),
        Column("value"), Column("on its test data"), Column("evaluated"), Column("fingerprint"),
    )  # fmt: skip
    rows = tuple(
        (
            label, str(one.seed), one.data, one.samples, title_of(name), written(name, value),
            written(name, one.own_test) if name == one.main else None, one.made, one.fingerprint[:16],
        )
        for label, one in kept
        for name, value in one.metrics.items()
    )  # fmt: skip
    return Tabled(
        "evaluations-others", "Evaluations, metric by metric", "Every one that is kept.", Table(columns, rows)
    )


def _in_full(key: str, label: str, record: EvaluationRecord) -> list[SectionPart]:
    about = f"{label} on {record.data}"
    if record.of_each_target:
        says = "Errors in the unit of the target."
        return [Tabled(f"{key}-targets", f"Each target, {about}", says, targets_table(record.of_each_target))]
    if not record.confusion:
        says = f"{record.samples:,} predictions."
        return [Tabled(f"{key}-labels", f"Each label, {about}", says, labels_table(record.of_each_class))]
    confusion = Confusion(record.classes, np.array(record.confusion, dtype=np.int64))
    parts: list[SectionPart] = [
        confusion_figure(f"{key}-confusion", about, confusion, "", 1),
        _classes(f"{key}-classes", about, record),
    ]
    if record.calibration is None:
        parts.append(Missing(f"{key}-reliability", f"Reliability of the probabilities, {about}", record.meaning))
    else:
        bins = record.calibration.bins(record.samples)
        parts.append(reliability_figure(f"{key}-reliability", about, bins, "", 1, record.meaning))
    return parts


def _classes(key: str, about: str, record: EvaluationRecord) -> Tabled:
    columns = (
        Column("class"), Column("samples", "count"), Column("taken for it", "count"), Column("recall", "percent"),
        *interval_columns("percent"), Column("precision", "percent"), Column("F1", "percent"),
        Column("mostly mistaken for"), Column("times", "count"),
    )  # fmt: skip
    rows = tuple(
        (
            one.name, one.samples, one.predicted, one.recall, *(one.recall95 or (None, None)), one.precision, one.f1,
            one.mistaken_for, one.mistaken,
        )
        for one in record.of_each_class
    )  # fmt: skip
    says = f"Recall: the share of a class that was found. {' '.join(f'{text}.' for text in record.remarks)}".strip()
    return Tabled(key, f"Each class, {about}", says, Table(columns, rows))
