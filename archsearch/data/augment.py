"""Augment whole batches, one step of the spec after the other.

    x = augment(x, spec.augment, generator)

Works on values in which 0 is the background, so before any normalisation. What each step does stands on its class in
`spec/augmentations.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from archsearch.spec.augmentations import AnyAugmentation


def augment(x: Tensor, steps: tuple[AnyAugmentation, ...], generator: torch.Generator) -> Tensor:
    """Apply `steps` in their order to images (N, C, H, W), float32, on the device of `x`; the shape stays.

    `generator` is a CPU generator: the same state gives the same draws on every device.
    """
    if x.ndim != 4 or not x.is_floating_point():
        raise TypeError(f"expected float images (N, C, H, W), got {x.dtype} {tuple(x.shape)}")
    for step in steps:
        x = step.apply(x, generator)
    return x
