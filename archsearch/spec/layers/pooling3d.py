"""Pooling of volumes: `max_pool3d`, `avg_pool3d`, `adaptive_avg_pool3d`; LeNet's trainable one: `scaled_avg_pool2d`.

ScaledAvgPool2d(kernel_size=2).parameters((6, 28, 28))        # 12: a coefficient and a bias for each map
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from archsearch.spec.fields import PaddingTriple, Triple
from archsearch.spec.layers.base import LayerBase, Shape, ShapeError, need_rank, product, size_text
from archsearch.spec.layers.pooling import AvgPool2d, CeilMode, Pooling

if TYPE_CHECKING:
    from torch import nn


class ScaledAvgPool2d(AvgPool2d):
    """Mean of each window times a trainable coefficient plus a trainable bias for each channel (LeCun et al. 1998)."""

    kind: ClassVar[str] = "scaled_avg_pool2d"
    short: ClassVar[str | None] = "scaled"

    def parameters(self, shape: Shape) -> int:
        return 2 * shape[0]

    def outputs(self, shape: Shape) -> int:
        return 2 * product(self.output_shape(shape))

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.map_modules import ScaledAvgPool2dModule

        kernel, stride, padding, _ = self.window()
        return ScaledAvgPool2dModule(
            shape[0], (kernel[0], kernel[1]), (stride[0], stride[1]), (padding[0], padding[1]), self.ceil_mode
        )


class _PoolingOfVolumes(Pooling):
    rank: ClassVar[int] = 3

    kernel_size: Triple = Field(
        description="Size of the window: one number, or [depth, height, width].", examples=[2, [1, 2, 2]]
    )
    stride: Triple | None = Field(
        default=None,
        description="Places from one window to the next, or [deep, down, across]; by default the size of the window.",
        examples=[2],
    )
    padding: PaddingTriple = Field(
        default=(0, 0, 0),
        description="Places added on every side, or [depth, rows, columns]; at most half of the window.",
        examples=[1],
    )


class MaxPool3d(_PoolingOfVolumes):
    """Largest value of each window of a volume."""

    kind: ClassVar[str] = "max_pool3d"

    dilation: Triple = Field(
        default=(1, 1, 1),
        description="Places from one value of the window to the next, or [deep, down, across]; 1 leaves no gaps.",
        examples=[2],
    )
    ceil_mode: CeilMode = False

    def window(self) -> tuple[Shape, Shape, Shape, Shape]:
        return self.kernel_size, self.stride or self.kernel_size, self.padding, self.dilation

    def output_shape(self, shape: Shape) -> Shape:
        return self.pooled_shape(shape, self.ceil_mode)

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.MaxPool3d(
            self.kernel_size, self.stride, self.padding, self.dilation, return_indices=False, ceil_mode=self.ceil_mode
        )


class AvgPool3d(_PoolingOfVolumes):
    """Mean of each window of a volume; padding counts as zeros, as in torch."""

    kind: ClassVar[str] = "avg_pool3d"

    ceil_mode: CeilMode = False

    def window(self) -> tuple[Shape, Shape, Shape, Shape]:
        return self.kernel_size, self.stride or self.kernel_size, self.padding, (1, 1, 1)

    def output_shape(self, shape: Shape) -> Shape:
        pooled = self.pooled_shape(shape, self.ceil_mode)
        if any(k > size for k, size in zip(self.kernel_size, shape[1:], strict=True)):  # torch's rule, padded or not
            raise ShapeError(
                f"kernel {size_text(self.kernel_size)} is larger than its {size_text(shape[1:])} input without padding",
                [f"use kernel_size <= {min(shape[1:])}", "drop it"],
                too_small=True,
            )
        return pooled

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.AvgPool3d(self.kernel_size, self.stride, self.padding, self.ceil_mode)


class AdaptiveAvgPool3d(LayerBase):
    """Mean over as many equal parts of a volume as the output has values; output_size 1 is global pooling."""

    kind: ClassVar[str] = "adaptive_avg_pool3d"
    family: ClassVar[str] = "pool"
    pools: ClassVar[bool] = True
    factor: ClassVar[str] = "pooling"
    colour: ClassVar[str] = "green"

    output_size: Triple = Field(
        description="Size of the volume that comes out: one number, or [depth, height, width]; 1 is global pooling.",
        examples=[1, [1, 2, 2]],
    )

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 4)
        return (shape[0], *self.output_size)

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.AdaptiveAvgPool3d(self.output_size)
