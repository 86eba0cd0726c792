"""Divide samples into training and test part anew, as `data.fold` says: stratified folds, random parts, whole groups.

    train, test = fold_rows(strata, Fold(of=5, number=2))
    in_fold(dataset, spec.data)                     # the data set with that test part

Divided are all samples where the test part was drawn by us (digits, a folder without test/), else the training part:
a test part that the data set brings along stays unread. A fold with `part: validation` (a search's) is cut of the
training part alone and becomes its validation part. Groups that the data know are never divided. Which samples a
fold has depends on the fold alone.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from archsearch.data.facts import contents
from archsearch.data.split import stratified, take_groups
from archsearch.errors import SpecError
from archsearch.spec.dataset import DataSpec
from archsearch.spec.folds import Fold

if TYPE_CHECKING:
    from archsearch.data.prepare import Dataset

_SEED = 777_000  # of the divisions: repeat 0 is drawn with this seed, repeat 1 with the next


def in_fold(data: Dataset, spec: DataSpec) -> Dataset:
    """Give a data set with the test part that `spec.fold` says; as it is where it says none.

    Raises `SpecError` where the samples cannot be divided so. The arrays are copies, in the order of the whole.
    """
    fold = spec.fold
    if fold is None:
        return data
    if fold.part == "validation":
        return _validated_on(data, fold)
    own = data.facts.validation  # the last of the training samples: they stay what they are
    kept = len(data.y_train) - own
    pooled = contents(spec).pooled

    def whole(train: Tensor, test: Tensor) -> Tensor:
        return torch.cat([train[:kept], test]) if pooled else train[:kept]

    y = whole(data.y_train, data.y_test)
    groups = None
    if data.groups_train is not None and data.groups_test is not None:
        groups = whole(data.groups_train, data.groups_test)
    train, test = fold_rows(data.facts.task.strata(y), fold, groups)
    _can_be_judged(y[test], y, fold)
    x = whole(data.x_train, data.x_test)

    def trained(values: Tensor, stored: Tensor) -> Tensor:
        return torch.cat([values[train], stored[kept:]]) if own else values[train]

    weights = data.weights_train
    return dataclasses.replace(
        data,
        facts=dataclasses.replace(data.facts, train=len(train) + own, test=len(test)),
        x_train=trained(x, data.x_train),
        y_train=trained(y, data.y_train),
        x_test=x[test],
        y_test=y[test],
        groups_train=None if groups is None or data.groups_train is None else trained(groups, data.groups_train),
        groups_test=None if groups is None else groups[test],
        weights_train=None if weights is None else trained(weights[:kept], weights),
    )


def _validated_on(data: Dataset, fold: Fold) -> Dataset:
    """Put the fold of the training samples last, and call it their validation part; the test part stays as it is."""
    y = data.y_train
    train, held_out = fold_rows(data.facts.task.strata(y), fold, data.groups_train)
    _can_be_judged(y[held_out], y, fold)
    order = torch.cat([train, held_out])
    return dataclasses.replace(
        data,
        facts=dataclasses.replace(data.facts, validation=len(held_out)),
        x_train=data.x_train[order],
        y_train=y[order],
        groups_train=None if data.groups_train is None else data.groups_train[order],
        weights_train=None if data.weights_train is None else data.weights_train[order],
    )


def fold_rows(strata: Tensor, fold: Fold, groups: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Give the rows of the training and of the test part: int64, sorted, disjoint, together all rows.

    `strata` (N,) int64 has of each value its share in every part; `groups` (N,) int64 are never divided. Without groups
    folds differ by one sample at most, in all and of each stratum.
    """
    if groups is not None:
        test = _of_groups(strata, groups, fold)
    elif fold.of is not None:
        test = _dealt(strata, fold)
    else:
        count = round(fold.share * len(strata))
        if not 0 < count < len(strata):
            raise _cannot(f"a random part of {fold.share:.0%} takes {count} of {len(strata)} samples", "test")
        return stratified(strata, count, _SEED + fold.number)
    chosen = torch.zeros(len(strata), dtype=torch.bool)
    chosen[test] = True
    return torch.nonzero(~chosen).flatten(), torch.nonzero(chosen).flatten()


