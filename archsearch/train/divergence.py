"""When a run has diverged: what it holds or gives is no finite number any more.

    check_weights(model, lr=0.1)                              # raises Diverged, naming the first layer
    check_outputs(outputs, "test", lambda row: ...)           # the same for what the network gives

One reduction for each tensor and one look at the device: a sum is finite only if every summand is. Where a sum is not,
each value is looked at, as the sum of large finite numbers may overflow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


class Diverged(Exception):
    """A run diverged; the text says in what."""


def check_weights(model: nn.Module, lr: float | None = None) -> None:
    """Raise `Diverged` with the first layer one of whose parameters or buffers is not finite."""
    name = first_not_finite(model.state_dict())
    if name is not None:
        layer, _, what = name.rpartition(".")
        rate = "" if lr is None else f" (lr {lr:g})"
        raise Diverged(f"after its last step the {what} of {layer} is not finite{rate}")


def check_outputs(outputs: Tensor, part: str, layer_of: Callable[[int], str | None]) -> None:
    """Raise `Diverged` where outputs (N, classes) are not finite; `layer_of` names the layer for a sample's number."""
    if first_not_finite({"outputs": outputs}) is None:
        return
    row = int((~torch.isfinite(outputs)).any(1).nonzero()[0])
    layer = layer_of(row)
    raise Diverged(f"the outputs on the {part} data are not finite" + (f", first in {layer}" if layer else ""))


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Give the name of the first tensor that holds an infinite value or none, None where all are finite."""
    floats = {name: value for name, value in tensors.items() if value.is_floating_point()}
    if not floats or bool(torch.isfinite(torch.stack([value.sum() for value in floats.values()])).all()):
        return None
    return next((name for name, value in floats.items() if not bool(torch.isfinite(value).all())), None)


def first_layer(model: nn.Sequential, x: Tensor) -> str | None:
    """Name the first layer that makes values that are not finite of prepared samples, None where torch finds none."""
    model.eval()
    with torch.inference_mode():
        for name, layer in model.named_children():
            x = layer(x)
            if not bool(torch.isfinite(x).all()):
                return name
    return None
