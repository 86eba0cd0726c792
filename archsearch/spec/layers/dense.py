"""`flatten` and `linear`; `in_features` is the input's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from archsearch.plain import Positive
from archsearch.spec.fields import Width
from archsearch.spec.layers.base import GrownLayer, Shape, ShapeError, need_places, need_rank, product, size_text

if TYPE_CHECKING:
    from torch import nn


class Flatten(GrownLayer):
    """Lay all values of a sample out in one row; with `start_dim: 2` those of each channel."""

    kind: ClassVar[str] = "flatten"
    family: ClassVar[str] = "flatten"
    flattens: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True
    factor: ClassVar[str] = "fully connected part"
    short: ClassVar[str | None] = ""
    younger: ClassVar[tuple[str, ...]] = ("start_dim",)

    start_dim: Positive = Field(
        default=1,
        description="The first of a sample's sizes that is laid out, from 1 on: 2 keeps the channels apart.",
        examples=[2],
    )

    def output_shape(self, shape: Shape) -> Shape:
        if self.start_dim > len(shape):
            raise ShapeError(
                f"start_dim {self.start_dim} is beyond the {len(shape)} size{'s' * (len(shape) > 1)} of its input "
                f"{size_text(shape)}",
                [f"use start_dim: {len(shape) - 1 or 1}", "drop it"],
            )
        return (*shape[: self.start_dim - 1], product(shape[self.start_dim - 1 :]))

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.Flatten(self.start_dim)


class Linear(GrownLayer):
    """Fully connected layer on a flat input; with `per_step` on the last size of each place, as torch's is."""

    kind: ClassVar[str] = "linear"
    family: ClassVar[str] = "fc"
    weighted: ClassVar[bool] = True
    factor: ClassVar[str] = "fully connected part"
    field_factors: ClassVar[Mapping[str, str]] = {"out_features": "fully connected part", "bias": "bias"}
    short: ClassVar[str | None] = "fc"
    colour: ClassVar[str] = "purple"
    younger: ClassVar[tuple[str, ...]] = ("per_step",)

    out_features: Width = Field(
        description="Values that come out for each sample; `classes` is the number of classes.",
        examples=[120, "classes"],
    )
    bias: bool = Field(
        default=True, description="Whether a trainable number is added to every output.", examples=[False]
    )

    per_step: bool = Field(
        default=False,
        description="Whether the input is a sequence (steps x features), each step of which passes the same layer.",
        examples=[True],
    )

    @property
    def width(self) -> int:
        """The number of output features, once `classes` has been replaced by a number."""
        assert self.out_features != "classes", "plan_network replaces `classes` before shapes are asked for"
        return self.out_features

    def output_shape(self, shape: Shape) -> Shape:
        if self.per_step:
            need_places(shape, "per_step")
            return (*shape[:-1], self.width)
        need_rank(shape, 1)
        return (self.width,)

    def parameters(self, shape: Shape) -> int:
        return shape[-1] * self.width + (self.width if self.bias else 0)

    def macs(self, shape: Shape) -> int:
        return product(shape) * self.width

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.Linear(shape[-1], self.width, self.bias)
