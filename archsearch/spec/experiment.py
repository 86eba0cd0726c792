"""The whole description of an experiment: data + network + train, and where they come from.

    spec = ExperimentSpec.model_validate(tree)        # from a file: `archsearch.load_spec`

Frozen plain data. Whether the layers fit together is asked of `network.plan_network`, which needs the data's shape.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from archsearch.plain import NonNegative, Plain
from archsearch.spec.dataset import DataSpec
from archsearch.spec.documented import Documented
from archsearch.spec.fields import Departures, SpecName, Text, WhereFrom, text_pattern, written_default
from archsearch.spec.layers import Layer
from archsearch.spec.training import TrainSpec

LintCode = Annotated[str, text_pattern(r"^A[0-9]{3}$", "is no lint rule; `archsearch lint` names them, such as A001")]
LintReason = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Expect(Plain):
    """What must come out of the network, else the spec is wrong."""

    parameters: NonNegative | None = Field(
        default=None, description="Trainable values that the network must have.", examples=[61706]
    )
    macs: NonNegative | None = Field(
        default=None,
        description="Multiply-accumulates of one sample, forward, that the network must have.",
        examples=[416520],
    )


class ExperimentSpec(Plain):
    """One network, what it is trained on and how; `departures` says where it differs from its `source`.

    `lint` silences rules, each with the reason why: `{A001: the write-up has it}`. It decides nothing about a run.
    """

    other_keys: ClassVar[tuple[str, ...]] = ("extends", "edits", "values")

    name: SpecName = Field(
        description="What the experiment is called; by default the name of the file.", examples=["lenet5"]
    )
    summary: Text = Field(
        default="",
        description="One or two sentences on what it is.",
        examples=["Two convolutions and two linear layers."],
    )
    data: DataSpec = Field(
        description="What the network is trained and tested on.", examples=[{"name": "mnist", "validation": 5000}]
    )
    network: Annotated[tuple[Layer, ...], Field(strict=False, min_length=1)] = Field(
        description="The layers, one after the other; the last gives one value for each class.",
        examples=[["flatten", {"linear": {"out_features": "classes"}}]],
    )
    train: TrainSpec = Field(
        description="How the network is trained.", examples=[{"epochs": 6, "optimizer": {"adam": {"lr": 0.001}}}]
    )
    documented: Documented | None = Field(
        default=None,
        description="Published results of this very experiment on its test data, to compare with.",
        examples=[{"test_accuracy": 0.9753}],
    )
    expect: Expect | None = Field(
        default=None,
        description="What must come out of the layer list; anything else is an error.",
        examples=[{"parameters": 61706}],
    )
    source: WhereFrom = None
    departures: Departures = ()
    lint: dict[LintCode, LintReason] = Field(
        default_factory=dict,
        max_length=100,
        description="Lint rules that are silenced here, each with the reason.",
        examples=[{"A001": "the write-up has it"}],
        json_schema_extra=written_default({}),
    )
