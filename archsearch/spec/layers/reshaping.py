"""What moves, repeats or takes values out: permute, unflatten, zero_pad, select_channels, select_step, upsample.

    Permute(dims=(2, 1)).output_shape((64, 49))        # (49, 64): a signal of 64 channels as 49 steps

Sizes of a sample are counted from 1 on, as in torch, where the batch is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from archsearch.plain import NonNegative, Positive
from archsearch.spec.fields import Sides
from archsearch.spec.layers.base import LayerBase, Shape, ShapeError, need_rank, need_steps, product, size_text

if TYPE_CHECKING:
    from torch import nn

_SizesInYaml = Annotated[tuple[Positive, ...], Field(strict=False, min_length=1)]


class _Reshaping(LayerBase):
    factor: ClassVar[str] = "shape"
    thin: ClassVar[bool] = True


class Permute(_Reshaping):
    """Exchange the sizes of a sample: `dims: [2, 1]` makes a sequence (steps x features) of a signal, and back."""

    kind: ClassVar[str] = "permute"
    family: ClassVar[str] = "perm"
    keeps_values: ClassVar[bool] = True

    dims: Annotated[tuple[NonNegative, ...], Field(strict=False, min_length=1)] = Field(
        description="Which size of the input stands in each place of the output, counted from 1 on.",
        examples=[[2, 1], [2, 3, 1]],
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise PydanticCustomError(
                "dims", "dims must name each size once, from 1 on (0 is the batch): [2, 1], [2, 3, 1]"
            )
        return self

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != len(self.dims):
            turned = ", ".join(str(place) for place in (*range(2, len(shape) + 1), 1))
            raise ShapeError(
                f"dims names {len(self.dims)} size{'s' * (len(self.dims) > 1)}, its input {size_text(shape)} has "
                f"{len(shape)}",
                [f"use dims: [{turned}]"] if len(shape) > 1 else ["drop it"],
            )
        return tuple(shape[place - 1] for place in self.dims)

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.map_modules import PermuteModule

        return PermuteModule(self.dims)


class Unflatten(_Reshaping):
    """Part one size of a sample into several: 64 features as a map of 1x8x8."""

    kind: ClassVar[str] = "unflatten"
    family: ClassVar[str] = "unflatten"
    keeps_values: ClassVar[bool] = True

    unflattened_size: _SizesInYaml = Field(
        description="The sizes that one is parted into; their product is that size.", examples=[[1, 8, 8]]
    )
    dim: Positive = Field(default=1, description="Which size is parted, counted from 1 on.", examples=[2])

    def output_shape(self, shape: Shape) -> Shape:
        if self.dim > len(shape):
            raise ShapeError(f"its input {size_text(shape)} has no size number {self.dim}", ["use dim: 1"])
        size = shape[self.dim - 1]
        if product(self.unflattened_size) != size:
            raise ShapeError(
                f"{size_text(self.unflattened_size)} is {product(self.unflattened_size)} values, and size {self.dim} "
                f"of its input {size_text(shape)} is {size}",
                [f"use sizes whose product is {size}"],
            )
        return (*shape[: self.dim - 1], *self.unflattened_size, *shape[self.dim :])

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.Unflatten(self.dim, self.unflattened_size)


class ZeroPad(_Reshaping):
    """Put zeros around a signal, a map or a volume; before a signal alone, `[2, 0]`, it makes a convolution causal."""

    kind: ClassVar[str] = "zero_pad"
    family: ClassVar[str] = "pad"
    thin: ClassVar[bool] = False

    padding: Sides = Field(
        description="Zeros at every side, or [left, right], for maps [left, right, top, bottom].", examples=[1, [2, 0]]
    )

    def sides(self, shape: Shape) -> tuple[int, ...]:
        """Give what is added at each side, in torch's order; raise `ShapeError` where it does not go with the input."""
        if not 2 <= len(shape) <= 4:
            raise ShapeError(
                f"needs a signal, a map or a volume, its input is {size_text(shape)}", ["put it before flatten"]
            )
        wanted = 2 * (len(shape) - 1)
        if len(self.padding) not in (1, wanted):
            sides = {2: "left, right", 4: "left, right, top, bottom"}.get(wanted, "left, right, ..., front, back")
            raise ShapeError(
                f"padding has {len(self.padding)} numbers, its input {size_text(shape)} has {wanted} sides",
                [f"use padding: [{sides}]", "give one number for all sides"],
            )
        return self.padding * wanted if len(self.padding) == 1 else self.padding

    def output_shape(self, shape: Shape) -> Shape:
        sides = self.sides(shape)
        added = [sides[place] + sides[place + 1] for place in range(0, len(sides), 2)]
        return (shape[0], *(size + more for size, more in zip(shape[1:], reversed(added), strict=True)))

    def canonical(self, shape: Shape) -> dict[str, object]:
        """Write every side, where their number is known."""
        return super().canonical(shape) | ({"padding": list(self.sides(shape))} if shape else {})

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        kinds = {2: nn.ZeroPad1d, 3: nn.ZeroPad2d, 4: nn.ZeroPad3d}
        module: nn.Module = kinds[len(shape)](self.sides(shape))  # type: ignore[arg-type]
        return module


