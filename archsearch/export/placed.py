"""The layers of a built network with their places in it and the rows they were planned as.

    for place, module, row in placed_layers(model, plan.network.rows): ...      # "res1.body.conv1", Conv2d(...), row

A place is what `model.get_submodule` takes; a row's name leaves out that a layer stands in a residual block's body.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn

from archsearch.spec.layers import Block
from archsearch.spec.network import PlannedLayer


def placed_layers(
    model: nn.Sequential, rows: Sequence[PlannedLayer], before: str = ""
) -> Iterator[tuple[str, nn.Module, PlannedLayer]]:
    """Yield place, module and row of every layer that is no block, in the order in which they are made."""
    for (name, module), row in zip(model.named_children(), rows, strict=True):
        place = f"{before}{name}"
        if not isinstance(row.layer, Block):
            yield place, module, row
        elif isinstance(module, nn.Sequential):
            yield from placed_layers(module, row.layers, f"{place}.")
        else:
            for branch in row.branches:
                inside, there = module.get_submodule(branch.name), f"{place}.{branch.name}"
                if isinstance(inside, nn.Sequential):
                    yield from placed_layers(inside, branch.rows, f"{there}.")
                else:  # a layer that follows from the shapes stands for itself
                    yield there, inside, branch.rows[0]
