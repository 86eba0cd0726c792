"""`archsearch data`: which data sets there are, where they lie, and whether they are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, fetch and verify data sets.")


@app.command("list")
def list_(data_dir: options.DataDir = None, json: options.Json = False) -> None:
    """List the data sets and whether their files are here, and the kinds of your own data.

    Example:  archsearch data list
    """
    from dataclasses import asdict

    from archsearch.cli import console
    from archsearch.data.fetch import status
    from archsearch.data.registry import OWN_DATA

    found = status(data_dir)
    if json:
        own = [{"name": name, "title": title} for name, title in OWN_DATA.items()]
        console.print_json({"data_sets": [asdict(one) for one in found], "own_data": own})
    else:
        console.print_data_sets(found, OWN_DATA)


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
    from archsearch.cli import console
    from archsearch.data.fetch import get as fetch

    files = fetch(name, data_dir=data_dir, source=source, say=console.note)
    if json:
        console.print_json({"name": name, "files": [str(path) for path in files]})
    else:
        console.print_files(name, files)


@app.command("verify")
def verify(data_dir: options.DataDir = None, json: options.Json = False) -> None:
    """Check every file in the data folder against its SHA-256.

    Example:  archsearch data verify
    """
    from archsearch.cli import console
    from archsearch.data.fetch import verify as examine
    from archsearch.errors import DamagedFileError

    checks = examine(data_dir)
    if json:
        console.print_json({"files": [{"path": str(c.path), "state": c.state, "detail": c.detail} for c in checks]})
    else:
        console.print_checks(checks)
    bad = [check for check in checks if check.state == "damaged"]
    if bad:
        raise DamagedFileError(
            f"{len(bad)} of {len(checks)} files {'is' if len(bad) == 1 else 'are'} damaged and will not be used"
        )
