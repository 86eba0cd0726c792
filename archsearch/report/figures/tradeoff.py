"""What a better network costs: value against parameters and multiply-accumulates, and the Pareto front.

    data = against_data(record, "macs")        # or a sentence: why there is none
    draw_against(data)

Only trials that were trained to the end take part: the others' values are of fewer epochs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from archsearch.metrics import NamedMetric, difference, format_of, kind_of, near_of, title_of, written
from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.style import GREEN, VERMILION, layout, log_ticks, mark
from archsearch.report.figures.trials import (
    Placed,
    edge_note,
    leading,
    many,
    placed,
    point_traces,
    stacked,
    to_six_digits,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.record import MetricRecord, SearchRecord, TrialRecord

Size = Literal["parameters", "macs"]


class Marked(NamedTuple):
    """A trial that has a name of its own in a drawing."""

    part: str  # best or baseline
    x: float
    y: float
    text: str


class Against(NamedTuple):
    """Final values over a size; `reach` is the best value up to each size."""

    metric: NamedMetric
    size: str
    placed: Placed
    reach: tuple[tuple[float, float], ...]
    marked: tuple[Marked, ...]
    limit: int | None
    says: str
    table: Table


def size_of(trial: TrialRecord, size: Size) -> int | None:
    """Give a trial's parameters or MACs."""
    return trial.parameters if size == "parameters" else trial.macs


def limit_of(record: SearchRecord, metric: str) -> int | None:
    """Give the study's limit on a size, None for other metrics."""
    return {"parameters": record.most_parameters, "macs": record.most_macs}.get(metric)


def parameters_data(record: SearchRecord) -> Against | str:
    """Lay final values over the number of parameters."""
    return against_data(record, "parameters")


def macs_data(record: SearchRecord) -> Against | str:
    """Lay final values over multiply-accumulates."""
    return against_data(record, "macs")


def against_data(record: SearchRecord, size: Size) -> Against | str:
    """Lay final values over a size."""
    metric = record.metric
    if metric.name == size:
        return f"trials are ranked by {title_of(size)} itself"
    done = [t for t in record.trials if record.value(t) is not None and size_of(t, size)]
    if not done:
        return "no trial has completed"
    done.sort(key=lambda t: (size_of(t, size) or 0, t.number))
    reach: list[tuple[TrialRecord, float, float]] = []
    for trial in done:
        value = record.value(trial) or 0.0
        if not reach or metric.better(value, reach[-1][2]):
            reach.append((trial, float(size_of(trial, size) or 0), value))
    where = placed(record, done, lambda trial: float(size_of(trial, size) or 0))
    best, most, top = reach[-1]
    near = near_of(metric.said, top)
    small = next(entry for entry in reach if abs(entry[2] - top) <= near)
    says = f"{many(len(done), 'trial')} with a final value. "
    says += f"The {leading(record, best.number)}, trial {best.number}, has {most:,.0f} {title_of(size)}"
    if small[0].number == best.number:
        says += f"; no smaller network comes within {difference(metric.said, near).lstrip('+')} of it."
    else:
        cost = f"{written(metric.said, small[2])}, {difference(metric.said, small[2] - top)}"
        says += (
            f"; trial {small[0].number} comes close ({cost}) with {small[1]:,.0f}, {most / small[1]:.1f} times fewer."
        )
    says += edge_note(where, metric.said)
    columns = (
        Column("trial", "count"),
        Column("outcome"),
        Column(title_of(size), "count"),
        Column(title_of(metric.said), kind_of(metric.said)),
        Column("best up to this size"),
        Column("network"),
    )
    front = {entry[0].number for entry in reach}
    rows = tuple(
        (t.number, t.outcome, size_of(t, size), record.value(t), "yes" if t.number in front else "", t.line)
        for t in done
    )
    end = float(size_of(done[-1], size) or 0)
    steps = tuple((x, _inside(where, metric, y)) for x, y in (*(entry[1:] for entry in reach), (end, top)))
    return Against(
        metric.said, size, where, steps, _marked(record, where), limit_of(record, size), says, Table(columns, rows)
    )


