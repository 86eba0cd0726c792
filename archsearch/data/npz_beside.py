"""What an .npz says of its samples beside x and y: `group_train` and `group_test`, `weight_train`; `_val` with x_val.

    read_beside(path, archive, {"train": 80, "test": 20})      # ({"train": groups, "test": groups}, {"train": weights})

Must not import torch.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.data.groups import bad_weight, numbered, shared_group
from archsearch.data.npz_file import wrong_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

GROUP, WEIGHT = "group", "weight"


def has_beside(what: str, names: Iterable[str]) -> bool:
    """Say whether groups, or weights, are among the arrays that are read."""
    return f"{what}_train" in names


def names_beside(path: Path, present: Sequence[str], read: Sequence[str]) -> list[str]:
    """Name the arrays of groups and weights for the parts that are read; raise `SpecError` where some are missing."""
    found = []
    for what, wanted in ((GROUP, read), (WEIGHT, [part for part in read if part != "test"])):
        there = [part for part in wanted if f"{what}_{part}" in present]
        if there and (missing := [f"{what}_{part}" for part in wanted if part not in there]):
            raise wrong_file(path, f"holds {what}_{there[0]}; {', '.join(missing)} is missing")
        found += [f"{what}_{part}" for part in there]
    return found


def read_beside(
    path: Path, archive: zipfile.ZipFile, samples: Mapping[str, int]
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Read groups and weights of each part, checked; raise `SpecError` for those that cannot be such."""
    import numpy as np

    present = [name.removesuffix(".npy") for name in archive.namelist()]
    found: dict[str, dict[str, NDArray[Any]]] = {GROUP: {}, WEIGHT: {}}
    for name in names_beside(path, present, list(samples)):
        what, _, part = name.partition("_")
        with archive.open(f"{name}.npy") as file:
            values = np.lib.format.read_array(file, allow_pickle=False)
        kinds, meant = ("iuU", "whole numbers or words") if what == GROUP else ("iuf", "numbers")
        if values.shape != (samples[part],) or values.dtype.kind not in kinds:
            raise wrong_file(
                path, f"{name} is {values.dtype} {values.shape}; expected {meant}, one per sample: ({samples[part]},)"
            )
        if what == WEIGHT and (fault := bad_weight(values)):
            row, said = fault
            raise wrong_file(path, f"{name}{'' if row is None else f'[{row}]'}: {said}")
        found[what][part] = values
    if found[GROUP] and len(names := numbered(found[GROUP])[0]) < 2:
        arrays = " and ".join(f"{GROUP}_{part}" for part in found[GROUP])
        raise wrong_file(
            path,
            f"{arrays} name one group only ({names[0]}); groups are of use from two on: leave these arrays out, or say "
            "in them which samples belong together",
        )
    if found[GROUP] and (shared := shared_group(found[GROUP])):
        group, (one, other) = shared[0], [f"{GROUP}_{part}[{row}]" for part, row in shared[1].items()]
        raise wrong_file(
            path,
            f"group {group} is in two parts, {one} and {other}: one would be judged on what the other knows; keep each "
            "group in one part, or leave the arrays of groups out",
        )
    return found[GROUP], found[WEIGHT]
