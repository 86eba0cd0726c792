"""What runs gave on the way: a value by its step, a line for each group of runs, with a band from lowest to highest.

course_figure("course-loss", "loss", {"baseline": [{1: 0.9, 2: 0.5}, {1: 1.0, 2: 0.6}]})
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from archsearch.report.figures.figure import Column, Figure, Missing, Table, TableCell
from archsearch.report.figures.style import CYCLE, layout

MOST_DRAWN = len(CYCLE)  # groups of runs that are drawn; the table has all
RunsByLabel = Mapping[str, Sequence[Mapping[int, float]]]


class CourseLine(NamedTuple):
    """A value of one group of runs at every step that some run reached; `n` counts them."""

    label: str
    steps: list[int]
    mean: list[float]
    low: list[float]
    high: list[float]
    n: list[int]


def course_data(runs: RunsByLabel) -> list[CourseLine]:
    """Gather a value by step, over the runs of each group that reached it."""
    lines = []
    for label, group in runs.items():
        steps = sorted({step for run in group for step in run})
        columns = [[run[step] for run in group if step in run] for step in steps]
        lines.append(
            CourseLine(
                label,
                steps,
                [statistics.fmean(column) for column in columns],
                [min(column) for column in columns],
                [max(column) for column in columns],
                [len(column) for column in columns],
            )
        )
    return [line for line in lines if line.steps]


def course_figure(key: str, name: str, runs: RunsByLabel) -> Figure | Missing:
    """Make the figure of one value."""
    title = f"{name} on the way"
    lines = course_data(runs)
    if not lines:
        return Missing(key, title, "no run gave it")
    says = "The mean over the runs of each, where they share a step; the band reaches from the lowest to the highest."
    if len(lines) > MOST_DRAWN:
        says += f" Of {len(lines)} the first {MOST_DRAWN} are drawn."
    columns = (
        Column("runs of"), Column("step", "count"), Column("mean", "number"), Column("lowest", "number"),
        Column("highest", "number"), Column("runs", "count"),
    )  # fmt: skip
    rows: list[tuple[TableCell, ...]] = [
        (line.label, step, line.mean[place], line.low[place], line.high[place], line.n[place])
        for line in lines
        for place, step in enumerate(line.steps)
    ]
    return Figure(key, title, says, Table(columns, tuple(rows)), lambda: draw_course(name, lines[:MOST_DRAWN]))


def draw_course(name: str, lines: Sequence[CourseLine]) -> go.Figure:
    """Draw a line for each group; one group has its band as well."""
    figure = go.Figure(layout=layout(x="step", y=name, y_format=".6~g", height=380))
    if len(lines) == 1 and max(lines[0].n) > 1:
        band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        figure.add_scatter(x=lines[0].steps, y=lines[0].high, showlegend=False, **band)
        figure.add_scatter(
            x=lines[0].steps, y=lines[0].low, fill="tonexty", fillcolor="rgba(0,114,178,0.18)",
            name="lowest to highest", **band,
        )  # fmt: skip
    for line, colour in zip(lines, CYCLE, strict=False):
        figure.add_scatter(
            x=line.steps, y=line.mean, mode="lines+markers" if len(line.steps) <= 40 else "lines", name=line.label,
            line={"width": 2, "color": colour}, marker={"size": 5, "color": colour}, showlegend=True,
            hovertemplate=f"{line.label}, step %{{x}}: %{{y:.4g}}<extra></extra>",
        )  # fmt: skip
    return figure
