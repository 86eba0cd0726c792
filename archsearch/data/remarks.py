"""What there is to know of your own data before they are used: how they are read, and what of them is not.

    read_as(DataSpec(name="npz", path="har.npz"))        # '128 channels of 9 steps'
    remarks(DataSpec(name="folder", path="icons"))       # ['40 images have transparency and are laid on white ...']

Reads the header of every image; nothing for data sets that have a name. Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.data import folder, npz
from archsearch.data.facts import contents, own_path
from archsearch.data.images import ImageHeader, look
from archsearch.data.registry import OWN_DATA, Contents
from archsearch.spec.dataset import WHITE, DataSpec, write_colour


def read_as(spec: DataSpec) -> str:
    """Say what the axes of a sample are taken for, before `size` and `grayscale`; "" for data that have a name."""
    return axes_text(contents(spec).shape) if spec.name in OWN_DATA else ""


def axes_text(shape: tuple[int, ...]) -> str:
    """Write the axes of one sample in words: `9 channels of 128 steps`."""
    first = f"{shape[0]:,} {'feature' if len(shape) == 1 else 'channel'}{'s' * (shape[0] != 1)}"
    if len(shape) == 1:
        return first
    if len(shape) == 2:
        return f"{first} of {shape[1]:,} step{'s' * (shape[1] != 1)}"
    return f"{first} of {'x'.join(map(str, shape[1:]))} {'pixels' if len(shape) == 3 else 'values'}"


def remarks(spec: DataSpec) -> list[str]:
    """Say in a sentence each what is done to the data as they are read, and what is there and not used.

    Raises SpecError and DamagedFileError as reading does.
    """
    if spec.name not in OWN_DATA:
        return []
    path = own_path(spec)
    found = contents(spec)
    said, others = [], npz.unused(path) if spec.name == "npz" else folder.unused(path)
    if found.validation:
        said.append(_validation(spec, found))
    if spec.name == "folder":
        said += _changes(spec)
    return said + ([f"not used: {'; '.join(others)}"] if others else [])


def _validation(spec: DataSpec, found: Contents) -> str:
    where = "x_val" if spec.name == "npz" else "the validation folder"
    return f"validation part: {found.validation:,} samples of {where}, the same for every seed"


def _changes(spec: DataSpec) -> list[str]:
    looks = [look(image) for image, _ in folder.listing(own_path(spec)).images]
    return image_changes(looks, spec.background or WHITE)


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
