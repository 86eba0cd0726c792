"""Normalisation and dropout; the number of features is the input's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from archsearch.plain import Fraction, Positive, PositiveFloat
from archsearch.spec.layers.base import (
    GrownLayer,
    LayerBase,
    Shape,
    ShapeError,
    need_places,
    need_rank,
    product,
    size_text,
)

if TYPE_CHECKING:
    from torch import nn

Momentum = Annotated[float, Field(gt=0, le=1)]
Eps = Annotated[
    PositiveFloat, Field(description="Added to the variance, so that nothing is divided by zero.", examples=[0.001])
]
PerStep = Annotated[
    bool,
    Field(
        description="Whether each step of a sequence (steps x features) is normalised over its features, by the same "
        "scales; else all values of a sample are.",
        examples=[True],
    ),
]


class Normalisation(LayerBase):
    """The roles that all of them have."""

    family: ClassVar[str] = "norm"
    factor: ClassVar[str] = "normalisation"
    colour: ClassVar[str] = "sky"
    thin: ClassVar[bool] = True


class BatchNorm(Normalisation):
    """What the batch norms share, for any number of spatial dimensions."""

    rank: ClassVar[int]
    mixes_batch: ClassVar[bool] = True

    eps: Eps = 1e-5
    momentum: Momentum = Field(
        default=0.1,
        description="Weight of the newest batch in the running mean and variance that evaluation uses.",
        examples=[0.01],
    )
    affine: bool = Field(
        default=True, description="Whether each channel or feature gets a trainable scale and offset.", examples=[False]
    )

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, self.rank + 1)
        return shape

    def parameters(self, shape: Shape) -> int:
        return 2 * shape[0] if self.affine else 0

    def build(self, shape: Shape) -> nn.Module:
        """Make torch's module of the same name."""
        from torch import nn

        kind: type[nn.Module] = getattr(nn, type(self).__name__)
        return kind(shape[0], self.eps, self.momentum, self.affine)


class BatchNorm1d(BatchNorm):
    """Normalise each feature (flat input) or channel (signal) over the batch."""

    kind: ClassVar[str] = "batch_norm1d"
    rank: ClassVar[int] = 1

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) > 2:
            raise ShapeError(
                f"needs a flat input or a signal (channels x length), its input is {size_text(shape)}",
                ["use batch_norm2d", "put flatten before it"],
            )
        return shape


class BatchNorm2d(BatchNorm):
    """Normalise each channel of a map over the batch."""

    kind: ClassVar[str] = "batch_norm2d"
    rank: ClassVar[int] = 2


class BatchNorm3d(BatchNorm):
    """Normalise each channel of a volume over the batch."""

    kind: ClassVar[str] = "batch_norm3d"
    rank: ClassVar[int] = 3


class LayerNorm(Normalisation, GrownLayer):
    """Normalise each sample over all of its values, or with `per_step` each step of a sequence over its features.

    `normalized_shape` is the input's, or its last size.
    """

    kind: ClassVar[str] = "layer_norm"
    younger: ClassVar[tuple[str, ...]] = ("per_step",)

    eps: Eps = 1e-5
    elementwise_affine: bool = Field(
        default=True, description="Whether each value gets a trainable scale and offset.", examples=[False]
    )
    per_step: PerStep = False

    def output_shape(self, shape: Shape) -> Shape:
        _normalized(shape, self.per_step)
        return shape

    def parameters(self, shape: Shape) -> int:
        return 2 * product(_normalized(shape, self.per_step)) if self.elementwise_affine else 0

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.LayerNorm(_normalized(shape, self.per_step), self.eps, self.elementwise_affine)


class RmsNorm(Normalisation):
    """Divide each sample by the root mean square of its values (Zhang & Sennrich 2019).

    With `per_step` each step of a sequence is divided by that of its features.
    """

    kind: ClassVar[str] = "rms_norm"

    eps: PositiveFloat | None = Field(
        default=None,
        description="Added to the mean square, so that nothing is divided by zero; by default float32's smallest step.",
        examples=[1e-6],
    )
    elementwise_affine: bool = Field(
        default=True, description="Whether each value gets a trainable scale.", examples=[False]
    )
    per_step: PerStep = False

    def output_shape(self, shape: Shape) -> Shape:
        _normalized(shape, self.per_step)
        return shape

    def parameters(self, shape: Shape) -> int:
        return product(_normalized(shape, self.per_step)) if self.elementwise_affine else 0

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.RMSNorm(_normalized(shape, self.per_step), self.eps, self.elementwise_affine)


def _normalized(shape: Shape, per_step: bool) -> Shape:
    """Give torch's `normalized_shape`: the sizes at the end that a mean is taken over."""
    if per_step:
        need_places(shape, "per_step")
    return shape[-1:] if per_step else shape


class InstanceNorm(Normalisation):
    """Normalise each channel of each sample over its places (Ulyanov et al. 2016): signals, maps and volumes."""

    kind: ClassVar[str] = "instance_norm"

    eps: Eps = 1e-5
    affine: bool = Field(
        default=False, description="Whether each channel gets a trainable scale and offset.", examples=[True]
    )

    def output_shape(self, shape: Shape) -> Shape:
        if not 2 <= len(shape) <= 4:
            raise ShapeError(
                f"needs a signal, a map or a volume, its input is {size_text(shape)}",
                ["put it before flatten", "use layer_norm", "drop it"],
            )
        if product(shape[1:]) == 1:  # torch refuses it too, while training
            raise ShapeError("each of its channels has one value, there is nothing to normalise", ["drop it"])
        return shape

    def parameters(self, shape: Shape) -> int:
        return 2 * shape[0] if self.affine else 0

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        kinds = {2: nn.InstanceNorm1d, 3: nn.InstanceNorm2d, 4: nn.InstanceNorm3d}
        return kinds[len(shape)](shape[0], self.eps, affine=self.affine)


class GroupNorm(Normalisation):
    """Normalise each sample over groups of channels."""

    kind: ClassVar[str] = "group_norm"

    num_groups: Positive = Field(
        description="Groups of channels that are normalised together; divides the channels.", examples=[4]
    )
    eps: Eps = 1e-5
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
