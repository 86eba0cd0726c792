"""Experiments by their seeds: each run's value, and the mean with its interval.

data = means_data([MeanRow("lenet5", (0.974, 0.976), (0.971, 0.979), "test_accuracy")])
draw_means(data)
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from archsearch.metrics import format_of, kind_of, title_of
from archsearch.report.figures.figure import Column, Table, interval_columns
from archsearch.report.figures.style import BLUE, GREY, layout, plain_text
from archsearch.wording import capital, count_of

if TYPE_CHECKING:
    import plotly.graph_objects as go


class MeanRow(NamedTuple):
    """An experiment: its metric of each completed run, and the interval of their mean, None for one run."""

    name: str
    values: tuple[float, ...]
    interval: tuple[float, float] | None
    metric: str


class Means(NamedTuple):
    """Experiments in the order they were named."""

    rows: tuple[MeanRow, ...]
    says: str
    table: Table


def means_data(rows: Sequence[MeanRow]) -> Means | str:
    """Gather what completed; a sentence where nothing has, or where one axis cannot have all of it."""
    there = tuple(row for row in rows if row.values)
    if not there:
        return f"no run has a {title_of(rows[0].metric)}" if rows else "there is no run"
    if len(metrics := dict.fromkeys(title_of(row.metric) for row in there)) > 1:
        return f"they are judged by several metrics: {', '.join(metrics)}"
    name, kind = capital(title_of(there[0].metric)), kind_of(there[0].metric)
    runs = sum(len(row.values) for row in there)
    says = f"{name} of {count_of(runs, 'run')}: a tick for each seed, the mean with Student's 95 % interval."
    if runs == 1:
        says = f"{name} of one run; one run says nothing about the spread."
    columns = (Column("experiment"), Column("seeds", "count"), Column("mean", kind), *interval_columns(kind))
    table = tuple(
        (row.name, len(row.values), statistics.fmean(row.values), *(row.interval or (None, None))) for row in there
    )
    return Means(there, says, Table(columns, table))


def draw_means(data: Means) -> go.Figure:
    """Draw a row for each experiment."""
    import plotly.graph_objects as go

    metric = data.rows[0].metric
    figure = go.Figure(layout=layout(x=title_of(metric), x_format=format_of(metric), height=150 + 50 * len(data.rows)))
    figure.add_scatter(
        x=[value for row in data.rows for value in row.values],
        y=[place + 0.16 for place, row in enumerate(data.rows) for _ in row.values],
        mode="markers",
        marker={"color": GREY, "symbol": "line-ns-open", "size": 11, "line": {"width": 1.5}},
        name="each seed",
        hoverinfo="x",
    )
    means = [statistics.fmean(row.values) for row in data.rows]
    ends = [row.interval or (mean, mean) for row, mean in zip(data.rows, means, strict=True)]
    figure.add_scatter(
        x=means,
        y=list(range(len(means))),
        mode="markers",
        marker={"color": BLUE, "symbol": "diamond", "size": 11},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - mean for mean, (_, high) in zip(means, ends, strict=True)],
            "arrayminus": [mean - low for mean, (low, _) in zip(means, ends, strict=True)],
            "color": BLUE,
        },
        name="mean with 95 % interval",
        hoverinfo="x",
    )
    names = [plain_text(row.name, 40) for row in data.rows]
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False
    )
    return figure
