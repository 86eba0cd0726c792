"""Pooling: `max_pool1d/2d`, `avg_pool1d/2d`, `adaptive_avg_pool1d/2d`; `stride` defaults to the kernel's size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from archsearch.plain import NonNegative, Positive
from archsearch.spec.fields import PaddingPair, Pair
from archsearch.spec.layers.base import LayerBase, Shape, ShapeError, need_rank, size_text, window_count

if TYPE_CHECKING:
    from torch import nn

CeilMode = Annotated[
    bool, Field(description="Whether a last window that is cut off by the border counts too.", examples=[True])
]


class Pooling(LayerBase):
    """What the poolings share, for any number of spatial dimensions."""

    family: ClassVar[str] = "pool"
    pools: ClassVar[bool] = True
    factor: ClassVar[str] = "pooling"
    colour: ClassVar[str] = "green"
    rank: ClassVar[int]

    def window(self) -> tuple[Shape, Shape, Shape, Shape]:
        """Give kernel, stride, padding and dilation, one number per spatial dimension."""
        raise NotImplementedError

    def canonical(self, shape: Shape) -> dict[str, object]:
        """Write the default stride out: a pool with stride 2 on a 2x2 kernel says nothing new."""
        stride = self.window()[1]
        return super().canonical(shape) | {"stride": stride[0] if len(set(stride)) == 1 else list(stride)}

    def pooled_shape(self, shape: Shape, ceil_mode: bool) -> Shape:
        """Give the output's shape; torch's rule: padding at most half of the kernel, whatever its dilation."""
        need_rank(shape, self.rank + 1)
        kernel, stride, padding, dilation = self.window()
        for k, p in zip(kernel, padding, strict=True):
            if p > k // 2:
                raise ShapeError(
                    f"padding {p} is more than half of the kernel {k}",
                    [f"use padding <= {k // 2}", f"use kernel_size >= {2 * p}"],
                )
        sizes = tuple(
            window_count(size, k, s, p, d, ceil_mode)
            for size, k, s, p, d in zip(shape[1:], kernel, stride, padding, dilation, strict=True)
        )
        if min(sizes) < 1:
            fits = min((size + 2 * p - 1) // d + 1 for size, p, d in zip(shape[1:], padding, dilation, strict=True))
            raise ShapeError(
                f"kernel {size_text(kernel)} does not fit its {size_text(shape[1:])} input",
                [f"use kernel_size <= {fits}", "drop it"],
                too_small=True,
            )
        return (shape[0], *sizes)


class MaxPool1d(Pooling):
    """Largest value of each window of a signal."""

    kind: ClassVar[str] = "max_pool1d"
    rank: ClassVar[int] = 1

    kernel_size: Positive = Field(description="Size of the window in positions.", examples=[2])
    stride: Positive | None = Field(
        default=None,
        description="Positions from one window to the next; by default the size of the window.",
        examples=[2],
    )
    padding: NonNegative = Field(
        default=0, description="Positions added at both ends, at most half of the window.", examples=[1]
    )
    dilation: Positive = Field(
        default=1, description="Positions from one value of the window to the next; 1 leaves no gaps.", examples=[2]
    )
    ceil_mode: CeilMode = False

    def window(self) -> tuple[Shape, Shape, Shape, Shape]:
        return (self.kernel_size,), (self.stride or self.kernel_size,), (self.padding,), (self.dilation,)

    def output_shape(self, shape: Shape) -> Shape:
        return self.pooled_shape(shape, self.ceil_mode)

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.MaxPool1d(
            self.kernel_size, self.stride, self.padding, self.dilation, return_indices=False, ceil_mode=self.ceil_mode
        )


class MaxPool2d(Pooling):
    """Largest value of each window of a map."""

    kind: ClassVar[str] = "max_pool2d"
    short: ClassVar[str | None] = "max"
    rank: ClassVar[int] = 2

    kernel_size: Pair = Field(
        description="Size of the window in pixels: one number, or [height, width].", examples=[2, [2, 1]]
    )
    stride: Pair | None = Field(
        default=None,
        description="Pixels from one window to the next, or [down, across]; by default the size of the window.",
        examples=[2],
    )
    padding: PaddingPair = Field(
        default=(0, 0),
        description="Pixels added on every side, or [rows, columns]; at most half of the window.",
        examples=[1],
    )
    dilation: Pair = Field(
        default=(1, 1),
        description="Pixels from one value of the window to the next, or [down, across]; 1 leaves no gaps.",
        examples=[2],
    )
    ceil_mode: CeilMode = False

    def window(self) -> tuple[Shape, Shape, Shape, Shape]:
        return self.kernel_size, self.stride or self.kernel_size, self.padding, self.dilation

    def output_shape(self, shape: Shape) -> Shape:
        return self.pooled_shape(shape, self.ceil_mode)

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.MaxPool2d(
            self.kernel_size, self.stride, self.padding, self.dilation, return_indices=False, ceil_mode=self.ceil_mode
        )


class AvgPool1d(Pooling):
    """Mean of each window of a signal; padding counts as zeros, as in torch."""

    kind: ClassVar[str] = "avg_pool1d"
    rank: ClassVar[int] = 1

    kernel_size: Positive = Field(description="Size of the window in positions.", examples=[2])
    stride: Positive | None = Field(
        default=None,
        description="Positions from one window to the next; by default the size of the window.",
        examples=[2],
    )
    padding: NonNegative = Field(
        default=0, description="Positions added at both ends, at most half of the window.", examples=[1]
    )
    ceil_mode: CeilMode = False

    def window(self) -> tuple[Shape, Shape, Shape, Shape]:
        return (self.kernel_size,), (self.stride or self.kernel_size,), (self.padding,), (1,)

    def output_shape(self, shape: Shape) -> Shape:
        return self.pooled_shape(shape, self.ceil_mode)

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.AvgPool1d(self.kernel_size, self.stride or self.kernel_size, self.padding, self.ceil_mode)


class AvgPool2d(Pooling):
    """Mean of each window of a map; padding counts as zeros, as in torch."""

    kind: ClassVar[str] = "avg_pool2d"
    short: ClassVar[str | None] = "avg"
    rank: ClassVar[int] = 2

    kernel_size: Pair = Field(
        description="Size of the window in pixels: one number, or [height, width].", examples=[2, [2, 1]]
    )
    stride: Pair | None = Field(
        default=None,
        description="Pixels from one window to the next, or [down, across]; by default the size of the window.",
        examples=[2],
    )
    padding: PaddingPair = Field(
        default=(0, 0),
        description="Pixels added on every side, or [rows, columns]; at most half of the window.",
        examples=[1],
    )
    ceil_mode: CeilMode = False

    def window(self) -> tuple[Shape, Shape, Shape, Shape]:
        return self.kernel_size, self.stride or self.kernel_size, self.padding, (1, 1)

    def output_shape(self, shape: Shape) -> Shape:
        return self.pooled_shape(shape, self.ceil_mode)

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.AvgPool2d(self.kernel_size, self.stride, self.padding, self.ceil_mode)


class AdaptiveAvgPool1d(LayerBase):
    """Mean over as many equal parts of a signal as the output has values."""

    kind: ClassVar[str] = "adaptive_avg_pool1d"
    family: ClassVar[str] = "pool"
    pools: ClassVar[bool] = True
    factor: ClassVar[str] = "pooling"
    colour: ClassVar[str] = "green"

    output_size: Positive = Field(description="Length that comes out.", examples=[1])

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 2)
        return (shape[0], self.output_size)

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.AdaptiveAvgPool1d(self.output_size)


class AdaptiveAvgPool2d(LayerBase):
    """Mean over as many equal parts of a map as the output has values; output_size 1 is global pooling."""

    kind: ClassVar[str] = "adaptive_avg_pool2d"
    family: ClassVar[str] = "pool"
    pools: ClassVar[bool] = True
    factor: ClassVar[str] = "pooling"
    colour: ClassVar[str] = "green"

    output_size: Pair = Field(
        description="Size of the map that comes out: one number, or [height, width]; 1 is global pooling.",
        examples=[1, [2, 2]],
    )

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3)
        return (shape[0], *self.output_size)

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.AdaptiveAvgPool2d(self.output_size)
