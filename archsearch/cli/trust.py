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
        typer.Argument(
            metavar="[FILE]",
            help="A program, an ablation or a search of one (.yaml), or Python: FILE.py, FILE.py:NAME.",
        ),
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
    subjects = _subjects(file)
    if remove:
        count = sum(distrust(subject) for subject in subjects)
        if json:
            console.print_json({"name": subjects[0].name, "removed": count})
        else:
            console.print_taken_back(subjects[0], count)
        return
    paths = [trust(subject) for subject in subjects]
    if json:
        digests = [subject.digest for subject in subjects]
        console.print_json({"name": subjects[0].name, "digests": digests, "file": str(paths[0])})
    else:
        console.print_trusted(subjects, paths[0])


def _subjects(reference: str) -> list[Subject]:
    """Give what a file asks to execute: of an ablation the programs of all its cells, each once."""
    from archsearch.cli.programs import programs_of
    from archsearch.errors import UsageError
    from archsearch.program.permission import program_subject
    from archsearch.trust import python_file

    name = reference if Path(reference).is_file() else reference.rpartition(":")[0] or reference
    if not Path(name).is_file():
        raise UsageError(f"{reference}: no such file; give a program's file (.yaml), FILE.py or FILE.py:NAME")
    if name.endswith(".py"):
        return [python_file(Path(name))]
    specs = programs_of(name) if name.endswith((".yaml", ".yml")) else []
    if not specs:
        raise UsageError(f"{reference} executes nothing, so there is nothing to allow; programs and Python files do")
    subjects = [program_subject(spec, reference) for spec in specs]
    return list({subject.digest: subject for subject in subjects}.values())
