"""How long trials took, and which worker trained which when.

    data = timeline_data(record)        # or a sentence: why there is none
    draw_timeline(data)

Times are the storage's, in UTC; the drawing counts from the first trial, so it is the same everywhere.
"""

from __future__ import annotations

import statistics
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.style import GREY, MARKS, layout, log_ticks, plain_text
from archsearch.report.figures.trials import OUTCOMES, Point, has_ended, many, point_traces, to_six_digits

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.record import SearchRecord, TrialRecord

_HATCH = {"pruned": "/", "diverged": "x", "failed": "x", "repeated": "."}  # colour alone is not enough


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
    seconds = [point.y for point in data.points]
    figure.update_yaxes(log_ticks(min(seconds), max(seconds)) if data.log else {"rangemode": "tozero"})
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
            x=[to_six_digits(span.end - span.start) for span in ours],
            base=[to_six_digits(span.start) for span in ours],
            y=[row[span.worker] for span in ours],
            orientation="h",
            width=0.7,
            marker={
                "color": colour,
                "line": {"color": GREY, "width": 0.5},
                "pattern": {"shape": _HATCH.get(outcome, ""), "fillmode": "overlay"},
            },
            name=outcome,
            hovertext=[f"trial {span.number}, {outcome}: {duration(60 * (span.end - span.start))}" for span in ours],
            hoverinfo="text",
        )
    names = [plain_text(worker, 40) for worker in data.workers]
    figure.update_layout(barmode="overlay")
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, autorange="reversed")
    return figure
