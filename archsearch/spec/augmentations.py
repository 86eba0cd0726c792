"""The augmentations: what is written of each, and what it does to a batch of images; each image gets its own draw.

    Shift(pixels=2).apply(x, generator)         # x: float images (N, C, H, W) in which 0 is the background

To add one: a class here and its place in `AnyAugmentation`. Only `apply` touches torch.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

from pydantic import Field

from archsearch.plain import Positive
from archsearch.spec.onekey import Kind, OneKey

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class AugmentationBase(Kind):
    """What every augmentation says of itself; one that `blends` makes values that no image had."""

    blends: ClassVar[bool] = False

    @property
    def reach(self) -> int:
        """Give the most pixels that an image is moved, 0 where it stays in sight."""
        return 0

    @abstractmethod
    def apply(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Give images (N, C, H, W), float32, of the same shape, on the device of `x`.

        `generator` is a CPU generator: the same state gives the same draws on every device.
        """


class Shift(AugmentationBase):
    """Move each image by up to `pixels` in both directions; what comes in is 0."""

    kind: ClassVar[str] = "shift"

    pixels: Positive = Field(
        default=2, description="Most pixels that an image is moved, in each direction.", examples=[4]
    )

    @property
    def reach(self) -> int:
        """Give the most pixels that an image is moved."""
        return self.pixels

    def apply(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Give images (N, C, H, W) as they come out."""
        return _window(x, self.pixels, generator)


class Rotate(AugmentationBase):
    """Turn each image by up to `degrees` either way (bilinear); what comes in is 0."""

    kind: ClassVar[str] = "rotate"
    blends: ClassVar[bool] = True

    degrees: Annotated[float, Field(gt=0, le=180)] = Field(
        default=10.0, description="Most degrees that an image is turned, either way.", examples=[15.0]
    )

    def apply(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Give images (N, C, H, W) as they come out."""
        return _rotate(x, self.degrees, generator)


class Flip(AugmentationBase):
    """Mirror half of the images, left to right or top to bottom."""

    kind: ClassVar[str] = "flip"

    direction: Literal["horizontal", "vertical"] = Field(
        default="horizontal",
        description="horizontal: left and right change places; vertical: top and bottom.",
        examples=["vertical"],
    )

    def apply(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Give images (N, C, H, W) as they come out."""
        return _flip(x, 3 if self.direction == "horizontal" else 2, generator)


class Crop(AugmentationBase):
    """Pad each image by `padding` pixels of 0 and cut a random part of the original size."""

    kind: ClassVar[str] = "crop"

    padding: Positive = Field(default=4, description="Pixels of 0 added on every side before the cut.", examples=[2])

    @property
    def reach(self) -> int:
        """Give the most pixels that an image is moved."""
        return self.padding

    def apply(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Give images (N, C, H, W) as they come out."""
        return _window(x, self.padding, generator)


AnyAugmentation = Shift | Rotate | Flip | Crop
Augmentation = Annotated[AnyAugmentation, OneKey("augmentation")]
AUGMENTATION_KINDS: tuple[type[AugmentationBase], ...] = get_args(AnyAugmentation)


def _window(x: Tensor, reach: int, generator: torch.Generator) -> Tensor:
    """Surround with `reach` pixels of 0 and cut the original size out, anywhere: a shift by -reach..reach."""
    import torch
    import torch.nn.functional as F

    n, channels, height, width = x.shape
    offsets = torch.randint(0, 2 * reach + 1, (2, n), generator=generator).to(x.device)
    padded = F.pad(x, (reach,) * 4)
    rows = (offsets[0, :, None] + torch.arange(height, device=x.device)).view(n, 1, height, 1)
    columns = (offsets[1, :, None] + torch.arange(width, device=x.device)).view(n, 1, 1, width)
    strip = padded.gather(2, rows.expand(n, channels, height, width + 2 * reach))
    return strip.gather(3, columns.expand(n, channels, height, width))


def _rotate(x: Tensor, degrees: float, generator: torch.Generator) -> Tensor:
    """Turn about the centre; positive draws turn counter-clockwise."""
    import torch
    import torch.nn.functional as F

    n, _, height, width = x.shape
    angle = ((2 * torch.rand(n, generator=generator) - 1) * math.radians(degrees)).to(x.device)
    cosine, sine = angle.cos(), angle.sin()
    zero = torch.zeros_like(angle)
    # affine_grid's coordinates run from -1 to 1 along both sides; the ratios make the turn rigid in pixels.
    theta = torch.stack([cosine, -sine * (height / width), zero, sine * (width / height), cosine, zero], dim=1).view(
        n, 2, 3
    )
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid.to(x.dtype), mode="bilinear", padding_mode="zeros", align_corners=False)


def _flip(x: Tensor, dimension: int, generator: torch.Generator) -> Tensor:
    import torch

    chosen = (torch.rand(len(x), generator=generator) < 0.5).to(x.device)
    return torch.where(chosen[:, None, None, None], x.flip(dimension), x)
