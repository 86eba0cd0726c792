"""The JSON Schemas that editors read, made from the spec classes.

    experiment_schema(["mnist", "digits"])      # draft 7, as the first line of every spec names it

They offer keys, layer kinds and fields while typing; the last word has the reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archsearch.spec.experiment import ExperimentSpec

_DRAFT = "http://json-schema.org/draft-07/schema#"
_ADDRESS = "a layer: its name (conv2), its kind (tanh), or kind and position (tanh[2])"


def experiment_schema(data_sets: Sequence[str]) -> dict[str, Any]:
    """Give the schema of files in `specs/`: a whole experiment, or a variant with `extends` and `edits`."""
    schema = ExperimentSpec.model_json_schema()
    definitions = schema.pop("$defs")
    definitions["DataSpec"]["properties"]["name"] = {"enum": list(data_sets), "description": "the data set"}
    layer = schema["properties"]["network"]["items"]
    definitions["Layer"] = layer
    _share(schema, layer)
    _share(definitions, layer, keep="Layer")
    definitions["Edit"] = _edit_schema()
    properties = schema["properties"] | {
        "extends": {"type": "string", "description": "the spec that this one changes: a name, or a path below here"},
        "edits": {"type": "array", "items": {"$ref": "#/definitions/Edit"}},
    }
    whole = {
        "$schema": _DRAFT,
        "title": "archsearch experiment",
        "description": "A network as a layer list, what it is trained on and how; or a variant of another spec.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "anyOf": [{"required": ["data", "network", "train"]}, {"required": ["extends"]}],
        "definitions": definitions,
    }
    schema_of_draft7: dict[str, Any] = _draft7(whole)
    return schema_of_draft7


def study_schema(data_sets: Sequence[str], study: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of files in `studies/`: `study` is that of the part that is not open, the rest is a spec's.

    Every value may be open there: `choice`, `int`, `float`, or `$name` for one that stands in `space`.
    """
    whole = experiment_schema(data_sets)
    definitions = {name: _open_fields(value) for name, value in whole["definitions"].items() if name != "Edit"}
    layer = definitions["Layer"]
    reference = {"$ref": "#/definitions/Layer"}
    several = {"anyOf": [reference, {"type": "array", "items": reference}]}
    definitions["Layer"] = {"anyOf": [*layer["anyOf"], _repeat_schema(reference), _choice_schema(several), _NAMED]}
    definitions["Open"] = {"anyOf": [_choice_schema({}), _range_schema("int"), _range_schema("float"), _NAMED]}
    for name in ("DataSpec", "TrainSpec"):
        definitions[name].pop("required", None)
    own = _draft7(study)
    definitions |= own.pop("definitions", {})
    definitions |= own.pop("$defs", {})
    parts = {
        "space": {"type": "object", "additionalProperties": {"$ref": "#/definitions/Open"}},
        "network": {"type": "array", "items": reference},
        "data": {"$ref": "#/definitions/DataSpec"},
        "train": {"$ref": "#/definitions/TrainSpec"},
    }
    return {
        "$schema": _DRAFT,
        "title": "archsearch study",
        "description": "A search: a network in which some values are left open, and how to look for the best.",
        "type": "object",
        "properties": own["properties"] | parts,
        "additionalProperties": False,
        "required": ["base", "objective"],
        "definitions": definitions,
    }


