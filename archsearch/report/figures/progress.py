"""How a search went: its history, the learning curves, the distribution of values, the time it took.

data = history_data(record)         # or a sentence: why there is none
draw_history(data)
"""

from __future__ import annotations

import statistics
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.style import GREEN, GREY, MARKS, ORANGE, layout, mark, nth, plain_text
from archsearch.report.figures.trials import (
    OUTCOMES,
    Placed,
    Point,
    counted,
    difference,
    edge_note,
    edge_of,
    format_of,
    has_ended,
    hover,
    kind_of,
    many,
    placed,
    point_traces,
    short,
    target_values,
    thinned,
    title_of,
    written,
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
        says += f" The best is trial {number} with {written(metric.name, value)} {title_of(metric.name)}"
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
    having = [trial for trial in record.trials if trial.learned]
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
    return trial.outcome if trial.outcome in OUTCOMES else "completed"


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
        colour, _ = MARKS[part]
        figure.add_scatter(
            x=x[:-1],
            y=y[:-1],
            mode="lines",
            line={"color": colour, "width": 3 if strong else 1},
            opacity=1.0 if strong else 0.35,
            name=part,
            legendgroup=part,
            showlegend=False,
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=[curve.epochs[-1] for curve in ours],
            y=[short(curve.values[-1]) for curve in ours],
            mode="markers",
            marker=mark(part, 12 if strong else 7),
            name=part,
            legendgroup=part,
            hovertext=[curve.text for curve in ours],
            hoverinfo="text",
        )
    if data.edge is not None:
        values = [value for curve in data.curves for value in curve.values]
        good = max(values) if data.edge < statistics.median(values) else min(values)
        margin = 0.03 * (good - data.edge)
        figure.update_yaxes(range=sorted((data.edge, good + margin)))
    figure.update_xaxes(dtick=1 if max(e for c in data.curves for e in c.epochs) <= 20 else None)
    return figure


# -- empirical distribution --------------------------------------------------------------------------------------------


class Steps(NamedTuple):
    """Sorted values of one target; the fraction of trials up to each is its place over n."""

    target: str
    values: tuple[float, ...]


class Distribution(NamedTuple):
    """The empirical distribution of the values, for each target, and the baseline's final value."""

    metric: str
    steps: tuple[Steps, ...]
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
    return Distribution(metric.name, tuple(steps), baseline, says, Table(columns, rows))


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
            x=[short(value) for value in steps.values],
            y=[short((place + 1) / n) for place in range(n)],
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
    return figure


# -- duration ----------------------------------------------------------------------------------------------------------


class Durations(NamedTuple):
    """Seconds of each trial."""

    points: tuple[Point, ...]
    log: bool
    says: str
    table: Table


def durations_data(record: SearchRecord) -> Durations | str:
    """Say how long trials took."""
    timed = [t for t in record.trials if has_ended(t) and t.seconds is not None]
    if not timed:
        return "no trial has a duration"
    points = tuple(
        Point(t.number, t.number, max(t.seconds or 0.0, 1e-3), t.seconds, t.outcome, _took(t)) for t in timed
    )
    seconds = [point.y for point in points]
    says = f"{many(len(timed), 'trial')}, {duration(sum(seconds))} of work in all; "
    says += f"median {duration(statistics.median(seconds))}"
    pruned = [p.y for p in points if p.outcome == "pruned"]
    whole = [p.y for p in points if p.outcome == "completed"]
    if pruned and whole:
        says += f" (completed {duration(statistics.median(whole))}, pruned {duration(statistics.median(pruned))})"
    longest = max(points, key=lambda point: point.y)
    says += f", longest {duration(longest.y)} (trial {longest.number})."
    columns = (Column("trial", "count"), Column("outcome"), Column("duration", "seconds"), Column("MACs", "count"))
    rows = tuple((t.number, t.outcome, t.seconds, t.macs) for t in timed)
    log = max(seconds) > 20 * statistics.median(seconds)
    return Durations(points, log, says, Table(columns, rows))


def _took(trial: TrialRecord) -> str:
    return f"trial {trial.number}, {trial.outcome}: {duration(trial.seconds or 0.0)}"


def duration(seconds: float) -> str:
    """Write a duration as people say it."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def draw_durations(data: Durations) -> go.Figure:
    """Draw seconds over the trial's number."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(x="trial", y="seconds"))
    figure.add_traces(point_traces(data.points))
    figure.update_yaxes(type="log" if data.log else "linear", rangemode="normal" if data.log else "tozero")
    return figure


# -- timeline ----------------------------------------------------------------------------------------------------------


class Span(NamedTuple):
    """When a trial ran, in minutes since the first one began."""

    number: int
    worker: str
    outcome: str
    start: float
    end: float


class Timeline(NamedTuple):
    """What every worker did."""

    spans: tuple[Span, ...]
    workers: tuple[str, ...]
    says: str
    table: Table


def timeline_data(record: SearchRecord) -> Timeline | str:
    """Say which worker trained which trial when."""
    timed = [t for t in record.trials if has_ended(t) and t.started is not None and t.finished is not None]
    if not timed:
        return "no trial has a beginning and an end"
    begins = {t.number: datetime.fromisoformat(t.started or "") for t in timed}
    ends = {t.number: datetime.fromisoformat(t.finished or "") for t in timed}
    zero, end = min(begins.values()), max(ends.values())
    spans = tuple(
        Span(
            t.number,
            t.worker or "unknown",
            t.outcome,
            (begins[t.number] - zero).total_seconds() / 60,
            (ends[t.number] - zero).total_seconds() / 60,
        )
        for t in timed
    )
    workers = tuple(sorted({span.worker for span in spans}))
    whole = (end - zero).total_seconds() / 60
    busy = sum(span.end - span.start for span in spans) / (whole * len(workers)) if whole else 1.0
    says = (
        f"{many(len(timed), 'trial')} by {many(len(workers), 'worker')} from {zero:%Y-%m-%d %H:%M} to "
        f"{end:%Y-%m-%d %H:%M} UTC ({duration(60 * whole)}); at work {100 * busy:.0f} % of that time."
    )
    columns = (
        Column("trial", "count"),
        Column("worker"),
        Column("outcome"),
        Column("began (UTC)"),
        Column("ended (UTC)"),
    )
    rows = tuple((t.number, t.worker, t.outcome, t.started, t.finished) for t in timed)
    return Timeline(spans, workers, says, Table(columns, rows))


def draw_timeline(data: Timeline) -> go.Figure:
    """Draw a bar for each trial in its worker's row; a gap is time without work."""
    import plotly.graph_objects as go

    height = 150 + 36 * len(data.workers)
    figure = go.Figure(layout=layout(x="minutes since the first trial began", height=height))
    row = {worker: place for place, worker in enumerate(data.workers)}
    for outcome in OUTCOMES:
        ours = [span for span in data.spans if span.outcome == outcome]
        if not ours:
            continue
        colour, _ = MARKS[outcome]
        figure.add_bar(
            x=[short(span.end - span.start) for span in ours],
            base=[short(span.start) for span in ours],
            y=[row[span.worker] for span in ours],
            orientation="h",
            width=0.7,
            marker={"color": colour, "line": {"color": GREY, "width": 0.5}},
            name=outcome,
            hovertext=[f"trial {span.number}, {outcome}: {duration(60 * (span.end - span.start))}" for span in ours],
            hoverinfo="text",
        )
    names = [plain_text(worker, 40) for worker in data.workers]
    figure.update_layout(barmode="overlay")
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, autorange="reversed")
    return figure
