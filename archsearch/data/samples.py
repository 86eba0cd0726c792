"""A part of a data set on its way into the cache: which samples are taken, grey values, size; in chunks of rows.

    rows = first_per_class(part.y, 10)
    x = fit(part.read(rows), grayscale=True, size=(32, 32))

Knows tensors only: no file, no spec.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from archsearch.data.library import import_torchvision

CHUNK_BYTES = 64 * 2**20  # what one chunk may take as float32 after resizing


@dataclass(frozen=True)
class SourcePart:
    """Labels `y` (int64, N) and `read`: rows (int64) -> their samples, uint8 or float32.

    `groups` (int64, N) are numbers into the names of the groups, `weights` (float32, N) what a sample counts for in
    training; None where the source says nothing of them.
    """

    y: Tensor
    read: Callable[[Tensor], Tensor]
    groups: Tensor | None = None
    weights: Tensor | None = None


def in_memory(x: Tensor, y: Tensor, groups: Tensor | None = None, weights: Tensor | None = None) -> SourcePart:
    """Make a part of tensors that are in memory anyway; labels become int64, other targets stay what they are."""
    return SourcePart(y if y.is_floating_point() else y.to(torch.int64), lambda rows: x[rows], groups, weights)


def first_per_class(y: Tensor, limit: int | None) -> Tensor:
    """Rows of the first `limit` samples of each class, in the order of the file; all rows for None."""
    if limit is None:
        return torch.arange(len(y))
    return torch.nonzero(rank_in_class(y) < limit).flatten()


def rank_in_class(y: Tensor) -> Tensor:
    """For each sample, how many of its class come before it."""
    rank = torch.empty_like(y)
    for label in torch.unique(y):
        rows = torch.nonzero(y == label).flatten()
        rank[rows] = torch.arange(len(rows))
    return rank


def every_fifth(y: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of (train, test) for data without a test part: the 5th, 10th, 15th, ... of each class is for testing."""
    test = rank_in_class(y) % 5 == 4
    return torch.nonzero(~test).flatten(), torch.nonzero(test).flatten()


def chunks(part: SourcePart, rows: Tensor, values_per_sample: int) -> Iterator[Tensor]:
    """Read `rows` of `part` in pieces whose size after `fit` stays near CHUNK_BYTES."""
    step = max(1, CHUNK_BYTES // (4 * values_per_sample))
    for start in range(0, len(rows), step):
        yield part.read(rows[start : start + step])


def fit_images(x: Tensor, *, grayscale: bool, size: tuple[int, int] | None) -> Tensor:
    """Turn images (N, C, H, W) grey (ITU-R 601 luma) and resize them (bilinear, antialiased); the type stays."""
    if not grayscale and (size is None or tuple(x.shape[-2:]) == size):
        return x
    functional = import_torchvision("torchvision.transforms.v2.functional")
    if grayscale:
        x = functional.rgb_to_grayscale(x, num_output_channels=1)
    if size is not None and tuple(x.shape[-2:]) != size:
        x = functional.resize(x, list(size), antialias=True)
    return x.contiguous()
