"""The live view is optuna-dashboard; here is what we add to it: notes, figures, and the server on loopback.

    serve("sqlite:///runs/archsearch.db", 8080, show, trial_note)

What figures and notes say is for the report: `show` makes them of a search or an ablation, and gives None for what it
does not know; `trial_note` makes one of what a finished trial holds and how it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import optuna

from archsearch.errors import UnavailableError, UsageError
from archsearch.study.held import HeldTrial
from archsearch.study.optuna_private import id_of
from archsearch.study.queue import slots_of
from archsearch.study.storage import Storage, Study, open_storage

HOST = "127.0.0.1"
OURS = "### What archsearch makes of it"  # a note that begins so is ours to write again


class DashboardView(NamedTuple):
    """What a study carries in the dashboard: plotly figures by key, and a note in Markdown."""

    figures: Mapping[str, Any]
    note: str


Show = Callable[[Study, Storage], DashboardView | None]
TrialNote = Callable[[HeldTrial, str], str]


def is_installed() -> bool:
    """Say whether the `dashboard` extra is there."""
    return find_spec("optuna_dashboard") is not None


def serve(url: str, port: int, show: Show, trial_note: TrialNote) -> None:
    """Serve the storage's studies until interrupted; raise `UsageError` without the extra.

    Figures and notes are those of this moment; the dashboard's own figures are live.
    """
    if not is_installed():
        raise UsageError("the dashboard is an extra: pip install 'archsearch[dashboard]'")
    run_server = import_module("optuna_dashboard").run_server
    storage = open_storage(url)
    for name in optuna.get_all_study_names(storage):
        study = optuna.load_study(study_name=name, storage=storage)
        write_notes(study, trial_note)
        shown = show(study, storage)
        if shown is not None:
            write_shown(study, shown)
    try:
        run_server(open_storage(url, reading=True), host=HOST, port=port)
    except OSError as error:
        raise UnavailableError(f"port {port} cannot be used: {error.strerror}; choose another with --port") from None


def write_shown(study: Study, shown: DashboardView) -> None:
    """Give a study its figures and its note; written again they replace what was there, but for a person's own note."""
    library = import_module("optuna_dashboard")
    for key, figure in shown.figures.items():
        library.save_plotly_graph_object(study, figure, graph_object_id=f"archsearch-{key}")
    there = library.get_note(study)
    note = f"{OURS}\n\n{shown.note}"
    if there != note and (not there or there.startswith(OURS)):
        library.save_note(study, note)


def write_notes(study: Study, trial_note: TrialNote) -> int:
    """Give every finished trial its note, unless it has one; give how many were written."""
    library = import_module("optuna_dashboard")
    written = 0
    for trial in slots_of(study).values():
        held = HeldTrial(trial)
        if held.spec is None or not trial.state.is_finished():
            continue
        handle = optuna.Trial(study, id_of(trial))  # the library wants a trial that knows its storage
        if not library.get_note(handle):
            library.save_note(handle, trial_note(held, trial.state.name.lower()))
            written += 1
    return written
