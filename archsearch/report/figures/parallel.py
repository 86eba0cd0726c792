"""Every trial across the open values that matter most.

    data = parallel_data(record)            # or a sentence: why there is none
    draw_parallel(data)

Drawn with plain lines: plotly's own kind needs WebGL and evaluates code, which a page with a strict
Content-Security-Policy forbids, and it has no place for a value that a trial does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from archsearch.metrics import NamedMetric, kind_of, title_of, written
from archsearch.report.figures.axes import (
    ABSENT_PLACE,
    Axis,
    axis_of,
    cell_of,
    value_in,
)
from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.importances import main_importances, most_important, target_title
from archsearch.report.figures.style import GREY, layout, plain_text, shade
from archsearch.report.figures.trials import MANY, baseline_value, edge_of, hover, many, thinned, to_six_digits

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.record import SearchRecord

MOST_AXES = 8
MOST_LINES = 300  # of completed trials, and again of pruned ones
SHADES = 6
BESIDE, LIFTED = 0.02, 0.07  # labels stand beside the axis, and above the place where lines meet


class ParallelLine(NamedTuple):
    """A trial across the axes, the last of which is its value; `rank` is 0 for the worst and 1 for the best."""

    number: int
    part: str  # best, completed or pruned
    rank: float
    places: tuple[float, ...]
    text: str


class ParallelCoordinates(NamedTuple):
    """Axes and the lines across them; the table has every trial."""

    metric: NamedMetric
    axes: tuple[Axis, ...]
    ends: tuple[float, float]  # of the value's axis, worse and better
    absent: tuple[bool, ...]  # which axes have trials without the value; of the last one, pruned trials
    lines: tuple[ParallelLine, ...]
    says: str
    table: Table


def parallel_data(record: SearchRecord) -> ParallelCoordinates | str:
    """Lay every trial across the most important open values."""
    metric = record.metric
    done = [trial for trial in record.trials if record.value(trial) is not None]
    if len(done) < 2:
        return f"{many(len(done), 'trial')} with a final value: nothing to compare"
    ranked, target, _ = most_important(record)
    chosen = {parameter.name for parameter in ranked[:MOST_AXES]}
    parameters = [parameter for parameter in record.space if parameter.name in chosen]
    axes = tuple(axis_of(parameter) for parameter in parameters)
    values = {trial.number: record.value(trial) or 0.0 for trial in done}
    sign = 1 if metric.direction == "maximize" else -1
    done.sort(key=lambda trial: (sign * values[trial.number], trial.number))
    rank = {trial.number: i / (len(done) - 1) for i, trial in enumerate(done)}
    edge = edge_of(metric, list(values.values()), baseline_value(record))
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
        lines.append(
            ParallelLine(
                trial.number, part, spread, tuple(to_six_digits(p) or 0.0 for p in places), hover(record, trial)
            )
        )
    absent = tuple(any(axis.name not in trial.params for trial in (*done, *pruned)) for axis in axes)
    says = f"{many(len(done), 'completed trial')} across the {len(axes)} open values"
    says += f" that matter most for the {target_title(target)}" if main_importances(record) is not None else ""
    says += "; the last axis is the value, better is higher. "
    says += f"{'The best one is' if len(first) == 1 else f'The best {len(first)} are'} drawn thick. "
    says += "Below the axes: a value that a trial does not have"
    says += ", and the end of pruned trials (grey)." if pruned else "."
    if len(shown) < len(done) or len(faint) < len(pruned):
        says += (
            f" Drawn are {len(shown):,} of {len(done):,} completed and {len(faint):,} of {len(pruned):,} pruned ones."
        )
    columns = (
        Column("trial", "count"),
        Column("outcome"),
        Column(title_of(metric.said), kind_of(metric.said)),
        *(Column(parameter.name) for parameter in parameters),
    )
    rows = tuple(
        (t.number, t.outcome, record.value(t), *(cell_of(value_in(t.params, axis.name)) for axis in axes))
        for t in (*reversed(done), *pruned)
    )
    ends = (worst, best)
    return ParallelCoordinates(
        metric.said, axes, ends, (*absent, bool(pruned)), tuple(lines), says, Table(columns, rows)
    )


def _spread(axis: Axis, place: float, rank: float, params: object) -> float:
    """Move lines that share a value a little apart, the better ones up, so that their number can be seen."""
    if place == ABSENT_PLACE:
        return place + 0.06 * (rank - 0.5)
    if not axis.labels:
        return place
    return place + min(0.08, 0.5 / max(1, len(axis.labels) - 1)) * (rank - 0.5)


def draw_parallel(data: ParallelCoordinates) -> go.Figure:
    """Draw the axes, then the lines: pruned ones faint, the others from weak to strong, the best thick on top."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(height=480))
    count = len(data.axes) + 1
    few = len(data.lines) <= MANY
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
            opacity={"pruned": 0.25 if few else 0.1, "completed": 0.6 if few else 0.3, "best": 1.0}[part],
            name=_line_name(part, k),
            showlegend=part != "completed" or k in (0, SHADES - 1),
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
    return "weakest sixth" if shade_number == 0 else "strongest sixth" if shade_number == SHADES - 1 else ""


def _ticks(figure: go.Figure, data: ParallelCoordinates) -> None:
    """Write the labels beside the axes, the names below them; `absent` is said once, its places are one line."""
    x: list[float] = []
    y: list[float] = []
    text: list[str] = []
    said = data.absent.index(True) if True in data.absent[: len(data.axes)] else None
    for i, axis in enumerate(data.axes):
        ticks = axis.ticks() + ([(ABSENT_PLACE, "absent")] if i == said else [])
        x += [i + BESIDE] * len(ticks)
        y += [place + (LIFTED if axis.labels or place == ABSENT_PLACE else 0.0) for place, _ in ticks]
        text += [plain_text(label, 16) for _, label in ticks]
    worse, better = (written(data.metric, value) for value in data.ends)
    ends = [(0.0, worse), (1.0, better)] + ([(ABSENT_PLACE, "pruned")] if data.absent[-1] else [])
    x += [len(data.axes) + BESIDE] * len(ends)
    y += [place + (LIFTED if place == ABSENT_PLACE else 0.0) for place, _ in ends]
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
        tickvals=list(range(len(names))), ticktext=names, showgrid=False, range=[-0.2, len(names) - 0.05]
    )
    figure.update_yaxes(visible=False, range=[ABSENT_PLACE - 0.08, 1.08])


def _broken(name: str) -> str:
    """Write an address over several lines: conv1. / out_channels."""
    *head, tail = name.split(".")
    return "<br>".join(plain_text(part, 24) for part in (*([".".join(head) + "."] if head else []), tail))
