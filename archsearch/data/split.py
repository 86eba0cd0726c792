"""Take a validation part out of the training samples, stratified by class, and keep some of the rest.

    train, validation = split(data.y_train, 0.1, seed=7)
    train, validation = divide(spec.data, data.facts, data.y_train, 7, 8)

Knows labels and counts only.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from archsearch.data.facts import DataFacts, kept_count, validation_count
from archsearch.errors import SpecError
from archsearch.spec.dataset import DataSpec


def divide(
    spec: DataSpec, facts: DataFacts, y: Tensor, split_seed: int, limit_seed: int, groups: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Give the rows of targets `y` (N, ...) to train on and those of the validation part, int64, sorted and disjoint.

    The validation part is the source's own, or drawn with `split_seed`. `train_limit` keeps, of each class its share,
    some of the rest, drawn with `limit_seed`: with the same seed, more of them hold the fewer, but for one a class.

    `groups` (N,) are never divided between the two: whole ones are held out, near the number that is asked for.
    """
    strata = facts.task.strata(y)
    if facts.validation:
        first = len(y) - facts.validation
        train, held_out = torch.arange(first), torch.arange(first, len(y))
    elif groups is not None and spec.validation:
        train, held_out = hold_out_groups(groups, validation_count(spec.validation, len(y)), split_seed)
    else:
        train, held_out = split(strata, spec.validation, split_seed)
    kept = kept_count(spec.train_limit, len(train))
    if kept < len(train):
        train = train[split(strata[train], kept, limit_seed)[1]]
    return train, held_out


def split(y: Tensor, validation: int | float, seed: int) -> tuple[Tensor, Tensor]:
    """Draw (train rows, validation rows): int64, sorted, disjoint, together all rows of `y` (N,).

    `validation` is a count or a fraction; exactly that many samples are drawn, and of each class its share, rounded
    down or up (largest remainder; the lower class first when remainders are equal). `seed` alone decides which.
    """
    total = len(y)
    count = validation_count(validation, total)
    if validation and not 0 < count < total:
        raise SpecError(f"validation {validation} takes {count} of {total} training samples.", ("data", "validation"))
    return stratified(y, count, seed)


def stratified(y: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw `count` rows, of each class its share; give the rows that are left, and those drawn."""
    labels, sizes = torch.unique(y, return_counts=True)
    shares = [divmod(count * int(size), len(y)) for size in sizes]
    taken = [share for share, _ in shares]
    for index in sorted(range(len(shares)), key=lambda index: -shares[index][1])[: count - sum(taken)]:
        taken[index] += 1
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.zeros(len(y), dtype=torch.bool)
    for label, number in zip(labels, taken, strict=True):
        rows = torch.nonzero(y == label).flatten()
        chosen[rows[torch.randperm(len(rows), generator=generator)[:number]]] = True
    return torch.nonzero(~chosen).flatten(), torch.nonzero(chosen).flatten()


def hold_out_groups(groups: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw whole groups that have about `count` samples; give the rows that are left, and those drawn."""
    names, member, sizes = torch.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise SpecError(
            "all training samples are of one group, which cannot be divided; take validation out.",
            ("data", "validation"),
        )
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed)).tolist()
    chosen = torch.zeros(len(names), dtype=torch.bool)
    chosen[take_groups(sizes, order, count)] = True
    return torch.nonzero(~chosen[member]).flatten(), torch.nonzero(chosen[member]).flatten()


def take_groups(sizes: Tensor, order: Sequence[int], wanted: float) -> list[int]:
    """Take groups in this order until their samples are nearest to what is wanted; at least one, never all."""
    taken, count = list[int](), 0.0
    for group in order[:-1]:
        more = count + float(sizes[group])
        if taken and abs(more - wanted) >= abs(count - wanted):
            break
        taken.append(group)
        count = more
    return taken
