"""Things written as one key with named fields (`conv2d: {out_channels: 6}`) or as a bare word (`tanh`).

    Optimizer = Annotated[Sgd | Adam, OneKey("optimizer")]

Layers, optimisers, schedules, losses and augmentations are all written so. A class takes part by deriving from
`Kind`, which gives it its `kind`: the key. A bare word works for each class whose fields all have defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from archsearch.plain import Plain


class Kind(Plain):
    """One member of a `OneKey` union; `kind` is the key it is written under."""

    kind: ClassVar[str]


def has_defaults(kind: type[Kind]) -> bool:
    """Say whether a bare word is enough: no field must be written."""
    return not any(field.is_required() for field in kind.model_fields.values())


def one_of(kinds: Sequence[type[Kind]]) -> str:
    """List kinds as a sentence does: `sgd, adam, adamw or rmsprop`."""
    *most, last = (kind.kind for kind in kinds)
    return f"{', '.join(most)} or {last}" if most else last


@dataclass(frozen=True)
class OneKey:
    """Annotation that makes a union of `Kind` classes read and write as one key; `noun` is used in errors."""

    noun: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        classes: tuple[type[Kind], ...] = get_args(source) or (source,)
        choices: dict[str, core_schema.CoreSchema] = {
            cls.kind: core_schema.no_info_before_validator_function(_fields, handler.generate_schema(cls))
            for cls in classes
        }
        return core_schema.tagged_union_schema(
            choices,
            discriminator=self._kind_of,
            serialization=core_schema.wrap_serializer_function_ser_schema(_write),
            metadata={"pydantic_js_functions": [lambda _, json: _json_schema(classes, choices, json)]},
        )

    @staticmethod
    def _kind_of(value: object) -> str | None:
        if isinstance(value, Kind):
            return value.kind
        if isinstance(value, str):
            return value
        if isinstance(value, dict) and len(value) == 1:
            return str(next(iter(value)))
        return None  # pydantic reports `union_tag_not_found`; spec/sentences.py says what was expected


def _json_schema(
    classes: tuple[type[Kind], ...], choices: dict[str, core_schema.CoreSchema], handler: GetJsonSchemaHandler
) -> dict[str, Any]:
    words = [cls.kind for cls in classes if has_defaults(cls)]
    options: list[dict[str, Any]] = [{"enum": words}] if words else []
    options += [
        {
            "type": "object",
            "description": doc,
            "properties": {cls.kind: {**handler(choices[cls.kind]), "description": doc, "examples": [_example(cls)]}},
            "required": [cls.kind],
            "additionalProperties": False,
        }
        for cls in classes
        for doc in [(cls.__doc__ or "").strip().split("\n")[0]]
    ]
    return {"anyOf": options}


def _example(cls: type[Kind]) -> dict[str, Any]:
    """Give the fields that must be written, each with its first example."""
    fields = cls.model_fields.items()
    return {name: field.examples[0] for name, field in fields if field.is_required() and field.examples}


def _fields(value: object) -> object:
    """`{conv2d: {...}}` or `tanh` -> the fields of the class that the key names."""
    if isinstance(value, str):
        return {}
    if isinstance(value, dict):
        fields = next(iter(value.values()))
        return {} if fields is None else fields
    return value


def _write(value: Any, handler: core_schema.SerializerFunctionWrapHandler) -> Any:
    fields = handler(value)
    return {value.kind: fields} if fields else value.kind
