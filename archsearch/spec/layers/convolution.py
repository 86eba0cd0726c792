"""Convolutions: `conv1d`, `conv2d`, `conv3d`, with torch's field names; `in_channels` is the input's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field

from archsearch.plain import Positive
from archsearch.spec.fields import ConvPadding, ConvPaddingPair, ConvPaddingTriple, GroupCount, Pair, Triple, Width
from archsearch.spec.layers.base import LayerBase, Shape, ShapeError, need_rank, product, size_text, window_count

if TYPE_CHECKING:
    from torch import nn

Sizes = tuple[int, ...]


class Filters(LayerBase):
    """What convolutions and transposed convolutions share: how many filters there are, in how many groups."""

    family: ClassVar[str] = "conv"
    weighted: ClassVar[bool] = True
    field_factors: ClassVar[Mapping[str, str]] = {
        "out_channels": "widths",
        "groups": "widths",
        "kernel_size": "kernel",
        "padding": "kernel",
        "dilation": "kernel",
        "stride": "convolution stride",
        "bias": "bias",
    }
    colour: ClassVar[str] = "blue"

    out_channels: Width = Field(
        description="Channels that come out, one filter each; `classes` is the number of classes.",
        examples=[32, "classes"],
    )
    groups: GroupCount = Field(
        default=1,
        description="Parts that the channels are split into, each convolved on its own; divides channels in and out. "
        "`in`: as many as channels come in (a depthwise convolution).",
        examples=[2, "in"],
    )
    bias: bool = Field(
        default=True, description="Whether a trainable number is added to every output.", examples=[False]
    )

    @property
    def width(self) -> int:
        """The number of output channels, once `classes` has been replaced by a number."""
        assert self.out_channels != "classes", "plan_network replaces `classes` before shapes are asked for"
        return self.out_channels

    @property
    def group_count(self) -> int:
        """The number of groups, once `in` has been replaced by it."""
        assert self.groups != "in", "plan_network resolves a layer before shapes are asked for"
        return self.groups

    def resolved(self, shape: Shape) -> Self:
        return self.model_copy(update={"groups": shape[0]}) if self.groups == "in" else self

    def divides(self, channels: int) -> None:
        """Raise `ShapeError` unless the groups part the channels that come in and go out evenly."""
        for what, number in (("out_channels", self.width), ("input channels", channels)):
            if number % self.group_count:
                raise ShapeError(
                    f"groups {self.group_count} does not divide its {number} {what}",
                    [f"use groups: {_largest_divisor(self.group_count, self.width, channels)}", f"change {what}"],
                )


class Convolution(Filters):
    """What the convolutions share, for any number of spatial dimensions."""

    rank: ClassVar[int]

    def spatial(self) -> tuple[Sizes, Sizes, Sizes, Sizes | Literal["same"]]:
        """Give kernel, stride, dilation and padding, one number per spatial dimension."""
        raise NotImplementedError

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, self.rank + 1)
        kernel, stride, dilation, padding = self.spatial()
        self.divides(shape[0])
        if padding == "same":
            if any(s != 1 for s in stride):
                raise ShapeError("padding: same needs stride 1", ["use stride: 1", "give padding as a number"])
            return (self.width, *shape[1:])
        sizes = tuple(
            window_count(size, k, s, p, d)
            for size, k, s, p, d in zip(shape[1:], kernel, stride, padding, dilation, strict=True)
        )
        if min(sizes) < 1:
            raise ShapeError(
                f"kernel {size_text(kernel)} does not fit its {size_text(shape[1:])} input",
                self._ways_out(shape, dilation, padding),
                too_small=True,
            )
        return (self.width, *sizes)

    def _ways_out(self, shape: Shape, dilation: Sizes, padding: Sizes) -> list[str]:
        fits = min((size + 2 * p - 1) // d + 1 for size, p, d in zip(shape[1:], padding, dilation, strict=True))
        return [f"use kernel_size <= {fits}", "padding: same"]

    def canonical(self, shape: Shape) -> dict[str, object]:
        """Write `same` as the number it stands for, where there is one (an even kernel pads unequally)."""
        kernel, _, dilation, padding = self.spatial()
        reach = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        fields = super().canonical(shape)
        if padding == "same" and all(r % 2 == 0 for r in reach):
            fields["padding"] = reach[0] // 2 if len(set(reach)) == 1 else [r // 2 for r in reach]
        return fields

    def parameters(self, shape: Shape) -> int:
        kernel = self.spatial()[0]
        return self.width * (shape[0] // self.group_count) * product(kernel) + (self.width if self.bias else 0)

    def macs(self, shape: Shape) -> int:
        kernel = self.spatial()[0]
        return product(self.output_shape(shape)) * (shape[0] // self.group_count) * product(kernel)

    def build(self, shape: Shape) -> nn.Module:
        """Make torch's module of the same name."""
        from torch import nn

        kernel, stride, dilation, padding = self.spatial()
        kind: type[nn.Module] = getattr(nn, type(self).__name__)
        return kind(shape[0], self.width, kernel, stride, padding, dilation, self.group_count, self.bias)


