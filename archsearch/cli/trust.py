"""`archsearch trust`: allow a program or a Python file to be executed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsearch.cli import options

if TYPE_CHECKING:
    from archsearch.trust import Subject


def trust(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="A program, a study of one, a Python file, or FILE.py:NAME."),
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List what is allowed.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take it back.")] = False,
    json: options.Json = False,
) -> None:
    """Allow code to be executed, until it changes; it is shown and not executed.

    Examples:  archsearch trust train.yaml      archsearch trust model.py      archsearch trust --list
    """
    from archsearch.cli import console
    from archsearch.errors import UsageError
    from archsearch.trust import allowed, distrust, trust

    if list_all == (file is not None) or (list_all and remove):
        raise UsageError("say what: archsearch trust FILE, trust FILE --remove, or trust --list")
    if file is None:
        console.print_json({"trusted": console.allowed_json(allowed())}) if json else console.print_allowed(allowed())
        return
    found: list[dict[str, object]] = []
    for subject in _subjects(file):
        if remove:
            count = distrust(subject)
            found.append({"name": subject.name, "removed": count})
        else:
            path = trust(subject)
            found.append({"name": subject.name, "digest": subject.digest, "file": str(path)})
        if not json:
            console.print_taken_back(subject, count) if remove else console.print_trusted(subject, path)
    if json:
        console.print_json(found[0] if len(found) == 1 else {"subjects": found})


def _subjects(reference: str) -> list[Subject]:
    """Give what a file asks to execute: a Python file itself, a program, each program of an ablation's cells."""
    from archsearch.cli.programs import programs_of
    from archsearch.errors import UsageError
    from archsearch.program.permission import program_subject
    from archsearch.trust import python_file

    name = reference if Path(reference).is_file() else reference.rpartition(":")[0] or reference
    if name.endswith(".py") and Path(name).is_file():
        return [python_file(Path(name))]
    if not Path(name).is_file():
        raise UsageError(f"{reference}: no such file; give a program's file or a Python file (FILE.py or FILE.py:NAME)")
    subjects = [program_subject(spec, reference) for spec in programs_of(reference)]
    if not subjects:
        raise UsageError(
            f"{reference} executes nothing, so there is nothing to allow; programs and Python files (.py) do"
        )
    return [*{subject.digest: subject for subject in subjects}.values()]
