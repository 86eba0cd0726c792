"""What trained networks say of samples: predictions, and how good they are on other data."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

from rich.text import Text

from archsearch.cli.console.base import TableColumn, flowing, out, print_table, sentences
from archsearch.markup import csv_cell
from archsearch.metrics import METRICS
from archsearch.wording import count_of, percent, range_text

if TYPE_CHECKING:
    from archsearch.train.evaluation import EvaluationRecord
    from archsearch.train.prediction import Candidate, PredictedSamples

_MOST_IN_MATRIX = 20  # classes; more are told by their worst mistakes
_MOST_MISTAKES = 10


def print_predictions(label: str, found: PredictedSamples) -> None:
    """Print a table: each sample with its likeliest classes."""
    to = out()
    count = len(found.predictions[0].top) if found.predictions else 0
    columns = [TableColumn("sample", words=True), TableColumn("class", words=True), TableColumn("probability")]
    columns += [TableColumn(f"or {place}", rank=place, words=True) for place in range(2, count + 1)]
    if all(one.best.probability is None for one in found.predictions):
        columns[2] = TableColumn("output")
    rows = [
        (one.sample, one.best.name, _share(one.best), *(f"{each.name} {_share(each)}" for each in one.top[1:]))
        for one in found.predictions
    ]
    print_table(to, columns, rows)
    sentences(to, f"{label}; probabilities: {found.meaning}", "dim")


def _share(one: Candidate) -> str:
    return f"{one.output:.4g}" if one.probability is None else percent(one.probability)


def print_predictions_csv(found: PredictedSamples) -> None:
    """Print a line for each sample: its name, then class and probability of each of the likeliest classes."""
    count = len(found.predictions[0].top) if found.predictions else 0
    named = ["", *(f"_{place}" for place in range(2, count + 1))]
    told = any(one.best.probability is not None for one in found.predictions)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["sample", *(f"{what}{end}" for end in named for what in ("class", _word(told=told)))])
    for one in found.predictions:
        cells = [cell for each in one.top for cell in (each.name, each.probability if told else each.output)]
        writer.writerow(map(csv_cell, (one.sample, *cells)))


def _word(*, told: bool) -> str:
    return "probability" if told else "output"


# -- evaluations -------------------------------------------------------------------------------------------------------


def print_evaluation(record: EvaluationRecord) -> None:
    """Print the metrics, every class, what is taken for what, and how far the probabilities can be believed."""
    to = out()
    to.print(Text(f"{record.name} seed {record.seed} on {record.data}", style="bold"), soft_wrap=True)
    flowing(to, _metrics(record), ", ")
    to.print()
    _print_classes(record)
    to.print()
    _print_confusion(record)
    to.print()
    _print_calibration(record)


def _metrics(record: EvaluationRecord) -> list[str]:
    parts = []
    if (accuracy := record.metrics.get("accuracy")) is not None:
        parts.append(f"accuracy {percent(accuracy)} of {count_of(record.samples, 'sample')}")
    if record.accuracy95 is not None:
        parts.append(f"95 % interval {range_text(record.accuracy95)} (Wilson)")
    for name, value in record.metrics.items():
        if name != "accuracy" and value is not None:
            shares = name not in METRICS or METRICS[name].written == "percent"
            parts.append(f"{name.replace('_', ' ')} {percent(value) if shares else f'{value:.4f}'}")
    if record.own_test is not None:
        parts.append(f"on its own test data {percent(record.own_test)}")
    return parts


def _print_classes(record: EvaluationRecord) -> None:
    columns = (
        TableColumn("class", words=True), TableColumn("samples"), TableColumn("recall"), TableColumn("precision"),
        TableColumn("F1", rank=1), TableColumn("mostly mistaken for", rank=2),
    )  # fmt: skip
    rows = [
        (
            one.name,
            f"{one.samples:,}",
            *("" if share is None else percent(share) for share in (one.recall, one.precision, one.f1)),
            "" if one.mistaken_for is None else f"{one.mistaken_for} ({one.mistaken:,})",
        )
        for one in record.of_each_class
    ]
    print_table(out(), columns, rows)


def _print_confusion(record: EvaluationRecord) -> None:
    names = record.classes
    if len(names) <= _MOST_IN_MATRIX:
        columns = [TableColumn("true class, as", words=True), *(TableColumn(name) for name in names)]
        rows = [
            (name, *(f"{count:,}" if count else "." for count in row))
            for name, row in zip(names, record.confusion, strict=True)
        ]
        print_table(out(), columns, rows)
        return
    wrong = sorted(
        ((count, i, j) for i, row in enumerate(record.confusion) for j, count in enumerate(row) if i != j and count),
        key=lambda one: -one[0],
    )
    columns = [TableColumn("true class", words=True), TableColumn("taken for", words=True), TableColumn("times")]
    print_table(out(), columns, [(names[i], names[j], f"{count:,}") for count, i, j in wrong[:_MOST_MISTAKES]])


def _print_calibration(record: EvaluationRecord) -> None:
    to, held = out(), record.calibration
    if held is None:
        sentences(to, f"no probabilities to judge: {record.meaning}")
        return
    sentences(to, f"expected calibration error {100 * held.ece:.2f} points; probabilities: {record.meaning}")
    columns = (
        TableColumn("confidence"), TableColumn("samples"), TableColumn("mean confidence", rank=1),
        TableColumn("accuracy"), TableColumn("95 % interval", rank=2),
    )  # fmt: skip
    rows = zip(held.low, held.high, held.counts, held.confidence, held.accuracy, held.interval, strict=True)
    print_table(
        to,
        columns,
        [
            (range_text((low, high)), f"{n:,}", percent(mean), percent(right), range_text(between))
            for low, high, n, mean, right, between in rows
        ],
    )