def _largest_divisor(groups: int, *numbers: int) -> int:
    return next(g for g in range(min(groups, *numbers), 0, -1) if all(n % g == 0 for n in numbers))


class Conv1d(Convolution):
    """1-D convolution over a signal (channels x length)."""

    kind: ClassVar[str] = "conv1d"
    rank: ClassVar[int] = 1

    kernel_size: Positive = Field(description="Size of the window in positions.", examples=[3])
    stride: Positive = Field(default=1, description="Positions from one window to the next.", examples=[2])
    padding: ConvPadding = Field(
        default=0, description="Zeros added at both ends; `same`: as many as keep the length.", examples=["same", 1]
    )
    dilation: Positive = Field(
        default=1, description="Positions from one value of the window to the next; 1 leaves no gaps.", examples=[2]
    )

    def spatial(self) -> tuple[Sizes, Sizes, Sizes, Sizes | Literal["same"]]:
        padding: Sizes | Literal["same"] = "same" if self.padding == "same" else (self.padding,)
        return (self.kernel_size,), (self.stride,), (self.dilation,), padding


class Conv2d(Convolution):
    """2-D convolution over a map (channels x height x width)."""

    kind: ClassVar[str] = "conv2d"
    short: ClassVar[str | None] = "conv"
    rank: ClassVar[int] = 2

    kernel_size: Pair = Field(
        description="Size of the window in pixels: one number, or [height, width].", examples=[3, [3, 5]]
    )
    stride: Pair = Field(
        default=(1, 1),
        description="Pixels from one window to the next: one number, or [down, across].",
        examples=[2, [2, 1]],
    )
    padding: ConvPaddingPair = Field(
        default=(0, 0),
        description="Zeros added on every side, or [rows, columns]; `same`: as many as keep the size.",
        examples=["same", 1],
    )
    dilation: Pair = Field(
        default=(1, 1),
        description="Pixels from one value of the window to the next, or [down, across]; 1 leaves no gaps.",
        examples=[2],
    )

    def spatial(self) -> tuple[Sizes, Sizes, Sizes, Sizes | Literal["same"]]:
        return self.kernel_size, self.stride, self.dilation, self.padding


class Conv3d(Convolution):
    """3-D convolution over a volume (channels x depth x height x width)."""

    kind: ClassVar[str] = "conv3d"
    rank: ClassVar[int] = 3

    kernel_size: Triple = Field(
        description="Size of the window: one number, or [depth, height, width].", examples=[3, [1, 3, 3]]
    )
    stride: Triple = Field(
        default=(1, 1, 1),
        description="Places from one window to the next: one number, or [deep, down, across].",
        examples=[2],
    )
    padding: ConvPaddingTriple = Field(
        default=(0, 0, 0),
        description="Zeros added on every side, or [depth, rows, columns]; `same`: as many as keep the size.",
        examples=["same", 1],
    )
    dilation: Triple = Field(
        default=(1, 1, 1),
        description="Places from one value of the window to the next, or [deep, down, across]; 1 leaves no gaps.",
        examples=[2],
    )

    def spatial(self) -> tuple[Sizes, Sizes, Sizes, Sizes | Literal["same"]]:
        return self.kernel_size, self.stride, self.dilation, self.padding
