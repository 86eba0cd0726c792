"""How a search went: its history, the learning curves, the distribution of values.

    data = history_data(record)         # or a sentence: why there is none
    draw_history(data)

What a trial was stopped at is drawn, and never mixed with what finished ones reached.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from archsearch.metrics import difference, format_of, kind_of, title_of, written
from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.style import GREEN, MARKS, ORANGE, layout, mark, nth
from archsearch.report.figures.trials import (
    MANY,
    OUTCOMES,
    Placed,
    counted,
    edge_note,
    edge_of,
    has_ended,
    hover,
    leading,
    many,
    placed,
    point_traces,
    short,
    target_values,
    thinned,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.record import SearchRecord, TrialRecord

MOST_CURVES = 1500  # of each kind; more lines than that are one grey band


# -- optimisation history ----------------------------------------------------------------------------------------------


class History(NamedTuple):
    """Every trial's value, the best so far after each trial, and the baseline."""

    metric: str
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
    best: list[tuple[int, float]] = []
    rows = []
    for trial in sorted(ended, key=lambda trial: trial.number):
        value = record.value(trial)
        if value is not None and (not best or metric.better(value, best[-1][1])):
            best.append((trial.number, value))
        so_far = best[-1][1] if best else None
        rows.append((trial.number, trial.outcome, value, so_far, trial.parameters, trial.macs, trial.line))
    base = record.trial(record.baseline)
    baseline = record.value(base) if base is not None else None
    where = placed(record, ended)
    says = f"{counted(record.trials)}."
    if best:
        number, value = best[-1]
        says += f" The {leading(record, number)} is trial {number} with {written(metric.name, value)}"
        says += f" {title_of(metric.name)}"
        if baseline is not None and base is not None and number != base.number:
            gain = difference(metric.name, value - baseline)
            says += f", {gain} from the baseline (trial {base.number}, {written(metric.name, baseline)})"
        says += f"; {many(len(rows) - 1 - [row[0] for row in rows].index(number), 'trial')} came after it."
    if any(trial.outcome == "pruned" for trial in ended):
        says += " Pruned trials stand at the value of the epoch they were stopped after."
    says += edge_note(where, metric.name)
    kind = kind_of(metric.name)
    columns = (
        Column("trial", "count"),
        Column("outcome"),
        Column(title_of(metric.name), kind),
        Column("best so far", kind),
        Column("parameters", "count"),
        Column("MACs", "count"),
        Column("network"),
    )
    end = max(trial.number for trial in ended)
    steps = (*best, (end, best[-1][1])) if best and best[-1][0] != end else tuple(best)
    return History(metric.name, where, steps, baseline, says, Table(columns, tuple(rows)))


def draw_history(data: History) -> go.Figure:
    """Draw trials as points, the best so far as a step line, the baseline as a dashed one."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(x="trial", y=title_of(data.metric), y_format=format_of(data.metric)))
    figure.add_traces(point_traces(data.placed.points))
    if data.best:
        figure.add_scatter(
            x=[number for number, _ in data.best],
            y=[short(value) for _, value in data.best],
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
            y=[short(value)] * 2,
            mode="lines",
            line={"dash": "dash", "color": ORANGE, "width": 2},
            name="baseline",
            hoverinfo="skip",
        )


# -- learning curves ---------------------------------------------------------------------------------------------------


class Curve(NamedTuple):
    """The learned metric of one trial by epoch; `part` is how it is drawn."""

    number: int
    part: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]
    text: str


class Curves(NamedTuple):
    """The curves that are drawn; the table has all."""

    metric: str
    curves: tuple[Curve, ...]
    edge: float | None
    says: str
    table: Table


def curves_data(record: SearchRecord) -> Curves | str:
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
            Curve(t.number, part, tuple(e for e, _ in t.learned), tuple(v for _, v in t.learned), hover(record, t))
            for t in kept
        ]
    metric = record.metric
    last = max(epoch for trial in having for epoch, _ in trial.learned)
    pruned = [trial for trial in having if trial.outcome == "pruned"]
    says = f"{many(len(having), 'trial')} over at most {many(last, 'epoch')}."
    if pruned:
        stops = sorted({trial.learned[-1][0] for trial in pruned})
        epochs = f"epoch {stops[0]}" if len(stops) == 1 else f"epochs {stops[0]} to {stops[-1]}"
        says += f" {many(len(pruned), 'trial')} (grey) stopped after {epochs}."
    says += f" {many(left_out, 'curve')}, evenly chosen, are left out of the drawing." if left_out else ""
    ends = [value for trial in having for _, value in trial.learned]
    epochs_ = range(1, last + 1)
    columns = (
        Column("trial", "count"),
        Column("outcome"),
        *(Column(f"epoch {e}", kind_of(metric.name)) for e in epochs_),
    )
    rows = tuple((t.number, t.outcome, *(dict(t.learned).get(e) for e in epochs_)) for t in having)
    return Curves(metric.name, tuple(curves), edge_of(metric, ends), says, Table(columns, rows))


def _part(trial: TrialRecord, best: int | None, baseline: int | None) -> str:
    if trial.number == best:
        return "best"
    if trial.number == baseline:
        return "baseline"
    return trial.outcome


def draw_curves(data: Curves) -> go.Figure:
    """Draw the curves, those of one part as one line with gaps; the network stands at each curve's end."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(x="epoch", y=title_of(data.metric), y_format=format_of(data.metric)))
    for part in (*OUTCOMES, "baseline", "best"):
        ours = [curve for curve in data.curves if curve.part == part]
        if not ours:
            continue
        x: list[int | None] = []
        y: list[float | None] = []
        for curve in ours:
            x += [*curve.epochs, None]
            y += [*(short(value) for value in curve.values), None]
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
            y=[short(curve.values[-1]) for curve in ours],
            mode="markers",
            marker=mark(part, 12 if strong else 7 if few else 4),
            name=part,
            legendgroup=part,
            hovertext=[curve.text for curve in ours],
            hoverinfo="text",
        )
    if data.edge is not None:
        values = [value for curve in data.curves for value in curve.values]
        figure.update_yaxes(range=_from_edge(data.edge, values))
    figure.update_xaxes(dtick=1 if max(e for c in data.curves for e in c.epochs) <= 20 else None)
    return figure


