"""Go on with the confirmation of a search that is done: the next look of its race, or one that is named.

report = confirm_more(study, opened, storage, settings, seeds=18)
"""

from __future__ import annotations

import optuna

from archsearch.errors import UsageError
from archsearch.search.confirming import ConfirmAsked, run_confirmation
from archsearch.search.finalists import confirming_slots
from archsearch.search.racing import standing_of
from archsearch.search.search import SearchSettings, StudyReport, finished, report_on, write_best
from archsearch.search.search_file import SearchFile
from archsearch.stats.race import looks_for
from archsearch.study.held import HeldStudy, HeldTrial
from archsearch.study.lifecycle import Look, confirmation_study
from archsearch.study.pool import crew_of
from archsearch.study.storage import Storage


def confirm_more(
    study: SearchFile,
    opened: optuna.Study,
    storage: Storage,
    settings: SearchSettings,
    seeds: int | None = None,
    look: Look = lambda study: None,
) -> StudyReport:
    """Run finalists and baseline up to the look with so many seeds (None: the next one), and judge them again.

    Where the race has ended nothing is run. Raises `UsageError` for a search that is not done, or has nothing to
    confirm, and for seeds at which no look was declared.
    """
    name = opened.study_name
    _refuse_unconfirmable(study, opened)
    workers = study.kind.workers(study.watched, study.space.base, settings.workers)
    asked = ConfirmAsked(count=study.spec.confirm or 1, until=_until(opened, storage, seeds))
    with crew_of(settings, name, workers) as crew:
        run_confirmation(study, opened, storage, crew, asked, look)
    report = report_on(opened, storage)
    write_best(report, settings.runs_dir / name / "best.yaml", name)
    return report


def _refuse_unconfirmable(study: SearchFile, opened: optuna.Study) -> None:
    name = opened.study_name
    if not finished(opened, HeldStudy(opened).trials):
        raise UsageError(f"{name} is not done: archsearch study goes on with it, and confirms the best then")
    if study.learned is None:
        raise UsageError(f"{name} looked for what is known without training: there is nothing to confirm")
    if study.kind.spreads_over(study.space.base) == "nothing":
        raise UsageError(f"{name}: every seed of a deterministic program gives the same; there is nothing to confirm")


def _until(opened: optuna.Study, storage: Storage, seeds: int | None) -> int:
    """Give the look that is gone on to: as asked for, else the next one of the race, of a new one its first."""
    if seeds is not None:
        return seeds
    confirming = confirmation_study(opened, storage)
    standing = None if confirming is None else standing_of(confirming)
    if standing is not None:
        return standing.next_look or 0
    held = {HeldTrial(trial).candidate for trial in confirming_slots(opened, storage)}
    return looks_for(len(held))[0] if held else 0
