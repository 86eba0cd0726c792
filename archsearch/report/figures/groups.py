"""Comparisons group by group: does a change hold for every subject, or for some of them?

data = groups_data(report)         # or a sentence: why there is none
draw_groups(data)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from archsearch.report.figures.effects import along, scale_of
from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.style import BLUE, GREY, layout, plain_text
from archsearch.stats.over_groups import OverGroups

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.ablate.record import AblationReport


class Groups(NamedTuple):
    """Comparisons with the difference of each group."""

    rows: tuple[OverGroups, ...]
    scale: float
    unit: str
    says: str
    table: Table


def groups_data(report: AblationReport) -> Groups | str:
    """Gather the differences of all groups."""
    if not report.groups:
        return "the data say of no sample which group it belongs to, or no run on them has completed"
    scale, unit, kind = scale_of(report)
    says = (
        "A tick for each group: its mean difference over the runs that tested it. The mean over groups with Student's "
        "95 % interval says how groups differ; the verdict stays that of the pairs."
    )
    columns = (Column("comparison"), Column("group"), Column("pairs", "count"), Column("difference", kind))
    rows = tuple(
        (one.variant, group.group, group.n, group.mean_difference) for one in report.groups for group in one.groups
    )
    return Groups(report.groups, scale, unit, says, Table(columns, rows))


def draw_groups(data: Groups) -> go.Figure:
    """Draw a row for each comparison: a tick for each group, the mean over them with its interval."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(x=along("difference", data.unit), height=150 + 50 * len(data.rows)))
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    figure.add_scatter(
        x=[data.scale * group.mean_difference for one in data.rows for group in one.groups],
        y=[place + 0.16 for place, one in enumerate(data.rows) for _ in one.groups],
        mode="markers",
        marker={"color": GREY, "symbol": "line-ns-open", "size": 11, "line": {"width": 1.5}},
        hovertext=[plain_text(group.group, 40) for one in data.rows for group in one.groups],
        hoverinfo="text+x",
        name="each group",
    )
    ends = [one.ci95 or (one.mean_difference, one.mean_difference) for one in data.rows]
    figure.add_scatter(
        x=[data.scale * one.mean_difference for one in data.rows],
        y=list(range(len(data.rows))),
        mode="markers",
        marker={"color": BLUE, "symbol": "diamond", "size": 11},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [
                data.scale * (high - one.mean_difference) for one, (_, high) in zip(data.rows, ends, strict=True)
            ],
            "arrayminus": [
                data.scale * (one.mean_difference - low) for one, (low, _) in zip(data.rows, ends, strict=True)
            ],
            "color": BLUE,
        },
        hoverinfo="x",
        name="mean over groups with 95 % interval",
    )
    names = [plain_text(one.variant, 40) for one in data.rows]
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False
    )
    return figure
