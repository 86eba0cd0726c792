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
        if key == "title" and isinstance(item, str) and item != "archsearch experiment":
            continue
        if key == "prefixItems":
            result["items"] = [_draft7(part) for part in item]
        else:
            result[key] = _draft7(item)
    return result
