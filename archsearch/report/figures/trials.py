"""What the figures about trials share: what a hover text says, where outliers are drawn.

    points = placed(record, trials)              # a point for each trial, those far off at the edge
    figure.add_traces(point_traces(points.points))

Knows plotly in `point_traces` and `stacked` only.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from archsearch.metrics import NamedMetric, format_of, title_of, written
from archsearch.report.figures.style import layout, mark, plain_text
from archsearch.wording import epochs_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.record import MetricRecord, SearchRecord, TrialRecord

T = TypeVar("T")
MANY = 300  # trials; more are drawn smaller and fainter
OUTCOMES = ("pruned", "completed", "repeated", "diverged", "failed")  # in the order they are drawn: the last on top


class Point(NamedTuple):
    """One trial in a drawing: where it stands, what it is worth (None: it has no value), what its hover text says."""

    number: int
    x: float
    y: float
    value: float | None
    outcome: str
    text: str


class Placed(NamedTuple):
    """Points, and what is at the edge: a value worse than `edge` is drawn there, so that the others can be seen."""

    points: tuple[Point, ...]
    edge: float | None
    beyond: int
    without: int


def many(count: int, word: str) -> str:
    """Write a number with its word: 1 trial, 2 trials, 1,000 trials."""
    return f"{count:,} {word}{'s' * (count != 1)}"


def to_six_digits(value: float | None) -> float | None:
    """Keep six digits: more cannot be seen, and a long study has many numbers."""
    return None if value is None else float(f"{value:.6g}")


def thinned(items: Sequence[T], most: int) -> list[T]:
    """Keep at most so many, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def last_value(record: SearchRecord, trial: TrialRecord) -> float | None:
    """Give a trial's value, of a stopped one the last that it had learned."""
    value = record.value(trial)
    return trial.learned[-1][1] if value is None and trial.learned else value


def target_values(record: SearchRecord, epoch: float | None) -> dict[int, float]:
    """Give the final value of every trial that has one, or the value after an epoch of every trial that reached it."""
    if epoch is None:
        return {trial.number: value for trial in record.trials if (value := record.value(trial)) is not None}
    then = {trial.number: dict(trial.learned).get(epoch) for trial in record.trials}
    return {number: value for number, value in then.items() if value is not None}


def hover(record: SearchRecord, trial: TrialRecord) -> str:
    """Say what a trial is: number, outcome, value, and its network in one line."""
    value = written(record.metric.said, last_value(record, trial))
    stopped = f" after {epochs_text(trial.learned[-1][0])}" if trial.outcome == "pruned" and trial.learned else ""
    head = f"trial {trial.number}, {trial.outcome}: {value}{stopped}"
    return f"{head}<br>{plain_text(trial.line, 140)}" if trial.line else head


def leading(record: SearchRecord, number: int) -> str:
    """Call the trial of the best value "best" where it is the winner that the whole report names."""
    winner = record.report.best
    return "best" if winner is None or winner.number == number else "best by the search's own values"


def has_ended(trial: TrialRecord) -> bool:
    """Say whether a trial came to an end of any kind."""
    return trial.outcome in OUTCOMES


def edge_of(metric: MetricRecord, values: Sequence[float], keep: float | None = None) -> float | None:
    """Give where outliers are drawn: 1.5 interquartile ranges beyond the worse quartile; None if nothing is there.

    `keep` (the baseline) is always inside.
    """
    if len(values) < 8:
        return None
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    reach = 1.5 * (high - low)
    edge = low - reach if metric.direction == "maximize" else high + reach
    if keep is not None and metric.better(edge, keep):
        edge = keep - 0.1 * (high - keep) if metric.direction == "maximize" else keep + 0.1 * (keep - low)
    return edge if any(metric.better(edge, value) for value in values) else None


def baseline_value(record: SearchRecord) -> float | None:
    """Give the value of the base itself, None if it is no trial or has none."""
    base = record.trial(record.baseline)
    return record.value(base) if base is not None else None


def placed(
    record: SearchRecord,
    trials: Sequence[TrialRecord],
    across: Callable[[TrialRecord], float] = lambda trial: trial.number,
) -> Placed:
    """Place trials by their value over their number, or something else; those without one stand at the worse end."""
    metric = record.metric
    values = {trial.number: last_value(record, trial) for trial in trials}
    there = [value for value in values.values() if value is not None]
    edge = edge_of(metric, there, baseline_value(record))
    worse = min if metric.direction == "maximize" else max
    end = edge if edge is not None else worse(there, default=0.0)
    points = []
    for trial in trials:
        value = values[trial.number]
        beyond = value is None or (edge is not None and metric.better(edge, value))
        y = end if value is None or beyond else value
        points.append(Point(trial.number, across(trial), y, value, trial.outcome, hover(record, trial)))
    outside = sum(edge is not None and value is not None and metric.better(edge, value) for value in values.values())
    return Placed(tuple(points), edge, outside, len(values) - len(there))


def edge_note(placed: Placed, metric: NamedMetric) -> str:
    """Say what is drawn at the edge, "" if nothing is."""
    parts = []
    if placed.beyond and placed.edge is not None:
        parts.append(f"{placed.beyond} worse than {written(metric, placed.edge)}")
    if placed.without:
        parts.append(f"{placed.without} without a value")
    return f" At the edge: {' and '.join(parts)}." if parts else ""


def counted(trials: Sequence[TrialRecord]) -> str:
    """Count trials by how they ended: 50 trials: 12 completed, 38 pruned."""
    outcomes = ("completed", "repeated", "pruned", "diverged", "failed", "running", "waiting")
    counts = {outcome: sum(trial.outcome == outcome for trial in trials) for outcome in outcomes}
    parts = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items() if count)
    return f"{many(len(trials), 'trial')}: {parts}" if parts else "no trials"


def stacked(rows: int, height: int, metric: NamedMetric) -> go.Figure:
    """Give an empty figure of panels, one below the other, each with the metric upwards."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=rows, cols=1, vertical_spacing=0.2)
    both = layout(height=height)
    axis = both.pop("xaxis"), both.pop("yaxis")
    figure.update_layout(both)
    figure.update_xaxes(axis[0])
    figure.update_yaxes({**axis[1], "title": {"text": title_of(metric)}, "tickformat": format_of(metric)})
    return figure


def point_traces(points: Sequence[Point]) -> list[go.Scatter]:
    """Draw points, a trace for each outcome with its own colour and symbol."""
    import plotly.graph_objects as go

    traces = []
    for outcome in OUTCOMES:
        ours = [point for point in points if point.outcome == outcome]
        if ours:
            traces.append(
                go.Scatter(
                    x=[to_six_digits(point.x) for point in ours],
                    y=[to_six_digits(point.y) for point in ours],
                    mode="markers",
                    marker=mark(outcome, 8 if len(points) <= MANY else 5),
                    name=outcome,
                    hovertext=[point.text for point in ours],
                    hoverinfo="text",
                )
            )
    return traces


def from_edge(edge: float, values: Sequence[float]) -> list[float]:
    """Give the range of an axis from the edge to a little beyond the best value."""
    best = max(values) if edge < statistics.median(values) else min(values)
    return sorted((edge, best + 0.03 * (best - edge)))
