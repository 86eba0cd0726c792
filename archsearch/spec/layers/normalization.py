"""Normalisation and dropout; the number of features is the input's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from archsearch.plain import Fraction, Positive, PositiveFloat
from archsearch.spec.layers.base import LayerBase, Shape, ShapeError, need_rank, product, size_text

if TYPE_CHECKING:
    from torch import nn

Momentum = Annotated[float, Field(gt=0, le=1)]


class BatchNorm1d(LayerBase):
    """Normalise each feature (flat input) or channel (signal) over the batch."""

    kind: ClassVar[str] = "batch_norm1d"
    mixes_batch: ClassVar[bool] = True
    family: ClassVar[str] = "norm"
    factor: ClassVar[str] = "normalisation"
    colour: ClassVar[str] = "sky"
    thin: ClassVar[bool] = True

    eps: PositiveFloat = Field(
        default=1e-5, description="Added to the variance, so that nothing is divided by zero.", examples=[0.001]
    )
    momentum: Momentum = Field(
        default=0.1,
        description="Weight of the newest batch in the running mean and variance that evaluation uses.",
        examples=[0.01],
    )
    affine: bool = Field(
        default=True, description="Whether each channel or feature gets a trainable scale and offset.", examples=[False]
    )

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) > 2:
            raise ShapeError(
                f"needs a flat input or a signal (channels x length), its input is {size_text(shape)}",
                ["use batch_norm2d", "put flatten before it"],
            )
        return shape

    def parameters(self, shape: Shape) -> int:
        return 2 * shape[0] if self.affine else 0

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.BatchNorm1d(shape[0], self.eps, self.momentum, self.affine)


class BatchNorm2d(LayerBase):
    """Normalise each channel of a map over the batch."""

    kind: ClassVar[str] = "batch_norm2d"
    mixes_batch: ClassVar[bool] = True
    family: ClassVar[str] = "norm"
    factor: ClassVar[str] = "normalisation"
    colour: ClassVar[str] = "sky"
    thin: ClassVar[bool] = True

    eps: PositiveFloat = Field(
        default=1e-5, description="Added to the variance, so that nothing is divided by zero.", examples=[0.001]
    )
    momentum: Momentum = Field(
        default=0.1,
        description="Weight of the newest batch in the running mean and variance that evaluation uses.",
        examples=[0.01],
    )
    affine: bool = Field(
        default=True, description="Whether each channel or feature gets a trainable scale and offset.", examples=[False]
    )

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3)
        return shape

    def parameters(self, shape: Shape) -> int:
        return 2 * shape[0] if self.affine else 0

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.BatchNorm2d(shape[0], self.eps, self.momentum, self.affine)


class LayerNorm(LayerBase):
    """Normalise each sample over all of its values (`normalized_shape` is the input's)."""

    kind: ClassVar[str] = "layer_norm"
    family: ClassVar[str] = "norm"
    factor: ClassVar[str] = "normalisation"
    colour: ClassVar[str] = "sky"
    thin: ClassVar[bool] = True

    eps: PositiveFloat = Field(
        default=1e-5, description="Added to the variance, so that nothing is divided by zero.", examples=[0.001]
    )
    elementwise_affine: bool = Field(
        default=True, description="Whether each value gets a trainable scale and offset.", examples=[False]
    )

    def parameters(self, shape: Shape) -> int:
        return 2 * product(shape) if self.elementwise_affine else 0

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.LayerNorm(shape, self.eps, self.elementwise_affine)


class GroupNorm(LayerBase):
    """Normalise each sample over groups of channels."""

    kind: ClassVar[str] = "group_norm"
    family: ClassVar[str] = "norm"
    factor: ClassVar[str] = "normalisation"
    colour: ClassVar[str] = "sky"
    thin: ClassVar[bool] = True

    num_groups: Positive = Field(
        description="Groups of channels that are normalised together; divides the channels.", examples=[4]
    )
    eps: PositiveFloat = Field(
        default=1e-5, description="Added to the variance, so that nothing is divided by zero.", examples=[0.001]
    )
    affine: bool = Field(
        default=True, description="Whether each channel or feature gets a trainable scale and offset.", examples=[False]
    )

    def output_shape(self, shape: Shape) -> Shape:
        if shape[0] % self.num_groups:
            divisors = [g for g in range(1, min(shape[0], 64) + 1) if shape[0] % g == 0]
            raise ShapeError(
                f"num_groups {self.num_groups} does not divide its {shape[0]} channels",
                [f"use num_groups: {' or '.join(str(g) for g in divisors[-3:])}", "change the channels before it"],
            )
        if product(shape) == self.num_groups:  # the result would be the bias, and torch refuses a batch of one
            raise ShapeError("each of its groups holds one value, there is nothing to normalise", ["drop it"])
        return shape

    def parameters(self, shape: Shape) -> int:
        return 2 * shape[0] if self.affine else 0

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.GroupNorm(self.num_groups, shape[0], self.eps, self.affine)


class Dropout(LayerBase):
    """Set single values to zero while training."""

    kind: ClassVar[str] = "dropout"
    family: ClassVar[str] = "drop"
    drops: ClassVar[bool] = True
    factor: ClassVar[str] = "dropout"
    thin: ClassVar[bool] = True

    p: Fraction = Field(
        default=0.5,
        description="Probability that a value is set to zero while training, at least 0 and below 1.",
        examples=[0.2],
    )

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.Dropout(self.p)


class Dropout2d(LayerBase):
    """Set whole channels of a map to zero while training."""

    kind: ClassVar[str] = "dropout2d"
    family: ClassVar[str] = "drop"
    drops: ClassVar[bool] = True
    factor: ClassVar[str] = "dropout"
    thin: ClassVar[bool] = True

    p: Fraction = Field(
        default=0.5,
        description="Probability that a channel is set to zero while training, at least 0 and below 1.",
        examples=[0.2],
    )

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3)
        return shape

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.Dropout2d(self.p)
