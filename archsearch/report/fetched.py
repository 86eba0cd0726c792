"""Files of runs that were made on other machines, brought here for a report or a prediction where they are wanted.

    notes = bring_files(study, storage, Path("runs"), "s3://bucket/studies")

Only from the place that the caller names: a storage that somebody else wrote says where its files are, and nothing is
asked of a server because it says so.
"""

from __future__ import annotations

import re
from pathlib import Path

from archsearch.ablate.jobs import latest
from archsearch.errors import ArchsearchError, Interrupted
from archsearch.kinds import kind_of_held
from archsearch.search.finalists import confirmed_runs, confirming_slots, ranked_trials
from archsearch.study.artifacts import fetch_run
from archsearch.study.held import HeldRun, HeldStudy
from archsearch.study.held_runs import runs_of
from archsearch.study.storage import Storage, Study
from archsearch.study.storage_url import shown_url
from archsearch.train.run_files import WEIGHTS
from archsearch.wording import count_of

_WHOLE_ID = re.compile(r"[0-9a-f]{16}")


def bring_files(study: Study, storage: Storage, runs_dir: Path, place: str | None) -> tuple[str, ...]:
    """Fetch the files of the runs that a report shows and that are not here, but for weights; give what is to be said.

    What cannot be fetched is said, and missing in the report with its reason, as if there was no place.
    """
    away = {run.run_id: run for run in _shown(study, storage) if _is_away(run, runs_dir)}
    if not away:
        return ()
    if place is None:
        places = dict.fromkeys(shown_url(str(run.artifacts)) for run in away.values())
        return (
            f"the files of {count_of(len(away), 'run')} are in {', '.join(places)}; --artifacts fetches from a place",
        )
    fetched, why = 0, "not there"
    for run_id in away:
        try:
            fetched += fetch_run(run_id, place, runs_dir, weights=False) is not None
        except Interrupted:
            raise
        except ArchsearchError as error:
            why = str(error)
    if fetched == len(away):
        return (f"fetched the files of {count_of(fetched, 'run')}",)
    return (f"the files of {count_of(len(away) - fetched, 'run')} could not be fetched: {why}",)


def _shown(study: Study, storage: Storage) -> list[HeldRun]:
    """Give the runs whose files a report reads."""
    if HeldStudy(study).kind == "ablation":
        return runs_of(latest(study).values())
    return runs_of(confirmed_runs(study, confirming_slots(study, storage)) or ranked_trials(study)[:1])


def _is_away(run: HeldRun, runs_dir: Path) -> bool:
    if kind_of_held(run.spec).name != "network":
        return False  # a report reads no file of a program's run
    return run.artifacts is not None and not (runs_dir / run.run_id).is_dir()


def bring_run(name: str, runs_dir: Path, place: str | None) -> None:
    """Fetch a network's run with its weights, where a name is its whole id, they are not here, and a place is named.

    A report may have fetched the run before, without its weights.
    """
    if place is not None and _WHOLE_ID.fullmatch(name) and not (runs_dir / name / WEIGHTS).exists():
        fetch_run(name, place, runs_dir)
