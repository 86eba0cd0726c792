"""What shape the outputs of branches are joined to, or why they cannot be joined.

joined_shape("add", [(8, 4, 4), (8, 4, 4)], "branch1 gives 8x4x4, branch2 gives 8x4x4")     # (8, 4, 4)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from archsearch.spec.layers.base import Shape, ShapeError

Join = Literal["concat", "add", "multiply"]
_KEEP_SIZE = "give its convolutions padding: same and its poolings stride: 1"


def _ways_to_agree(outputs: Sequence[Shape]) -> list[str]:
    """Say how the sizes behind the channels come to agree."""
    if len({len(shape) for shape in outputs}) > 1:
        return ["put flatten at the end of every branch, or of none"]
    return [_KEEP_SIZE, "use the same strides in every branch"]


def _concatenated(outputs: Sequence[Shape], named: str) -> Shape:
    """Add up the channels; all else must agree."""
    if len({shape[1:] for shape in outputs}) > 1 or len({len(shape) for shape in outputs}) > 1:
        raise ShapeError(
            f"the channels of branches can be put together only where their maps are equal: {named}",
            _ways_to_agree(outputs),
        )
    return (sum(shape[0] for shape in outputs), *outputs[0][1:])


def _added(outputs: Sequence[Shape], named: str) -> Shape:
    if len(set(outputs)) > 1:
        ways = ["end each branch with as many channels"] if len({shape[0] for shape in outputs}) > 1 else []
        fit = len({shape[1:] for shape in outputs}) == 1 == len({len(shape) for shape in outputs})
        raise ShapeError(
            f"branches can be added only where they give the same shape: {named}",
            [*ways, "use join: concat"] if fit else [*_ways_to_agree(outputs), *ways],
        )
    return outputs[0]


def _multiplied(outputs: Sequence[Shape], named: str) -> Shape:
    """Give the shape of the product; a branch of one value per channel is taken for every place of a map."""
    most = max(len(shape) for shape in outputs)
    full = [(*shape, *(1,) * (most - len(shape))) if len(shape) == 1 else shape for shape in outputs]
    if len({len(shape) for shape in full}) == 1:
        sizes = [{size for size in at if size != 1} for at in zip(*full, strict=True)]
        channels = {shape[0] for shape in full}
        if all(len(one) <= 1 for one in sizes) and (len(channels) == 1 or 1 in channels):
            return tuple(max(at) for at in zip(*full, strict=True))
    raise ShapeError(
        f"branches can be multiplied only where they give the same shape, or one value per channel: {named}",
        ["end each branch with as many channels", "end a gate with adaptive_avg_pool2d: {output_size: 1}"],
    )


_JOINS = {"concat": _concatenated, "add": _added, "multiply": _multiplied}


def joined_shape(join: Join, outputs: Sequence[Shape], named: str) -> Shape:
    """Give the shape; raise `ShapeError` with what each branch gives, as `named` says it."""
    return _JOINS[join](outputs, named)
