"""`archsearch worker`: help with the studies of a storage, from any machine."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


def worker(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY]", help="A study of the storage; without one all that have slots.")
    ] = None,
    storage: options.StorageOption = None,
    max_trials: Annotated[int | None, typer.Option("--max-trials", min=1, help="End after so many trials.")] = None,
    idle_exit: Annotated[
        float | None,
        typer.Option(
            "--idle-exit",
            min=0.0,
            metavar="SECONDS",
            help="Wait so long for more to do, also for a study that is not there yet; else end with what there is.",
        ),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.0, help="Take no new trial after so many seconds.")
    ] = None,
    gpus: options.GpusOption = None,
    artifacts: options.ArtifactsOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Take trials of the studies in a storage, on any machine that reaches it: its URL is all that is needed.

    Examples:  archsearch worker --storage postgresql+psycopg://me@db/studies
               ARCHSEARCH_STORAGE=postgresql+psycopg://me@db/studies archsearch worker lenet --idle-exit 300
    """
    from archsearch.cli import console
    from archsearch.cli.programs import share_gpus
    from archsearch.errors import UsageError

    if storage is None:
        raise UsageError(
            "a worker needs the storage that its studies are in: --storage URL, or the variable ARCHSEARCH_STORAGE"
        )

    from archsearch.cluster.visits import Visit, visit

    share_gpus(gpus)
    seconds = timeout if timeout is not None else math.inf
    told = visit(
        Visit(storage, study, runs_dir, data_dir, max_trials, idle_exit, seconds, artifacts),
        console.note,
    )
    if json:
        console.print_json({"trials": told.trials, "left": told.left})
    else:
        console.print_worker(told.trials)
