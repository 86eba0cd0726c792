"""Your own images: a folder with one sub-folder per class, in `train/` and `test/` or directly at the top.

    contents(Path("flowers")).class_names       # ('daisy', 'rose'): sub-folders in the order of their names

Without `train/` and `test/`, the 5th, 10th, 15th, ... image of each class (by file name) is for testing. Images are
read with Pillow, once, as grey if the first one is grey and as RGB otherwise; transparency is dropped, EXIF rotation is
ignored.
Knows no options but size and grayscale; must not import torch when it only describes.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archsearch.data.registry import Contents
from archsearch.errors import DamagedFileError, SpecError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from archsearch.data.samples import Part

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
GREY = ("1", "L", "LA", "La")
DEEP = ("I", "F")  # and I;16, I;16B, ...: 16 and 32 bits, which 8 bits cannot hold


@dataclass(frozen=True, slots=True)
class Listing:
    """Where each image lies: (file, class index), in the order of classes and names."""

    class_names: tuple[str, ...]
    train: tuple[tuple[Path, int], ...]
    test: tuple[tuple[Path, int], ...]


def listing(path: Path) -> Listing:
    """List the images below `path`; raises SpecError if that is not one folder per class."""
    if not path.is_dir():
        raise _error(path, "is a file" if path.exists() else "does not exist", "expected a folder of images")
    names = _folders(path)
    if "train" in names or "test" in names:
        if not {"train", "test"} <= set(names):
            raise _error(path, f"has {', '.join(names)}", "a split needs both train/ and test/")
        classes, other = _folders(path / "train"), _folders(path / "test")
        if classes != other:
            odd = sorted(set(classes) ^ set(other))
            raise _error(path, f"train/ and test/ differ in {', '.join(odd)}", "both need the same class folders")
        train, test = (_images(path / part, classes) for part in ("train", "test"))
    else:
        classes, train, test = names, [], []
        for label, images in enumerate(_per_class(path, names)):
            if len(images) < 5:
                raise _error(
                    path / names[label], f"has {len(images)} images", "a test part of 20 % needs 5 of each class"
                )
            for rank, image in enumerate(images):
                (test if rank % 5 == 4 else train).append((image, label))
    if len(classes) < 2:
        raise _error(path, f"has {len(classes)} class folders", "a data set needs at least two")
    return Listing(tuple(classes), tuple(train), tuple(test))


def contents(path: Path, *, all_headers: bool = False) -> Contents:
    """Describe the folder by its names and the header of the first image.

    `all_headers` reads every header and calls the images coloured if one of them is.
    """
    found = listing(path)
    width, height, grey = _header(found.train[0][0])
    if all_headers:
        grey = all(_header(image)[2] for image, _ in found.train + found.test)
    counts = [
        tuple(sum(label == k for _, label in part) for k in range(len(found.class_names)))
        for part in (found.train, found.test)
    ]
    shape = (1 if grey else 3, height, width)
    return Contents(shape, found.class_names, len(found.train), len(found.test), counts[0], counts[1])


def digest(path: Path) -> str:
    """Hash names and contents of all images."""
    found = listing(path)
    total = hashlib.sha256()
    for image, _ in found.train + found.test:
        with _readable(image), image.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{content}  {image.relative_to(path).as_posix()}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def parts(path: Path, shape: tuple[int, ...], *, grayscale: bool, size: tuple[int, int] | None) -> tuple[Part, Part]:
    """Read train and test; `shape` is the shape of every sample after `grayscale` and `size`."""
    found = listing(path)
    grey = shape[0] == 1 and not grayscale
    train, test = (_part(files, shape, grey, grayscale, size) for files in (found.train, found.test))
    return train, test


def _part(
    files: tuple[tuple[Path, int], ...],
    shape: tuple[int, ...],
    grey: bool,
    grayscale: bool,
    size: tuple[int, int] | None,
) -> Part:
    import torch

    from archsearch.data.samples import Part, fit

    def read(rows: Tensor) -> Tensor:
        images = torch.empty((len(rows), *shape), dtype=torch.uint8)
        for position, row in enumerate(rows.tolist()):
            image = fit(_decode(files[row][0], grey)[None], grayscale=grayscale, size=size)[0]
            if image.shape != images.shape[1:]:
                raise _error(
                    files[row][0], f"is {image.shape[-2]}x{image.shape[-1]} where the first is {shape[-2]}x{shape[-1]}",
                    "images of different sizes need `size: [height, width]`",
                )  # fmt: skip
            images[position] = image
        return images

    return Part(torch.tensor([label for _, label in files], dtype=torch.int64), read)


def _decode(path: Path, grey: bool) -> Tensor:
    import numpy as np
    import torch

    with _image(path) as image:
        if grey and image.mode not in GREY:
            raise _error(path, "is coloured where the first image is grey", "convert the files so that all agree")
        pixels = np.array(image.convert("L" if grey else "RGB"))
    tensor = torch.from_numpy(pixels)
    return tensor[None] if grey else tensor.permute(2, 0, 1).contiguous()


def _header(path: Path) -> tuple[int, int, bool]:
    with _image(path) as image:
        return image.width, image.height, image.mode in GREY


@contextmanager
def _image(path: Path) -> Iterator[Image]:
    import PIL.Image

    with _readable(path), warnings.catch_warnings():
        warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", "Palette images with Transparency")  # it is dropped, see above
        with PIL.Image.open(path) as image:
            if image.mode in DEEP or image.mode.startswith("I;"):
                raise _error(path, f"has more than 8 bits per channel ({image.mode})", "convert it to 8 bits")
            yield image


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except SpecError:
        raise
    except Exception as problem:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and their own
        raise DamagedFileError(
            f"{path} cannot be read as an image ({type(problem).__name__}: {problem}) and was not used. "
            "Replace it, or take it out of the folder."
        ) from problem


def _folders(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _per_class(path: Path, classes: list[str]) -> Iterator[list[Path]]:
    for name in classes:
        entries = (path / name).iterdir()
        images = sorted(
            (entry for entry in entries if entry.suffix.lower() in ENDINGS and not entry.name.startswith(".")),
            key=lambda entry: entry.name,
        )
        if not images:
            raise _error(path / name, "holds no image", f"endings read are {', '.join(sorted(ENDINGS))}")
        yield images


def _images(path: Path, classes: list[str]) -> list[tuple[Path, int]]:
    return [(image, label) for label, images in enumerate(_per_class(path, classes)) for image in images]


def _error(path: Path, found: str, expected: str) -> SpecError:
    return SpecError(f"{path}: {found}; {expected}.", ("data", "path"))
