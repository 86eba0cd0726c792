"""Blocks: layers made of layers, so that a network stays one list. `sequential` groups, `residual` adds its input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from archsearch.spec.layers.base import LayerBase, Shape, ShapeError, size_text
from archsearch.spec.layers.convolution import Conv1d, Conv2d
from archsearch.spec.layers.dense import Linear

if TYPE_CHECKING:
    from torch import nn

    from archsearch.spec.layers import Layer


class Block(LayerBase):
    """A layer that holds layers. `network.py` plans and builds the body, then asks the block for the rest."""

    layers: Annotated[tuple[Layer, ...], Field(strict=False, min_length=1)] = Field(
        description="The layers inside, one after the other.", examples=[[{"linear": {"out_features": 32}}, "relu"]]
    )

    def projection_layer(self, shape: Shape, body_shape: Shape) -> LayerBase | None:
        """Give the extra layer beside the body, or None; raise `ShapeError` if body and input cannot be joined."""
        return None

    def assemble(self, body: nn.Sequential, projection: nn.Module | None) -> nn.Module:
        """Join the built body and projection to one module."""
        raise NotImplementedError


class Sequential(Block):
    """A named sub-list: its layers run one after the other."""

    kind: ClassVar[str] = "sequential"
    family: ClassVar[str] = "block"

    def assemble(self, body: nn.Sequential, projection: nn.Module | None) -> nn.Module:
        return body


class Residual(Block):
    """The output of a sub-list plus its input (He et al. 2015).

    With `projection: true` an input of another shape passes a 1x1 convolution without bias (a linear layer where the
    input is flat); where the shapes agree the input is added as it is.
    """

    kind: ClassVar[str] = "residual"
    family: ClassVar[str] = "res"

    projection: bool = Field(
        default=False,
        description="Whether an input of another shape passes a 1x1 convolution (or a linear layer) to fit.",
        examples=[True],
    )

    def projection_layer(self, shape: Shape, body_shape: Shape) -> LayerBase | None:
        if shape == body_shape:
            return None
        if not self.projection or len(shape) != len(body_shape):
            ways = ["make its layers keep the shape (padding: same, equal channels)"]
            if len(shape) == len(body_shape):
                ways.insert(0, "set projection: true")
            raise ShapeError(f"its layers give {size_text(body_shape)}, its input is {size_text(shape)}", ways)
        if len(shape) == 1:
            return Linear(out_features=body_shape[0], bias=False)
        strides = tuple(_stride(size, wanted) for size, wanted in zip(shape[1:], body_shape[1:], strict=True))
        if 0 in strides:
            raise ShapeError(
                f"no stride of a 1x1 projection takes {size_text(shape[1:])} to {size_text(body_shape[1:])}",
                ["use padding: same in its convolutions", "use a stride that divides the input"],
            )
        if len(shape) == 2:
            return Conv1d(out_channels=body_shape[0], kernel_size=1, stride=strides[0], bias=False)
        return Conv2d(out_channels=body_shape[0], kernel_size=(1, 1), stride=(strides[0], strides[1]), bias=False)

    def assemble(self, body: nn.Sequential, projection: nn.Module | None) -> nn.Module:
        from torch import nn

        from archsearch.spec.modules import ResidualBlock

        return ResidualBlock(body, projection or nn.Identity())


def _stride(size: int, wanted: int) -> int:
    """Give the smallest stride s with floor((size - 1) / s) + 1 == wanted, or 0."""
    if wanted == 1:
        return size
    smallest = (size - 1) // wanted + 1  # the first s with (size - 1) // s < wanted
    return smallest if wanted <= size and (size - 1) // smallest + 1 == wanted else 0
