"""The field types that specs are made of, beside the plain numbers of `plain.py`.

    class Thing(Plain):
        size: Pair            # 3 or [3, 5] in YAML, always (3, 5) in Python

Knows nothing of layers, data or torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema
from pydantic.config import JsonDict, JsonValue
from pydantic_core import PydanticCustomError

from archsearch.plain import LARGEST


def written_default(value: JsonValue) -> JsonDict:
    """Give the schema the default as YAML has it, for a field whose default is made by a class."""
    return {"default": value}


# What is said of a text that does not match a pattern stands with the pattern.
SAID_OF_PATTERNS: dict[str, str] = {}


def text_pattern(pattern: str, says: str) -> StringConstraints:
    """Let a text match a pattern; `says` is the end of the sentence about one that does not: may hold letters only."""
    SAID_OF_PATTERNS[pattern] = says
    return StringConstraints(pattern=pattern)


# A name is one word of an address such as `conv1.out_channels`.
LAYER_NAME = r"^[a-z][a-z0-9_]{0,63}$"
SPEC_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
LayerName = Annotated[
    str, text_pattern(LAYER_NAME, "may hold small letters, digits and _ only, and begins with a letter, 64 at most")
]
SpecName = Annotated[
    str, text_pattern(SPEC_NAME, "may hold letters, digits, _ . - only, and begins with a letter or digit, 100 at most")
]
Text = Annotated[str, StringConstraints(max_length=10_000)]

# What every file may say of where it comes from.
WhereFrom = Annotated[
    Text | None,
    Field(
        description="Where it comes from: a paper, a page, a repository.",
        examples=["LeCun et al. 1998, fig. 2"],
    ),
]
Departures = Annotated[
    tuple[Text, ...],
    Field(
        strict=False,
        description="Where it differs from its source, one sentence each.",
        examples=[["Average pooling has no trainable weights."]],
    ),
]


def _whole(value: object, least: int, or_word: str = "") -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticCustomError("whole_number", "expected a whole number{or_word}", {"or_word": or_word})
    if not least <= value <= LARGEST:
        raise PydanticCustomError(
            "out_of_range", "must be between {least} and {most}", {"least": least, "most": LARGEST}
        )
    return value


def _read_pair(least: int, or_word: str = " or a pair") -> Callable[[object], tuple[int, int]]:
    def read(value: object) -> tuple[int, int]:
        if isinstance(value, (list, tuple)):
            if len(value) != 2:
                raise PydanticCustomError("pair", "expected a number or a pair [height, width]")
            return (_whole(value[0], least), _whole(value[1], least))
        number = _whole(value, least, or_word)
        return (number, number)

    return read


def _write_pair(value: tuple[int, int]) -> int | list[int]:
    """Write (5, 5) as 5: how a person would."""
    return value[0] if value[0] == value[1] else list(value)


def _pair_schema(least: int) -> dict[str, Any]:
    number = {"type": "integer", "minimum": least}
    return {"anyOf": [number, {"type": "array", "items": number, "minItems": 2, "maxItems": 2}]}


_writer = PlainSerializer(_write_pair, return_type=int | list[int])
Pair = Annotated[tuple[int, int], BeforeValidator(_read_pair(1)), _writer, WithJsonSchema(_pair_schema(1))]
PaddingPair = Annotated[tuple[int, int], BeforeValidator(_read_pair(0)), _writer, WithJsonSchema(_pair_schema(0))]


def _read_triple(least: int) -> Callable[[object], tuple[int, int, int]]:
    def read(value: object) -> tuple[int, int, int]:
        if isinstance(value, (list, tuple)):
            if len(value) != 3:
                raise PydanticCustomError("triple", "expected a number or three, [depth, height, width]")
            return (_whole(value[0], least), _whole(value[1], least), _whole(value[2], least))
        number = _whole(value, least, " or three, [depth, height, width]")
        return (number, number, number)

    return read


def _write_sizes(value: tuple[int, ...]) -> int | list[int]:
    """Write (5, 5, 5) as 5: how a person would."""
    return value[0] if len(set(value)) == 1 else list(value)


def _list_schema(least: int, *counts: int) -> dict[str, Any]:
    number = {"type": "integer", "minimum": least}
    lists = [{"type": "array", "items": number, "minItems": count, "maxItems": count} for count in counts]
    return {"anyOf": [number, *lists]}


_sizes_writer = PlainSerializer(_write_sizes, return_type=int | list[int])
Triple = Annotated[
    tuple[int, int, int], BeforeValidator(_read_triple(1)), _sizes_writer, WithJsonSchema(_list_schema(1, 3))
]
PaddingTriple = Annotated[
    tuple[int, int, int], BeforeValidator(_read_triple(0)), _sizes_writer, WithJsonSchema(_list_schema(0, 3))
]


def _read_sides(value: object) -> tuple[int, ...]:
    if isinstance(value, (list, tuple)):
        if len(value) not in (2, 4, 6):
            raise PydanticCustomError(
                "sides", "expected a number, [left, right], [left, right, top, bottom] or six numbers for a volume"
            )
        return tuple(_whole(part, 0) for part in value)
    return (_whole(value, 0, " or a list of one for each side"),)


# What is added at each side: (n,) at all of them, else torch's order, from the last size to the first.
Sides = Annotated[
    tuple[int, ...],
    BeforeValidator(_read_sides),
    PlainSerializer(lambda value: value[0] if len(value) == 1 else list(value), return_type=int | list[int]),
    WithJsonSchema(_list_schema(0, 2, 4, 6)),
]


def _same_or(read: Callable[[object], object]) -> BeforeValidator:
    return BeforeValidator(lambda value: value if value == "same" else read(value))


# What a convolution's padding may be: a number, (for maps) a pair, or `same`: as much as keeps the size.
ConvPadding = Annotated[
    int | Literal["same"],
    _same_or(lambda value: _whole(value, 0, " or the word same")),
    WithJsonSchema({"anyOf": [{"const": "same"}, {"type": "integer", "minimum": 0}]}),
]
ConvPaddingPair = Annotated[
    tuple[int, int] | Literal["same"],
    _same_or(_read_pair(0, ", a pair or the word same")),
    PlainSerializer(lambda value: value if value == "same" else _write_pair(value)),
    WithJsonSchema({"anyOf": [{"const": "same"}, *_pair_schema(0)["anyOf"]]}),
]

ConvPaddingTriple = Annotated[
    tuple[int, int, int] | Literal["same"],
    _same_or(_read_triple(0)),
    PlainSerializer(lambda value: value if value == "same" else _write_sizes(value)),
    WithJsonSchema({"anyOf": [{"const": "same"}, *_list_schema(0, 3)["anyOf"]]}),
]

# The groups of a convolution; `in` stands for as many as channels come in until the network is planned.
GroupCount = Annotated[
    int | Literal["in"],
    BeforeValidator(lambda value: value if value == "in" else _whole(value, 1, " or the word in")),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "in"}]}),
]


def _classes_or_number(value: object) -> object:
    if value in ("classes", "outputs"):
        return "classes"
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticCustomError("width", "expected a whole number or the word classes")
    return _whole(value, 1)


# `classes` stands for what the data's task wants of the last layer until the network is planned; `outputs` is another
# word for it, where there are no classes.
Width = Annotated[
    int | Literal["classes"],
    BeforeValidator(_classes_or_number),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"enum": ["classes", "outputs"]}]}),
]
