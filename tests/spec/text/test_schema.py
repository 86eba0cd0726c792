"""The JSON Schema that editors read: committed, valid, and of one mind with the reader."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from jsonschema import Draft7Validator
from pydantic import Field, ValidationError, create_model

from archsearch.ablate.ablation_spec import AblationSpec
from archsearch.cli.schema import schemas
from archsearch.data.registry import DATASETS, OWN_DATA
from archsearch.plain import Plain
from archsearch.program.program_spec import HistoryFile, MetricSource, ProgramObjective, ProgramSpec
from archsearch.program.section import ConfigFile, GitRef, ProgramSection
from archsearch.search.search_spec import StudySpec
from archsearch.spec.augmentations import AUGMENTATION_KINDS
from archsearch.spec.dataset import DataSpec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import LAYER_KINDS
from archsearch.spec.losses import LOSS_KINDS
from archsearch.spec.optimizers import OPTIMIZER_KINDS
from archsearch.spec.schedules import SCHEDULE_KINDS
from archsearch.spec.text.schema import experiment_schema
from archsearch.spec.text.yaml import read_file, read_text
from archsearch.spec.training import EarlyStopping, TrainSpec
from tests.spec.trees import BLOCKS, TINY

ROOT = Path(__file__).parents[3]
FILE = ROOT / "schema/experiment.schema.json"
SCHEMA = experiment_schema(sorted([*DATASETS, *OWN_DATA]))
VALIDATOR = Draft7Validator(SCHEMA)


def test_committed_schema_is_the_one_the_code_makes() -> None:
    """After a change of the spec classes: archsearch schema --write schema"""
    assert json.loads(FILE.read_text(encoding="utf-8")) == SCHEMA


def test_schema_is_valid_draft_7_without_words_of_later_drafts_and_small() -> None:
    Draft7Validator.check_schema(SCHEMA)
    text = json.dumps(SCHEMA)
    assert [word for word in ('"$defs"', "#/$defs/", '"prefixItems"', '"const": null') if word in text] == []
    assert FILE.stat().st_size < 300_000


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*(references(item) for item in value.values()))
    return set().union(*(references(item) for item in value)) if isinstance(value, list) else set()


def test_every_reference_of_the_schema_leads_to_a_definition() -> None:
    assert references(SCHEMA) <= {f"#/definitions/{name}" for name in SCHEMA["definitions"]}


def test_schema_offers_all_layer_kinds_and_data_sets() -> None:
    options = SCHEMA["definitions"]["Layer"]["anyOf"]
    keys = [next(iter(option["properties"])) for option in options if "properties" in option]
    assert keys == [*LAYER_KINDS, "repeat"]
    bare = {kind for kind, cls in LAYER_KINDS.items() if not any(f.is_required() for f in cls.model_fields.values())}
    assert set(options[0]["enum"]) == bare
    assert set(SCHEMA["definitions"]["DataSpec"]["properties"]["name"]["enum"]) == {*DATASETS, *OWN_DATA}


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_spec_is_valid_by_the_schema(path: Path) -> None:
    assert list(VALIDATOR.iter_errors(read_file(path).plain())) == []


RIGHT = [
    "extends: lenet5",
    "extends: lenet5\nedits: [drop: tanh, drop: [conv1, 'tanh[2]'], replace: {tanh: relu, act1: [relu, tanh]}]",
    "extends: lenet5\nedits: [insert: {after: conv1, layers: [batch_norm2d]}, set: {train.epochs: 3}]",
    TINY, BLOCKS,
    TINY.replace("kernel_size: 3", "kernel_size: [3, 5], padding: same, stride: [1, 1]"),
    TINY.replace("name: mnist", "name: npz, path: x.npz, validation: 0.1"),
    TINY.replace("epochs: 2", "epochs: 2\n  schedule: {one_cycle: {pct_start: 0.2}}\n  early_stopping: {patience: 3}"),
    TINY.replace("epochs: 2", "epochs: 2\n  loss: {cross_entropy: {label_smoothing: 0.1}}"),
]  # fmt: skip
WRONG = [
    "name: x",
    "extends: lenet5\nedit: []",
    "extends: [lenet5]",
    "extends: lenet5\nedits: [remove: tanh]",
    "extends: lenet5\nedits: [{drop: tanh, set: {a: 1}}]",
    "extends: lenet5\nedits: [insert: {after: conv1}]",
    TINY.replace("epochs", "epoch"),
    TINY.replace("mnist", "minst"),
    TINY.replace("- tanh", "- tahn"),
    TINY.replace("out_channels: 4", "out_channels: -4"),
    TINY.replace("out_channels: 4", "out_channel: 4"),
    TINY.replace("kernel_size: 3}", "kernel_size: [3, 3, 3]}"),
    TINY.replace(", kernel_size: 3}", "}"),
    TINY.replace("classes", "class"),
    TINY.replace("adam", "adan"),
    TINY.replace("1e-3", "fast"),
    TINY.replace("1e-3", "0"),
    TINY + "extra: 1\n",
    BLOCKS.replace("[tanh, relu]", "[]"),
    BLOCKS.replace("[tanh, relu]", "[tahn]"),
]


@pytest.mark.parametrize("text", RIGHT)
def test_schema_accepts_what_the_language_allows(text: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(read_text(text, "s").plain())] == []


@pytest.mark.parametrize("text", WRONG)
def test_schema_refuses_a_typical_mistake(text: str) -> None:
    assert text not in (TINY, BLOCKS)
    assert not VALIDATOR.is_valid(read_text(text, "s").plain())


def test_schema_made_twice_is_the_same_and_shares_nothing() -> None:
    first = experiment_schema(["mnist"])
    before = copy.deepcopy(first)
    experiment_schema(["digits"])
    assert first == before == experiment_schema(["mnist"])


PROGRAM = """
program: {command: "python train.py --seed {seed} --lr {lr}", ref: main, patches: [a.diff], timeout: 30m}
values: {lr: 0.1, extra: [a, 2]}
metrics: {seconds: measured, loss: {json: r.json, key: a.b}}
objective: {minimize: loss}
"""
ALL = schemas()
# What reading and planning write into a program, and nobody by hand.
TAKEN_IN = (("ProgramSpec", "hashed"), ("ProgramSection", "source"), ("ConfigFile", "text"))


def properties_of(schema: Any, path: str = "") -> dict[str, tuple[dict[str, Any], bool]]:
    """Give every property of a schema by its path, and whether its object requires it."""
    if isinstance(schema, list):
        return {k: v for n, item in enumerate(schema) for k, v in properties_of(item, f"{path}/{n}").items()}
    if not isinstance(schema, dict):
        return {}
    found: dict[str, tuple[dict[str, Any], bool]] = {}
    own = schema.get("properties")
    if isinstance(own, dict) and schema.get("type") == "object":
        ways = [schema.get("required", []), *(way.get("required", []) for way in schema.get("anyOf", []))]
        found = {f"{path}.{name}": (value, any(name in way for way in ways)) for name, value in own.items()}
    skipped = ("examples", "default", "enum")
    for key, value in schema.items():
        if key not in skipped:
            found |= properties_of(value, f"{path}/{key}")
    return found


@pytest.mark.parametrize("name", ALL)
def test_every_key_of_a_schema_is_described_with_a_default_and_an_example(name: str) -> None:
    properties = properties_of(ALL[name])
    assert len(properties) > 40
    bare = [path for path, (value, _) in properties.items() if not str(value.get("description", "")).endswith(".")]
    without_example = [path for path, (value, _) in properties.items() if not value.get("examples")]
    without_default = [
        path
        for path, (value, required) in properties.items()
        if not required and "default" not in value and "by default" not in value.get("description", "")
    ]
    assert (bare, without_example, without_default) == ([], [], [])


@pytest.mark.parametrize("name", ALL)
def test_examples_and_defaults_of_a_schema_are_valid_by_it(name: str) -> None:
    for path, (value, _) in properties_of(ALL[name]).items():
        schema = {**value, "definitions": ALL[name]["definitions"]}
        for example in [*value["examples"], *([value["default"]] if value.get("default") is not None else [])]:
            wrong = [error.message for error in Draft7Validator(schema).iter_errors(example)]
            assert wrong == [], (path, example)


@pytest.mark.parametrize("name", ALL)
def test_committed_schema_of_each_language_is_the_one_the_code_makes(name: str) -> None:
    """After a change of the spec classes: archsearch schema --write schema"""
    assert json.loads((ROOT / f"schema/{name}.schema.json").read_text(encoding="utf-8")) == ALL[name]


@pytest.mark.parametrize(
    "model",
    [ExperimentSpec, DataSpec, TrainSpec, EarlyStopping, StudySpec, AblationSpec, ProgramSpec, ProgramSection,
     MetricSource, HistoryFile, ProgramObjective, ConfigFile, GitRef, *LAYER_KINDS.values(),
     *OPTIMIZER_KINDS, *SCHEDULE_KINDS, *LOSS_KINDS, *AUGMENTATION_KINDS],
    ids=lambda model: model.__name__,
)  # fmt: skip
def test_examples_of_a_field_are_read_by_it(model: Any) -> None:
    for name, field in model.model_fields.items():
        assert field.description
        if (model.__name__, name) in TAKEN_IN:
            continue
        kind = Annotated[(field.annotation, Field(), *field.metadata)]
        alone = create_model("Alone", __base__=Plain, **{name: (kind, ...)})
        for example in field.examples:
            listed = (model, name) == (StudySpec, "objective") and isinstance(example, dict)
            alone.model_validate({name: [example] if listed else example})


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (PROGRAM, True),
        (PROGRAM.replace("measured", "mesured"), False),
        (PROGRAM.replace("ref: main", "ref: {name: main, commit: abc}"), True),
        (PROGRAM.replace("timeout: 30m", "timeout: -1"), False),
        (PROGRAM.replace("command", "comand"), False),
        (PROGRAM.replace("lr: 0.1", "a-b: 0.1"), False),
    ],
)
def test_schema_of_programs_is_of_one_mind_with_the_reader(text: str, valid: bool) -> None:
    tree = read_text(text, "train.yaml").plain()
    assert Draft7Validator(ALL["program"]).is_valid(tree) is valid
    try:
        ProgramSpec.model_validate({**tree, "name": "train"})
    except ValidationError:
        assert not valid
    else:
        assert valid


@pytest.mark.parametrize(("data", "valid"), [("my_data.py:load", True), ("my_data.py", False), ("digits", False)])
def test_data_may_be_a_function_by_its_file_and_name(data: str, valid: bool) -> None:
    spec = {"data": data, "network": ["flatten"], "train": {"epochs": 1, "batch_size": 8}}
    assert VALIDATOR.is_valid(spec) is valid
