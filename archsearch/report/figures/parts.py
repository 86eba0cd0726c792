"""What a whole difference is made of: the steps of a path, the shares of factors.

data = waterfall_data(report)         # or a sentence: why there is none
draw_waterfall(data)
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

from archsearch.report.figures.effects import along, metric_said, scale_of
from archsearch.report.figures.figure import Column, ColumnKind, Table, interval_columns
from archsearch.report.figures.style import BLUE, GREEN, GREY, VERMILION, even_ticks, layout, plain_text
from archsearch.stats.sentence import verdict_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.ablate.record import AblationReport


class WaterfallStep(NamedTuple):
    """A bar of the waterfall: it leads from `before` to `after`."""

    name: str
    before: float
    after: float
    verdict: str


class Waterfall(NamedTuple):
    """The steps from the baseline to all changes made; values are means over the seeds that all cells of it have."""

    steps: tuple[WaterfallStep, ...]
    scale: float
    unit: str
    says: str
    table: Table


def value_kind(report: AblationReport) -> tuple[float, str, ColumnKind]:
    """Give what values are multiplied by, how the axis is called, and the kind of a table's column."""
    if report.family.unit == "points":
        return 100.0, f"{metric_said(report)} (%)", "percent"
    return 1.0, metric_said(report), "number"


def waterfall_data(report: AblationReport) -> Waterfall | str:
    """Gather the steps of a path; their differences add up, as all are over the same seeds."""
    asked = [question for question in report.questions if question.kind == "step"]
    if not asked:
        return "the design is no path: changes were not added one after the other"
    cells = {cell.name: cell for cell in report.cells}
    pairs = [tuple(sorted(question.weights, key=lambda name: question.weights[name])) for question in asked]
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    seeds = [seed for seed in cells[names[0]].values if all(cells[name].values.get(seed) is not None for name in names)]
    if not seeds:
        return "no seed has completed all steps of the path"
    means = {name: statistics.fmean(cells[name].values[seed] or 0.0 for seed in seeds) for name in names}
    verdicts = {effect.variant: verdict_of(effect) for effect in report.effects}
    steps = tuple(
        WaterfallStep(" and ".join(report.moved(question.name)), means[before], means[after], verdicts[question.name])
        for question, (before, after) in zip(asked, pairs, strict=True)
    )
    scale, unit, kind = value_kind(report)
    _, _, difference = scale_of(report)
    first, last = steps[0].before, steps[-1].after
    shown = 100 * (last - first) if kind == "percent" else last - first
    words = "percentage points" if kind == "percent" else metric_said(report)
    says = f"From {report.baseline} to all changes made: {shown:+.2f} {words} over {len(seeds)} seeds."
    says += " What a step adds depends on the steps before it."
    columns = (
        Column("step"),
        Column("before", kind),
        Column("after", kind),
        Column("adds", difference),
        Column("verdict"),
    )
    table = tuple((step.name, step.before, step.after, step.after - step.before, step.verdict) for step in steps)
    return Waterfall(steps, scale, unit, says, Table(columns, table))


def draw_waterfall(data: Waterfall) -> go.Figure:
    """Draw the steps as bars that hang between before and after, the whole at both ends."""
    import plotly.graph_objects as go

    first, last = data.scale * data.steps[0].before, data.scale * data.steps[-1].after
    figure = go.Figure(layout=layout(y=data.unit, legend=False))
    figure.add_waterfall(
        x=["baseline", *(plain_text(step.name, 30) for step in data.steps), "all changes"],
        measure=["absolute", *("relative" for _ in data.steps), "total"],
        y=[first, *(data.scale * (step.after - step.before) for step in data.steps), last],
        text=[f"{first:.2f}", *(f"{data.scale * (s.after - s.before):+.2f}" for s in data.steps), f"{last:.2f}"],
        textposition="outside",
        increasing={"marker": {"color": GREEN}},
        decreasing={"marker": {"color": VERMILION}},
        totals={"marker": {"color": GREY}},
        connector={"line": {"color": GREY, "width": 1}},
    )
    ends = [value for step in data.steps for value in (data.scale * step.before, data.scale * step.after)]
    room = 0.25 * (max(ends) - min(ends) or 1.0)
    low, high = min(ends) - room, max(ends) + room
    figure.update_yaxes(range=[low, high])  # from 0 no step could be seen
    if data.scale == 100:  # room for the numbers, and no accuracy beyond 100 %
        figure.update_yaxes(tickvals=even_ticks(max(low, 0.0), min(high, 100.0)))
    return figure


# -- shares ------------------------------------------------------------------------------------------------------------


class ShareBar(NamedTuple):
    """A factor's share of the whole difference, with its interval over seeds."""

    name: str
    share: float
    interval: tuple[float, float] | None


class Shares(NamedTuple):
    """Shapley shares, the largest first; they add up to the whole difference."""

    bars: tuple[ShareBar, ...]
    scale: float
    unit: str
    says: str
    table: Table


def shapley_data(report: AblationReport) -> Shares | str:
    """Gather the shares of an attribution."""
    found = report.attribution
    if found is None:
        return "the design attributes nothing to factors (design: shapley does), or no seed has all its cells"
    scale, unit, kind = scale_of(report)
    bars = sorted((ShareBar(one.factor, one.mean, one.ci95) for one in found.shares), key=lambda bar: -abs(bar.share))
    shown = scale * found.total
    orders = f"all {found.orders} orders" if found.exact else f"{found.orders} orders, not all,"
    says = f"Shares of {shown:+.2f} {unit} averaged over {orders} of adding the changes, {len(found.seeds)} seeds."
    columns = (
        Column("factor"),
        Column("share", kind),
        *interval_columns(kind, end="to"),
        Column("of the whole", "percent"),
    )
    fractions = {one.factor: one.fraction for one in found.shares}
    rows = tuple((bar.name, bar.share, *(bar.interval or (None, None)), fractions[bar.name]) for bar in bars)
    return Shares(tuple(bars), scale, unit, says, Table(columns, rows))


def draw_shapley(data: Shares) -> go.Figure:
    """Draw a bar for each factor with its interval."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(x=along("share", data.unit), height=120 + 44 * len(data.bars), legend=False))
    ends = [bar.interval or (bar.share, bar.share) for bar in data.bars]
    figure.add_bar(
        x=[data.scale * bar.share for bar in data.bars],
        y=[plain_text(bar.name, 44) for bar in data.bars],
        orientation="h",
        marker={"color": BLUE},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [data.scale * (high - bar.share) for bar, (_, high) in zip(data.bars, ends, strict=True)],
            "arrayminus": [data.scale * (bar.share - low) for bar, (low, _) in zip(data.bars, ends, strict=True)],
            "color": GREY,
        },
    )
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure
