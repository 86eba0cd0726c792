"""Learning curves over the number of training samples: the value of each network, and where two of them cross.

data = sizes_data(report)         # or a sentence: why there is none
draw_sizes(data)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from archsearch.report.figures.figure import Column, Table, interval_columns
from archsearch.report.figures.parts import value_kind
from archsearch.report.figures.style import GREY, layout, log_ticks, nth, plain_text
from archsearch.stats.intervals import mean, t_interval

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.ablate.record import AblationReport


class SizePoint(NamedTuple):
    """What a network came to with so many training samples: its mean over pairs, with Student's interval."""

    train_size: int
    mean: float
    interval: tuple[float, float] | None


class TrainSizes(NamedTuple):
    """A curve for each network, and the sizes at which one is crossed by the baseline's."""

    curves: tuple[tuple[str, tuple[SizePoint, ...]], ...]
    crossings: tuple[float, ...]
    scale: float
    axis: str
    says: str
    table: Table


def sizes_data(report: AblationReport) -> TrainSizes | str:
    """Gather the means of every network at every size."""
    sizes = {block.name: block.train_size for block in report.blocks if block.kind == "train_size"}
    if not sizes:
        return "all is compared with one number of training samples"
    curves: dict[str, list[SizePoint]] = {}
    for cell in report.cells:
        values = [value for value in cell.values.values() if value is not None]
        if values:
            between = t_interval(values, overlap=report.family.overlap) if len(values) > 1 else None
            point = SizePoint(sizes[cell.block], mean(values), between)
            curves.setdefault(cell.name.removeprefix(f"{cell.block}: "), []).append(point)
    if not curves:
        return "no run has completed yet"
    scale, axis, kind = value_kind(report)
    crossings = tuple(one.crossing for one in report.learning if one.crossing is not None)
    said = " ".join(one.sentence for one in report.learning)
    says = f"Each network's mean over {report.family.pairs}s, with Student's 95 % interval. {said}".rstrip()
    columns = (Column("network"), Column("training samples", "count"), Column("mean", kind), *interval_columns(kind))
    rows = tuple(
        (name, point.train_size, point.mean, *(point.interval or (None, None)))
        for name, points in curves.items()
        for point in points
    )
    made = tuple((name, tuple(points)) for name, points in curves.items())
    return TrainSizes(made, crossings, scale, axis, says, Table(columns, rows))


def draw_sizes(data: TrainSizes) -> go.Figure:
    """Draw a curve for each network over a logarithmic axis, and a line at each crossing."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(x="training samples", y=data.axis))
    for number, (name, points) in enumerate(data.curves):
        colour, symbol = nth(number)
        ends = [point.interval or (point.mean, point.mean) for point in points]
        figure.add_scatter(
            x=[point.train_size for point in points],
            y=[data.scale * point.mean for point in points],
            mode="lines+markers",
            line={"color": colour},
            marker={"color": colour, "symbol": symbol, "size": 8},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [data.scale * (high - one.mean) for one, (_, high) in zip(points, ends, strict=True)],
                "arrayminus": [data.scale * (one.mean - low) for one, (low, _) in zip(points, ends, strict=True)],
                "color": colour,
            },
            name=plain_text(name, 40),
            hoverinfo="x+y",
        )
    for crossing in data.crossings:
        figure.add_vline(x=crossing, line={"color": GREY, "width": 1, "dash": "dash"})
    every = [point.train_size for _, points in data.curves for point in points]
    figure.update_xaxes(**log_ticks(min(every), max(every)))
    return figure
