"""How a search went: every trial, the best so far, the baseline.

    data = history_data(record)         # or a sentence: why there is none
    draw_history(data)

What a trial was stopped at is drawn, and never mixed with what finished ones reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from archsearch.metrics import NamedMetric, difference, format_of, kind_of, title_of, written
from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.style import GREEN, ORANGE, layout
from archsearch.report.figures.trials import (
    Placed,
    counted,
    edge_note,
    has_ended,
    leading,
    many,
    placed,
    point_traces,
    to_six_digits,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.record import SearchRecord


class History(NamedTuple):
    """Every trial's value, the best so far after each trial, and the baseline."""

    metric: NamedMetric
    placed: Placed
    best: tuple[tuple[int, float], ...]
    baseline: float | None
    says: str
    table: Table


def history_data(record: SearchRecord) -> History | str:
    """Say how the best value grew."""
    ended = [trial for trial in record.trials if has_ended(trial)]
    if not ended:
        return "no trial has ended yet"
    metric = record.metric
    folds = max((len(trial.folds.values) for trial in ended if trial.folds is not None), default=0)
    best: list[tuple[int, float]] = []
    rows = []
    for trial in sorted(ended, key=lambda trial: trial.number):
        value = record.value(trial)
        if value is not None and (not best or metric.better(value, best[-1][1])):
            best.append((trial.number, value))
        so_far = best[-1][1] if best else None
        spread = () if not folds else (None if trial.folds is None else trial.folds.deviation,)
        rows.append((trial.number, trial.outcome, value, *spread, so_far, trial.parameters, trial.macs, trial.line))
    base = record.trial(record.baseline)
    baseline = record.value(base) if base is not None else None
    where = placed(record, ended)
    says = f"{counted(record.trials)}."
    if best:
        number, value = best[-1]
        says += f" The {leading(record, number)} is trial {number} with {written(metric.said, value)}"
        says += f" {title_of(metric.said)}"
        if baseline is not None and base is not None and number != base.number:
            gain = difference(metric.said, value - baseline)
            says += f", {gain} from the baseline (trial {base.number}, {written(metric.said, baseline)})"
        says += f"; {many(len(rows) - 1 - [row[0] for row in rows].index(number), 'trial')} came after it."
    if any(trial.outcome == "pruned" for trial in ended):
        says += " Pruned trials stand at the value that they were stopped at."
    if folds:
        says += f" Each value is the mean of {folds} folds."
    says += edge_note(where, metric.said)
    kind = kind_of(metric.said)
    columns = (
        Column("trial", "count"),
        Column("outcome"),
        Column(title_of(metric.said), kind),
        *((Column("standard deviation over folds", kind),) if folds else ()),
        Column("best so far", kind),
        Column("parameters", "count"),
        Column("MACs", "count"),
        Column("network"),
    )
    end = max(trial.number for trial in ended)
    steps = (*best, (end, best[-1][1])) if best and best[-1][0] != end else tuple(best)
    return History(metric.said, where, steps, baseline, says, Table(columns, tuple(rows)))


def draw_history(data: History) -> go.Figure:
    """Draw trials as points, the best so far as a step line, the baseline as a dashed one."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(x="trial", y=title_of(data.metric), y_format=format_of(data.metric)))
    figure.add_traces(point_traces(data.placed.points))
    if data.best:
        figure.add_scatter(
            x=[number for number, _ in data.best],
            y=[to_six_digits(value) for _, value in data.best],
            mode="lines",
            line={"shape": "hv", "color": GREEN, "width": 2.5},
            name="best so far",
            hoverinfo="skip",
        )
    _baseline(figure, data.baseline, 0, max((p.number for p in data.placed.points), default=1))
    return figure


def _baseline(figure: go.Figure, value: float | None, low: float, high: float) -> None:
    if value is not None:
        figure.add_scatter(
            x=[low, high],
            y=[to_six_digits(value)] * 2,
            mode="lines",
            line={"dash": "dash", "color": ORANGE, "width": 2},
            name="baseline",
            hoverinfo="skip",
        )
