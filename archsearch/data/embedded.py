"""The data sets that come with scikit-learn: 8x8 digits, and tables of numbers as float32.

Digits are 1797 images with values 0..16, here float32 in steps of 1/16. The test part is ours and fixed: the 5th, 10th,
15th, ... sample of each class, of data without classes of all samples. Knows no options.
"""

from __future__ import annotations

import hashlib

import torch

from archsearch.data.registry import Embedded
from archsearch.data.samples import SourcePart, every_fifth, in_memory
from archsearch.errors import DamagedFileError


def parts(source: Embedded) -> tuple[SourcePart, SourcePart]:
    """Read train and test; raises DamagedFileError if scikit-learn's copy is not the one everybody has."""
    from importlib import import_module  # scikit-learn has no types

    bunch = getattr(import_module("sklearn.datasets"), source.loader)(**source.arguments)
    kind = "u1" if source.levels else "<f8"
    values = (bunch.images if source.levels else bunch.data).astype(kind)
    found = f"sha256:{hashlib.sha256(values.tobytes() + bunch.target.astype(kind).tobytes()).hexdigest()}"
    if found != source.digest:
        name = source.loader.removeprefix("load_")
        raise DamagedFileError(
            f"scikit-learn's {name} are not the known ones ({found[:19]} instead of {source.digest[:19]}) and were "
            "not used. Install scikit-learn again: pip install --force-reinstall scikit-learn"
        )
    x = torch.from_numpy(values).to(torch.float32)
    if source.levels:
        x = x.div_(source.levels)[:, None]
    task = source.contents.what()
    if source.labels:
        classes = torch.from_numpy(bunch.target).to(torch.int64)
        y = torch.tensor(source.labels, dtype=torch.uint8)[classes]
    else:
        y = torch.from_numpy(task.read("target", bunch.target))
        classes = task.classes_of(y)
    train, test = every_fifth(classes)
    return in_memory(x[train], y[train]), in_memory(x[test], y[test])
