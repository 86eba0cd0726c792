"""What a search carries in optuna-dashboard: our figures, and a note that answers the question.

    serve(url, port, shown)

A note is Markdown: it is made of our own sentences and numbers only.
"""

from __future__ import annotations

from archsearch.report.figures.figure import Figure
from archsearch.report.figures.search import search_figures
from archsearch.report.figures.trials import baseline_value, counted, difference, title_of, written
from archsearch.search.dashboard import Shown
from archsearch.search.record import SearchRecord


def shown(record: SearchRecord) -> Shown:
    """Draw what there is to draw, and say what came out so far."""
    figures = {figure.key: figure.draw() for figure in search_figures(record) if isinstance(figure, Figure)}
    lines = [answer(record), "", f"{counted(record.trials)}."]
    lines += ["", *(f"- {gap}" for gap in record.missing)] if record.missing else []
    return Shown(figures, "\n".join(lines))


def answer(record: SearchRecord) -> str:
    """Say in a sentence what a search found, and whether it is confirmed."""
    confirmed, best = record.report.confirmed, record.report.best
    if confirmed is not None and len(confirmed.candidates) > 1:
        return confirmed.sentence
    if best is None:
        return "No trial has completed yet."
    metric = record.metric.name
    value = best.values[record.main]
    sentence = f"The best so far is trial {best.number} with {written(metric, value)} {title_of(metric)}"
    baseline = baseline_value(record)
    if baseline is not None and best.number != record.baseline:
        sentence += f", {difference(metric, value - baseline)} from the baseline"
    return f"{sentence}; nothing is confirmed on fresh seeds yet."
