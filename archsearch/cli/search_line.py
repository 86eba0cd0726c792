"""A search of a program in one line: `archsearch study --command ... --space ... --metric ...`.

    SearchLine("python train.py --lr {lr}", ["lr=float:1e-4..1e-1:log"], metric=["acc:last:acc=(.+)"]).declared(None)

The search is the file that `--write` would write, read again: one path for both.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsearch.cli.programs import CommandLine, write_program_beside
from archsearch.wording import SPACE_FORMS, yaml_word

if TYPE_CHECKING:
    from archsearch.search.search_file import SearchFile

SpaceOption = Annotated[
    list[str] | None,
    typer.Option("--space", metavar="NAME=...", help=f"With --command: what is open. {SPACE_FORMS}."),
]


@dataclass(frozen=True, slots=True)
class SearchLine(CommandLine):
    """A search of a program as the options say it."""

    space: Sequence[str] | None = None
    baseline: Sequence[str] | None = None
    metric: Sequence[str] | None = None
    maximize: str | None = None
    minimize: str | None = None
    folder: str | None = None

    def declared(self, name: str | None, trials: int | None) -> SearchFile:
        """Declare the search; raise `UsageError` or `SpecError` for an option that is not written so."""
        from archsearch.errors import UsageError
        from archsearch.program.from_command import from_command, read_values
        from archsearch.search.without_file import declare_values, middle_of, read_space

        assert self.command is not None
        if not self.space:
            raise UsageError(f"--command needs what is open: --space, once for each value: {SPACE_FORMS}")
        opened = dict(read_space(text) for text in self.space)
        if len(opened) < len(self.space):
            raise UsageError("--space: a value is opened twice")
        given = read_values("--baseline", self.baseline or ())
        middle = {value: middle_of(domain) for value, domain in opened.items() if value not in given}
        spec = from_command(
            self.command,
            given | middle,
            self.metric or (),
            folder=self.folder,
            maximize=self.maximize,
            minimize=self.minimize,
        )
        declared = declare_values(spec, opened, name=name or "-".join((spec.name, *opened))[:100], trials=trials)
        if not middle:
            return declared
        said = " ".join(f"{value}={yaml_word(middle[value])}" for value in middle)
        note = f"the baseline has {said}: the middle of what is open (--baseline NAME=VALUE gives another)"
        return replace(declared, note="\n".join(one for one in (declared.note, note) if one))


def write_files(study: SearchFile, path: Path) -> None:
    """Write a search of a program and the program itself beside it, to be edited; raise `UsageError` where they are."""
    from archsearch.cli import console
    from archsearch.errors import UsageError
    from archsearch.files import write_whole
    from archsearch.spec.text.write import flow

    if study.kind.name != "program":
        raise UsageError("--write is for --command; this search has a file already")
    beside = write_program_beside(study.space.base, path)
    named = f"base: {flow(beside.name)}"
    lines = [named if line.startswith("base: ") else line for line in study.text.splitlines()]
    quoted = shlex.quote(str(path))
    said = f"# archsearch study {quoted}      (once it is allowed: archsearch trust {quoted})"
    write_whole(path, "\n".join((said, *lines, "")).encode())
    console.note(f"wrote {path}; edit it, then: archsearch study {quoted}")
