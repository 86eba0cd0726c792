"""The live view is optuna-dashboard; here is what we add to it: a note for every trial, and the server on loopback."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import optuna
from optuna.trial import FrozenTrial

from archsearch.data.planning import plan_experiment
from archsearch.errors import UnavailableError, UsageError
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import size_text
from archsearch.study.queue import slots_of
from archsearch.study.storage import open_storage

HOST = "127.0.0.1"


def is_installed() -> bool:
    """Say whether the `dashboard` extra is there."""
    return find_spec("optuna_dashboard") is not None


def serve(url: str, port: int) -> None:
    """Serve the storage's studies until interrupted; raise `UsageError` without the extra."""
    if not is_installed():
        raise UsageError("the dashboard is an extra: pip install 'archsearch[dashboard]'")
    run_server = import_module("optuna_dashboard").run_server
    storage = open_storage(url)
    for name in optuna.get_all_study_names(storage):
        write_notes(optuna.load_study(study_name=name, storage=storage))
    try:
        run_server(storage, host=HOST, port=port)
    except OSError as error:
        raise UnavailableError(f"port {port} cannot be used: {error.strerror}; choose another with --port") from None


def write_notes(study: optuna.Study) -> int:
    """Give every finished trial a note with its layer table and its curve; give how many were written."""
    library = import_module("optuna_dashboard")
    written = 0
    for trial in slots_of(study).values():
        if "spec" in trial.user_attrs and trial.state.is_finished() and not library.get_note(trial):
            library.save_note(trial, trial_note(trial))
            written += 1
    return written


def trial_note(trial: FrozenTrial) -> str:
    """Write a trial in Markdown: how it ended, its layers, its epochs."""
    held = trial.user_attrs
    plan = plan_experiment(ExperimentSpec.model_validate(held["spec"]))
    lines = [f"**{held.get('outcome', trial.state.name.lower())}**", ""]
    lines += ["| layer | kind | output | parameters | MACs |", "| --- | --- | --- | ---: | ---: |"]
    lines += [
        f"| {row.name} | {row.kind} | {size_text(row.output_shape)} | {row.parameters:,} | {row.macs:,} |"
        for row in plan.network.walk()
    ]
    history = held.get("result", {}).get("history", [])
    if history:
        lines += [
            "",
            "| epoch | training loss | validation loss | validation accuracy |",
            "| ---: | ---: | ---: | ---: |",
        ]
        lines += [
            f"| {e['epoch']} | {_number(e['train_loss'])} | {_number(e['val_loss'])} | {_number(e['val_accuracy'])} |"
            for e in history
        ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
