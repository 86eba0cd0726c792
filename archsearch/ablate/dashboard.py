"""What optuna-dashboard says of an ablation beside its own views: a note with the verdicts.

    note_verdicts(study, report)

Its figures come with `archsearch dashboard`. A note is Markdown, and names come from a file: what would be markup is
escaped.
"""

from __future__ import annotations

import re

from archsearch.ablate.record import AblationReport
from archsearch.ablate.table import effects_table
from archsearch.study.dashboard import Shown, is_installed, write_shown
from archsearch.study.storage import Study


def note_verdicts(study: Study, report: AblationReport) -> bool:
    """Write the verdicts as the study's note, but not over a person's own; False without the `dashboard` extra."""
    if is_installed():
        write_shown(study, Shown({}, verdict_note(report)))
    return is_installed()


def verdict_note(report: AblationReport) -> str:
    """Give the note in Markdown: how far the ablation is, the table, the sentences."""
    runs = report.runs
    bad = runs.diverged + runs.failed
    head = f"{report.design} around {report.baseline}: {runs.completed} of {runs.planned} runs completed, {bad} failed"
    said = "" if report.complete else "; unfinished: no verdicts before all runs are done"
    confounds = "".join(f"\n{confound.sentence}\n" for confound in report.confounds)
    return _without_markup(f"**{head}{said}**\n\n{effects_table(report, 'md')}{confounds}")


def _without_markup(text: str) -> str:
    """Make text of what Markdown takes for HTML, links and pictures; the table and the stars are ours."""
    return re.sub(r"([\[\]!`])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
