"""`archsearch trust`: allow a program or a Python file to be executed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsearch.cli import options

if TYPE_CHECKING:
    from archsearch.trust import Subject


def trust(
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="A Python file, or FILE.py:NAME.")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List what is allowed.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take it back.")] = False,
    json: options.Json = False,
) -> None:
    """Allow code to be executed, until it changes; it is shown and not executed.

    Examples:  archsearch trust model.py      archsearch trust --list
    """
    from archsearch.cli import console
    from archsearch.errors import UsageError
    from archsearch.trust import allowed, distrust, trust

    if list_all == (file is not None) or (list_all and remove):
        raise UsageError("say what: archsearch trust FILE, trust FILE --remove, or trust --list")
    if file is None:
        console.print_json({"trusted": console.allowed_json(allowed())}) if json else console.print_allowed(allowed())
        return
    subject = _subject(file)
    if remove:
        count = distrust(subject)
        console.print_json({"name": subject.name, "removed": count}) if json else console.print_taken_back(
            subject, count
        )
        return
    path = trust(subject)
    if json:
        console.print_json({"name": subject.name, "digest": subject.digest, "file": str(path)})
    else:
        console.print_trusted(subject, path)


def _subject(reference: str) -> Subject:
    """Give what a file asks to execute."""
    from archsearch.errors import UsageError
    from archsearch.trust import python_file

    name = reference if Path(reference).is_file() else reference.rpartition(":")[0] or reference
    if not Path(name).is_file():
        raise UsageError(f"{reference}: no such file; give a Python file (FILE.py or FILE.py:NAME)")
    if name.endswith(".py"):
        return python_file(Path(name))
    raise UsageError(f"{reference} executes nothing, so there is nothing to allow; Python files (.py) do")