def _inside(where: Placed, metric: MetricRecord, value: float) -> float:
    """Give a value, or the edge where it lies beyond."""
    return where.edge if where.edge is not None and metric.better(where.edge, value) else value


def _marked(record: SearchRecord, where: Placed) -> tuple[Marked, ...]:
    """Name the baseline and the best among the points."""
    best = record.report.best.number if record.report.best is not None else None
    points = {point.number: point for point in where.points}
    named = [("baseline", record.baseline), ("best", best)]
    return tuple(
        Marked(part, points[number].x, points[number].y, points[number].text)
        for part, number in named
        if number in points and number is not None
    )


def draw_against(data: Against) -> go.Figure:
    """Draw values over a logarithmic size, with the best value up to each size as steps."""
    import plotly.graph_objects as go

    figure = go.Figure(
        layout=layout(
            x=title_of(data.size),
            y=title_of(data.metric),
            x_format=format_of(data.size),
            y_format=format_of(data.metric),
        )
    )
    figure.add_scatter(
        x=[to_six_digits(x) for x, _ in data.reach],
        y=[to_six_digits(y) for _, y in data.reach],
        mode="lines",
        line={"shape": "hv", "color": GREEN, "width": 2},
        name="best up to this size",
        hoverinfo="skip",
    )
    figure.add_traces(point_traces(data.placed.points))
    add_marked(figure, data.marked)
    sizes = [point.x for point in data.placed.points]
    figure.update_xaxes(log_ticks(min(sizes), max((data.limit or 0.0), *sizes)))
    if data.limit is not None:
        figure.add_trace(limit_line(data.limit, data.placed))
    return figure


def add_marked(figure: go.Figure, marked: tuple[Marked, ...]) -> None:
    """Draw the baseline and the best over the others."""
    for one in marked:
        figure.add_scatter(
            x=[to_six_digits(one.x)],
            y=[to_six_digits(one.y)],
            mode="markers",
            marker=mark(one.part, 14),
            name=one.part,
            hovertext=[one.text],
            hoverinfo="text",
        )


def limit_line(limit: int, where: Placed) -> go.Scatter:
    """Draw a limit of the study as an upright line over the height of the points."""
    import plotly.graph_objects as go

    heights = [point.y for point in where.points]
    return go.Scatter(
        x=[limit, limit],
        y=[to_six_digits(min(heights)), to_six_digits(max(heights))],
        mode="lines",
        line={"color": VERMILION, "dash": "dot", "width": 2},
        name=f"limit {limit:,}",
        hoverinfo="skip",
    )


# -- Pareto front ------------------------------------------------------------------------------------------------------


class TradeoffPanel(NamedTuple):
    """The main objective over another one. `front` is in the order of x."""

    other: NamedMetric
    direction: str
    log: bool
    limit: int | None
    placed: Placed
    front: tuple[tuple[int, float, float], ...]
    marked: tuple[Marked, ...]


class Pareto(NamedTuple):
    """One panel for each objective beside the main one."""

    metric: NamedMetric
    panels: tuple[TradeoffPanel, ...]
    says: str
    table: Table


def pareto_data(record: SearchRecord) -> Pareto | str:
    """Say which trials no other one beats in every objective."""
    if len(record.metrics) < 2:
        return f"the study has one objective, {record.metric.name}"
    done = [trial for trial in record.trials if trial.values is not None]
    if not done:
        return "no trial has completed"
    front = [trial for trial in done if not any(_beats(record, other, trial) for other in done)]
    numbers = {trial.number for trial in front}
    panels = []
    for which, metric in enumerate(record.metrics):
        if which == record.main:
            continue
        xs = {trial.number: (trial.values or ())[which] for trial in done}
        where = placed(record, done, lambda trial, xs=xs: xs[trial.number])  # type: ignore[misc]
        line = sorted((xs[t.number], record.value(t) or 0.0, t.number) for t in front)
        log = min(xs.values()) > 0 and max(xs.values()) > 10 * min(xs.values())
        ends = tuple((number, x, y) for x, y, number in line)
        marked = tuple(one for one in _marked(record, where) if one.part == "baseline")
        panels.append(
            TradeoffPanel(metric.said, metric.direction, log, limit_of(record, metric.name), where, ends, marked)
        )
    names = " and ".join(title_of(metric.said) for metric in record.metrics)
    says = f"{len(front)} of {many(len(done), 'completed trial')} are on the front of {names}: "
    says += "no other one is as good in everything and better in something."
    cheap = min(front, key=lambda t: _cost(record, t))
    top = _top(record, front)
    if top.number == cheap.number:
        says += f" It has one end: {_both(record, top)}."
    else:
        says += f" Its ends: {_both(record, cheap)}, and {_both(record, top)}."
    columns = (
        Column("trial", "count"),
        Column("on the front"),
        *(Column(title_of(metric.said), kind_of(metric.said)) for metric in record.metrics),
        Column("network"),
    )
    rows = tuple((t.number, "yes" if t.number in numbers else "", *(t.values or ()), t.line) for t in done)
    return Pareto(record.metric.said, tuple(panels), says, Table(columns, rows))


