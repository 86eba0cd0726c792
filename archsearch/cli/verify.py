"""`archsearch verify`: is everything in a storage and a runs folder whole, counted once, and where it belongs?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


def verify(
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY]", help="One study only; the runs are all checked.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be, and say what was done; no result is deleted.")
    ] = False,
    storage: options.StorageOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    json: options.Json = False,
) -> None:
    """Check storage and run folders against each other: hashes, ids, each slot counted once, none held by the dead.

    Exit code 0: all is well, or was repaired; 4: something is wrong.

    Examples:  archsearch verify      archsearch verify digits --repair
    """
    from archsearch.cli import console
    from archsearch.errors import DamagedFileError
    from archsearch.study.verify import verify as examine

    found = examine(runs_dir, storage, study, writing=repair)
    mended = found.repair() if repair else [(one, None) for one in found.findings]
    if json:
        numbers = {"studies": found.studies, "trials": found.trials, "runs": found.runs}
        listed = [
            {"where": one.where, "problem": one.problem, "repairable": one.mend is not None, "done": done}
            for one, done in mended
        ]
        console.print_json({**numbers, "findings": listed})
    else:
        console.print_verified(found, mended)
    left = [one for one, done in mended if done is None]
    if left:
        can = sum(one.mend is not None for one in left)
        hint = f"; archsearch verify --repair mends {can} of them" if can else ""
        raise DamagedFileError(f"{len(left)} {'thing is' if len(left) == 1 else 'things are'} wrong{hint}")
