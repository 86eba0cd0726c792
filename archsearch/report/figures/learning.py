"""The learning curves of a search's trials.

    data = learning_data(record)        # or a sentence: why there is none
    draw_learning(data)

Trials that were stopped end where they were stopped.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from archsearch.metrics import NamedMetric, format_of, kind_of, title_of
from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.style import MARKS, layout, mark
from archsearch.report.figures.trials import (
    MANY,
    OUTCOMES,
    edge_of,
    from_edge,
    has_ended,
    hover,
    many,
    thinned,
    to_six_digits,
)
from archsearch.wording import epochs_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.record import SearchRecord, TrialRecord

MOST_CURVES = 1500  # of each kind; more lines than that are one grey band


class LearningCurve(NamedTuple):
    """The learned metric of one trial by epoch; `part` is how it is drawn."""

    number: int
    part: str
    epochs: tuple[float, ...]
    values: tuple[float, ...]
    text: str


class LearningCurves(NamedTuple):
    """The curves that are drawn; the table has all."""

    metric: NamedMetric
    curves: tuple[LearningCurve, ...]
    edge: float | None
    says: str
    table: Table


def learning_data(record: SearchRecord) -> LearningCurves | str:
    """Give the learning curve of every trial."""
    having = [trial for trial in record.trials if trial.learned and has_ended(trial)]
    if not having:
        return f"{record.metric.name} is known before training, so nothing was followed"
    best = record.report.best.number if record.report.best is not None else None
    curves = []
    left_out = 0
    parts = {trial.number: _part(trial, best, record.baseline) for trial in having}
    for part in (*OUTCOMES, "baseline", "best"):
        ours = [trial for trial in having if parts[trial.number] == part]
        kept = thinned(ours, MOST_CURVES)
        left_out += len(ours) - len(kept)
        curves += [
            LearningCurve(
                t.number, part, tuple(e for e, _ in t.learned), tuple(v for _, v in t.learned), hover(record, t)
            )
            for t in kept
        ]
    metric = record.metric
    seen = sorted({epoch for trial in having for epoch, _ in trial.learned})
    last = math.ceil(seen[-1])
    pruned = [trial for trial in having if trial.outcome == "pruned"]
    says = f"{many(len(having), 'trial')} over at most {many(last, 'epoch')}."
    if pruned:
        stops = sorted({trial.learned[-1][0] for trial in pruned})
        first, final = epochs_text(stops[0]), epochs_text(stops[-1])
        both = f"epochs {stops[0]} to {stops[-1]}" if stops[0] >= 1 else f"{first} to {final}"
        after = first if len(stops) == 1 else both
        says += f" {many(len(pruned), 'trial')} (grey) stopped after {after}."
    says += f" {many(left_out, 'curve')}, evenly chosen, are left out of the drawing." if left_out else ""
    ends = [value for trial in having for _, value in trial.learned]
    columns = (
        Column("trial", "count"),
        Column("outcome"),
        *(Column(epochs_text(e), kind_of(metric.said)) for e in seen),
    )
    rows = tuple((t.number, t.outcome, *(dict(t.learned).get(e) for e in seen)) for t in having)
    return LearningCurves(metric.said, tuple(curves), edge_of(metric, ends), says, Table(columns, rows))


def _part(trial: TrialRecord, best: int | None, baseline: int | None) -> str:
    if trial.number == best:
        return "best"
    if trial.number == baseline:
        return "baseline"
    return trial.outcome


def draw_learning(data: LearningCurves) -> go.Figure:
    """Draw the curves, those of one part as one line with gaps; the network stands at each curve's end."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(x="epoch", y=title_of(data.metric), y_format=format_of(data.metric)))
    for part in (*OUTCOMES, "baseline", "best"):
        ours = [curve for curve in data.curves if curve.part == part]
        if not ours:
            continue
        x: list[float | None] = []
        y: list[float | None] = []
        for curve in ours:
            x += [*curve.epochs, None]
            y += [*(to_six_digits(value) for value in curve.values), None]
        strong = part in ("best", "baseline")
        few = len(data.curves) <= MANY
        colour, _ = MARKS[part]
        figure.add_scatter(
            x=x[:-1],
            y=y[:-1],
            mode="lines",
            line={"color": colour, "width": 3 if strong else 1},
            opacity=1.0 if strong else 0.5 if few else 0.2,
            name=part,
            legendgroup=part,
            showlegend=False,
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=[curve.epochs[-1] for curve in ours],
            y=[to_six_digits(curve.values[-1]) for curve in ours],
            mode="markers",
            marker=mark(part, 12 if strong else 7 if few else 4),
            name=part,
            legendgroup=part,
            hovertext=[curve.text for curve in ours],
            hoverinfo="text",
        )
    if data.edge is not None:
        values = [value for curve in data.curves for value in curve.values]
        figure.update_yaxes(range=from_edge(data.edge, values))
    figure.update_xaxes(dtick=1 if max(e for c in data.curves for e in c.epochs) <= 20 else None)
    return figure
