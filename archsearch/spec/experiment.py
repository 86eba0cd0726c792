"""The whole description of an experiment: data + network + train, and where they come from.

    spec = ExperimentSpec.model_validate(tree)        # from a file: `archsearch.load_spec`

Frozen plain data. Whether the layers fit together is asked of `network.plan_network`, which needs the data's shape.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from archsearch.spec.dataset import DataSpec
from archsearch.spec.fields import LINT_CODE, NonNegative, Plain, SpecName, Text
from archsearch.spec.layers import Layer
from archsearch.spec.training import TrainSpec

LintCode = Annotated[str, StringConstraints(pattern=LINT_CODE)]
LintReason = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Documented(Plain):
    """A published result of this experiment, to be reproduced; a fraction, not per cent."""

    test_accuracy: Annotated[float, Field(ge=0, le=1)]


class Expect(Plain):
    """What must come out of the network, else the spec is wrong."""

    parameters: NonNegative | None = None
    macs: NonNegative | None = None


class ExperimentSpec(Plain):
    """One network, what it is trained on and how; `departures` says where it differs from its `source`.

    `lint` silences rules, each with the reason why: `{A001: the write-up has it}`. It decides nothing about a run.
    """

    also: ClassVar[tuple[str, ...]] = ("extends", "edits")

    name: SpecName
    summary: Text = ""
    data: DataSpec
    network: Annotated[tuple[Layer, ...], Field(strict=False, min_length=1)]
    train: TrainSpec
    documented: Documented | None = None
    expect: Expect | None = None
    source: Text | None = None
    departures: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    lint: dict[LintCode, LintReason] = Field(default_factory=dict, max_length=100)