def _cost(record: SearchRecord, trial: TrialRecord) -> float:
    """Give a trial's value of the first objective beside the main one, smaller is better."""
    which = next(i for i in range(len(record.metrics)) if i != record.main)
    value = (trial.values or ())[which]
    return value if record.metrics[which].direction == "minimize" else -value


def _top(record: SearchRecord, front: list[TrialRecord]) -> TrialRecord:
    sign = 1 if record.metric.direction == "maximize" else -1
    return max(front, key=lambda trial: sign * (record.value(trial) or 0.0))


def _both(record: SearchRecord, trial: TrialRecord) -> str:
    values = zip(record.metrics, trial.values or (), strict=True)
    return f"trial {trial.number} ({', '.join(f'{written(m.said, v)} {title_of(m.said)}' for m, v in values)})"


def _beats(record: SearchRecord, one: TrialRecord, other: TrialRecord) -> bool:
    """Say whether one trial is as good as another in everything and better in something."""
    pairs = list(zip(record.metrics, one.values or (), other.values or (), strict=True))
    return not any(m.better(b, a) for m, a, b in pairs) and any(m.better(a, b) for m, a, b in pairs)


def draw_pareto(data: Pareto) -> go.Figure:
    """Draw the main objective over each other one, the front as a line, limits as lines."""
    figure = stacked(len(data.panels), 120 + 320 * len(data.panels), data.metric)
    for row, panel in enumerate(data.panels, start=1):
        for trace in point_traces(panel.placed.points):
            trace.update(legendgroup=trace.name, showlegend=row == 1, opacity=0.7)
            figure.add_trace(trace, row=row, col=1)
        y_of = {point.number: point.y for point in panel.placed.points}
        figure.add_scatter(
            x=[to_six_digits(x) for _, x, _ in panel.front],
            y=[to_six_digits(y_of[number]) for number, _, _ in panel.front],
            mode="lines+markers" if len(data.panels) == 1 else "markers",
            line={"shape": "hv" if panel.direction == "minimize" else "vh", "color": GREEN, "width": 2},
            marker=mark("best", 11),
            name="front",
            legendgroup="front",
            showlegend=row == 1,
            hovertext=[next(p.text for p in panel.placed.points if p.number == number) for number, _, _ in panel.front],
            hoverinfo="text",
            row=row,
            col=1,
        )
        for one in panel.marked:
            figure.add_scatter(
                x=[to_six_digits(one.x)],
                y=[to_six_digits(one.y)],
                mode="markers",
                marker=mark(one.part, 13),
                name=one.part,
                legendgroup=one.part,
                showlegend=row == 1,
                hovertext=[one.text],
                hoverinfo="text",
                row=row,
                col=1,
            )
        xs = [point.x for point in panel.placed.points]
        scale = log_ticks(min(xs), max(xs)) if panel.log else {"tickformat": format_of(panel.other)}
        figure.update_xaxes(title={"text": title_of(panel.other)}, row=row, col=1, **scale)
        if panel.limit is not None:
            figure.add_trace(limit_line(panel.limit, panel.placed), row=row, col=1)
    return figure
