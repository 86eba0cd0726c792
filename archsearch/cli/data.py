"""`archsearch data`: which data sets there are, where they lie, and whether they are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, fetch and verify data sets.")


@app.command("list")
def list_(data_dir: options.DataDir = None, json: options.Json = False) -> None:
    """List the data sets and whether their files are here.

    Example:  archsearch data list
    """


@app.command("get")
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The data set (see `archsearch data list`).")],
    source: Annotated[
        Path | None, typer.Option("--from", help="Take the files from this folder or archive instead of a download.")
    ] = None,
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Fetch a data set into the data folder.

    Examples:  archsearch data get mnist      archsearch data get mnist --from ~/Downloads/mnist
    """


@app.command("verify")
def verify(data_dir: options.DataDir = None, json: options.Json = False) -> None:
    """Check every file in the data folder against its SHA-256.

    Example:  archsearch data verify
    """
