"""`flatten` and `linear`; `in_features` is the input's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from archsearch.spec.fields import Width
from archsearch.spec.layers.base import LayerBase, Shape, need_rank, product

if TYPE_CHECKING:
    from torch import nn


class Flatten(LayerBase):
    """Lay all values of a sample out in one row."""

    kind: ClassVar[str] = "flatten"
    family: ClassVar[str] = "flatten"
    flattens: ClassVar[bool] = True
    factor: ClassVar[str] = "fully connected part"
    short: ClassVar[str | None] = ""

    def output_shape(self, shape: Shape) -> Shape:
        return (product(shape),)

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.Flatten()


class Linear(LayerBase):
    """Fully connected layer on a flat input."""

    kind: ClassVar[str] = "linear"
    family: ClassVar[str] = "fc"
    weighted: ClassVar[bool] = True
    factor: ClassVar[str] = "fully connected part"
    field_factors: ClassVar[Mapping[str, str]] = {"out_features": "fully connected part", "bias": "bias"}
    short: ClassVar[str | None] = "fc"
    colour: ClassVar[str] = "purple"

    out_features: Width = Field(
        description="Values that come out for each sample; `classes` is the number of classes.",
        examples=[120, "classes"],
    )
    bias: bool = Field(
        default=True, description="Whether a trainable number is added to every output.", examples=[False]
    )

    @property
    def width(self) -> int:
        """The number of output features, once `classes` has been replaced by a number."""
        assert self.out_features != "classes", "plan_network replaces `classes` before shapes are asked for"
        return self.out_features

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 1)
        return (self.width,)

    def parameters(self, shape: Shape) -> int:
        return shape[0] * self.width + (self.width if self.bias else 0)

    def macs(self, shape: Shape) -> int:
        return shape[0] * self.width

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.Linear(shape[0], self.width, self.bias)
