"""Recurrence over a sequence (steps x features): `lstm`, `gru` and `rnn`, with torch's fields and its two outputs.

    Lstm(hidden_size=32).output_shape((50, 8))                                   # (32,): the state after the last step
    Lstm(hidden_size=32, output="all", bidirectional=True).output_shape((50, 8))  # (50, 64)

`input_size` is the input's. A signal (channels x length) becomes a sequence by `permute: {dims: [2, 1]}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from archsearch.plain import Fraction, Positive
from archsearch.spec.layers.base import LayerBase, Shape, need_steps

if TYPE_CHECKING:
    from torch import nn


class Recurrent(LayerBase):
    """What the recurrent kinds share; `gates` is how many linear maps of input and state a step has."""

    family: ClassVar[str] = "rnn"
    factor: ClassVar[str] = "recurrence"
    field_factors: ClassVar[Mapping[str, str]] = {
        "hidden_size": "widths",
        "num_layers": "recurrent depth",
        "bidirectional": "direction",
        "output": "recurrent output",
        "dropout": "dropout",
        "bias": "bias",
        "nonlinearity": "activation",
    }
    colour: ClassVar[str] = "purple"
    reads_steps: ClassVar[bool] = True
    gates: ClassVar[int]
    module: ClassVar[str]  # its class in sequence_modules.py, whose arguments are the fields

    hidden_size: Positive = Field(description="Values of the state, in each direction.", examples=[32])
    num_layers: Positive = Field(
        default=1, description="Recurrent layers one over the other, each as wide as the first.", examples=[2]
    )
    bias: bool = Field(
        default=True, description="Whether trainable numbers are added, to input and state each.", examples=[False]
    )
    dropout: Fraction = Field(
        default=0.0,
        description="Probability that a value between two of the layers is set to zero while training.",
        examples=[0.2],
    )
    bidirectional: bool = Field(
        default=False,
        description="Whether a second recurrence reads the steps from the last to the first; its state stands behind.",
        examples=[True],
    )
    output: Literal["last", "all"] = Field(
        default="last",
        description="What comes out: the state after the last step (of the other direction: after the first), or the "
        "states of all steps.",
        examples=["all"],
    )

    @model_validator(mode="after")
    def _dropout_between(self) -> Self:
        if self.dropout and self.num_layers == 1:
            raise PydanticCustomError(
                "dropout", "dropout stands between recurrent layers, and there is one; use num_layers: 2 or a dropout "
                "layer",
            )  # fmt: skip
        return self

    @property
    def draws(self) -> bool:
        return self.dropout > 0

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def output_shape(self, shape: Shape) -> Shape:
        need_steps(shape)
        width = self._directions * self.hidden_size
        return (shape[0], width) if self.output == "all" else (width,)

    def _maps(self, shape: Shape) -> int:
        """Count the weights of all linear maps, which is also the multiply-accumulates of a step."""
        later = self._directions * self.hidden_size
        widths = [shape[1], *[later] * (self.num_layers - 1)]
        return sum(self._directions * self.gates * self.hidden_size * (width + self.hidden_size) for width in widths)

    def parameters(self, shape: Shape) -> int:
        biases = 2 * self.gates * self.hidden_size * self._directions * self.num_layers if self.bias else 0
        return self._maps(shape) + biases

    def macs(self, shape: Shape) -> int:
        return shape[0] * self._maps(shape)

    def outputs(self, shape: Shape) -> int:
        """Count gates and states of every step."""
        return shape[0] * self.num_layers * self._directions * self.hidden_size * (self.gates + 1)

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec import sequence_modules

        made: nn.Module = getattr(sequence_modules, self.module)(shape[1], **self.model_dump(exclude={"name"}))
        return made


class Lstm(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997)."""

    kind: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4
    module: ClassVar[str] = "LstmModule"


class Gru(Recurrent):
    """Gated recurrent unit (Cho et al. 2014)."""

    kind: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3
    module: ClassVar[str] = "GruModule"


class Rnn(Recurrent):
    """A plain recurrence: tanh or relu of a linear map of input and state (Elman 1990)."""

    kind: ClassVar[str] = "rnn"
    gates: ClassVar[int] = 1
    module: ClassVar[str] = "RnnModule"

    nonlinearity: Literal["tanh", "relu"] = Field(
        default="tanh", description="What each state passes.", examples=["relu"]
    )
