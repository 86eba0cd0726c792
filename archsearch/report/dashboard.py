"""What a study carries in optuna-dashboard: our figures, and a note that answers the question.

    serve(url, port, shown, trial_note)
    note_verdicts(study, report)                # at the end of an ablation

A note is Markdown: what comes from a file stands in it as text, and what would be markup is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from archsearch.ablate.ablation import report_on
from archsearch.ablate.record import AblationReport
from archsearch.ablate.table import effects_table
from archsearch.experiment_plan import plan_experiment
from archsearch.kinds.program import PROGRAM
from archsearch.markup import markdown_row, markdown_text, one_line
from archsearch.metrics import difference, title_of, told_by, written
from archsearch.program.read import is_program
from archsearch.report.figures.figure import Figure, Missing
from archsearch.report.figures.lists import ablation_figures, search_figures
from archsearch.report.figures.trials import baseline_value, counted
from archsearch.report.program_parts import command_of
from archsearch.search.folds import mean_of
from archsearch.search.record import SearchRecord, search_record
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import size_text
from archsearch.study.dashboard import DashboardView, write_shown
from archsearch.study.held import HeldStudy, HeldTrial
from archsearch.study.storage import Storage, Study


def view_of(study: Study, storage: Storage) -> DashboardView | None:
    """Draw what there is to draw, and say what came out so far; None for what is neither search nor ablation."""
    kind = HeldStudy(study).kind
    if kind == "ablation":
        report = report_on(study)
        return _shown(ablation_figures(report), verdict_note(report))
    return view_of_search(search_record(study, storage)) if kind == "search" else None


def view_of_search(record: SearchRecord) -> DashboardView:
    """Draw a search."""
    lines = [markdown_text(search_note(record)), "", f"{counted(record.trials)}."]
    lines += ["", *(f"- {markdown_text(gap)}" for gap in record.missing)] if record.missing else []
    return _shown(search_figures(record), "\n".join(lines))


def _shown(figures: Iterable[Figure | Missing], note: str) -> DashboardView:
    return DashboardView({figure.key: figure.draw() for figure in figures if isinstance(figure, Figure)}, note)


def search_note(record: SearchRecord) -> str:
    """Say in a sentence what a search found, and whether it is confirmed."""
    confirmed, best = record.report.confirmed, record.report.best
    if confirmed is not None and len(confirmed.candidates) > 1:
        return confirmed.sentence
    if best is None:
        return "No trial has completed yet."
    metric = record.metric.said
    value = best.values[record.main]
    sentence = f"The best so far is trial {best.number} with {written(metric, value)} {title_of(metric)}"
    baseline = baseline_value(record)
    if baseline is not None and best.number != record.baseline:
        sentence += f", {difference(metric, value - baseline)} from the baseline"
    return f"{sentence}; nothing is confirmed on fresh seeds yet."


def note_verdicts(study: Study, report: AblationReport) -> None:
    """Write the verdicts as the study's note, but not over a person's own; needs the `dashboard` extra."""
    write_shown(study, DashboardView({}, verdict_note(report)))


def verdict_note(report: AblationReport) -> str:
    """Give the note in Markdown: how far the ablation is, the table, the sentences."""
    runs = report.runs
    bad = runs.diverged + runs.failed
    head = f"{report.design} around {report.baseline}: {runs.completed} of {runs.planned} runs completed, {bad} failed"
    said = "" if report.complete else "; unfinished: no verdicts before all runs are done"
    confounds = "".join(f"\n{markdown_text(confound.sentence)}\n" for confound in report.confounds)
    return f"**{markdown_text(head + said)}**\n\n{effects_table(report, 'md')}{confounds}"


def trial_note(held: HeldTrial, state: str) -> str:
    """Write what a trial holds in Markdown: how it ended, its layers or its command and values, its epochs."""
    if held.spec is not None and is_program(held.spec):
        return _program_note(held, state)
    plan = plan_experiment(ExperimentSpec.model_validate(held.spec))
    lines = [f"**{markdown_text(held.outcome or state)}**", ""]
    lines += ["| layer | kind | output | parameters | MACs |", "| --- | --- | --- | ---: | ---: |"]
    lines += [
        markdown_row(row.name, row.kind, size_text(row.output_shape), f"{row.parameters:,}", f"{row.macs:,}")
        for row in plan.network.walk()
    ]
    histories = [run.history for run in held.runs]
    history = _mean_history(histories)
    if history:
        names = ("train_loss", "val_loss", *(f"val_{name}" for name in told_by(history[0]) if name != "loss"))
        if len(histories) > 1:
            lines += ["", f"Means over {len(histories)} folds, of the epochs that all of them have:"]
        lines += ["", markdown_row("epoch", *map(title_of, names)), "| ---: " * (1 + len(names)) + "|"]
        lines += [markdown_row(e["epoch"], *(_number(e.get(name)) for name in names)) for e in history]
    return "\n".join(lines)


def _mean_history(histories: Sequence[Sequence[Mapping[str, Any]]]) -> Sequence[Mapping[str, Any]]:
    """Give the means of each epoch over the runs of a trial, a run a fold; of one run what it has."""
    if len(histories) < 2:
        return histories[0] if histories else ()
    return [
        {name: mean_of([epoch.get(name) for epoch in epochs]) for name in epochs[0] if name != "epoch"}
        | {"epoch": epochs[0]["epoch"]}
        for epochs in zip(*histories, strict=False)
    ]


def _program_note(held: HeldTrial, state: str) -> str:
    """Write what a trial of a program holds: command, values, metrics, what was followed."""
    spec = PROGRAM.read(held.spec or {})
    lines = [f"**{markdown_text(held.outcome or state)}**", "", f"    {one_line(command_of(spec))}", ""]
    lines += ["| value | |", "| --- | --- |"]
    lines += [markdown_row(name, value) for name, value in spec.values.items()]
    if held.run is not None:
        lines += ["", "| metric | |", "| --- | ---: |"]
        lines += [markdown_row(name, _number(held.run.metric(name))) for name in spec.metrics]
        names = list(dict.fromkeys(key for row in held.run.history for key in row if key != "epoch"))
        if names:
            lines += ["", markdown_row("step", *names), "| ---: " * (1 + len(names)) + "|"]
            lines += [
                markdown_row(row["epoch"], *(_number(row.get(name)) for name in names)) for row in held.run.history
            ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