# -- empirical distribution --------------------------------------------------------------------------------------------


class Steps(NamedTuple):
    """Sorted values of one target; the fraction of trials up to each is its place over n."""

    target: str
    values: tuple[float, ...]


class Distribution(NamedTuple):
    """The empirical distribution of the values, for each target, and the baseline's final value.

    The axis is drawn from `edge`, if there is one: few trials lie beyond it.
    """

    metric: str
    steps: tuple[Steps, ...]
    edge: float | None
    baseline: float | None
    says: str
    table: Table


def distribution_data(record: SearchRecord) -> Distribution | str:
    """Say which fraction of the trials came how far."""
    metric = record.metric
    final = sorted(value for trial in record.trials if (value := record.value(trial)) is not None)
    if len(final) < 2:
        return f"{many(len(final), 'trial')} with a final value: there is no distribution"
    steps = [Steps("final value", tuple(final))]
    for found in record.importances:
        if found.epoch is not None:
            early = target_values(record, found.epoch).values()
            steps.append(Steps(f"after epoch {found.epoch}, also of pruned trials", tuple(sorted(early))))
    base = record.trial(record.baseline)
    baseline = record.value(base) if base is not None else None
    says = f"{many(len(final), 'trial')} with a final value, median {written(metric.name, statistics.median(final))}."
    if baseline is not None:
        better = sum(metric.better(value, baseline) for value in final)
        says += f" {better:,} of them are better than the baseline ({written(metric.name, baseline)})."
    if len(steps) > 1:
        says += f" The second line is the value {steps[1].target}: {many(len(steps[1].values), 'trial')}."
    columns = (Column("of"), Column("trials up to it", "percent"), Column(title_of(metric.name), kind_of(metric.name)))
    rows = tuple((s.target, (i + 1) / len(s.values), v) for s in steps for i, v in enumerate(s.values))
    edge = edge_of(metric, [value for one in steps for value in one.values], baseline)
    beyond = sum(edge is not None and metric.better(edge, value) for one in steps for value in one.values)
    says += f" The axis leaves out {beyond} values worse than {written(metric.name, edge)}." if beyond else ""
    return Distribution(metric.name, tuple(steps), edge, baseline, says, Table(columns, rows))


def draw_distribution(data: Distribution) -> go.Figure:
    """Draw the fraction of trials up to each value as steps."""
    import plotly.graph_objects as go

    figure = go.Figure(
        layout=layout(x=title_of(data.metric), y="trials up to it", x_format=format_of(data.metric), y_format=".0%")
    )
    for i, steps in enumerate(data.steps):
        colour, _ = nth(2 * i)
        n = len(steps.values)
        figure.add_scatter(
            x=[short(value) for value in (steps.values[0], *steps.values)],
            y=[short(place / n) for place in range(n + 1)],
            mode="lines",
            line={"shape": "hv", "color": colour, "width": 2.5 - 0.5 * i, "dash": ("solid", "dot")[i % 2]},
            name=f"{steps.target} (n = {n:,})",
            hoverinfo="x+y",
        )
    if data.baseline is not None:
        figure.add_scatter(
            x=[short(data.baseline)] * 2,
            y=[0, 1],
            mode="lines",
            line={"dash": "dash", "color": ORANGE, "width": 2},
            name="baseline",
            hoverinfo="skip",
        )
    if data.edge is not None:
        figure.update_xaxes(range=_from_edge(data.edge, [value for steps in data.steps for value in steps.values]))
    return figure


def _from_edge(edge: float, values: Sequence[float]) -> list[float]:
    """Give the range of an axis from the edge to a little beyond the best value."""
    best = max(values) if edge < statistics.median(values) else min(values)
    return sorted((edge, best + 0.03 * (best - edge)))
