"""What a study carries in optuna-dashboard: our figures, and a note that answers the question.

    serve(url, port, shown)

A note is Markdown: what comes from a file stands in it as text.
"""

from __future__ import annotations

from collections.abc import Iterable

from archsearch.ablate.ablation import report_on
from archsearch.ablate.dashboard import verdict_note
from archsearch.metrics import difference, title_of, written
from archsearch.report.figures.ablation import ablation_figures
from archsearch.report.figures.figure import Figure, Missing
from archsearch.report.figures.lists import search_figures
from archsearch.report.figures.trials import baseline_value, counted
from archsearch.search.record import SearchRecord, search_record
from archsearch.study.dashboard import Shown
from archsearch.study.held import HeldStudy
from archsearch.study.storage import Storage, Study


def shown(study: Study, storage: Storage) -> Shown | None:
    """Draw what there is to draw, and say what came out so far; None for what is neither search nor ablation."""
    kind = HeldStudy(study).kind
    if kind == "ablation":
        report = report_on(study)
        return _shown(ablation_figures(report), verdict_note(report))
    return shown_of(search_record(study, storage)) if kind == "search" else None


def shown_of(record: SearchRecord) -> Shown:
    """Draw a search."""
    lines = [answer(record), "", f"{counted(record.trials)}."]
    lines += ["", *(f"- {gap}" for gap in record.missing)] if record.missing else []
    return _shown(search_figures(record), "\n".join(lines))


def _shown(figures: Iterable[Figure | Missing], note: str) -> Shown:
    return Shown({figure.key: figure.draw() for figure in figures if isinstance(figure, Figure)}, note)


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
