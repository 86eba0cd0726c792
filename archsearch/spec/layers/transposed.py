"""Transposed convolutions: `conv_transpose1d` and `conv_transpose2d`, which make maps larger; torch's field names."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from archsearch.plain import NonNegative, Positive
from archsearch.spec.fields import PaddingPair, Pair
from archsearch.spec.layers.base import Shape, ShapeError, need_rank, product, size_text
from archsearch.spec.layers.convolution import Filters

if TYPE_CHECKING:
    from torch import nn


class TransposedConvolution(Filters):
    """What the transposed convolutions share, for any number of spatial dimensions."""

    rank: ClassVar[int]

    def spatial(self) -> tuple[Shape, Shape, Shape, Shape, Shape]:
        """Give kernel, stride, padding, output_padding and dilation, one number per spatial dimension."""
        raise NotImplementedError

    def output_shape(self, shape: Shape) -> Shape:
        """Give (n - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1 for each size n."""
        need_rank(shape, self.rank + 1)
        self.divides(shape[0])
        sizes = []
        for n, k, s, p, more, d in zip(shape[1:], *self.spatial(), strict=True):
            if more >= max(s, d):
                raise ShapeError(
                    f"output_padding {more} must be smaller than its stride {s} or dilation {d}",
                    [f"use output_padding: {max(s, d) - 1}"],
                )
            sizes.append((n - 1) * s - 2 * p + d * (k - 1) + more + 1)
        if min(sizes) < 1:
            raise ShapeError(
                f"padding takes all of its output: it would be {size_text(tuple(sizes))}",
                ["use padding: 0", "use a larger kernel_size"],
                too_small=True,
            )
        return (self.width, *sizes)

    def parameters(self, shape: Shape) -> int:
        kernel = self.spatial()[0]
        return shape[0] * (self.width // self.group_count) * product(kernel) + (self.width if self.bias else 0)

    def macs(self, shape: Shape) -> int:
        kernel = self.spatial()[0]
        return product(shape) * (self.width // self.group_count) * product(kernel)

    def build(self, shape: Shape) -> nn.Module:
        """Make torch's module of the same name."""
        from torch import nn

        kernel, stride, padding, more, dilation = self.spatial()
        kind: type[nn.Module] = getattr(nn, type(self).__name__)
        return kind(shape[0], self.width, kernel, stride, padding, more, self.group_count, self.bias, dilation)


class ConvTranspose1d(TransposedConvolution):
    """1-D transposed convolution over a signal (channels x length)."""

    kind: ClassVar[str] = "conv_transpose1d"
    rank: ClassVar[int] = 1

    kernel_size: Positive = Field(description="Size of the window in positions.", examples=[2])
    stride: Positive = Field(default=1, description="Positions in the output for one of the input.", examples=[2])
    padding: NonNegative = Field(default=0, description="Positions cut off at both ends of the output.", examples=[1])
    output_padding: NonNegative = Field(
        default=0, description="Positions added at the end of the output, fewer than the stride.", examples=[1]
    )
    dilation: Positive = Field(
        default=1, description="Positions from one value of the window to the next; 1 leaves no gaps.", examples=[2]
    )

    def spatial(self) -> tuple[Shape, Shape, Shape, Shape, Shape]:
        return (self.kernel_size,), (self.stride,), (self.padding,), (self.output_padding,), (self.dilation,)


class ConvTranspose2d(TransposedConvolution):
    """2-D transposed convolution over a map (channels x height x width)."""

    kind: ClassVar[str] = "conv_transpose2d"
    rank: ClassVar[int] = 2

    kernel_size: Pair = Field(
        description="Size of the window in pixels: one number, or [height, width].", examples=[2, [2, 4]]
    )
    stride: Pair = Field(
        default=(1, 1),
        description="Pixels in the output for one of the input: one number, or [down, across].",
        examples=[2],
    )
    padding: PaddingPair = Field(
        default=(0, 0), description="Pixels cut off on every side of the output, or [rows, columns].", examples=[1]
    )
    output_padding: PaddingPair = Field(
        default=(0, 0),
        description="Pixels added at the end of the output, or [rows, columns]; fewer than the stride.",
        examples=[1],
    )
    dilation: Pair = Field(
        default=(1, 1),
        description="Pixels from one value of the window to the next, or [down, across]; 1 leaves no gaps.",
        examples=[2],
    )

    def spatial(self) -> tuple[Shape, Shape, Shape, Shape, Shape]:
        return self.kernel_size, self.stride, self.padding, self.output_padding, self.dilation
