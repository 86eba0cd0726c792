"""`archsearch clean`: remove what no study needs any more, after saying what."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


def clean_(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove it without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    caches: Annotated[
        bool, typer.Option("--caches", help="Prepared data sets too: they are prepared again when needed.")
    ] = False,
    storage: options.StorageOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Remove leftovers, checkpoints of finished runs and unfinished runs that no study waits for; results stay.

    What a study in another storage waits for is known only where --storage names it: such a run begins anew.

    Examples:  archsearch clean --dry-run      archsearch clean --yes
    """
    from archsearch.cli import console
    from archsearch.errors import UsageError
    from archsearch.study.clean import removable, removed

    if yes and dry_run:
        raise UsageError("--yes and --dry-run do not go together")
    found = removable(runs_dir, storage, data=data_dir, caches=caches)
    if not json:
        console.print_removable(found)
    going = [one for one in found if one.parts]
    if going and not (yes or dry_run):
        if json or not sys.stdin.isatty():
            raise UsageError("--yes removes it, --dry-run only says what would go")
        if not typer.confirm("Remove it?", err=True):
            return
    free = 0 if dry_run else sum(removed(one) for one in going)
    if json:
        listed = [
            {"path": str(one.where), "why": one.why, "bytes": one.size, "stays": list(one.stays)} for one in found
        ]
        console.print_json({"found": listed, "removed": not dry_run and bool(going), "bytes_removed": free})
    elif going and not dry_run:
        console.print_removed(free)
