"""Shapes of joined branches, held against what torch makes of tensors of these shapes."""

from __future__ import annotations

import math

import pytest
import torch

from archsearch.spec.layers.base import ShapeError
from archsearch.spec.layers.joins import joined_shape

BY_TORCH = {
    "concat": lambda tensors: torch.cat(tensors, dim=1),
    "add": lambda tensors: torch.stack(tensors).sum(0),
    "multiply": lambda tensors: math.prod(tensors[1:], start=tensors[0]),
}


@pytest.mark.parametrize("join", BY_TORCH)
@pytest.mark.parametrize("shapes", [[(8, 4, 4), (8, 4, 4)], [(8,), (8,), (8,)], [(3, 7), (3, 7)]])
def test_what_agrees_is_joined_to_torchs_shape(join, shapes):
    found = BY_TORCH[join]([torch.ones(2, *shape) for shape in shapes])
    assert joined_shape(join, shapes, "") == tuple(found.shape[1:])


def test_a_gate_of_one_value_per_channel_is_taken_for_every_place():
    assert joined_shape("multiply", [(8, 4, 4), (8, 1, 1)], "") == (8, 4, 4)
    assert joined_shape("multiply", [(8, 4, 4), (8,)], "") == (8, 4, 4)


@pytest.mark.parametrize(
    ("join", "shapes", "said"),
    [
        ("concat", [(8, 4, 4), (8, 2, 2)], "padding: same"),
        ("concat", [(8, 4, 4), (128,)], "put flatten at the end of every branch, or of none"),
        ("add", [(8, 4, 4), (6, 4, 4)], "use join: concat"),
        ("multiply", [(8, 4, 4), (3, 4, 4)], "adaptive_avg_pool2d"),
    ],
)
def test_what_does_not_agree_is_named_with_a_way_out(join, shapes, said):
    with pytest.raises(ShapeError, match="branch1 gives one, branch2 another") as raised:
        joined_shape(join, shapes, "branch1 gives one, branch2 another")
    assert said in " ".join(raised.value.ways_out)
