"""Shift, rotate, flip and crop whole batches; each image gets its own draw.

    x = augment(x, spec.augment, generator)

Works on values in which 0 is the background, so before any normalisation. Knows tensors and the augmentation classes.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as nnf
from torch import Tensor

from archsearch.spec.dataset import AnyAugmentation, Crop, Flip, Rotate, Shift


def augment(x: Tensor, steps: tuple[AnyAugmentation, ...], generator: torch.Generator) -> Tensor:
    """Apply `steps` in their order to images (N, C, H, W), float32, on the device of `x`; the shape stays.

    `generator` is a CPU generator: the same state gives the same draws on every device.
    """
    if x.ndim != 4 or not x.is_floating_point():
        raise TypeError(f"expected float images (N, C, H, W), got {x.dtype} {tuple(x.shape)}")
    for step in steps:
        match step:
            case Shift():
                x = _window(x, step.pixels, generator)
            case Crop():
                x = _window(x, step.padding, generator)
            case Rotate():
                x = _rotate(x, step.degrees, generator)
            case Flip():
                x = _flip(x, 3 if step.direction == "horizontal" else 2, generator)
    return x


def _window(x: Tensor, reach: int, generator: torch.Generator) -> Tensor:
    """Surround with `reach` pixels of 0 and cut the original size out, anywhere: a shift by -reach..reach."""
    n, channels, height, width = x.shape
    offsets = torch.randint(0, 2 * reach + 1, (2, n), generator=generator).to(x.device)
    padded = nnf.pad(x, (reach,) * 4)
    rows = (offsets[0, :, None] + torch.arange(height, device=x.device)).view(n, 1, height, 1)
    columns = (offsets[1, :, None] + torch.arange(width, device=x.device)).view(n, 1, 1, width)
    strip = padded.gather(2, rows.expand(n, channels, height, width + 2 * reach))
    return strip.gather(3, columns.expand(n, channels, height, width))


def _rotate(x: Tensor, degrees: float, generator: torch.Generator) -> Tensor:
    """Turn about the centre; positive draws turn counter-clockwise."""
    n, _, height, width = x.shape
    angle = ((2 * torch.rand(n, generator=generator) - 1) * math.radians(degrees)).to(x.device)
    cosine, sine = angle.cos(), angle.sin()
    zero = torch.zeros_like(angle)
    # affine_grid's coordinates run from -1 to 1 along both sides; the ratios make the turn rigid in pixels.
    theta = torch.stack([cosine, -sine * (height / width), zero, sine * (width / height), cosine, zero], dim=1).view(
        n, 2, 3
    )
    grid = nnf.affine_grid(theta, list(x.shape), align_corners=False)
    return nnf.grid_sample(x, grid.to(x.dtype), mode="bilinear", padding_mode="zeros", align_corners=False)


def _flip(x: Tensor, dimension: int, generator: torch.Generator) -> Tensor:
    chosen = (torch.rand(len(x), generator=generator) < 0.5).to(x.device)
    return torch.where(chosen[:, None, None, None], x.flip(dimension), x)
