"""The live view is optuna-dashboard; here is what we add to it: notes, figures, and the server on loopback.

    serve("sqlite:///runs/archsearch.db", 8080, show)

What the figures are is for the report to say: `show` makes them of a search or an ablation, and gives None for what it
does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import optuna
from optuna.trial import FrozenTrial

from archsearch.errors import UnavailableError, UsageError
from archsearch.experiment_plan import plan_experiment
from archsearch.metrics import title_of, told_by
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import size_text
from archsearch.study.held import HeldTrial
from archsearch.study.optuna_private import id_of
from archsearch.study.queue import slots_of
from archsearch.study.storage import Storage, Study, open_storage

HOST = "127.0.0.1"
OURS = "### What archsearch makes of it"  # a note that begins so is ours to write again


class Shown(NamedTuple):
    """What a study carries in the dashboard: plotly figures by key, and a note in Markdown."""

    figures: Mapping[str, Any]
    note: str


Show = Callable[[Study, Storage], Shown | None]


def is_installed() -> bool:
    """Say whether the `dashboard` extra is there."""
    return find_spec("optuna_dashboard") is not None


def serve(url: str, port: int, show: Show) -> None:
    """Serve the storage's studies until interrupted; raise `UsageError` without the extra.

    Figures and notes are those of this moment; the dashboard's own figures are live.
    """
    if not is_installed():
        raise UsageError("the dashboard is an extra: pip install 'archsearch[dashboard]'")
    run_server = import_module("optuna_dashboard").run_server
    storage = open_storage(url)
    for name in optuna.get_all_study_names(storage):
        study = optuna.load_study(study_name=name, storage=storage)
        write_notes(study)
        shown = show(study, storage)
        if shown is not None:
            write_shown(study, shown)
    try:
        run_server(open_storage(url, reading=True), host=HOST, port=port)
    except OSError as error:
        raise UnavailableError(f"port {port} cannot be used: {error.strerror}; choose another with --port") from None


def write_shown(study: Study, shown: Shown) -> None:
    """Give a study its figures and its note; written again they replace what was there, but for a person's own note."""
    library = import_module("optuna_dashboard")
    for key, figure in shown.figures.items():
        library.save_plotly_graph_object(study, figure, graph_object_id=f"archsearch-{key}")
    there = library.get_note(study)
    note = f"{OURS}\n\n{shown.note}"
    if there != note and (not there or there.startswith(OURS)):
        library.save_note(study, note)


def write_notes(study: Study) -> int:
    """Give every finished trial a note with its layer table and its curve; give how many were written."""
    library = import_module("optuna_dashboard")
    written = 0
    for trial in slots_of(study).values():
        if HeldTrial(trial).spec is None or not trial.state.is_finished():
            continue
        handle = optuna.Trial(study, id_of(trial))  # the library wants a trial that knows its storage
        if not library.get_note(handle):
            library.save_note(handle, trial_note(trial))
            written += 1
    return written


def trial_note(trial: FrozenTrial) -> str:
    """Write a trial in Markdown: how it ended, its layers, its epochs."""
    held = HeldTrial(trial)
    plan = plan_experiment(ExperimentSpec.model_validate(held.spec))
    lines = [f"**{held.outcome or trial.state.name.lower()}**", ""]
    lines += ["| layer | kind | output | parameters | MACs |", "| --- | --- | --- | ---: | ---: |"]
    lines += [
        f"| {row.name} | {row.kind} | {size_text(row.output_shape)} | {row.parameters:,} | {row.macs:,} |"
        for row in plan.network.walk()
    ]
    history = held.run.history if held.run is not None else ()
    if history:
        names = ("train_loss", "val_loss", *(f"val_{name}" for name in told_by(history[0]) if name != "loss"))
        lines += ["", f"| epoch | {' | '.join(map(title_of, names))} |", "| ---: " * (1 + len(names)) + "|"]
        lines += [f"| {e['epoch']} | {' | '.join(_number(e.get(name)) for name in names)} |" for e in history]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