def _dealt(strata: Tensor, fold: Fold) -> Tensor:
    """Shuffle the samples of each stratum and deal them to the folds in turn, going on where the last one ended."""
    assert fold.of is not None
    labels, sizes = torch.unique(strata, return_counts=True)
    least = int(sizes.min())
    if least < fold.of:
        few = f"{fold.of} folds are more than the {least} samples of class {int(labels[sizes.argmin()])}"
        raise _cannot(f"{few}, so that a fold would have none; use {least} folds at most, or `shuffled`", "of")
    dice = torch.Generator().manual_seed(_SEED + fold.repeat)
    rows = [torch.nonzero(strata == label).flatten() for label in labels]
    shuffled = torch.cat([one[torch.randperm(len(one), generator=dice)] for one in rows])
    return shuffled[fold.number :: fold.of]


def _of_groups(strata: Tensor, groups: Tensor, fold: Fold) -> Tensor:
    """Give whole groups to the folds, each to the one that has least of what it holds; or draw groups at random."""
    names, member = torch.unique(groups, return_inverse=True)
    count = len(names)
    needed = fold.of or 2
    if count < needed:
        found = "1 group" if count == 1 else f"{count} groups"
        wanted = "a group is never divided" if fold.of is None else f"{needed} folds need a group each"
        raise _cannot(
            f"{fold.group or 'the group'} has {found}, and {wanted}; use fewer folds, or take group out", "group"
        )
    labels, stratum = torch.unique(strata, return_inverse=True)
    held = torch.zeros(count, len(labels), dtype=torch.float64)
    held.index_put_((member, stratum), torch.ones(len(strata), dtype=torch.float64), accumulate=True)
    number = fold.number if fold.of is None else fold.repeat
    order = torch.randperm(count, generator=torch.Generator().manual_seed(_SEED + number)).tolist()
    if fold.of is None:
        taken = take_groups(held.sum(1), order, fold.share * len(groups))
    else:
        taken = _dealt_groups(held, order, fold.of)[fold.number]
    wanted_groups = torch.zeros(count, dtype=torch.bool)
    wanted_groups[taken] = True
    return torch.nonzero(wanted_groups[member]).flatten()


def _dealt_groups(held: Tensor, order: list[int], folds: int) -> list[list[int]]:
    """Deal groups, the largest first, to the fold where the strata that a group holds are scarcest so far."""
    shares = held / held.sum(0).clamp(min=1)
    dealt: list[list[int]] = [[] for _ in range(folds)]
    so_far = torch.zeros(folds, held.shape[1], dtype=torch.float64)
    sizes = held.sum(1).tolist()
    ordered = sorted(order, key=lambda group: -sizes[group])
    for place, group in enumerate(ordered):
        empty = [fold for fold in range(folds) if not dealt[fold]]
        left = len(ordered) - place
        among = empty if empty and len(empty) >= left else range(folds)  # no fold goes without a group
        cost = (so_far @ shares[group]).tolist()
        total = so_far.sum(1).tolist()
        best = min(among, key=lambda fold: (round(cost[fold], 9), total[fold], fold))
        dealt[best].append(group)
        so_far[best] += held[group]
    return dealt


def _can_be_judged(test: Tensor, whole: Tensor, fold: Fold) -> None:
    """Refuse a test part with one and the same target for all samples where the whole has several."""
    flat = test.reshape(len(test), -1)
    constant = (flat == flat[0]).all(0) & ~(whole.reshape(len(whole), -1) == flat[0]).all(0)
    if bool(constant.any()):
        raise _cannot(
            f"all {len(test)} targets of {fold.said} are the same ({flat[0][constant][0].item():g}): nothing can be "
            "told from it; use fewer folds, or a larger share",
            "of" if fold.of is not None else "test",
        )


def _cannot(fault: str, key: str) -> SpecError:
    return SpecError(f"{fault}.", ("data", "fold", key))
