"""Mixup and cutmix: each sample of a batch is mixed with the one before it, and so is what it is to be.

    mixes = drawn_mixes(0.2, None, (1, 28, 28), batches=100)       # by torch's random state, as torchvision draws
    x, loss_of = mixes[0].samples(x), CrossEntropy().function()
    loss = mixes[0].loss(lambda targets: loss_of(outputs, targets), targets)

As torchvision.transforms.v2.MixUp and CutMix; with both, each batch is mixed by one of them (RandomChoice). Knows
tensors only; exported scripts take copies of this along.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Mix:
    """How one batch is mixed: the share of each sample that is its own, the rest is its neighbour's.

    With a `box` that rest is this part of the image (Yun et al. 2019), without one samples are blended (Zhang et al.
    2018).
    """

    share: float
    box: tuple[int, int, int, int] | None = None  # left, top, right, bottom, in pixels

    def samples(self, x: Tensor) -> Tensor:
        """Give a batch (N, ...) mixed, float of the same shape."""
        other = x.roll(1, 0)
        if self.box is None:
            return other.mul_(1.0 - self.share).add_(x.mul(self.share))
        left, top, right, bottom = self.box
        mixed = x.clone()
        mixed[..., top:bottom, left:right] = other[..., top:bottom, left:right]
        return mixed

    def loss(self, loss_of: Callable[[Tensor], Tensor], targets: Tensor) -> Tensor:
        """Give the loss against mixed targets (N, ...): of numbers their blend, of labels the blend of both losses.

        For cross_entropy and bce the latter is the loss against the blended label.
        """
        other = targets.roll(1, 0)
        if targets.is_floating_point():
            return loss_of(targets * self.share + other * (1.0 - self.share))
        return loss_of(targets) * self.share + loss_of(other) * (1.0 - self.share)

    def mostly(self, targets: Tensor) -> Tensor:
        """Give the targets (N, ...) that have the larger share of each sample."""
        return targets if self.share >= 0.5 else targets.roll(1, 0)


def drawn_mixes(mixup: float | None, cutmix: float | None, shape: Sequence[int], batches: int) -> list[Mix]:
    """Draw how each of so many batches of samples of a shape is mixed, by torch's random state; none without either.

    `mixup` and `cutmix` are the alphas of `train`. The draws are those of torchvision, in its order.
    """
    if mixup is None and cutmix is None:
        return []
    return [drawn_mix(mixup, cutmix, shape) for _ in range(batches)]


def drawn_mix(mixup: float | None, cutmix: float | None, shape: Sequence[int]) -> Mix:
    """Draw how a batch is mixed: which of both, how much, and with cutmix where the other image shows.

    That is about 1 - share of the area, less where it is cut off by the edge.
    """
    blends = cutmix is None
    if mixup is not None and cutmix is not None:
        blends = int(torch.multinomial(torch.tensor([0.5, 0.5]), 1)) == 0
    alpha = torch.tensor([mixup if blends else cutmix])
    share = float(torch.distributions.Beta(alpha, alpha).sample(()))
    if blends:
        return Mix(share)
    height, width = shape[-2:]
    x, y = int(torch.randint(width, size=(1,))), int(torch.randint(height, size=(1,)))
    half = 0.5 * math.sqrt(1.0 - share)
    left, right = max(x - int(half * width), 0), min(x + int(half * width), width)
    top, bottom = max(y - int(half * height), 0), min(y + int(half * height), height)
    return Mix(1.0 - (right - left) * (bottom - top) / (width * height), (left, top, right, bottom))
