"""The two open values that matter most: trials over each of them, and means over both together.

    data = slices_data(record)              # or a sentence: why there is none
    draw_slices(data)

Every number is a trial's, or a mean of some: no model fills what was not tried.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from archsearch.metrics import NamedMetric, kind_of, title_of, written
from archsearch.report.figures.axes import (
    Bins,
    bins_of,
    cell_of,
    index_of,
    labels_of,
    said,
)
from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.importances import main_importances, most_important, target_title
from archsearch.report.figures.style import layout, log_ticks, plain_text, shade
from archsearch.report.figures.trials import Point, edge_of, many, point_traces, stacked

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.importance import OpenValue
    from archsearch.search.record import MetricRecord, SearchRecord

LEAST_TOGETHER = 8  # trials that have both values


# -- slices ------------------------------------------------------------------------------------------------------------


class Slice(NamedTuple):
    """Trials over one open value; `labels` are set where it has few values, x is then their place."""

    name: str
    log: bool
    labels: tuple[str, ...]
    points: tuple[Point, ...]
    without: int


class Slices(NamedTuple):
    """The two most important open values; `title` says what they are where none is known to be."""

    metric: NamedMetric
    target: str
    edge: float | None
    slices: tuple[Slice, ...]
    says: str
    table: Table
    title: str = ""


def slices_data(record: SearchRecord) -> Slices | str:
    """Lay trials over each of the two most important open values."""
    ranked, target, values = most_important(record)
    if len(values) < 2 or not ranked:
        return f"{many(len(values), 'trial')} with a value: nothing to compare"
    metric = record.metric
    edge = edge_of(metric, list(values.values()), values.get(record.baseline) if record.baseline is not None else None)
    slices, rows, sentences = [], [], []
    for parameter in ranked[:2]:
        labels = labels_of(parameter)
        points = []
        having = [t for t in record.trials if t.number in values and parameter.name in t.params]
        for trial in having:
            value = values[trial.number]
            has = trial.params[parameter.name]
            x = float(index_of(labels, has)) if labels else float(has or 0.0)
            y = edge if edge is not None and metric.better(edge, value) else value
            text = f"trial {trial.number}, {trial.outcome}: {written(metric.said, value)}"
            points.append(Point(trial.number, x, y, value, trial.outcome, text))
            rows.append((parameter.name, trial.number, trial.outcome, cell_of(has), value))
        without = len(values) - len(having)
        shown = tuple(said(label) for label in labels)
        slices.append(Slice(parameter.name, parameter.log and not labels, shown, tuple(points), without))
        sentences.append(_slice_says(metric, parameter, points, without))
    says = f"{many(len(values), 'trial')}, {target_title(target)}. {' '.join(sentences)}"
    title = ""
    if main_importances(record) is None:
        title = "Trials over two open values" if len(slices) > 1 else "Trials over one open value"
        says += " Which values matter is not known: these are the first that most trials have."
    elif len(slices) == 1:
        title = "The value that matters most"
    columns = (
        Column("open value"),
        Column("trial", "count"),
        Column("outcome"),
        Column("set to"),
        Column(target_title(target), kind_of(metric.said)),
    )
    return Slices(metric.said, target, edge, tuple(slices), says, Table(columns, tuple(rows)), title)


def _slice_says(metric: MetricRecord, parameter: OpenValue, points: Sequence[Point], without: int) -> str:
    """Say where the best median is: among few values, or among four bins of a range."""
    bins = bins_of(parameter, 4)
    labels = labels_of(parameter)
    inside: dict[int, list[float]] = {}
    for point in points:
        which = int(point.x) if labels else bins.find(point.x)
        inside.setdefault(which, []).append(point.value or 0.0)
    medians = {which: statistics.median(values) for which, values in inside.items()}
    sign = 1 if metric.direction == "maximize" else -1
    best = max(medians, key=lambda which: (sign * medians[which], -which))
    says = f"{parameter.name}: best median {written(metric.said, medians[best])} at {bins.labels[best]} "
    says += f"(n = {len(inside[best])})"
    same = len({written(metric.said, median) for median in medians.values()}) == 1
    if len(medians) > 1 and same:
        return f"{parameter.name}: the same median {written(metric.said, medians[best])} everywhere" + (
            f"; {without} without it." if without else "."
        )
    if len(medians) > 1:
        worst = min(medians, key=lambda which: (sign * medians[which], which))
        says += f", worst {written(metric.said, medians[worst])} at {bins.labels[worst]} (n = {len(inside[worst])})"
    return says + (f"; {without} without it." if without else ".")


def draw_slices(data: Slices) -> go.Figure:
    """Draw trials over each value, one below the other."""
    figure = stacked(len(data.slices), 110 + 270 * len(data.slices), data.metric)
    seen: set[str] = set()
    for row, one in enumerate(data.slices, start=1):
        for trace in point_traces(_apart(one)):
            trace.update(legendgroup=trace.name, showlegend=trace.name not in seen)
            seen.add(trace.name)
            figure.add_trace(trace, row=row, col=1)
        xs = [point.x for point in one.points]
        scale = log_ticks(min(xs), max(xs)) if one.log and xs else {}
        figure.update_xaxes(title={"text": plain_text(one.name, 60)}, row=row, col=1, **scale)
        if one.labels:
            names = [plain_text(label, 24) for label in one.labels]
            figure.update_xaxes(
                tickvals=list(range(len(names))), ticktext=names, range=[-0.5, len(names) - 0.5], row=row, col=1
            )
    return figure


def _apart(one: Slice) -> list[Point]:
    """Move points that share a value apart, by their number, so that none hides another."""
    if not one.labels:
        return list(one.points)
    return [point._replace(x=point.x + 0.3 * (point.number * 0.618034 % 1 - 0.5)) for point in one.points]


# -- two values together -----------------------------------------------------------------------------------------------


class CellMean(NamedTuple):
    """Trials with both values in one cell: how many, and their mean; `rank` 0 is the worst cell, 1 the best."""

    x: int
    y: int
    n: int
    mean: float
    rank: float


class ValueGrid(NamedTuple):
    """The mean value for pairs of two open values, cut into bins."""

    metric: NamedMetric
    x: Bins
    y: Bins
    cells: tuple[CellMean, ...]
    says: str
    table: Table


def cells_data(record: SearchRecord) -> ValueGrid | str:
    """Average trials over the two most important open values that many trials have together."""
    ranked, target, values = most_important(record)
    pair = _together(record, ranked, values)
    if pair is None:
        return f"no two open values are there together in {LEAST_TOGETHER} trials with a value"
    metric = record.metric
    trials = [t for t in record.trials if t.number in values and all(p.name in t.params for p in pair)]
    most = max(2, min(6, round((len(trials) / 4) ** 0.5)))  # about four trials in a cell
    x, y = (bins_of(parameter, most) for parameter in pair)
    inside: dict[tuple[int, int], list[float]] = {}
    for trial in trials:
        place = x.find(trial.params[x.name]), y.find(trial.params[y.name])
        inside.setdefault(place, []).append(values[trial.number])
    means = {place: statistics.fmean(found) for place, found in inside.items()}
    sign = 1 if metric.direction == "maximize" else -1
    order = sorted(means, key=lambda place: (sign * means[place], place))
    cells = tuple(
        CellMean(*place, len(inside[place]), means[place], i / max(1, len(order) - 1)) for i, place in enumerate(order)
    )
    top = cells[-1]
    whole = len(x.labels) * len(y.labels)
    says = f"Means of cells over {many(len(trials), 'trial')} ({target_title(target)}), "
    says += "no model between them. "
    says += f"The best is {x.name} {x.labels[top.x]} with {y.name} {y.labels[top.y]}: "
    says += f"{written(metric.said, top.mean)} (n = {top.n}). {whole - len(cells)} of {whole} cells are empty."
    columns = (
        Column(x.name),
        Column(y.name),
        Column("n", "count"),
        Column(f"mean {title_of(metric.said)}", kind_of(metric.said)),
    )
    rows = tuple((x.labels[cell.x], y.labels[cell.y], cell.n, cell.mean) for cell in reversed(cells))
    return ValueGrid(metric.said, x, y, cells, says, Table(columns, rows))


def _together(
    record: SearchRecord, ranked: Sequence[OpenValue], values: dict[int, float]
) -> tuple[OpenValue, OpenValue] | None:
    """Choose the first pair in the ranking that half of the trials have, else that enough have."""
    trials = [trial for trial in record.trials if trial.number in values]
    pairs = [(ranked[i], ranked[j]) for j in range(len(ranked)) for i in range(j)]
    for least in (max(LEAST_TOGETHER, len(trials) / 2), LEAST_TOGETHER):
        for one, other in pairs:
            if sum(one.name in t.params and other.name in t.params for t in trials) >= least:
                return one, other
    return None


def draw_cells(data: ValueGrid) -> go.Figure:
    """Draw cells shaded by rank, each with its mean and n."""
    import plotly.graph_objects as go

    figure = go.Figure(
        layout=layout(
            x=plain_text(data.x.name, 60),
            y=plain_text(data.y.name, 60),
            height=160 + 56 * len(data.y.labels),
            legend=False,
        )
    )
    for cell in data.cells:
        figure.add_shape(
            type="rect",
            x0=cell.x - 0.48,
            x1=cell.x + 0.48,
            y0=cell.y - 0.47,
            y1=cell.y + 0.47,
            fillcolor=shade(cell.rank),
            opacity=0.35,
            line={"width": 3 if cell.rank == 1 else 0, "color": shade(1)},
            layer="below",
        )
    figure.add_scatter(
        x=[cell.x for cell in data.cells],
        y=[cell.y for cell in data.cells],
        mode="text",
        text=[f"{written(data.metric, cell.mean)}<br>n = {cell.n}" for cell in data.cells],
        hoverinfo="skip",
    )
    for axis, bins in (("xaxis", data.x), ("yaxis", data.y)):
        labels = [plain_text(label, 24) for label in bins.labels]
        ticks = {"tickvals": list(range(len(labels))), "ticktext": labels, "range": [-0.5, len(labels) - 0.5]}
        figure.update_layout({axis: {**ticks, "showgrid": False}})
    return figure
