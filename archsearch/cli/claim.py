"""`archsearch claim`: what can published numbers say, and what not?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


def claim(
    table: Annotated[
        Path | None,
        typer.Argument(metavar="[TABLE]", help="A table of claims or of methods (CSV, JSON lines); - is stdin."),
    ] = None,
    ours: Annotated[
        str | None, typer.Option("--ours", help="One accuracy: 98.1 or 0.981 or '98.1 ± 0.2'; of a table: the method.")
    ] = None,
    theirs: Annotated[str | None, typer.Option("--theirs", help="The accuracy that it is compared with.")] = None,
    test_size: Annotated[int | None, typer.Option("--test-size", min=1, help="How many test images.")] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Runs behind each number; else 1.")] = None,
    their_seeds: Annotated[
        int | None, typer.Option("--their-seeds", min=1, help="Runs behind theirs; else as many as --seeds.")
    ] = None,
    sd: Annotated[
        str | None, typer.Option("--sd", help="Standard deviation of single runs over seeds, in the unit of --ours.")
    ] = None,
    their_sd: Annotated[str | None, typer.Option("--their-sd", help="That of theirs; else the same.")] = None,
    json: options.Json = False,
) -> None:
    """Say how probable it is that the order of published accuracies is false, and what would settle it.

    Examples:  archsearch claim --ours 98.1 --theirs 97.9 --test-size 10000 --seeds 3 --sd 0.2
               archsearch claim table1.csv --test-size 10000 --ours lenet_best
    """
    from archsearch.ablate.claims import ClaimDefaults, claim_of, claims_of
    from archsearch.cli import console
    from archsearch.errors import UsageError
    from archsearch.stats.claim import judge_claim

    defaults = ClaimDefaults(test_size, seeds, their_seeds, sd, their_sd)
    if table is not None:
        from archsearch.ablate.sheet import read_sheet

        if theirs is not None:
            raise UsageError("--theirs goes with --ours and no table")
        found = [judge_claim(one) for one in claims_of(read_sheet(table), defaults, ours)]
        if json:
            console.print_json({"claims": [one.model_dump(mode="json") for one in found]})
        else:
            console.print_claims(found)
        return
    if ours is None or theirs is None:
        raise UsageError("give --ours and --theirs, or a table of claims (CSV)")
    judged = judge_claim(claim_of(ours, theirs, defaults))
    if json:
        console.print_json(judged.model_dump(mode="json"))
    else:
        console.print_claim(judged)
