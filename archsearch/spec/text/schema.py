"""The JSON Schemas that editors read, made from the spec classes.

    experiment_schema(["mnist", "digits"])      # draft 7, as the first line of every spec names it

They offer keys, layer kinds and fields while typing; the last word has the reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import LAYER_KINDS
from archsearch.spec.text.schema_parts import (
    COMPUTED,
    NAMED,
    NAMED_VALUE,
    choice_schema,
    open_repeat_schema,
    range_schema,
    repeat_schema,
    worded,
)

_DRAFT = "http://json-schema.org/draft-07/schema#"
_FUNCTION = {"type": "string", "pattern": r"\.py:[A-Za-z_]\w*$", "description": "a function of your own: FILE.py:NAME"}
_ADDRESS = "a layer: its name (conv2), its kind (tanh), or kind and position (tanh[2])"


def experiment_schema(data_sets: Sequence[str]) -> dict[str, Any]:
    """Give the schema of files in `specs/`: a whole experiment, or a variant with `extends` and `edits`."""
    schema = ExperimentSpec.model_json_schema()
    definitions = schema.pop("$defs")
    definitions["DataSpec"]["properties"]["name"] |= {"enum": list(data_sets)}
    data, words = _parted(schema["properties"]["data"])[::-1]
    schema["properties"]["data"] = {"anyOf": [data, _FUNCTION], **words}
    layer = schema["properties"]["network"]["items"]
    definitions["Layer"] = layer
    _share(schema, layer)
    _share(definitions, layer, keep="Layer")
    definitions["Edit"] = _edit_schema()
    definitions["Computed"] = COMPUTED
    for kind in LAYER_KINDS.values():
        definitions[kind.__name__] = _computed_fields(definitions[kind.__name__])
    branches = definitions["Parallel"]["properties"]["branches"]
    branches["items"] = {"anyOf": [*branches["items"]["anyOf"], {"enum": ["none"]}]}
    reference = {"$ref": "#/definitions/Layer"}
    repeat = repeat_schema(
        reference, {"anyOf": [{"type": "integer", "minimum": 0}, {"$ref": "#/definitions/Computed"}]}
    )
    definitions["Layer"] = {"anyOf": [*layer["anyOf"], repeat, NAMED_VALUE]}
    properties = schema["properties"] | {
        "values": worded(
            {"type": "object", "default": {}},
            "Values with names, which layers use as `$name`, and widths as `2*w` or `w/2`.",
            {"w": 32, "activation": "relu"},
        ),
        "extends": worded({"type": "string"}, "The spec that this changes: a name, or a path below here.", "lenet5"),
        "edits": worded(
            {"type": "array", "items": {"$ref": "#/definitions/Edit"}, "default": []},
            "What is changed in the spec that `extends` names, one change after the other.",
            [{"replace": {"tanh": "relu"}}],
        ),
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
    layers = definitions["Layer"]["anyOf"][:-2]  # a search has a repeat, and names, of its own
    reference = {"$ref": "#/definitions/Layer"}
    several = {"anyOf": [reference, {"type": "array", "items": reference}]}
    definitions["Layer"] = {
        "anyOf": [*layers, open_repeat_schema(reference), choice_schema(several, ["tanh", "relu"]), NAMED]
    }
    computed = {"$ref": "#/definitions/Computed"}
    definitions["Open"] = {"anyOf": [choice_schema({}, [32, 64]), range_schema("int"), range_schema("float"), computed]}
    for name, required in (("DataSpec", "name"), ("TrainSpec", "epochs")):
        definitions[name].pop("required", None)
        of_the_base = definitions[name]["properties"][required]
        of_the_base["description"] = of_the_base["description"].rstrip(".") + "; by default the base's."
    own = _draft7(study)
    definitions |= own.pop("definitions", {})
    definitions |= own.pop("$defs", {})
    parts = {
        "space": worded(
            {"type": "object", "additionalProperties": {"$ref": "#/definitions/Open"}, "default": {}},
            "Open values with names, used as `$name` in several places; of a program by their paths.",
            {"activation": {"choice": ["tanh", "relu"]}},
        ),
        "never": worded(
            {"type": "array", "items": {"type": "object", "minProperties": 1}, "default": []},
            "Values that are never tried together, by the names of their open values: one, a list, or a range.",
            [{"conv1.out_channels": [32, 64], "pool": "max"}],
        ),
        "network": worded(
            {"type": "array", "items": reference},
            "The layers, with open values, repeats and choices; by default the base's.",
            ["flatten", {"linear": {"out_features": {"int": [8, 64]}}}, {"linear": {"out_features": "classes"}}],
        ),
        "data": worded(
            {"$ref": "#/definitions/DataSpec"},
            "What differs from the base's data; by default nothing.",
            {"augment": [{"shift": {"pixels": {"int": [1, 4]}}}]},
        ),
        "train": worded(
            {"$ref": "#/definitions/TrainSpec"},
            "What differs from the base's training; by default nothing.",
            {"optimizer": {"adam": {"lr": {"float": [0.0001, 0.01], "log": True}}}},
        ),
    }
    return {
        "$schema": _DRAFT,
        "title": "archsearch study",
        "description": "A search: a network in which some values are left open, and how to look for the best.",
        "type": "object",
        "properties": own["properties"] | parts,
        "additionalProperties": False,
        "required": ["base"],
        "definitions": definitions,
    }


def ablation_schema(data_sets: Sequence[str], ablation: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of ablations in `studies/`: `ablation` is that of the file, edits are a variant's."""
    definitions = experiment_schema(data_sets)["definitions"]
    own = _draft7(ablation)
    definitions |= own.pop("definitions", {}) | own.pop("$defs", {})
    levels = {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/definitions/Edits"}}
    said, _ = _parted(own["properties"]["factors"])
    own["properties"]["factors"] = {"type": "object", "additionalProperties": levels, **said}
    edit = {"$ref": "#/definitions/Edit"}
    definitions["Edit"] = _one_of(definitions["Edit"]["properties"] | _program_edits())
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


def program_schema(program: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of files of programs: `program` is Pydantic's, without what is taken in when a file is read."""
    own = _draft7(program)
    definitions = own.pop("definitions", {}) | own.pop("$defs", {})
    properties = own["properties"]
    for holder, taken_in in ((properties, "hashed"), (definitions["ProgramSection"]["properties"], "source")):
        del holder[taken_in]
    del definitions["ConfigFile"]["properties"]["text"]
    del definitions["FilesDigest"]
    section, word = definitions["ProgramSection"]["properties"], {"type": "string"}
    section["ref"]["anyOf"].append(word)
    section["patches"]["items"] = word
    del definitions["Patch"]
    ((pattern, metric),) = properties["metrics"]["patternProperties"].items()
    words = {"enum": ["measured", "returned"]}
    properties["metrics"]["patternProperties"] = {pattern: {"anyOf": [metric, words]}}
    for named in (properties["metrics"], properties["values"], properties["lint"], section["environment"]):
        named["additionalProperties"] = False
    return {
        "$schema": _DRAFT,
        "title": "archsearch program",
        "description": "A command or a Python function, the values in its braces, and the metrics that it gives.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": ["program", "metrics"],
        "definitions": definitions,
    }


def _open_fields(definition: dict[str, Any]) -> dict[str, Any]:
    """Let every field of a definition be open too; a block's layers are open by themselves."""
    fields = definition.get("properties")
    if not isinstance(fields, dict):
        return definition
    opened = {name: _open_field(name, value) for name, value in fields.items()}
    return definition | {"properties": opened}


def _computed_fields(definition: dict[str, Any]) -> dict[str, Any]:
    """Let every whole number of a layer be computed too."""
    fields = {}
    for name, field in definition.get("properties", {}).items():
        said, closed = _parted(field)
        whole = any(one.get("type") == "integer" for one in (closed, *closed.get("anyOf", ())))
        fields[name] = {"anyOf": [closed, {"$ref": "#/definitions/Computed"}], **said} if whole else field
    return definition | {"properties": fields} if fields else definition


def _open_field(name: str, field: dict[str, Any]) -> dict[str, Any]:
    if name in ("name", "layers", "shortcut"):
        return field
    said, closed = _parted(field)
    if name == "branches":
        return closed | {"items": {"anyOf": [closed["items"], choice_schema(closed["items"], [["tanh"], []])]}} | said
    return {"anyOf": [closed, {"$ref": "#/definitions/Open"}], **said}


def _parted(field: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part what is said of a field from what it may be."""
    said = {key: value for key, value in field.items() if key in ("description", "default", "examples")}
    return said, {key: value for key, value in field.items() if key not in said}


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
        "set": worded(
            {"type": "object", "minProperties": 1},
            "Values by their path; by default nothing is set.",
            {"conv1.out_channels": 10, "train.epochs": 3},
        ),
        "replace": worded(
            {"type": "object", "additionalProperties": one_or_more, "minProperties": 1},
            f"Other layers for those of an address ({_ADDRESS}); by default none.",
            {"tanh": "relu"},
        ),
        "drop": worded(
            {"anyOf": [address, {"type": "array", "items": address}]},
            f"Layers to take out ({_ADDRESS}); by default none.",
            "softmax",
        ),
        "insert": worded(
            {
                "type": "object",
                "properties": {
                    "after": worded(address, f"Where: {_ADDRESS}; by default given as `before`.", "conv1"),
                    "before": worded(address, f"Where: {_ADDRESS}; by default given as `after`.", "fc1"),
                    "layers": worded(layers, "The layers to put there.", ["batch_norm2d"]),
                },
                "required": ["layers"],
                "additionalProperties": False,
            },
            "Layers to put after or before one layer; by default none.",
            {"after": "conv1", "layers": ["batch_norm2d"]},
        ),
    }
    return _one_of(verbs)


def _program_edits() -> dict[str, Any]:
    """Give the edits that only programs have."""
    files = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    return {
        "append": worded(
            {"type": "object", "minProperties": 1},
            "More arguments of a program, by the path of a list; by default none.",
            {"values.extra": ["--no-warmup"]},
        ),
        "patch": worded(files, "A diff for a program's files; by default none.", "no_whitening.diff"),
        "ref": worded(
            {"type": "string"}, "A program's files as in a git commit; by default as they are.", "feature/muon"
        ),
    }


def _one_of(verbs: dict[str, Any]) -> dict[str, Any]:
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
