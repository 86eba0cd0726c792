"""What trained networks say of samples: predictions, and how good they are on other data."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Any

from rich.text import Text

from archsearch.cli.console.base import TableColumn, flowing, out, print_table, sentences
from archsearch.metrics import METRICS
from archsearch.wording import count_of, percent, range_text

if TYPE_CHECKING:
    from archsearch.stats.confusion import ClassScores
    from archsearch.train.evaluation import EvaluationRecord
    from archsearch.train.prediction import Candidate, PredictedSamples

_MOST_IN_MATRIX = 20  # classes; more are told by their worst mistakes
_MOST_MISTAKES = 10


def print_predictions(label: str, found: PredictedSamples) -> None:
    """Print a table: each sample with its likeliest classes, with its labels, or with its numbers."""
    to = out()
    columns, rows = {"multilabel": _labels, "regression": _numbers}.get(found.task, _classes)(found)
    print_table(to, columns, rows)
    sentences(to, f"{label}; probabilities: {found.meaning}" if found.task != "regression" else label, "dim")


def _classes(found: PredictedSamples) -> tuple[list[TableColumn], list[tuple[str, ...]]]:
    count = len(found.predictions[0].top) if found.predictions else 0
    columns = [TableColumn("sample", words=True), TableColumn("class", words=True), TableColumn("probability")]
    columns += [TableColumn(f"or {place}", rank=place, words=True) for place in range(2, count + 1)]
    if all(one.best.probability is None for one in found.predictions):
        columns[2] = TableColumn("output")
    return columns, [
        (one.sample, one.best.name, _share(one.best), *(f"{each.name} {_share(each)}" for each in one.top[1:]))
        for one in found.predictions
    ]


def _labels(found: PredictedSamples) -> tuple[list[TableColumn], list[tuple[str, ...]]]:
    columns = [TableColumn("sample", words=True), TableColumn("labels", words=True)]
    return columns, [
        (one.sample, ", ".join(f"{each.name} {_share(each)}" for each in one.top if each.name in one.taken) or "none")
        for one in found.predictions
    ]


def _numbers(found: PredictedSamples) -> tuple[list[TableColumn], list[tuple[str, ...]]]:
    names = [each.name for each in found.predictions[0].top] if found.predictions else []
    columns = [TableColumn("sample", words=True), *(TableColumn(name) for name in names)]
    return columns, [(one.sample, *(f"{each.output:.4g}" for each in one.top)) for one in found.predictions]


def _share(one: Candidate) -> str:
    return f"{one.output:.4g}" if one.probability is None else percent(one.probability)


def print_predictions_csv(found: PredictedSamples) -> None:
    """Print a line for each sample: its name, then class and probability of each of the likeliest classes.

    Of labels those that are taken, with ; between them, and the probability of each label; of numbers these.
    """
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if found.task in ("multilabel", "regression"):
        _write_values(writer, found)
        return
    count = len(found.predictions[0].top) if found.predictions else 0
    named = ["", *(f"_{place}" for place in range(2, count + 1))]
    told = any(one.best.probability is not None for one in found.predictions)
    writer.writerow(["sample", *(f"{what}{end}" for end in named for what in ("class", _word(told=told)))])
    for one in found.predictions:
        cells = [cell for each in one.top for cell in (each.name, each.probability if told else each.output)]
        writer.writerow([one.sample, *cells])


def _write_values(writer: Any, found: PredictedSamples) -> None:
    names = sorted(each.name for each in found.predictions[0].top) if found.task == "multilabel" else []
    names = names or [each.name for one in found.predictions[:1] for each in one.top]
    labels = found.task == "multilabel"
    writer.writerow(["sample", *(["labels"] if labels else []), *names])
    for one in found.predictions:
        given = {each.name: each.output if each.probability is None else each.probability for each in one.top}
        writer.writerow([one.sample, *([";".join(one.taken)] if labels else []), *(given[name] for name in names)])


def _word(*, told: bool) -> str:
    return "probability" if told else "output"


# -- evaluations -------------------------------------------------------------------------------------------------------


def print_evaluation(record: EvaluationRecord) -> None:
    """Print the metrics, every class, what is taken for what, and how far the probabilities can be believed."""
    to = out()
    to.print(Text(f"{record.name} seed {record.seed} on {record.data}", style="bold"), soft_wrap=True)
    flowing(to, _metrics(record), ", ")
    to.print()
    if record.of_each_target:
        _print_targets(record)
        return
    _print_classes(record)
    if not record.confusion:
        return
    to.print()
    _print_confusion(record)
    to.print()
    _print_calibration(record)


def _print_targets(record: EvaluationRecord) -> None:
    columns = (
        TableColumn("target", words=True), TableColumn("RMSE"), TableColumn("MAE"), TableColumn("R2"),
        TableColumn("mean residual", rank=1), TableColumn("95 % interval", rank=1), TableColumn("95 % within", rank=2),
    )  # fmt: skip
    rows = [
        (
            one.name, f"{one.rmse:.4g}", f"{one.mae:.4g}", "" if one.r2 is None else f"{one.r2:.3f}",
            f"{one.bias:+.3g}",
            "" if one.bias95 is None else f"{one.bias95[0]:+.3g} to {one.bias95[1]:+.3g}", f"± {one.half:.3g}",
        )
        for one in record.of_each_target
    ]  # fmt: skip
    print_table(out(), columns, rows)


def _metrics(record: EvaluationRecord) -> list[str]:
    parts = []
    if (value := record.metrics.get(record.main)) is not None:
        parts.append(f"{_title(record.main)} {_value(record.main, value)} of {count_of(record.samples, 'sample')}")
    if record.accuracy95 is not None:
        parts.append(f"95 % interval {range_text(record.accuracy95)} (Wilson)")
    for name, value in record.metrics.items():
        if name != record.main and value is not None:
            parts.append(f"{_title(name)} {_value(name, value)}")
    if record.own_test is not None:
        parts.append(f"on its own test data {_value(record.main, record.own_test)}")
    return parts


def _title(name: str) -> str:
    return METRICS[name].title if name in METRICS else name.replace("_", " ")


def _value(name: str, value: float) -> str:
    if name not in METRICS or METRICS[name].written == "percent":
        return percent(value)
    return f"{value:.4f}" if name == "loss" else f"{value:.4g}"


def _print_classes(record: EvaluationRecord) -> None:
    columns = (
        TableColumn("label" if record.task == "multilabel" else "class", words=True), TableColumn("samples"),
        TableColumn("recall"), TableColumn("precision"), TableColumn("F1", rank=1),
        *([] if record.task == "multilabel" else [TableColumn("mostly mistaken for", rank=2)]),
    )  # fmt: skip
    rows = [
        (
            one.name,
            f"{one.samples:,}",
            *("" if share is None else percent(share) for share in (one.recall, one.precision, one.f1)),
            *([] if record.task == "multilabel" else [_mistaken(one)]),
        )
        for one in record.of_each_class
    ]
    print_table(out(), columns, rows)


def _mistaken(one: ClassScores) -> str:
    return "" if one.mistaken_for is None else f"{one.mistaken_for} ({one.mistaken:,})"


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
