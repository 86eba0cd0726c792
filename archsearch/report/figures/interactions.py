"""Do factors depend on each other? The means of a factorial at every pair of levels.

data = interactions_data(report)         # or a sentence: why there is none
draw_interactions(data)
"""

from __future__ import annotations

import statistics
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.parts import value_kind
from archsearch.report.figures.style import even_ticks, layout, nth, plain_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.ablate.record import AblationReport, CellReport

MOST_PANELS = 6


class InteractionPanel(NamedTuple):
    """Two factors: the mean at each pair of levels; lines that are not parallel are an interaction."""

    one: str
    two: str
    levels: tuple[str, ...]  # of `one`, along the axis
    lines: tuple[tuple[str, tuple[float | None, ...]], ...]  # for each level of `two` the means


class Interactions(NamedTuple):
    """The pairs of factors with the largest interactions."""

    panels: tuple[InteractionPanel, ...]
    scale: float
    unit: str
    says: str
    table: Table


def interactions_data(report: AblationReport) -> Interactions | str:
    """Gather the means of every pair of levels, pairs of factors with the largest interaction first."""
    if report.model is None:
        return "the design is no factorial, or too few runs have completed"
    by_size = sorted(report.cells, key=lambda cell: -len(cell.moved))  # the fullest cell has them in declared order
    names = list(dict.fromkeys(factor for cell in by_size for factor in cell.moved))
    size = {frozenset(term.factors): abs(term.estimate) for term in report.model.terms if len(term.factors) > 1}
    pairs = sorted(combinations(names, 2), key=lambda pair: -size.get(frozenset(pair), 0.0))
    panels = tuple(_panel(report.cells, one, two) for one, two in pairs[:MOST_PANELS])
    if not panels:
        return "one factor alone has no interactions"
    scale, unit, kind = value_kind(report)
    table = tuple(
        (f"{panel.one}, {panel.two}", level, of, value)
        for panel in panels
        for of, values in panel.lines
        for level, value in zip(panel.levels, values, strict=True)
    )
    left = len(pairs) - len(panels)
    says = "Means over seeds and the other factors. Where lines are not parallel one effect depends on the other."
    says += f" {left} more pairs are not drawn; their interactions are smaller." if left else ""
    columns = (Column("factors"), Column("level of the first"), Column("of the second"), Column("mean", kind))
    return Interactions(panels, scale, unit, says, Table(columns, table))


def _panel(cells: tuple[CellReport, ...], one: str, two: str) -> InteractionPanel:
    base = "baseline"
    ours = list(dict.fromkeys([base, *(cell.moved.get(one, base) for cell in cells)]))
    theirs = list(dict.fromkeys([base, *(cell.moved.get(two, base) for cell in cells)]))

    def mean(first: str, second: str) -> float | None:
        means = [
            cell.mean
            for cell in cells
            if cell.moved.get(one, base) == first and cell.moved.get(two, base) == second and cell.mean is not None
        ]
        return statistics.fmean(means) if means else None

    return InteractionPanel(
        one, two, tuple(ours), tuple((second, tuple(mean(first, second) for first in ours)) for second in theirs)
    )


def draw_interactions(data: Interactions) -> go.Figure:
    """Draw a panel for each pair of factors, a line for each level of the second."""
    from plotly.subplots import make_subplots

    columns = min(2, len(data.panels))  # a phone shows no more side by side
    rows = -(-len(data.panels) // columns)
    titles = [f"{plain_text(panel.one, 16)}, {plain_text(panel.two, 16)}" for panel in data.panels]
    figure = make_subplots(
        rows=rows, cols=columns, subplot_titles=titles, shared_yaxes=True, vertical_spacing=0.2 / rows
    )
    base = layout(height=80 + 280 * rows, legend=False)
    axis = {key: value for key, value in base.pop("xaxis").items() if key != "title"}
    base.pop("yaxis")
    figure.update_layout(**{**base, "margin": {**base["margin"], "t": 48}})
    figure.update_annotations(font={"size": 12})
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    for number, panel in enumerate(data.panels):
        for index, (level, values) in enumerate(panel.lines):
            colour, symbol = nth(index)
            figure.add_scatter(
                x=[plain_text(name, 20) for name in panel.levels],
                y=[None if value is None else data.scale * value for value in values],
                mode="lines+markers+text",
                text=["" for _ in values[:-1]] + [f"{plain_text(panel.two, 16)} {plain_text(level, 16)}"],
                textposition="top left",
                line={"color": colour},
                marker={"color": colour, "symbol": symbol, "size": 9},
                row=number // columns + 1,
                col=number % columns + 1,
            )
    means = [
        data.scale * value for one in data.panels for _, values in one.lines for value in values if value is not None
    ]
    room = 0.1 * (max(means) - min(means) or 1.0)
    low, high = min(means) - room, max(means) + 2 * room  # above, for the labels
    figure.update_yaxes(range=[low, high])
    if data.scale == 100:
        figure.update_yaxes(tickvals=even_ticks(max(low, 0.0), min(high, 100.0)))
    figure.update_yaxes(title={"text": data.unit}, col=1)
    return figure
