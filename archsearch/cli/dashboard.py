"""`archsearch dashboard`: optuna-dashboard over the storage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


def dashboard(
    storage: options.StorageOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port on this machine.")] = 8080,
) -> None:
    """Watch studies live in the browser (optuna-dashboard, on this machine only: it has no login).

    Example:  archsearch dashboard
    """
    from archsearch.cli import console
    from archsearch.report.dashboard import trial_note, view_of
    from archsearch.study.dashboard import serve
    from archsearch.study.storage import default_url

    url = storage or default_url(runs_dir)
    console.note(f"http://127.0.0.1:{port}/ (stop with Ctrl-C)")
    serve(url, port, view_of, trial_note)
