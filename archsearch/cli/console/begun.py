"""What `archsearch init` found and wrote, and what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from archsearch.cli.console.base import out, sentences

if TYPE_CHECKING:
    from archsearch.init.begin import Begun


def print_begun(begun: Begun) -> None:
    """Print what was found, what was written, what is left to fill in and the next commands."""
    to = out()
    for line in begun.found:
        sentences(to, f"found  {line}")
    for sentence in begun.said:
        sentences(to, f"note   {sentence}")
    for path, _, what in begun.files:
        to.print(Text.assemble("wrote  ", (str(path), "bold"), f"  {what}"), soft_wrap=True)
    for sentence in begun.open:
        sentences(to, f"open   {sentence}", "yellow")
    start = "then" if begun.open else "next"
    for command in begun.next:
        to.print(Text(f"{start}   {command}"), soft_wrap=True)
        start = "    "


def begun_json(begun: Begun) -> dict[str, Any]:
    """Give what `print_begun` prints as one document."""
    return {
        "path": str(begun.path),
        "kind": begun.kind,
        "found": list(begun.found),
        "wrote": [str(path) for path, _, _ in begun.files],
        "open": list(begun.open),
        "notes": list(begun.said),
        "next": list(begun.next),
    }
