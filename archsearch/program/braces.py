"""What stands in braces in a command: `{seed}`, `{run_dir}`, `{device}`, and names of values; `{{` is a brace.

    parts("--lr={lr}")                     # ["--lr=", Brace("lr", 0)]
    filled("--lr={lr}", {"lr": 0.1})       # "--lr=0.1"

Plain text replacement and nothing else: no expression, no format, no shell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Plainest = str | int | float | bool | None

RUN_NAMES = ("seed", "run_dir", "device")  # what a run brings along, beside the values of the file
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Brace:
    """A name in braces, None for a brace that opens or closes nothing; `nth` counts the opening braces before it."""

    name: str | None
    nth: int


def parts(text: str) -> Iterator[str | Brace]:
    """Split a text into what stands as it is and what stands in braces."""
    opened = 0
    for piece in _PIECE.finditer(text):
        if piece[0] in ("{{", "}}"):
            yield piece[0][0]
        elif piece[1] is not None:
            yield Brace(piece[1].strip(), opened)
        elif piece[0] in "{}":
            yield Brace(None, opened)
        else:
            yield piece[0]
        opened += piece[0].count("{")


def braces(text: str) -> Iterator[Brace]:
    """Yield what stands in braces."""
    return (part for part in parts(text) if isinstance(part, Brace))


def alone(text: str) -> str | None:
    """Give the name where a text is one brace and nothing else.

    >>> alone("{extra}"), alone("x{extra}"), alone("{{extra}}")
    ('extra', None, None)
    """
    found = list(parts(text))
    return found[0].name if len(found) == 1 and isinstance(found[0], Brace) else None


def filled(text: str, values: Mapping[str, Plainest]) -> str:
    """Put values into the braces; a name that has none stays as it stands."""
    return "".join(part if isinstance(part, str) else _of(part, values) for part in parts(text))


def _of(brace: Brace, values: Mapping[str, Plainest]) -> str:
    name = brace.name
    return in_words(values[name]) if name is not None and name in values else f"{{{name or ''}}}"


def in_words(value: Plainest) -> str:
    """Write a value as it stands in a command: numbers and words as YAML has them.

    >>> in_words(0.001), in_words(True), in_words(None), in_words("batch"), in_words(1e-05)
    ('0.001', 'true', 'null', 'batch', '1e-05')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
