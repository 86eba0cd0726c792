"""`archsearch verify`: is everything in a storage and a runs folder whole, counted once, and where it belongs?"""

from __future__ import annotations

import re
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
    head: Annotated[
        bool, typer.Option("--head", help="Print the SHA-256 that ends the study's ledger, and check nothing else.")
    ] = False,
    kept: Annotated[
        str | None,
        typer.Option("--kept", metavar="SHA256", help="A head that was kept elsewhere: is it still in the ledger?"),
    ] = None,
    storage: options.StorageOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    json: options.Json = False,
) -> None:
    """Check storage and runs: hashes, ids, each slot counted once, and the study is what was declared.

    Exit code 0: all is well, or was repaired; 4: something is wrong.

    Examples:  archsearch verify      archsearch verify digits --repair      archsearch verify digits --head
    """
    from archsearch.cli import console
    from archsearch.errors import DamagedFileError, UsageError
    from archsearch.study.verify import verify as examine

    if (head or kept is not None) and (study is None or repair or (head and kept is not None)):
        raise UsageError("--head and --kept are of one study, each by itself: archsearch verify STUDY --head")
    if study is not None and (head or kept is not None):
        _ledger(study, kept, storage, runs_dir, json=json)
        return

    found = examine(runs_dir, storage, study, writing=repair)
    mended = found.repair() if repair else [(one, None) for one in found.findings]
    if json:
        numbers = {"studies": found.studies, "trials": found.trials, "runs": found.runs}
        listed = [
            {"where": one.where, "problem": one.problem, "repairable": one.mend is not None, "done": done}
            for one, done in mended
        ]
        ledgers = {
            name: None if one is None else {**one.model_dump(mode="json"), "sentence": one.sentence}
            for name, one in found.ledgers.items()
        }
        console.print_json({**numbers, "findings": listed, "ledgers": ledgers})
    else:
        console.print_verified(found, mended, whole=study is not None)
    left = [one for one, done in mended if done is None]
    if left:
        can = sum(one.mend is not None for one in left)
        hint = f"; archsearch verify --repair mends {can} of them" if can else ""
        raise DamagedFileError(f"{len(left)} {'thing is' if len(left) == 1 else 'things are'} wrong{hint}")


def _ledger(study: str, kept: str | None, storage: str | None, runs_dir: Path, *, json: bool) -> None:
    """Print the heads of a study's ledgers, or where the one that was kept stands in them."""
    from archsearch.cli import console
    from archsearch.errors import DamagedFileError, UsageError
    from archsearch.study.verify import heads_of, kept_in_ledgers

    if kept is None:
        heads = heads_of(runs_dir, storage, study)
        if json:
            console.print_json([one.model_dump(mode="json") for one in heads])
        else:
            for one in heads:
                print(f"{one.head}  {one.study}, {one.entries:,} {'entry' if one.entries == 1 else 'entries'}")
        return
    if not re.fullmatch(r"[0-9a-f]{12,64}", kept):
        raise UsageError(f"--kept {kept}: a SHA-256 is 64 digits, 0 to 9 and a to f; the first twelve are enough")
    where = kept_in_ledgers(runs_dir, storage, study, kept)
    if where is None:
        raise DamagedFileError(
            f"{study}: no entry of its ledger has this SHA-256; it was made anew since, or the head is another study's"
        )
    name, number, ends = where
    if json:
        console.print_json({"study": name, "entry": number, "entries": ends})
    else:
        print(f"{name}: it is entry {number:,} of {ends:,}, and nothing before it was changed")
