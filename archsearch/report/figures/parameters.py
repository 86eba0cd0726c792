"""What the open values did: importances, parallel coordinates, slices and cells of the two that mattered most.

    data = importances_data(record)         # or a sentence: why there is none
    draw_importances(data)

Parallel coordinates are drawn with plain lines: plotly's own kind needs WebGL and evaluates code, which a page with a
strict Content-Security-Policy forbids, and it has no place for a value that a trial does not have.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from archsearch.report.figures.axes import (
    ABSENT,
    ABSENT_PLACE,
    Axis,
    Bins,
    axis_of,
    bins_of,
    index_of,
    labels_of,
    said,
    value_in,
)
from archsearch.report.figures.figure import Cell, Column, Table
from archsearch.report.figures.style import GREY, layout, nth, plain_text, shade
from archsearch.report.figures.trials import (
    Point,
    edge_of,
    format_of,
    hover,
    kind_of,
    many,
    point_traces,
    short,
    target_values,
    thinned,
    title_of,
    written,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.importance import Importances, OpenValue
    from archsearch.search.record import MetricRecord, SearchRecord

MOST_BARS = 20
MOST_AXES = 8
MOST_LINES = 300  # of completed trials, and again of pruned ones
SHADES = 6
LEAST_TOGETHER = 8


def main_importances(record: SearchRecord) -> Importances | None:
    """Give the importances to go by: those of the most trials; None if none has any share."""
    with_shares = [found for found in record.importances if any(group.shares for group in found.groups)]
    return max(with_shares, key=lambda found: found.n, default=None)


def _most_important(record: SearchRecord) -> tuple[list[OpenValue], str, dict[int, float]]:
    """Give the open values, most important first; what they were judged by; and each trial's value of that.

    Without importances they come in the study's order, and those that all trials have first.
    """
    by_name = {parameter.name: parameter for parameter in record.space}
    found = main_importances(record)
    if found is not None:
        ranked = [by_name[name] for name in found.ranked()]
        return ranked, found.target, target_values(record, found.epoch)
    values = target_values(record, None)
    having = {p.name: sum(p.name in t.params for t in record.trials if t.number in values) for p in record.space}
    ranked = sorted((p for p in record.space if having[p.name]), key=lambda p: -having[p.name])
    return ranked, f"final {record.metric.name}", values


# -- importances -------------------------------------------------------------------------------------------------------


class Bar(NamedTuple):
    """An open value's share of the explained variance, among n trials; `always`: all trials have it."""

    target: str
    name: str
    share: float
    n: int
    always: bool
    explained: float | None


class ImportanceBars(NamedTuple):
    """Shares, most important first, for each target."""

    bars: tuple[Bar, ...]
    names: tuple[str, ...]  # those that are drawn
    says: str
    table: Table


def importances_data(record: SearchRecord) -> ImportanceBars | str:
    """Say which open values mattered."""
    main = main_importances(record)
    if main is None:
        whys = [f"{found.target}: {group.why_none}" for found in record.importances for group in found.groups[:1]]
        return "; ".join(whys) or "no trial has a value"
    bars, rows = [], []
    for found in sorted(record.importances, key=lambda found: found is not main):
        order = {name: place for place, name in enumerate(found.ranked())}
        ours = [
            Bar(found.target, share.name, share.share, group.n, group.always, group.explained)
            for group in found.groups
            for share in group.shares
        ]
        bars += sorted(ours, key=lambda bar: order[bar.name])
        for group in found.groups:
            shares: dict[str, float] = {share.name: share.share for share in group.shares}
            of = "all" if group.always else "only those that have it"
            rows += [
                (found.target, name, shares.get(name), of, group.n, group.explained, group.why_none)
                for name in group.names
            ]
    columns = (
        Column("target"),
        Column("open value"),
        Column("share of the explained variance", "percent"),
        Column("among trials"),
        Column("n", "count"),
        Column("R2 of unseen trials", "number"),
        Column("why there is none"),
    )
    first = [bar for bar in bars if bar.target == main.target]
    names = tuple(bar.name for bar in first[:MOST_BARS])
    return ImportanceBars(tuple(bars), names, _importances_say(main, first), Table(columns, tuple(rows)))