class SelectChannels(_Reshaping):
    """Take some channels of a signal or a map (or some features) and leave the others, as LeNet-5's tables do."""

    kind: ClassVar[str] = "select_channels"
    family: ClassVar[str] = "select"
    keeps_values: ClassVar[bool] = True
    thin: ClassVar[bool] = False

    channels: Annotated[tuple[NonNegative, ...], Field(strict=False, min_length=1)] = Field(
        description="The channels that are taken, in this order, counted from 0 on.", examples=[[0, 1, 2]]
    )

    def output_shape(self, shape: Shape) -> Shape:
        beyond = [one for one in self.channels if one >= shape[0]]
        if beyond:
            raise ShapeError(
                f"there is no channel {beyond[0]}: its input {size_text(shape)} has 0 to {shape[0] - 1}",
                ["name others", "give the layer before it more channels"],
            )
        return (len(self.channels), *shape[1:])

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.map_modules import SelectChannelsModule

        return SelectChannelsModule(self.channels)


class SelectStep(_Reshaping):
    """Take one step of a sequence: the first, where a class token stands, or the last, `step: -1`."""

    kind: ClassVar[str] = "select_step"
    family: ClassVar[str] = "select"
    keeps_values: ClassVar[bool] = True
    thin: ClassVar[bool] = False

    step: int = Field(default=0, description="Which step is taken, counted from 0 on; -1 is the last.", examples=[-1])

    def output_shape(self, shape: Shape) -> Shape:
        need_steps(shape)
        if not -shape[0] <= self.step < shape[0]:
            raise ShapeError(
                f"there is no step {self.step}: its input has {shape[0]} steps, 0 to {shape[0] - 1}", ["use step: 0"]
            )
        return shape[1:]

    def canonical(self, shape: Shape) -> dict[str, object]:
        """Count the step from 0 on, where the number of steps is known."""
        return super().canonical(shape) | ({"step": self.step % shape[0]} if shape else {})

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.sequence_modules import SelectStepModule

        return SelectStepModule(self.step)


def _whole_factor(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Upsample(_Reshaping):
    """Make signals and maps larger by a whole factor: values repeated, or lines between them."""

    kind: ClassVar[str] = "upsample"
    family: ClassVar[str] = "up"
    thin: ClassVar[bool] = False
    field_factors: ClassVar[Mapping[str, str]] = {"scale_factor": "shape", "mode": "upsampling"}

    scale_factor: Annotated[Positive, BeforeValidator(_whole_factor)] = Field(
        description="How many values there are along each side for one of the input.", examples=[2]
    )
    mode: Literal["nearest", "linear", "bilinear", "trilinear"] = Field(
        default="nearest",
        description="What lies between: the nearest value, or a straight line (linear for signals, bilinear for maps).",
        examples=["bilinear"],
    )

    def output_shape(self, shape: Shape) -> Shape:
        if not 2 <= len(shape) <= 4:
            raise ShapeError(
                f"needs a signal, a map or a volume, its input is {size_text(shape)}", ["put it before flatten"]
            )
        line = {2: "linear", 3: "bilinear", 4: "trilinear"}[len(shape)]
        if self.mode not in ("nearest", line):
            raise ShapeError(
                f"mode {self.mode} is not for an input of {size_text(shape)}", [f"use mode: {line}", "mode: nearest"]
            )
        return (shape[0], *(size * self.scale_factor for size in shape[1:]))

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.Upsample(scale_factor=self.scale_factor, mode=self.mode)


class PixelShuffle(_Reshaping):
    """Lay the channels of a map out as a larger map (Shi et al. 2016): r x r channels become r x r pixels of one."""

    kind: ClassVar[str] = "pixel_shuffle"
    family: ClassVar[str] = "shuffle"
    thin: ClassVar[bool] = False

    upscale_factor: Positive = Field(description="How much higher and wider the map becomes: r.", examples=[2])

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3)
        factor = self.upscale_factor
        if shape[0] % factor**2:
            raise ShapeError(
                f"upscale_factor {factor} needs a multiple of {factor**2} channels, its input is {size_text(shape)}",
                [f"give the layer before it {factor**2 * (shape[0] // factor**2 + 1)} channels"],
            )
        return (shape[0] // factor**2, shape[1] * factor, shape[2] * factor)

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.PixelShuffle(self.upscale_factor)