def ablation_schema(data_sets: Sequence[str], ablation: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of ablations in `studies/`: `ablation` is that of the file, edits are a variant's."""
    definitions = experiment_schema(data_sets)["definitions"]
    own = _draft7(ablation)
    definitions |= own.pop("definitions", {}) | own.pop("$defs", {})
    levels = {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/definitions/Edits"}}
    own["properties"]["factors"] = {"type": "object", "additionalProperties": levels}
    edit = {"$ref": "#/definitions/Edit"}
    definitions["Edits"] = {"anyOf": [edit, {"type": "array", "items": edit, "minItems": 1}]}
    return {
        "$schema": _DRAFT,
        "title": "archsearch ablation",
        "description": "A baseline, what changes around it, by which design, on how many seeds.",
        "type": "object",
        "properties": own["properties"],
        "additionalProperties": False,
        "required": ["baseline"],
        "definitions": definitions,
    }


_NAMED = {"type": "string", "pattern": r"^\$", "description": "an open value that stands in `space`"}


def _range_schema(word: str) -> dict[str, Any]:
    number = {"type": "integer" if word == "int" else "number"}
    bounds = {"type": "array", "items": number, "minItems": 2, "maxItems": 2, "description": "lowest, highest"}
    return {
        "type": "object",
        "properties": {word: bounds, "log": {"type": "boolean"}, "step": number},
        "required": [word],
        "additionalProperties": False,
    }


def _choice_schema(option: dict[str, Any]) -> dict[str, Any]:
    choices = {
        "anyOf": [
            {"type": "array", "items": option, "minItems": 1},
            {"type": "object", "additionalProperties": option, "minProperties": 1},
        ]
    }
    return {
        "type": "object",
        "properties": {"choice": choices, "name": {"type": "string"}},
        "required": ["choice"],
        "additionalProperties": False,
    }


def _repeat_schema(layer: dict[str, Any]) -> dict[str, Any]:
    fields = {
        "name": {"type": "string"},
        "times": {"anyOf": [{"type": "integer", "minimum": 0}, _range_schema("int")]},
        "layers": {"type": "array", "items": layer},
        "shared": {"type": "boolean", "description": "true: the same values in every repetition"},
    }
    repeat = {
        "type": "object",
        "properties": fields,
        "required": ["name", "times", "layers"],
        "additionalProperties": False,
    }
    return {"type": "object", "properties": {"repeat": repeat}, "required": ["repeat"], "additionalProperties": False}


def _open_fields(definition: dict[str, Any]) -> dict[str, Any]:
    """Let every field of a definition be open too; a block's layers are open by themselves."""
    fields = definition.get("properties")
    if not isinstance(fields, dict):
        return definition
    opened = {name: _open_field(name, value) for name, value in fields.items()}
    return definition | {"properties": opened}


def _open_field(name: str, value: dict[str, Any]) -> dict[str, Any]:
    if name in ("name", "layers"):
        return value
    if name == "branches":
        return value | {"items": {"anyOf": [value["items"], _choice_schema(value["items"])]}}
    return {"anyOf": [value, {"$ref": "#/definitions/Open"}]}


def _share(value: Any, layer: dict[str, Any], keep: str | None = None) -> None:
    """Replace every copy of the layer schema by a reference to the one definition."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        if item == layer and key != keep:
            value[key] = {"$ref": "#/definitions/Layer"}
        elif key != keep:
            _share(item, layer)


def _edit_schema() -> dict[str, Any]:
    one_or_more = {
        "anyOf": [{"$ref": "#/definitions/Layer"}, {"type": "array", "items": {"$ref": "#/definitions/Layer"}}]
    }
    layers = {"type": "array", "items": {"$ref": "#/definitions/Layer"}}
    address = {"type": "string", "description": _ADDRESS}
    verbs: dict[str, Any] = {
        "set": {
            "type": "object",
            "description": "values by path: conv1.out_channels, train.epochs",
            "minProperties": 1,
        },
        "replace": {"type": "object", "description": _ADDRESS, "additionalProperties": one_or_more, "minProperties": 1},
        "drop": {"anyOf": [address, {"type": "array", "items": address}]},
        "insert": {
            "type": "object",
            "properties": {"after": address, "before": address, "layers": layers},
            "required": ["layers"],
            "additionalProperties": False,
        },
    }
    return {
        "type": "object",
        "properties": verbs,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _draft7(value: Any) -> Any:
    """Write Pydantic's 2020-12 output in draft 7: `definitions` for `$defs`, `items` for `prefixItems`, no titles."""
    if isinstance(value, list):
        return [_draft7(item) for item in value]
    if not isinstance(value, dict):
        return value.replace("#/$defs/", "#/definitions/") if isinstance(value, str) else value
    result = {}
    for key, item in value.items():
        if key == "title" and isinstance(item, str) and not item.startswith("archsearch "):
            continue
        if key == "prefixItems":
            result["items"] = [_draft7(part) for part in item]
        else:
            result[key] = _draft7(item)
    return result
