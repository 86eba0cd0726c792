"""Take a validation part out of the training samples, stratified by class.

    train, validation = split(data.y_train, 0.1, seed=7)

Knows labels only.
"""

from __future__ import annotations

import torch
from torch import Tensor

from archsearch.data.facts import validation_count
from archsearch.errors import SpecError


def split(y: Tensor, validation: int | float, seed: int) -> tuple[Tensor, Tensor]:
    """Draw (train rows, validation rows): int64, sorted, disjoint, together all rows of `y` (N,).

    `validation` is a count or a fraction; exactly that many samples are drawn, and of each class its share, rounded
    down or up (largest remainder; the lower class first when remainders are equal). `seed` alone decides which.
    """
    total = len(y)
    count = validation_count(validation, total)
    if validation and not 0 < count < total:
        raise SpecError(f"validation {validation} takes {count} of {total} training samples.", ("data", "validation"))
    labels, sizes = torch.unique(y, return_counts=True)
    shares = [divmod(count * int(size), total) for size in sizes]
    taken = [share for share, _ in shares]
    by_remainder = sorted(range(len(shares)), key=lambda index: -shares[index][1])
    for index in by_remainder[: count - sum(taken)]:
        taken[index] += 1
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.zeros(total, dtype=torch.bool)
    for label, size, number in zip(labels, sizes, taken, strict=True):
        rows = torch.nonzero(y == label).flatten()
        chosen[rows[torch.randperm(int(size), generator=generator)[:number]]] = True
    return torch.nonzero(~chosen).flatten(), torch.nonzero(chosen).flatten()
