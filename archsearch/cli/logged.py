"""`--log mlflow`: the finished runs of a study, in the tracker that people have already.

check_log("mlflow")                                      # before anything runs
log_at_end("mlflow", "digits", "sqlite:///runs/archsearch.db")
"""

from __future__ import annotations

from importlib.util import find_spec


def check_log(log: str | None) -> None:
    """Raise `UsageError` for a tracker that is not known or not installed."""
    from archsearch.errors import UsageError

    if log is None:
        return
    tracker = log.partition(":")[0]  # alone: what follows may hold a password
    if tracker != "mlflow":
        raise UsageError(f"--log {tracker}: runs can be written to mlflow, or to mlflow:URI")
    if find_spec("mlflow") is None:
        raise UsageError(f"--log {tracker}: MLflow is an extra; install it with pip install 'archsearch[mlflow]'")


def log_at_end(log: str | None, name: str, url: str) -> None:
    """Write the runs of a study, and of its confirmation, and say where; what goes wrong here loses no run."""
    if log is None:
        return
    from archsearch.cli import console
    from archsearch.wording import count_of

    try:
        from archsearch.study.mlflow_log import log_named

        for logged in log_named(name, url, log.partition(":")[2] or None):
            there = f", {logged.there:,} were there" if logged.there else ""
            console.note(
                f"MLflow: {count_of(logged.written, 'run')} written to {logged.experiment} in {logged.place}{there}"
            )
    except Exception as problem:
        reason = str(problem).strip().split("\n")[0] or type(problem).__name__
        console.note(f"all runs are kept, but they could not be written to MLflow ({reason}); the same call goes on")
