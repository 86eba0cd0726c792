"""What may be executed, as a person reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from archsearch.cli.console.base import out, sentences
from archsearch.trust import Allowed, Subject, trusted_file


def print_trusted(subjects: Sequence[Subject], path: Path) -> None:
    """Say what is allowed from now on: of several programs what each has that the first has not."""
    to = out()
    first, *others = subjects
    sentences(to, f"{first.name}, a {first.kind}, may run from now on, until it changes:")
    for line in first.shows:
        sentences(to, f"  {line}")
    for other in others:
        sentences(
            to, f"and with {'; '.join(' '.join(line.split()) for line in other.shows if line not in first.shows)}"
        )
    sentences(to, f"kept in {path}")


def print_taken_back(subject: Subject, count: int) -> None:
    """Say that something may run no more."""
    was = "may run no more" if count else "was not allowed before; nothing changed"
    sentences(out(), f"{subject.name}, a {subject.kind}, {was}")


def print_allowed(entries: Sequence[Allowed]) -> None:
    """List what was allowed, oldest first."""
    to = out()
    if not entries:
        sentences(to, f"nothing is allowed ({trusted_file()})")
    for one in entries:
        sentences(to, f"{one.name}  ({one.kind}, {one.at[:10]}, {one.digest[:12]})")
        for line in one.shows:
            sentences(to, f"  {line}")


def allowed_json(entries: Sequence[Allowed]) -> list[dict[str, Any]]:
    """Give what was allowed as JSON."""
    return [asdict(one) for one in entries]