def _importances_say(main: Importances, bars: Sequence[Bar]) -> str:
    leading = [f"{bar.name} ({100 * bar.share:.0f} %{'' if bar.always else f' of n = {bar.n}'})" for bar in bars[:2]]
    says = f"{main.evaluator} of the {main.target.replace('val_', 'validation ')} over {many(main.n, 'trial')}: "
    says += f"most of what single values explain is {' and '.join(leading)}."
    explained = next((bar.explained for bar in bars if bar.always), None)
    if explained is not None and explained > 0:
        says += f" The forest explains {100 * explained:.0f} % of the variance of trials it has not seen."
    elif explained is not None:
        says += " The forest predicts unseen trials no better than their mean: read nothing into the ranks."
    conditional = sum(not bar.always for bar in bars)
    if conditional:
        says += (
            f" {many(conditional, 'value')} that only some trials have (hatched) {'is' if conditional == 1 else 'are'}"
        )
        says += " judged among those."
    none = [group for group in main.groups if group.why_none is not None]
    if none:
        count = sum(len(group.names) for group in none)
        says += f" {many(count, 'value')} with fewer than {main.least_trials} trials, or no variation, have none."
    return says


def draw_importances(data: ImportanceBars) -> go.Figure:
    """Draw horizontal bars, hatched for values that only some trials have."""
    import plotly.graph_objects as go

    targets = list(dict.fromkeys(bar.target for bar in data.bars))
    height = 130 + (16 + 14 * len(targets)) * len(data.names)
    figure = go.Figure(layout=layout(x="share of the explained variance", x_format=".0%", height=height))
    place = {name: i for i, name in enumerate(data.names)}
    for i, target in enumerate(targets):
        ours = [bar for bar in data.bars if bar.target == target and bar.name in place]
        colour, _ = nth(i)
        figure.add_bar(
            x=[short(bar.share) for bar in ours],
            y=[place[bar.name] for bar in ours],
            orientation="h",
            marker={
                "color": colour,
                "pattern": {"shape": ["" if bar.always else "/" for bar in ours], "fillmode": "overlay"},
                "line": {"color": colour, "width": 1},
            },
            name=f"{plain_text(target)} (n = {max((bar.n for bar in ours), default=0):,})",
            hovertext=[f"{plain_text(bar.name)}: {100 * bar.share:.1f} %, n = {bar.n:,}" for bar in ours],
            hoverinfo="text",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    names = [plain_text(name, 48) for name in data.names]
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, autorange="reversed")
    return figure


# -- parallel coordinates ----------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A trial across the axes, the last of which is its value; `rank` is 0 for the worst and 1 for the best."""

    number: int
    part: str  # best, completed or pruned
    rank: float
    places: tuple[float, ...]
    text: str


class Parallel(NamedTuple):
    """Axes and the lines across them; the table has every trial."""

    metric: str
    axes: tuple[Axis, ...]
    ends: tuple[float, float]  # of the value's axis, worse and better
    absent: tuple[bool, ...]  # which axes have trials without the value; of the last one, pruned trials
    lines: tuple[Line, ...]
    says: str
    table: Table


