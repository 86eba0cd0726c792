"""`archsearch init`: a first file for what is there already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


def init(
    what: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A script, a folder of images, an .npz, a .csv, or a folder with one."),
    ] = Path(),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write, by default NAME.yaml in this folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    subcommand: Annotated[
        str, typer.Option("--subcommand", help="Which sub-command of the script trains.", metavar="NAME")
    ] = "",
    run_help: Annotated[
        bool, typer.Option("--run-help", help="Run the script with --help and read what it says; it must be trusted.")
    ] = False,
    trust: Annotated[bool, typer.Option("--trust", help="Allow --run-help for this call.")] = False,
    json: options.Json = False,
) -> None:
    """Write a first file with comments for a training script or for data, and say the next command.

    A script is read and not executed. Nothing is overwritten.

    Examples:  archsearch init train.py      archsearch init images/
    """
    from archsearch.cli import console
    from archsearch.init.begin import Asked, begin, write_begun

    begun = begin(what, Path(), Asked(output, subcommand, run_help, trust))
    write_begun(begun, force=force)
    if json:
        console.print_json(console.begun_json(begun))
    else:
        console.print_begun(begun)
