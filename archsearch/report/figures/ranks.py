"""The critical-difference diagram: mean ranks over data sets, and which of them cannot be told apart.

data = ranks_data(report)         # or a sentence: why there is none
draw_ranks(data)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from archsearch.report.figures.figure import Column, Table, interval_columns
from archsearch.report.figures.parts import value_kind
from archsearch.report.figures.style import BLUE, GREY, ORANGE, layout, plain_text
from archsearch.stats.over_data_sets import Ranked
from archsearch.wording import count_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.ablate.record import AblationReport


class Ranks(NamedTuple):
    """Networks by mean rank, the best first; `alike` are runs of them (first, last) within a critical difference."""

    ranked: tuple[Ranked, ...]
    baseline: str
    alike: tuple[tuple[int, int], ...]
    says: str
    table: Table


def ranks_data(report: AblationReport) -> Ranks | str:
    """Gather the ranks over data sets."""
    found = report.over_data_sets
    if found is None:
        several = report.blocks and report.blocks[0].kind == "data_set"
        return "not all runs have completed" if several else "all is compared on one data set"
    count = count_of(len(found.data_sets), "data set")
    says = f"Mean ranks of {len(found.ranked)} networks over {count}, 1 the best; a bar says what the seeds leave open."
    alike: tuple[tuple[int, int], ...] = ()
    if found.critical_difference is not None:
        alike = groups_alike([one.mean_rank for one in found.ranked], found.critical_difference)
        says += (
            f" A line joins networks that are less than the critical difference of {found.critical_difference:.2f} "
            f"apart (Nemenyi, alpha {found.alpha:g}): these data sets do not tell them apart."
        )
    _, _, kind = value_kind(report)
    columns = (
        Column("network"), Column("mean rank", "number"), *interval_columns("number", end="to"), Column("p", "p"),
        Column("p adjusted", "p"), *(Column(name, kind) for name in found.data_sets),
    )  # fmt: skip
    rows = tuple(
        (one.name, one.mean_rank, *(one.rank95 or (None, None)), one.p, one.p_adjusted, *one.values)
        for one in found.ranked
    )
    return Ranks(found.ranked, found.baseline, alike, says, Table(columns, rows))


def groups_alike(mean_ranks: Sequence[float], difference: float) -> tuple[tuple[int, int], ...]:
    """Give the longest runs (first, last) of ascending mean ranks that lie within the difference, two at least."""
    found: list[tuple[int, int]] = []
    for first, rank in enumerate(mean_ranks):
        last = max(place for place, other in enumerate(mean_ranks) if other - rank < difference)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return tuple(found)


def draw_ranks(data: Ranks) -> go.Figure:
    """Draw a row for each network, and above them a line for each run of networks that are alike."""
    import plotly.graph_objects as go

    height = 170 + 36 * len(data.ranked) + 18 * len(data.alike)
    figure = go.Figure(layout=layout(x="mean rank (1 is the best)", height=height))
    for number, (first, last) in enumerate(data.alike):
        figure.add_scatter(
            x=[data.ranked[first].mean_rank, data.ranked[last].mean_rank],
            y=[-0.7 - 0.45 * number] * 2,
            mode="lines",
            line={"color": GREY, "width": 5},
            name="not told apart",
            showlegend=number == 0,
            hoverinfo="skip",
        )
    for name, colour, symbol, mine in (
        ("baseline", ORANGE, "square", [(i, one) for i, one in enumerate(data.ranked) if one.name == data.baseline]),
        ("mean rank", BLUE, "diamond", [(i, one) for i, one in enumerate(data.ranked) if one.name != data.baseline]),
    ):
        ends = [one.rank95 or (one.mean_rank, one.mean_rank) for _, one in mine]
        figure.add_scatter(
            x=[one.mean_rank for _, one in mine],
            y=[place for place, _ in mine],
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 11},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [max(0.0, high - one.mean_rank) for (_, one), (_, high) in zip(mine, ends, strict=True)],
                "arrayminus": [max(0.0, one.mean_rank - low) for (_, one), (low, _) in zip(mine, ends, strict=True)],
                "color": colour,
            },
            name=name,
            hoverinfo="x",
        )
    names = [plain_text(one.name, 40) for one in data.ranked]
    top = -0.7 - 0.45 * max(0, len(data.alike) - 1) - 0.4 if data.alike else -0.6
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, top], showgrid=False)
    figure.update_xaxes(range=[0.8, len(names) + 0.2])
    return figure
