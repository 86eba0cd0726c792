"""Padding of channels: `pad_channels`, the shortcut of residual networks that has no weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from archsearch.plain import Positive
from archsearch.spec.fields import Pair
from archsearch.spec.layers.base import LayerBase, Shape, ShapeError

if TYPE_CHECKING:
    from torch import nn


class PadChannels(LayerBase):
    """Further channels of zeros behind those that there are, of every n-th pixel (He et al. 2015, option A).

    Which zeros stand where is not said in the paper; behind the channels is where the authors' code has them.
    """

    kind: ClassVar[str] = "pad_channels"
    family: ClassVar[str] = "pad"
    colour: ClassVar[str] = "green"

    out_channels: Positive = Field(description="Channels that come out, as many as go in or more.", examples=[32])
    stride: Pair = Field(
        default=(1, 1),
        description="Of so many pixels (positions of a signal) one is kept: one number, or [down, across].",
        examples=[2],
    )

    def output_shape(self, shape: Shape) -> Shape:
        """Keep every n-th pixel, the first among them: ceil(size / n)."""
        if self.out_channels < shape[0]:
            raise ShapeError(
                f"gives {self.out_channels} channels of {shape[0]}; it only adds some",
                [f"use out_channels >= {shape[0]}", "use a convolution with kernel_size: 1"],
            )
        return (
            self.out_channels,
            *(-(-size // step) for size, step in zip(shape[1:], self._steps(shape), strict=True)),
        )

    def _steps(self, shape: Shape) -> tuple[int, ...]:
        if len(shape) == 3:
            return self.stride
        if len(shape) == 1 and self.stride != (1, 1):
            raise ShapeError("a flat input has no pixels to leave out", ["use stride: 1"])
        if self.stride[0] != self.stride[1]:
            what = "a signal has one stride" if len(shape) == 2 else "a volume has the same stride every way"
            raise ShapeError(what, ["give the stride as one number"])
        return self.stride[:1] * (len(shape) - 1)

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.modules import PaddedChannels

        return PaddedChannels(self.out_channels, self.stride if len(set(self.stride)) > 1 else self.stride[0])