def parallel_data(record: SearchRecord) -> Parallel | str:
    """Lay every trial across the most important open values."""
    metric = record.metric
    done = [trial for trial in record.trials if record.value(trial) is not None]
    if len(done) < 2:
        return f"{many(len(done), 'trial')} with a final value: nothing to compare"
    ranked, target, _ = _most_important(record)
    chosen = {parameter.name for parameter in ranked[:MOST_AXES]}
    parameters = [parameter for parameter in record.space if parameter.name in chosen]
    axes = tuple(axis_of(parameter) for parameter in parameters)
    values = {trial.number: record.value(trial) or 0.0 for trial in done}
    sign = 1 if metric.direction == "maximize" else -1
    done.sort(key=lambda trial: (sign * values[trial.number], trial.number))
    rank = {trial.number: i / (len(done) - 1) for i, trial in enumerate(done)}
    edge = edge_of(metric, list(values.values()))
    worst = edge if edge is not None else values[done[0].number]
    best = values[done[-1].number]
    first = {trial.number for trial in done[-max(1, min(10, len(done) // 10)) :]}
    shown = [trial for trial in done if trial.number in first]
    shown = thinned([trial for trial in done if trial.number not in first], MOST_LINES - len(shown)) + shown
    pruned = [trial for trial in record.trials if trial.outcome == "pruned"]
    lines = []
    for trial in (*(faint := thinned(pruned, MOST_LINES)), *shown):
        mine = rank.get(trial.number)
        spread = mine if mine is not None else 0.5
        places = [_spread(axis, axis.place(value_in(trial.params, axis.name)), spread, trial.params) for axis in axes]
        if mine is None:
            places.append(ABSENT_PLACE)
        else:
            places.append(max(0.0, (values[trial.number] - worst) / (best - worst)) if best != worst else 0.5)
        part = "pruned" if mine is None else "best" if trial.number in first else "completed"
        lines.append(Line(trial.number, part, spread, tuple(short(p) or 0.0 for p in places), hover(record, trial)))
    absent = tuple(any(axis.name not in trial.params for trial in (*done, *pruned)) for axis in axes)
    says = f"{many(len(done), 'completed trial')} across the {len(axes)} open values that matter most for the "
    says += f"{target.replace('val_', 'validation ')}; the last axis is the value, better is higher. "
    says += f"The best {len(first) if len(first) > 1 else 'one'} drawn thick. "
    says += "Below the axes: a value that a trial does not have"
    says += ", and the end of pruned trials (grey)." if pruned else "."
    if len(shown) < len(done) or len(faint) < len(pruned):
        says += (
            f" Drawn are {len(shown):,} of {len(done):,} completed and {len(faint):,} of {len(pruned):,} pruned ones."
        )
    columns = (
        Column("trial", "count"),
        Column("outcome"),
        Column(title_of(metric.name), kind_of(metric.name)),
        *(Column(parameter.name) for parameter in parameters),
    )
    rows = tuple(
        (t.number, t.outcome, record.value(t), *(_cell(value_in(t.params, axis.name)) for axis in axes))
        for t in (*reversed(done), *pruned)
    )
    ends = (worst, best)
    return Parallel(metric.name, axes, ends, (*absent, bool(pruned)), tuple(lines), says, Table(columns, rows))


def _cell(value: object) -> Cell:
    return None if value is ABSENT else value if isinstance(value, (str, int, float, bool)) else said(value)


def _spread(axis: Axis, place: float, rank: float, params: object) -> float:
    """Move lines that share a value a little apart, the better ones up, so that their number can be seen."""
    if place == ABSENT_PLACE:
        return place + 0.06 * (rank - 0.5)
    if not axis.labels:
        return place
    return place + min(0.08, 0.5 / max(1, len(axis.labels) - 1)) * (rank - 0.5)


def draw_parallel(data: Parallel) -> go.Figure:
    """Draw the axes, then the lines: pruned ones faint, the others from weak to strong, the best thick on top."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(height=480))
    count = len(data.axes) + 1
    for i in range(count):
        figure.add_shape(type="line", x0=i, x1=i, y0=0, y1=1, line={"color": GREY, "width": 1.5}, layer="below")
    groups = [("pruned", 0, [line for line in data.lines if line.part == "pruned"])]
    for k in range(SHADES):
        inside = [
            line for line in data.lines if line.part == "completed" and min(SHADES - 1, int(line.rank * SHADES)) == k
        ]
        groups.append(("completed", k, inside))
    groups.append(("best", SHADES - 1, [line for line in data.lines if line.part == "best"]))
    for part, k, lines in groups:
        if not lines:
            continue
        x: list[int | None] = []
        y: list[float | None] = []
        for line in lines:
            x += [*range(count), None]
            y += [*line.places, None]
        colour = GREY if part == "pruned" else shade(k / (SHADES - 1))
        figure.add_scatter(
            x=x[:-1],
            y=y[:-1],
            mode="lines",
            line={"color": colour, "width": 3.5 if part == "best" else 1.2},
            opacity={"pruned": 0.25, "completed": 0.6, "best": 1.0}[part],
            name=_line_name(part, k),
            hoverinfo="skip",
        )
    ends = [line for line in data.lines if line.part != "pruned"]
    figure.add_scatter(
        x=[count - 1] * len(ends),
        y=[line.places[-1] for line in ends],
        mode="markers",
        marker={"color": [shade(int(line.rank * (SHADES - 1)) / (SHADES - 1)) for line in ends], "size": 7},
        hovertext=[line.text for line in ends],
        hoverinfo="text",
        showlegend=False,
    )
    _ticks(figure, data)
    return figure


def _line_name(part: str, shade_number: int) -> str:
    if part != "completed":
        return part
    return {0: "weakest sixth", SHADES - 1: "strongest sixth"}.get(shade_number, f"sixth {shade_number + 1}")


def _ticks(figure: go.Figure, data: Parallel) -> None:
    """Write the labels beside the axes, the names below them."""
    x: list[float] = []
    y: list[float] = []
    text: list[str] = []
    for i, axis in enumerate(data.axes):
        ticks = axis.ticks() + ([(ABSENT_PLACE, "absent")] if data.absent[i] else [])
        x += [i] * len(ticks)
        y += [place for place, _ in ticks]
        text += [plain_text(label, 16) for _, label in ticks]
    worse, better = (written(data.metric, value) for value in data.ends)
    ends = [(0.0, worse), (1.0, better)] + ([(ABSENT_PLACE, "pruned")] if data.absent[-1] else [])
    x += [len(data.axes)] * len(ends)
    y += [place for place, _ in ends]
    text += [label for _, label in ends]
    figure.add_scatter(
        x=x,
        y=y,
        text=text,
        mode="text",
        textposition="middle right",
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
    )
    names = [*(_broken(axis.name) for axis in data.axes), title_of(data.metric).replace(" ", "<br>", 1)]
    figure.update_xaxes(
        tickvals=list(range(len(names))), ticktext=names, showgrid=False, range=[-0.2, len(names) - 0.3]
    )
    figure.update_yaxes(visible=False, range=[ABSENT_PLACE - 0.08, 1.08])


def _broken(name: str) -> str:
    """Write an address over several lines: conv1. / out_channels."""
    *head, tail = name.split(".")
    return "<br>".join(plain_text(part, 24) for part in (*([".".join(head) + "."] if head else []), tail))


# -- slices ------------------------------------------------------------------------------------------------------------


class Slice(NamedTuple):
    """Trials over one open value; `labels` are set where it has few values, x is then their place."""

    name: str
    log: bool
    labels: tuple[str, ...]
    points: tuple[Point, ...]
    without: int


class Slices(NamedTuple):
    """The two most important open values."""

    metric: str
    target: str
    edge: float | None
    slices: tuple[Slice, ...]
    says: str
    table: Table


def slices_data(record: SearchRecord) -> Slices | str:
    """Lay trials over each of the two most important open values."""
    ranked, target, values = _most_important(record)
    if len(values) < 2 or not ranked:
        return f"{many(len(values), 'trial')} with a value: nothing to compare"
    metric = record.metric
    edge = edge_of(metric, list(values.values()))
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
            text = f"trial {trial.number}, {trial.outcome}: {written(metric.name, value)}"
            points.append(Point(trial.number, x, y, value, trial.outcome, text))
            rows.append((parameter.name, trial.number, trial.outcome, _cell(has), value))
        without = len(values) - len(having)
        shown = tuple(said(label) for label in labels)
        slices.append(Slice(parameter.name, parameter.log and not labels, shown, tuple(points), without))
        sentences.append(_slice_says(metric, parameter, points, without))
    says = f"{many(len(values), 'trial')}, {target.replace('val_', 'validation ')}. {' '.join(sentences)}"
    columns = (
        Column("open value"),
        Column("trial", "count"),
        Column("outcome"),
        Column("set to"),
        Column(target.replace("val_", "validation "), kind_of(metric.name)),
    )
    return Slices(metric.name, target, edge, tuple(slices), says, Table(columns, tuple(rows)))


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
    says = f"{parameter.name}: best median {written(metric.name, medians[best])} at {bins.labels[best]} "
    says += f"(n = {len(inside[best])})"
    if len(medians) > 1:
        worst = min(medians, key=lambda which: (sign * medians[which], which))
        says += f", worst {written(metric.name, medians[worst])} at {bins.labels[worst]} (n = {len(inside[worst])})"
    return says + (f"; {without} without it." if without else ".")


def draw_slices(data: Slices) -> go.Figure:
    """Draw trials over each value, one below the other."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=len(data.slices), cols=1, vertical_spacing=0.2)
    both = layout(height=110 + 270 * len(data.slices))
    axis = both.pop("xaxis"), both.pop("yaxis")
    figure.update_layout(both)
    figure.update_xaxes(axis[0])
    figure.update_yaxes({**axis[1], "title": {"text": title_of(data.metric)}, "tickformat": format_of(data.metric)})
    seen: set[str] = set()
    for row, one in enumerate(data.slices, start=1):
        for trace in point_traces(_apart(one)):
            trace.update(legendgroup=trace.name, showlegend=trace.name not in seen)
            seen.add(trace.name)
            figure.add_trace(trace, row=row, col=1)
        figure.update_xaxes(
            title={"text": plain_text(one.name, 60)}, type="log" if one.log else "linear", row=row, col=1
        )
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


class Cells(NamedTuple):
    """The mean value for pairs of two open values, cut into bins."""

    metric: str
    x: Bins
    y: Bins
    cells: tuple[CellMean, ...]
    says: str
    table: Table


def cells_data(record: SearchRecord) -> Cells | str:
    """Average trials over the two most important open values that many trials have together."""
    ranked, target, values = _most_important(record)
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
    says = f"Means of cells over {many(len(trials), 'trial')} ({target.replace('val_', 'validation ')}), "
    says += "no model between them. "
    says += f"The best is {x.name} {x.labels[top.x]} with {y.name} {y.labels[top.y]}: "
    says += f"{written(metric.name, top.mean)} (n = {top.n}). {whole - len(cells)} of {whole} cells are empty."
    columns = (
        Column(x.name),
        Column(y.name),
        Column("n", "count"),
        Column(f"mean {title_of(metric.name)}", kind_of(metric.name)),
    )
    rows = tuple((x.labels[cell.x], y.labels[cell.y], cell.n, cell.mean) for cell in reversed(cells))
    return Cells(metric.name, x, y, cells, says, Table(columns, rows))


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


def draw_cells(data: Cells) -> go.Figure:
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
            opacity=0.45,
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
