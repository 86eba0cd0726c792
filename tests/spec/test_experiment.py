"""The spec as frozen plain data: nothing is converted, nothing unknown is taken, and it writes itself back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from archsearch.spec.catalog import read_spec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import LAYER_KINDS
from archsearch.spec.losses import LOSS_KINDS
from archsearch.spec.optimizers import OPTIMIZER_KINDS
from archsearch.spec.schedules import SCHEDULE_KINDS
from archsearch.spec.text.yaml import read_text
from tests.spec.trees import TINY

SPECS = sorted(path.stem for path in (Path(__file__).parents[2] / "specs").glob("*.yaml"))


def tree() -> Any:
    return read_text(TINY, "s").plain()


@pytest.mark.parametrize("name", SPECS)
def test_spec_goes_to_json_and_back_without_loss(name: str) -> None:
    spec = read_spec(name).spec
    text = json.dumps(spec.model_dump(mode="json"), allow_nan=False)
    assert ExperimentSpec.model_validate(json.loads(text)) == spec


def test_defaults_of_training_written_out() -> None:
    assert ExperimentSpec.model_validate(tree() | {"train": {"epochs": 1}}).train.model_dump(mode="json") == {
        "epochs": 1,
        "batch_size": 128,
        "optimizer": {"adam": {"lr": 0.001, "betas": [0.9, 0.999], "eps": 1e-08, "weight_decay": 0.0}},
        "schedule": {"constant": {"warmup_epochs": 0.0}},
        "loss": {"cross_entropy": {"label_smoothing": 0.0}},
        "clip_grad_norm": None,
        "early_stopping": None,
        "device": "auto",
        "precision": "fp32",
        "engine": "auto",
    }


def classes() -> list[type[BaseModel]]:
    return [ExperimentSpec, *LAYER_KINDS.values(), *OPTIMIZER_KINDS, *SCHEDULE_KINDS, *LOSS_KINDS]


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__name__)
def test_every_part_is_frozen_strict_closed_and_documented(cls: type[BaseModel]) -> None:
    config = cls.model_config
    assert (config["frozen"], config["strict"], config["extra"], config["allow_inf_nan"]) == (
        True,
        True,
        "forbid",
        False,
    )
    assert cls.__doc__


def test_spec_cannot_be_changed() -> None:
    spec = ExperimentSpec.model_validate(tree())
    with pytest.raises(ValidationError, match="Instance is frozen"):
        spec.name = "other"  # type: ignore[misc]
    assert isinstance(spec.network, tuple)


@pytest.mark.parametrize(
    ("part", "value", "kind"),
    [
        ("epochs", "2", "int_type"),
        ("epochs", 2.0, "int_type"),
        ("epochs", True, "int_type"),
        ("epochs", 0, "greater_than"),
        ("epochs", 2**31, "less_than_equal"),
        ("batch_size", -1, "greater_than"),
        ("clip_grad_norm", 0, "greater_than"),
        ("clip_grad_norm", float("inf"), "finite_number"),
        ("precision", "fp8", "literal_error"),
        ("lr", 1, "extra_forbidden"),
        ("optimizer", {"sgd": {"lr": 0}}, "greater_than"),
        ("optimizer", {"adam": {"betas": [0.9, 1.0]}}, "less_than"),
        ("optimizer", {}, "union_tag_not_found"),
        ("schedule", {"step": {}}, "missing"),
        ("schedule", "linear", "union_tag_invalid"),
        ("schedule", {"one_cycle": {"pct_start": 1.0}}, "less_than"),
        ("schedule", "multi_step", "missing"),
        ("schedule", {"multi_step": {"milestones": []}}, "milestones"),
        ("schedule", {"multi_step": {"milestones": [2, 2]}}, "milestones"),
        ("schedule", {"multi_step": {"milestones": [0]}}, "greater_than"),
        ("schedule", {"exponential": {"gamma": 0}}, "greater_than"),
        ("schedule", {"plateau": {"monitor": "train_loss"}}, "literal_error"),
        ("schedule", {"plateau": {"gamma": 1.1}}, "less_than_equal"),
        ("loss", {"nll": {"x": 1}}, "extra_forbidden"),
        ("loss", {"cross_entropy": {"label_smoothing": 1.0}}, "less_than"),
        ("early_stopping", {"patience": 0}, "greater_than"),
        ("average", 1, "greater_than_equal"),
        ("average", True, "int_type"),
        ("ema", 1.0, "less_than"),
        ("ema", 0, "greater_than"),
        ("sampler", "weighted", "literal_error"),
        ("label_noise", 1.0, "less_than"),
        ("label_noise", -0.1, "greater_than_equal"),
        ("accumulate", 0, "greater_than"),
        ("accumulate", 2.0, "int_type"),
    ],
)
def test_training_value_out_of_range_or_of_another_type_is_refused(part: str, value: object, kind: str) -> None:
    with pytest.raises(ValidationError, match=rf"train\.{part}") as caught:
        ExperimentSpec.model_validate(tree() | {"train": {"epochs": 2, part: value}})
    assert [error["type"] for error in caught.value.errors()] == [kind]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("name", ""),
        ("name", "a b"),
        ("name", "../x"),
        ("name", "x\n"),
        ("name", "a" * 101),
        ("summary", "x" * 10_001),
        ("documented", {"test_accuracy": 98.49}),
        ("documented", {}),
        ("expect", {"parameters": -1}),
        ("departures", "text"),
        ("network", []),
        ("network", "tanh"),
        ("seed", 1),
    ],
)
def test_top_level_value_that_cannot_be_is_refused(part: str, value: object) -> None:
    with pytest.raises(ValidationError, match="1 validation error"):
        ExperimentSpec.model_validate(tree() | {part: value})


def test_whole_numbers_are_taken_for_floats_and_pairs_for_numbers() -> None:
    spec = ExperimentSpec.model_validate(tree() | {"train": {"epochs": 2, "optimizer": {"sgd": {"lr": 1}}}})
    assert (
        spec.train.optimizer
        == ExperimentSpec.model_validate(
            tree() | {"train": {"epochs": 2, "optimizer": {"sgd": {"lr": 1.0}}}}
        ).train.optimizer
    )
    first: Any = spec.network[0]
    assert (first.kernel_size, first.stride, first.padding) == ((3, 3), (1, 1), (0, 0))
