"""One image as uint8 values: transparency laid on a ground, turned as its EXIF says, its first frame.

    look(path).grey, look(path).transparent     # from the header
    decode(path, grey=False, ground=(255, 255, 255)).shape     # (3, H, W), torch

Reads with Pillow. Knows files, no data set and no option; must not import torch when it only looks.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.errors import DamagedFileError, SpecError
from archsearch.files import file_type
from archsearch.spec.dataset import write_colour

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
GREY_MODES = ("1", "L", "LA", "La")
DEEP = ("I", "F")  # and I;16, I;16B, ...: 16 and 32 bits, which 8 bits cannot hold
_ORIENTATION = 0x0112  # the EXIF tag; 1 is upright, 2 to 8 are turned or mirrored


@dataclass(frozen=True, slots=True)
class HeldImage:
    """An image that lies in another file: the place that errors name, and what gives its bytes."""

    place: str
    content: Callable[[], bytes]

    def __str__(self) -> str:
        return self.place


ImageSource = Path | HeldImage


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What the header of an image says; `transparent`: it can hold pixels that are not opaque."""

    grey: bool
    transparent: bool
    turned: bool
    several_frames: bool


def look(path: ImageSource) -> ImageHeader:
    """Read the header of an image; raises SpecError for more than 8 bits, DamagedFileError for what is no image."""
    with _opened(path) as image:
        return ImageHeader(
            grey=image.mode in GREY_MODES,
            transparent=image.has_transparency_data,
            turned=_says_exif(image) and image.getexif().get(_ORIENTATION, 1) in range(2, 9),
            several_frames=bool(getattr(image, "is_animated", False)),
        )


def height_and_width(path: ImageSource) -> tuple[int, int]:
    """Give the size of an image as it is read, that is after turning it."""
    with _opened(path) as image:
        upright = _upright(image)
        return upright.height, upright.width


def decode(path: ImageSource, *, grey: bool, ground: tuple[int, int, int]) -> Tensor:
    """Give the values of an image, uint8: (1, H, W) for grey, else red, green and blue (3, H, W).

    Raises SpecError where grey is asked for and the image is coloured.
    """
    import numpy as np
    import torch

    with _opened(path) as image:
        if grey and image.mode not in GREY_MODES:
            raise wrong(path, "is coloured where the first image is grey", "convert the files so that all agree")
        pixels = np.array(_opaque(_upright(image), ground).convert("L" if grey else "RGB"))
    tensor = torch.from_numpy(pixels)
    return tensor[None] if grey else tensor.permute(2, 0, 1).contiguous()


def wrong(path: ImageSource, found: str, expected: str) -> SpecError:
    """Make the error for a file or folder that is not what is read."""
    return SpecError(f"{path}: {found}; {expected}.", ("data", "path"))


@contextmanager
def readable(path: ImageSource) -> Iterator[None]:
    """Turn what a decoder says about a broken file into DamagedFileError; what is no file is not waited for."""
    try:
        if isinstance(path, Path) and (kind := file_type(path.stat().st_mode)) != "file":
            raise ValueError(f"it is a {kind}")
        yield
    except (SpecError, DamagedFileError):
        raise
    except Exception as problem:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and their own
        raise DamagedFileError(
            f"{path} cannot be read as an image ({type(problem).__name__}: {problem}) and was not used. "
            "Replace it, or take it out of the folder."
        ) from problem


def _says_exif(image: Image) -> bool:
    """Say whether EXIF is at hand: Pillow would decode a whole PNG to look for it behind the pixels."""
    return image.format != "PNG" or "exif" in image.info


def _upright(image: Any) -> Image:
    from PIL.ImageOps import exif_transpose

    turned: Image = exif_transpose(image)
    return turned


def _opaque(image: Image, ground: tuple[int, int, int]) -> Image:
    """Lay an image with transparency on a ground; one without stays as it is."""
    import PIL.Image

    if not image.has_transparency_data:
        return image
    below = PIL.Image.new("RGBA", image.size, (*ground, 255))
    return PIL.Image.alpha_composite(below, image.convert("RGBA")).convert("RGB")


@contextmanager
def _opened(path: ImageSource) -> Iterator[Image]:
    import PIL.Image

    with readable(path), warnings.catch_warnings():
        warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
        with PIL.Image.open(path if isinstance(path, Path) else io.BytesIO(path.content())) as image:
            if image.mode in DEEP or image.mode.startswith("I;"):
                raise wrong(path, f"has more than 8 bits per channel ({image.mode})", "convert it to 8 bits")
            yield image


def image_changes(looks: Sequence[ImageHeader], ground: tuple[int, int, int]) -> list[str]:
    """Say what reading does to images, by their headers; `ground` is what those with transparency are laid on."""
    counts = (
        (sum(one.transparent for one in looks), "have transparency and are",
         f"laid on {write_colour(ground)} (data.background)"),
        (sum(one.turned for one in looks), "are", "turned as their EXIF orientation says"),
        (sum(one.several_frames for one in looks), "have", "several frames; the first is used"),
    )  # fmt: skip
    singular = {"have transparency and are": "has transparency and is", "are": "is", "have": "has"}
    return [
        f"{of_images(number, len(looks))} {verb if number != 1 else singular[verb]} {what}"
        for number, verb, what in counts
        if number
    ]


def of_images(number: int, total: int) -> str:
    """Write how many of all images: 2 of 40 images, the image."""
    return f"{number:,} of {total:,} images" if total != 1 else "the image"
