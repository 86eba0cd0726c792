"""Layers that scale what is there: squeeze-and-excitation, layer scale, stochastic depth.

SqueezeExcite(reduction=4).resolved((64, 7, 7)).squeeze_channels        # 16
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from archsearch.plain import Fraction, Positive
from archsearch.spec.layers.base import LayerBase, Shape, need_places, need_rank, product

if TYPE_CHECKING:
    from torch import nn

USUAL_REDUCTION = 16  # Hu et al. 2018, section 6.4


class SqueezeExcite(LayerBase):
    """Scale each channel of a map by what two 1x1 convolutions make of all channels' means (Hu et al. 2018)."""

    kind: ClassVar[str] = "squeeze_excite"
    family: ClassVar[str] = "se"
    short: ClassVar[str | None] = "se"
    factor: ClassVar[str] = "attention"
    colour: ClassVar[str] = "sky"
    thin: ClassVar[bool] = True

    squeeze_channels: Positive | None = Field(
        default=None, description="Channels between the two convolutions; or give `reduction`.", examples=[8]
    )
    reduction: Positive | None = Field(
        default=None,
        description="How many times fewer channels there are between the two convolutions; by default 16.",
        examples=[4],
    )
    activation: Literal["relu", "silu"] = Field(
        default="relu", description="What stands between the two convolutions.", examples=["silu"]
    )
    scale_activation: Literal["sigmoid", "hard_sigmoid"] = Field(
        default="sigmoid", description="What makes factors of 0 to 1 of the second one's output.",
        examples=["hard_sigmoid"],
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.squeeze_channels is not None and self.reduction is not None:
            raise PydanticCustomError("squeeze", "squeeze_channels and reduction say the same; give one of them")
        return self

    def resolved(self, shape: Shape) -> Self:
        if self.squeeze_channels is not None:
            return self
        channels = max(1, shape[0] // (self.reduction or USUAL_REDUCTION))
        return self.model_copy(update={"squeeze_channels": channels, "reduction": None})

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3)
        return shape

    def _squeezed(self, shape: Shape) -> int:
        return self.resolved(shape).squeeze_channels or 1

    def parameters(self, shape: Shape) -> int:
        squeezed = self._squeezed(shape)
        return 2 * shape[0] * squeezed + squeezed + shape[0]

    def macs(self, shape: Shape) -> int:
        return 2 * shape[0] * self._squeezed(shape)

    def outputs(self, shape: Shape) -> int:
        return product(shape) + 3 * shape[0] + 2 * self._squeezed(shape)

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.map_modules import SqueezeExciteModule

        return SqueezeExciteModule(shape[0], self._squeezed(shape), self.activation, self.scale_activation)


class LayerScale(LayerBase):
    """A trainable factor for each channel that starts near 0, at the end of a residual branch (Touvron et al. 2021)."""

    kind: ClassVar[str] = "layer_scale"
    family: ClassVar[str] = "scale"
    factor: ClassVar[str] = "normalisation"
    colour: ClassVar[str] = "sky"
    thin: ClassVar[bool] = True

    init: float = Field(default=1e-6, description="What every factor starts from.", examples=[0.1])
    per_step: bool = Field(
        default=False,
        description="Whether the factors are of the features of a sequence (steps x features); else of channels.",
        examples=[True],
    )

    def output_shape(self, shape: Shape) -> Shape:
        if self.per_step:
            need_places(shape, "per_step")
        return shape

    def parameters(self, shape: Shape) -> int:
        return shape[-1] if self.per_step else shape[0]

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.map_modules import LayerScaleModule

        return LayerScaleModule(self.parameters(shape), self.init, self.per_step)


class StochasticDepth(LayerBase):
    """Set a residual branch to zero for whole samples while training (Huang et al. 2016); stands at its end."""

    kind: ClassVar[str] = "stochastic_depth"
    family: ClassVar[str] = "drop"
    drops: ClassVar[bool] = True
    factor: ClassVar[str] = "dropout"
    thin: ClassVar[bool] = True

    p: Fraction = Field(
        default=0.1,
        description="Probability that a sample is set to zero while training, at least 0 and below 1.",
        examples=[0.2],
    )

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.map_modules import StochasticDepthModule

        return StochasticDepthModule(self.p)
