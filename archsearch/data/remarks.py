"""What there is to know of your own data before they are used: how they are read, and what of them is not.

    read_as(DataSpec(name="npz", path="har.npz"))        # '128 channels of 9 steps'
    remarks(DataSpec(name="folder", path="icons"))       # ['40 images have transparency and are laid on white ...']

Reads the header of every image; nothing for data sets that have a name. Must not import torch.
"""

from __future__ import annotations

from archsearch.data.facts import contents
from archsearch.data.own import OWN_SOURCES
from archsearch.spec.dataset import DataSpec


def read_as(spec: DataSpec) -> str:
    """Say what the axes of a sample are taken for, before `size` and `grayscale`; "" for data that have a name."""
    return axes_text(contents(spec).shape) if spec.name in OWN_SOURCES else ""


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
    return OWN_SOURCES[spec.name].said(spec) if spec.name in OWN_SOURCES else []
