"""Workers of a study begin their imports while its command still reads the file.

nursery = nursery_of(context, "archsearch.search.jobs", elsewhere, storage, runs_dir)
begin_with(nursery, loaded.kind.name)
search(loaded, settings, panel.look, nursery)
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from archsearch.cli import options

# what the report at the end takes, which a process of the nursery writes: see `write_at_end`
REPORT = (
    "archsearch.cli.report",
    "archsearch.report.make",
    "archsearch.report.write",
    "archsearch.report.answers.search",
)

if TYPE_CHECKING:
    from archsearch.cli.elsewhere import Elsewhere
    from archsearch.study.nursery import Nursery


def nursery_of(context: typer.Context, jobs: str, elsewhere: Elsewhere, storage: str | None, runs_dir: Path) -> Nursery:
    """Give who starts the workers of a command, and ends with it.

    Where no storage is there all of the study is due: the nursery begins at once, and imports `jobs`, a module, and
    what goes with it. Else it begins when the study was looked at and something is found to be due; without `jobs` too.
    """
    from archsearch.study.nursery import Nursery

    nursery = Nursery(meanwhile=REPORT)
    context.call_on_close(nursery.stop)
    count = options.workers(elsewhere.workers) or os.cpu_count() or 1
    if jobs and count > 1 and elsewhere.on is None and options.storage_to_come(storage, runs_dir):
        nursery.import_([jobs, "archsearch.study.pool"])
    return nursery


def begin_with(nursery: Nursery, kind: str) -> None:
    """Begin to import torch too, as soon as the file has said that its experiments are computed by us."""
    from archsearch.study.pool import WITH_TORCH

    if nursery.is_there and kind == "network":
        nursery.import_(WITH_TORCH)
