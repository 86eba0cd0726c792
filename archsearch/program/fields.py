"""The field types of a program's file: arguments, durations, patterns, names of values and of variables."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from archsearch.spec.fields import text_pattern

VALUE_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
_OF_A_SHELL = ("&&", "||", "|", "&", ";", ">", ">>", "<", "2>&1", "2>", "&>")
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?")

ValueName = Annotated[
    str, text_pattern(VALUE_NAME, "may hold letters, digits and _ only, and begins with a letter or _, 64 at most")
]
Variable = Annotated[
    str,
    text_pattern(
        r"^[A-Za-z_][A-Za-z0-9_]{0,127}$",
        "is no name of a variable: letters, digits and _ only, beginning with a letter or _",
    ),
]
Argument = str | int | float | bool | None


def _split(value: Any) -> Any:
    """Split a string as a shell would; refuse what only a shell can do."""
    if not isinstance(value, str):
        return value
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise PydanticCustomError(
            "command", "cannot be split: {why}; write a list", {"why": str(error).lower()}
        ) from None
    for word in words:
        if word in _OF_A_SHELL:
            raise PydanticCustomError(
                "command",
                "{word} is for a shell, and none runs here; put it into a script, or write [sh, -c, '...']",
                {"word": word},
            )
    if words and re.match(r"[A-Za-z_]\w*=", words[0]):
        raise PydanticCustomError(
            "command", "{word} sets a variable; write it under environment", {"word": words[0].partition("=")[0]}
        )
    return words


Arguments = Annotated[
    tuple[str | int | float, ...],
    BeforeValidator(_split),
    Field(strict=False, min_length=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1},
            ]
        }
    ),
]


def _seconds(value: Any) -> Any:
    """Read 90, "90", "45s", "30m" or "1h30m"."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return value
    if isinstance(value, str):
        found = _DURATION.fullmatch(value.replace(" ", ""))
        if value.strip().isdigit():
            value = float(value)
        elif found is None or not any(found.groups()):
            raise PydanticCustomError("duration", "expected seconds, or a text such as 45s, 30m, 2h or 1h30m")
        else:
            days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
            value = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return float(value)


Seconds = Annotated[
    float,
    BeforeValidator(_seconds),
    Field(gt=0),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}),
]


def pattern_of_one_group(value: Any) -> Any:
    """Check that a pattern is one, and has the one group that the number stands in."""
    if not isinstance(value, str):
        return value
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise PydanticCustomError("pattern", "is no pattern: {why}", {"why": str(error)}) from None
    if groups != 1:
        raise PydanticCustomError(
            "pattern",
            "needs one group, for the number, and has {groups}; such as loss=(\\S+), and (?:...) for what is no number",
            {"groups": groups},
        )
    return value
