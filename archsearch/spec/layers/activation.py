"""Activations, with torch's names and fields, softmax (over features or channels) and `identity` among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from archsearch.plain import Positive, PositiveFloat
from archsearch.spec.layers.base import LayerBase, Shape, ShapeError, size_text

if TYPE_CHECKING:
    from torch import nn


class Activation(LayerBase):
    """A function of each value; `torch_name` is its class in `torch.nn`, its fields are that class's arguments."""

    family: ClassVar[str] = "act"
    elementwise: ClassVar[bool] = True
    factor: ClassVar[str] = "activation"
    colour: ClassVar[str] = "orange"
    thin: ClassVar[bool] = True
    torch_name: ClassVar[str]

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        module: nn.Module = getattr(nn, self.torch_name)(**self.model_dump(exclude={"name"}))
        return module


class Tanh(Activation):
    """Hyperbolic tangent."""

    kind: ClassVar[str] = "tanh"
    torch_name: ClassVar[str] = "Tanh"


class Relu(Activation):
    """max(0, x)."""

    kind: ClassVar[str] = "relu"
    torch_name: ClassVar[str] = "ReLU"


class LeakyRelu(Activation):
    """x where positive, else negative_slope * x."""

    kind: ClassVar[str] = "leaky_relu"
    torch_name: ClassVar[str] = "LeakyReLU"

    negative_slope: float = Field(default=0.01, description="Slope where the input is negative.", examples=[0.1])


class Elu(Activation):
    """x where positive, else alpha * (exp(x) - 1)."""

    kind: ClassVar[str] = "elu"
    torch_name: ClassVar[str] = "ELU"

    alpha: float = Field(
        default=1.0, description="Value that the output tends to for very negative inputs, times -1.", examples=[0.5]
    )


class Selu(Activation):
    """Self-normalising ELU (Klambauer et al. 2017)."""

    kind: ClassVar[str] = "selu"
    torch_name: ClassVar[str] = "SELU"


class Gelu(Activation):
    """x times the normal distribution function (Hendrycks & Gimpel 2016)."""

    kind: ClassVar[str] = "gelu"
    torch_name: ClassVar[str] = "GELU"

    approximate: Literal["none", "tanh"] = Field(
        default="none",
        description="How the normal distribution function is computed: exactly (`none`), or by a tanh.",
        examples=["tanh"],
    )


class Silu(Activation):
    """x * sigmoid(x), also called swish."""

    kind: ClassVar[str] = "silu"
    torch_name: ClassVar[str] = "SiLU"


class Mish(Activation):
    """x * tanh(softplus(x)) (Misra 2019)."""

    kind: ClassVar[str] = "mish"
    torch_name: ClassVar[str] = "Mish"


class Hardtanh(Activation):
    """x cut off at min_val and max_val."""

    kind: ClassVar[str] = "hardtanh"
    torch_name: ClassVar[str] = "Hardtanh"

    min_val: float = Field(default=-1.0, description="Smallest output.", examples=[0.0])
    max_val: float = Field(default=1.0, description="Largest output.", examples=[6.0])

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_val >= self.max_val:
            raise PydanticCustomError("order", "min_val must be smaller than max_val")
        return self


class Relu6(Activation):
    """x cut off at 0 and 6 (Krizhevsky 2010)."""

    kind: ClassVar[str] = "relu6"
    torch_name: ClassVar[str] = "ReLU6"


class Prelu(Activation):
    """x where positive, else a trainable slope times x (He et al. 2015)."""

    kind: ClassVar[str] = "prelu"
    torch_name: ClassVar[str] = "PReLU"

    num_parameters: Positive = Field(
        default=1, description="How many slopes there are: 1, or one for each channel or feature.", examples=[16]
    )
    init: float = Field(default=0.25, description="What every slope starts from.", examples=[0.1])

    def output_shape(self, shape: Shape) -> Shape:
        if self.num_parameters not in (1, shape[0]):
            raise ShapeError(
                f"{self.num_parameters} slopes do not go with the {shape[0]} channels of its input {size_text(shape)}",
                ["use num_parameters: 1", f"use num_parameters: {shape[0]}"],
            )
        return shape

    def parameters(self, shape: Shape) -> int:
        return self.num_parameters


class Hardswish(Activation):
    """x * relu6(x + 3) / 6 (Howard et al. 2019)."""

    kind: ClassVar[str] = "hardswish"
    torch_name: ClassVar[str] = "Hardswish"


class HardSigmoid(Activation):
    """relu6(x + 3) / 6: straight lines for a sigmoid, from 0 at -3 to 1 at 3; torch's hardsigmoid."""

    kind: ClassVar[str] = "hard_sigmoid"
    torch_name: ClassVar[str] = "Hardsigmoid"
    squashes: ClassVar[Literal["", "probabilities", "log_probabilities"]] = "probabilities"


class Glu(Activation):
    """The first half of the features (flat input) or channels times the sigmoid of the second (Dauphin et al. 2017)."""

    kind: ClassVar[str] = "glu"
    torch_name: ClassVar[str] = "GLU"
    elementwise: ClassVar[bool] = False
    thin: ClassVar[bool] = False

    def output_shape(self, shape: Shape) -> Shape:
        if shape[0] % 2:
            raise ShapeError(
                f"needs an even number of channels to halve, its input is {size_text(shape)}",
                [f"give the layer before it {shape[0] + 1} channels or features"],
            )
        return (shape[0] // 2, *shape[1:])

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.GLU(dim=1)


class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    kind: ClassVar[str] = "sigmoid"
    torch_name: ClassVar[str] = "Sigmoid"
    squashes: ClassVar[Literal["", "probabilities", "log_probabilities"]] = "probabilities"


class Softplus(Activation):
    """log(1 + exp(beta * x)) / beta; linear where beta * x > threshold."""

    kind: ClassVar[str] = "softplus"
    torch_name: ClassVar[str] = "Softplus"

    beta: PositiveFloat = Field(
        default=1.0, description="How sharp the bend is: the larger, the closer to relu.", examples=[2.0]
    )
    threshold: PositiveFloat = Field(
        default=20.0, description="From this value of beta * x on the function is linear.", examples=[10.0]
    )


class Softmax(Activation):
    """Probabilities over features (flat input) or channels."""

    kind: ClassVar[str] = "softmax"
    torch_name: ClassVar[str] = "Softmax"
    elementwise: ClassVar[bool] = False
    squashes: ClassVar[Literal["", "probabilities", "log_probabilities"]] = "probabilities"

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.Softmax(dim=1)


class LogSoftmax(Activation):
    """Logarithms of probabilities over features (flat input) or channels."""

    kind: ClassVar[str] = "log_softmax"
    torch_name: ClassVar[str] = "LogSoftmax"
    elementwise: ClassVar[bool] = False
    squashes: ClassVar[Literal["", "probabilities", "log_probabilities"]] = "log_probabilities"

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.LogSoftmax(dim=1)


class Identity(Activation):
    """Nothing at all: the neutral choice in a search."""

    kind: ClassVar[str] = "identity"
    keeps_values: ClassVar[bool] = True
    short: ClassVar[str | None] = ""
    torch_name: ClassVar[str] = "Identity"
