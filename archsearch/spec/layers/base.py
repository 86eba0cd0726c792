"""What every layer kind is: fields, output shape, counts and `build`.

    Conv2d(out_channels=6, kernel_size=(5, 5)).output_shape((1, 32, 32))   # (6, 28, 28)

A shape never includes the batch: (features,) for flat data, (channels, length) for signals, (channels, height, width)
for images, (channels, depth, height, width) for volumes; a sequence, as recurrence and attention read it, is (steps,
features), which `permute: {dims: [2, 1]}` makes of a signal. Everything here is integer arithmetic; torch is imported
inside `build` only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from archsearch.spec.fields import LayerName
from archsearch.spec.onekey import Kind

if TYPE_CHECKING:
    from torch import nn

Shape = tuple[int, ...]


class ShapeError(Exception):
    """A layer does not fit its input, for a `reason`; `ways_out` are short imperatives such as `use kernel_size <= 3`.

    `too_small` says that a larger input would fit. Which layer it is, the plan knows: `PlanError`.
    """

    def __init__(self, reason: str, ways_out: Sequence[str] = (), *, too_small: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.ways_out = tuple(ways_out)
        self.too_small = too_small


def size_text(shape: Shape) -> str:
    """Write a shape as people say it: (6, 28, 28) -> `6x28x28`."""
    return "x".join(str(size) for size in shape)


class LayerBase(Kind):
    """One row of a network. `family` is what automatic names are made of: conv1, pool1, act1, fc1.

    What else is known of a kind stands on its class too, so that a new kind is one class: whatever lints, compares,
    draws or suggests asks these roles, and no kind or family by its name.
    """

    family: ClassVar[str]
    weighted: ClassVar[bool] = False  # a linear map with weights: convolution, linear
    elementwise: ClassVar[bool] = False  # each value by itself
    pools: ClassVar[bool] = False  # makes maps smaller by a fixed rule: a mean, a maximum
    flattens: ClassVar[bool] = False
    keeps_values: ClassVar[bool] = False  # every value that comes out came in: moved, left out, and not computed with
    drops: ClassVar[bool] = False  # sets values to zero at random while training
    mixes_batch: ClassVar[bool] = False  # a sample's output depends on the others of its batch
    opaque: ClassVar[bool] = False  # what it computes stands in a file: it may draw, and normalise over the batch
    reads_steps: ClassVar[bool] = False  # takes its input as (steps, features), not as (channels, length)
    squashes: ClassVar[Literal["", "probabilities", "log_probabilities"]] = ""  # what its outputs may be read as
    factor: ClassVar[str] = "depth"  # of a difference: what it is called to add, take away or exchange such a layer
    field_factors: ClassVar[Mapping[str, str]] = {}  # of a difference: what it is called to change a field
    short: ClassVar[str | None] = None  # in one line of text; None: its kind, "": left out
    colour: ClassVar[str] = "grey"  # in diagrams, a name of the report's palette
    thin: ClassVar[bool] = False  # in diagrams: changes no size

    name: LayerName | None = Field(
        default=None,
        description="What the layer is called; by default its family and position: conv1, fc2.",
        examples=["stem"],
    )

    @property
    def draws(self) -> bool:
        """Whether it takes random numbers while training, or may do so."""
        return self.drops or self.opaque

    def resolved(self, shape: Shape) -> Self:
        """Give the layer with what its input decides written as numbers; what a plan holds has been through this."""
        return self

    def output_shape(self, shape: Shape) -> Shape:
        """Give the output's shape for an input's; raise `ShapeError` if the layer does not fit."""
        return shape

    def parameters(self, shape: Shape) -> int:
        """Count trainable values, as `sum(p.numel() for p in module.parameters())` does."""
        return 0

    def macs(self, shape: Shape) -> int:
        """Count multiply-accumulates of convolutions and matrix products for one sample, forward only."""
        return 0

    def outputs(self, shape: Shape) -> int:
        """Count the values that the layer writes for one sample: its output, and what it keeps for the way back."""
        return product(self.output_shape(shape))

    def refuses_one_sample(self, shape: Shape) -> bool:
        """Say whether torch cannot train it on a batch of one sample: nothing is there to normalise over."""
        return self.mixes_batch and product(shape[1:]) == 1

    def every_field(self) -> dict[str, Any]:
        """Give all fields but the name as JSON values."""
        return self.model_dump(mode="json", exclude={"name"})

    def canonical(self, shape: Shape) -> dict[str, object]:
        """Give the fields that decide what the layer computes, each written in one way only."""
        return self.model_dump(mode="json", exclude={"name"})

    def build(self, shape: Shape) -> nn.Module:
        """Make the torch module for an input of this shape, initialised as torch does by default."""
        raise NotImplementedError


class GrownLayer(LayerBase):
    """A kind with fields that are younger than the first release, `younger`.

    They are left out of what is written where they say what was meant without them: run ids are hashes of it.
    """

    younger: ClassVar[tuple[str, ...]]

    @model_serializer(mode="wrap")
    def _younger_by_silence(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        usual = {name for name in self.younger if getattr(self, name) == type(self).model_fields[name].default}
        return {key: value for key, value in written.items() if key not in usual}

    def every_field(self) -> dict[str, Any]:
        """Give all fields but the name as JSON values, those that are not written among them."""
        return {name: type(self).model_fields[name].default for name in self.younger} | super().every_field()


_WANTED = {
    1: "a flat input",
    2: "a signal (channels x length)",
    3: "a map (channels x height x width)",
    4: "a volume (channels x depth x height x width)",
}


def need_rank(shape: Shape, rank: int) -> None:
    """Raise `ShapeError` unless the shape has this many sizes; the ways out depend on what it has instead."""
    if len(shape) == rank:
        return
    wanted = _WANTED[rank]
    if rank == 1:
        ways = ["put flatten before it"]
        if len(shape) <= 4:
            ways.append(f"put adaptive_avg_pool{len(shape) - 1}d: {{output_size: 1}} and flatten before it")
    elif len(shape) == 1:
        ways = ["put it before flatten", "drop it"]
    else:
        ways = [f"use the {len(shape) - 1}d kind", "drop it"]
    raise ShapeError(f"needs {wanted}, its input is {size_text(shape)}", ways)


def need_steps(shape: Shape) -> None:
    """Raise `ShapeError` unless the shape is that of a sequence, (steps, features)."""
    if len(shape) == 2:
        return
    ways = {
        1: ["put unflatten: {unflattened_size: [steps, features]} before it", "put embedding before it"],
        3: ["put flatten: {start_dim: 2} and permute: {dims: [2, 1]} before it"],
    }.get(len(shape), ["put flatten: {start_dim: 2} and permute: {dims: [2, 1]} before it"])
    raise ShapeError(f"needs a sequence (steps x features), its input is {size_text(shape)}", ways)


def need_places(shape: Shape, field: str) -> None:
    """Raise `ShapeError` where a layer is for each step of a sequence, by a field, and its input is flat."""
    if len(shape) < 2:
        raise ShapeError(
            f"{field} needs a sequence (steps x features), its input is {size_text(shape)}", [f"remove {field}"]
        )


def window_count(size: int, kernel: int, stride: int, padding: int, dilation: int = 1, ceil_mode: bool = False) -> int:
    """Count the positions of a sliding window, as torch does; 0 or less where the window does not fit.

    With `ceil_mode` a window that would start in the right padding is ignored (torch, ATen/native/Pool.h).
    """
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if room < 0 and not ceil_mode:
        return 0
    count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    return count


def product(shape: Shape) -> int:
    """Multiply the sizes: how many values a tensor of this shape holds."""
    return math.prod(shape)
