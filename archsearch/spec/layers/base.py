"""What every layer kind is: fields, output shape, counts and `build`.

    Conv2d(out_channels=6, kernel_size=(5, 5)).output_shape((1, 32, 32))   # (6, 28, 28)

A shape never includes the batch: (features,) for flat data, (channels, length) for signals, (channels, height, width)
for images. Everything here is integer arithmetic; torch is imported inside `build` only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

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
    pools: ClassVar[bool] = False  # makes maps smaller, without weights
    flattens: ClassVar[bool] = False
    drops: ClassVar[bool] = False  # sets values to zero at random while training
    mixes_batch: ClassVar[bool] = False  # a sample's output depends on the others of its batch
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

    def output_shape(self, shape: Shape) -> Shape:
        """Give the output's shape for an input's; raise `ShapeError` if the layer does not fit."""
        return shape

    def parameters(self, shape: Shape) -> int:
        """Count trainable values, as `sum(p.numel() for p in module.parameters())` does."""
        return 0

    def macs(self, shape: Shape) -> int:
        """Count multiply-accumulates of convolutions and matrix products for one sample, forward only."""
        return 0

    def canonical(self, shape: Shape) -> dict[str, object]:
        """Give the fields that decide what the layer computes, each written in one way only."""
        return self.model_dump(mode="json", exclude={"name"})

    def build(self, shape: Shape) -> nn.Module:
        """Make the torch module for an input of this shape, initialised as torch does by default."""
        raise NotImplementedError


def need_rank(shape: Shape, rank: int) -> None:
    """Raise `ShapeError` unless the shape has this many sizes; the ways out depend on what it has instead."""
    if len(shape) == rank:
        return
    wanted = {1: "a flat input", 2: "a signal (channels x length)", 3: "a map (channels x height x width)"}[rank]
    if rank == 1:
        pool = f"adaptive_avg_pool{len(shape) - 1}d"
        ways = ["put flatten before it", f"put {pool}: {{output_size: 1}} and flatten before it"]
    elif len(shape) == 1:
        ways = ["put it before flatten", "drop it"]
    else:
        ways = [f"use the {len(shape) - 1}d kind", "drop it"]
    raise ShapeError(f"needs {wanted}, its input is {size_text(shape)}", ways)


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
