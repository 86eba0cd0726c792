"""How metrics are said and written: what is known of a name, in words.

title_of("val_accuracy"), written("val_accuracy", 0.9731)      # validation accuracy, 97.31 %

A name is that of the table. A program's metric may bear the same and be another number, such as an F1 in per cent: of
a program, hand in the row that its file gives.
"""

from __future__ import annotations

from archsearch.metrics.metric import Metric, Written
from archsearch.metrics.table import PARTS, metric_of, part_of
from archsearch.wording import percent, points, short_number

NamedMetric = str | Metric  # a metric of the table by its name, or the row of one that is not in it

_D3 = {"percent": ".2~%", "count": "~s", "number": ".6~g"}


def title_of(name: NamedMetric) -> str:
    """Name a metric as people say it: validation accuracy."""
    if isinstance(name, Metric):
        return name.title
    metric, part = metric_of(name), part_of(name)
    if metric is None:
        return name
    return metric.title if part is None else f"{PARTS[part]} {metric.title}"


def kind_of(name: NamedMetric) -> Written:
    """Give the kind of column a metric is."""
    metric = name if isinstance(name, Metric) else metric_of(name)
    return "number" if metric is None else metric.written


def format_of(name: NamedMetric) -> str:
    """Give the d3 format of a metric's axis."""
    return _D3[kind_of(name)]


def written(name: NamedMetric, value: float | None) -> str:
    """Write a value with its unit."""
    if value is None:
        return "no value"
    if kind_of(name) == "percent":
        return percent(value)
    return f"{value:,.0f}" if kind_of(name) == "count" else f"{value:.4g}"


def metric_text(name: NamedMetric, value: float) -> str:
    """Write a value of a metric where there is little room: a count in three digits."""
    return short_number(value) if kind_of(name) == "count" else written(name, value)


def difference(name: NamedMetric, value: float) -> str:
    """Write a difference of two values: of fractions in percentage points."""
    return points(value) if kind_of(name) == "percent" else f"{value:+.4g}"
