"""The pieces of the JSON Schemas that no class has: open values, repeats, names and what is computed of them.

    choice_schema({}, [32, 64]), range_schema("int"), NAMED

schema.py puts them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NAMED = {"type": "string", "pattern": r"^\$", "description": "an open value that stands in `space`"}
NAMED_VALUE = {"type": "string", "pattern": r"^\$", "description": "what stands under this name in `values`"}
COMPUTED = {
    "type": "string",
    "pattern": r"^\$|[\w)]\s*[-+*/]",
    "description": "a value with a name ($w), or what is computed of some: 2*w, w/2, (a + b)//4",
}


def range_schema(word: str) -> dict[str, Any]:
    """Give the schema of an open range, `word` is int or float."""
    number = {"type": "integer" if word == "int" else "number"}
    ends: dict[str, Any] = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
    example = [8, 64] if word == "int" else [0.0001, 0.01]
    log = {"type": "boolean", "default": False}
    return {
        "type": "object",
        "properties": {
            word: worded(ends, "The lowest and the highest value; both may be taken.", example),
            "log": worded(log, "Whether values are drawn evenly on a logarithmic scale.", True),
            "step": worded({**number, "default": None}, "Distance between values; by default 1, or none for float.", 1),
        },
        "required": [word],
        "additionalProperties": False,
    }


def choice_schema(option: dict[str, Any], example: list[Any]) -> dict[str, Any]:
    """Give the schema of a choice among options of a schema."""
    choices = {
        "anyOf": [
            {"type": "array", "items": option, "minItems": 1},
            {"type": "object", "additionalProperties": option, "minProperties": 1},
        ]
    }
    return {
        "type": "object",
        "properties": {
            "choice": worded(choices, "What may stand here: a list, or options with names.", example),
            "name": worded(
                {"type": "string"}, "Name of this open value; by default made of its layer and field.", "pool"
            ),
        },
        "required": ["choice"],
        "additionalProperties": False,
    }


def open_repeat_schema(layer: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of layers that a search repeats."""
    times = {"anyOf": [{"type": "integer", "minimum": 0}, range_schema("int")]}
    shared = worded({"type": "boolean", "default": False}, "Whether every repetition has the same values.", True)
    return repeat_schema(layer, times, {"shared": shared}, required=("name", "times", "layers"))


def repeat_schema(
    layer: dict[str, Any],
    times: dict[str, Any],
    more: dict[str, Any] | None = None,
    *,
    required: Sequence[str] = ("times", "layers"),
) -> dict[str, Any]:
    free = "" if "name" in required else "; by default it has none"
    fields = {
        "name": worded({"type": "string"}, f"What its values are named after: conv.depth, conv2.bias{free}.", "conv"),
        "times": worded(
            times,
            "How often the layers stand there, at most 64 times.",
            3,
        ),
        "layers": worded(
            {"type": "array", "items": layer},
            "The layers of one repetition; each repetition has its own open values.",
            [{"conv2d": {"out_channels": 16, "kernel_size": 3}}, "relu"],
        ),
        **(more or {}),
    }
    repeat = {
        "type": "object",
        "properties": fields,
        "required": list(required),
        "additionalProperties": False,
    }
    example = {"name": "conv", "times": 3, "layers": ["relu"]}
    properties = {"repeat": worded(repeat, "Layers that stand there several times, one after the other.", example)}
    return {"type": "object", "properties": properties, "required": ["repeat"], "additionalProperties": False}


def worded(schema: dict[str, Any], description: str, example: Any) -> dict[str, Any]:
    """Say what a key is, with an example: for keys that are no field of a class."""
    return {**schema, "description": description, "examples": [example]}
