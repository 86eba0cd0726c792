"""`archsearch card`: one picture with the verdict, to paste."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


def card(
    names: Annotated[
        list[str],
        typer.Argument(metavar="STUDY|RUN...", help="A study; or runs: ids, folders, or specs that were run."),
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The file to write: png, svg or pdf (else beside the report).")
    ] = None,
    storage: options.StorageOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    stamp: Annotated[
        str | None, typer.Option("--stamp", help="The time that the card bears (else SOURCE_DATE_EPOCH, else now).")
    ] = None,
    json: options.Json = False,
) -> None:
    """Write one picture: the verdict sentence, the forest plot that it rests on, and n.

    Examples:  archsearch card documented -o card.png      archsearch card lenet5 lenet_best -o card.svg
    """
    from archsearch.cli import console
    from archsearch.cli.meant import name_of_study
    from archsearch.report.card import write_card_of
    from archsearch.report.make import Where, make

    made = make([name_of_study(name) for name in names], Where(runs_dir, data_dir, storage, stamp))
    for line in made.notes:
        console.note(line)
    path = out or made.card_path()
    write_card_of(made.document, path)
    if json:
        console.print_json({"answer": list(made.document.answer), "file": str(path)})
    else:
        print(path)
    made.check()
