"""A search of a program in one line: `archsearch study --command ... --space ... --metric ...`.

    SearchLine("python train.py --lr {lr}", ["lr=float:1e-4..1e-1:log"], metric=["acc:last:acc=(.+)"]).declared(None)

The search is the file that `--write` would write, read again: one path for both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from archsearch.search.search_file import SearchFile

SPACE_FORMS = "NAME=float:LOW..HIGH, NAME=int:LOW..HIGH (each also with :log or :step=N), or NAME=VALUE,VALUE"
SpaceOption = Annotated[
    list[str] | None,
    typer.Option("--space", metavar="NAME=...", help=f"With --command: what is open. {SPACE_FORMS}."),
]


@dataclass(frozen=True, slots=True)
class SearchLine:
    """A search of a program as the options say it."""

    command: str | None = None
    space: Sequence[str] | None = None
    baseline: Sequence[str] | None = None
    metric: Sequence[str] | None = None
    maximize: str | None = None
    minimize: str | None = None
    folder: str | None = None

    def refuse_without_command(self) -> None:
        """Raise `UsageError` for an option that needs `--command`, where there is none."""
        from archsearch.errors import UsageError

        given = [one.name for one in fields(self) if one.name != "command" and getattr(self, one.name) is not None]
        if given and self.command is None:
            raise UsageError(f"--{given[0]} belongs to --command; a file says it itself")

    def declared(self, name: str | None, trials: int | None) -> SearchFile:
        """Declare the search; raise `UsageError` or `SpecError` for an option that is not written so."""
        from archsearch.errors import UsageError
        from archsearch.kinds import PROGRAM
        from archsearch.program.from_command import from_command, read_values
        from archsearch.search.without_file import declare_search

        assert self.command is not None
        if not self.space:
            raise UsageError(f"--command needs what is open: --space, once for each value: {SPACE_FORMS}")
        opened = dict(_read_space(text) for text in self.space)
        if len(opened) < len(self.space):
            raise UsageError("--space: a value is opened twice")
        given = read_values("--baseline", self.baseline or ())
        middle = {value: _middle(domain) for value, domain in opened.items() if value not in given}
        spec = from_command(
            self.command,
            given | middle,
            self.metric or (),
            folder=self.folder,
            maximize=self.maximize,
            minimize=self.minimize,
        )
        base = PROGRAM.spec_of(PROGRAM.plan(spec))
        way, wanted = PROGRAM.objective(base)
        declared = declare_search(
            base,
            {f"values.{value}": domain for value, domain in opened.items()},
            name=name or "-".join((spec.name, *opened))[:100],
            objective={way: wanted},
            trials=trials,
        )
        if not middle:
            return declared
        said = " ".join(f"{value}={middle[value]}" for value in middle)
        note = f"the baseline has {said}: the middle of what is open (--baseline NAME=VALUE gives another)"
        return replace(declared, note="\n".join(one for one in (declared.note, note) if one))


def _read_space(text: str) -> tuple[str, dict[str, Any]]:
    """Read one `--space`: the value's name, and what a file would say of it."""
    from archsearch.errors import UsageError
    from archsearch.program.from_command import read_values

    name, equals, given = text.partition("=")
    kind, colon, rest = given.partition(":")
    if not equals or not given or not name.isidentifier():
        raise UsageError(f"--space: expected {SPACE_FORMS}; got {text!r}")
    if not colon or kind not in ("int", "float"):
        choices = read_values("--space", [text], several=True)[name]
        return name, {"choice": list(choices)}
    bounds, *more = rest.split(":")
    low, dots, high = bounds.partition("..")
    try:
        number = int if kind == "int" else float
        domain: dict[str, Any] = {kind: [number(low), number(high)]}
        for word in more:
            key, _, value = word.partition("=")
            if word == "log":
                domain["log"] = True
            elif key == "step":
                domain["step"] = number(value)
            else:
                raise ValueError
    except ValueError:
        raise UsageError(f"--space {name}: expected {SPACE_FORMS}; got {text!r}") from None
    if not dots or not all(math.isfinite(value) for value in domain[kind]) or domain[kind][0] > domain[kind][1]:
        raise UsageError(f"--space {name}: expected LOW..HIGH, the lower number first; got {bounds!r}")
    if domain.get("log") and domain[kind][0] <= 0:
        raise UsageError(f"--space {name}: a log scale needs a lowest value above 0, got {low}")
    return name, domain


def _middle(domain: Mapping[str, Any]) -> Any:
    """Give the value of the baseline where none was given: the first choice, the middle of a range on its scale."""
    if "choice" in domain:
        return domain["choice"][0]
    kind = "int" if "int" in domain else "float"
    low, high = domain[kind]
    if step := domain.get("step"):
        return low + step * (int((high - low) / step + 1e-9) // 2)
    middle = math.sqrt(low * high) if domain.get("log") else (low + high) / 2
    return round(middle) if kind == "int" else min(max(float(f"{middle:.3g}"), low), high)


def write_files(study: SearchFile, path: Path) -> None:
    """Write a search of a program and the program itself beside it, to be edited; raise `UsageError` where they are."""
    from archsearch.cli import console
    from archsearch.errors import UsageError
    from archsearch.files import write_whole
    from archsearch.program.from_command import write_program
    from archsearch.spec.text.write import flow

    if study.kind.name != "program":
        raise UsageError("--write is for --command; this search has a file already")
    beside = path.with_name(f"{path.stem}_program.yaml")
    for file in (path, beside):
        if file.exists():
            raise UsageError(f"--write: {file} exists; choose another name")
    named = f"base: {flow(beside.name)}"
    lines = [named if line.startswith("base: ") else line for line in study.text.splitlines()]
    write_whole(beside, write_program(study.space.base, beside).encode())
    said = f"# archsearch study {path}      (once it is allowed: archsearch trust {path})"
    write_whole(path, "\n".join((said, *lines, "")).encode())
    console.note(f"wrote {beside}")
    console.note(f"wrote {path}; edit it, then: archsearch study {path}")
