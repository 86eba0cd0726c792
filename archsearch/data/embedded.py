"""scikit-learn's 8x8 digits: 1797 images with values 0..16, here float32 in steps of 1/16.

The test part is ours and fixed: the 5th, 10th, 15th, ... sample of each class, 355 of 1797. Knows no options.
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

    bunch = import_module("sklearn.datasets").load_digits()
    levels, labels = bunch.images.astype("u1"), bunch.target.astype("u1")
    found = f"sha256:{hashlib.sha256(levels.tobytes() + labels.tobytes()).hexdigest()}"
    if found != source.digest:
        raise DamagedFileError(
            f"scikit-learn's digits are not the known ones ({found[:19]} instead of {source.digest[:19]}) and were "
            "not used. Install scikit-learn again: pip install --force-reinstall scikit-learn"
        )
    x = torch.from_numpy(levels).to(torch.float32).div_(16)[:, None]
    y = torch.from_numpy(labels).to(torch.int64)
    train, test = every_fifth(y)
    return in_memory(x[train], y[train]), in_memory(x[test], y[test])
