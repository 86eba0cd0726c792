"""What optuna-dashboard shows of an ablation beside its own views: a note with the verdicts."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import optuna

from archsearch.ablate.outcome import AblationReport
from archsearch.ablate.table import effects_table


def note_verdicts(study: optuna.Study, report: AblationReport) -> bool:
    """Write the table of effects as the study's note; False where the `dashboard` extra is not installed."""
    if find_spec("optuna_dashboard") is None:
        return False
    import_module("optuna_dashboard").save_note(study, verdict_note(report))
    return True


def verdict_note(report: AblationReport) -> str:
    """Give the note in Markdown: how far the ablation is, the table, the sentences."""
    runs = report.runs
    bad = runs.diverged + runs.failed
    head = f"{report.design} around {report.baseline}: {runs.completed} of {runs.planned} runs completed, {bad} failed"
    said = "" if report.complete else "; unfinished: no verdicts before all runs are done"
    confounds = "".join(f"\n{confound.sentence}\n" for confound in report.confounds)
    return f"**{head}{said}**\n\n{effects_table(report, 'md')}{confounds}"
