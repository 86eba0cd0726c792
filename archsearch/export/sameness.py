"""What two trainings of one run have in common, number by number, file by file, and machine by machine.

    first_difference(theirs, ours)              # "" where all epochs and all metrics are equal
    machine_differences([(theirs.environment, ours.environment)])

Equal means equal: a number that differs in its last bit differs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsearch.metrics import told_by
from archsearch.plain import Plain
from archsearch.train.result import EpochRecord, RunResult
from archsearch.wording import count_of

# What decides the bits of a run, as `train/environment.py` names it, and how people call it.
_PARTS = {
    "archsearch": "archsearch",
    "torch": "torch",
    "python": "Python",
    "platform": "system",
    "processor": "processor",
    "cpu_capability": "instructions that torch uses",
    "device": "device",
    "device_name": "device's name",
    "threads": "threads",
    "engine": "engine",
    "engine_variant": "variant of the engine",
    "memory_format": "layout",
}


class MachineDifference(Plain):
    """Something in which the machines, versions or engines differ, for so many runs."""

    what: str
    theirs: str
    ours: str
    runs: int


def first_difference(theirs: RunResult, ours: RunResult) -> str:
    """Say where two trainings first differ, "" where nowhere; what an older version did not keep is not compared."""
    if found := first_in_history(theirs.history, ours.history):
        return found
    if len(theirs.history) != len(ours.history):
        return f"{count_of(len(theirs.history), 'epoch')} there, {len(ours.history)} here"
    if found := _in_metrics(theirs.metrics, ours.metrics):
        return f"at the end, {found}"
    for name in ("status", "reason", "best_epoch"):
        one, other = getattr(theirs, name), getattr(ours, name)
        if one != other:
            return f"{name.replace('_', ' ')} {one} there, {other} here"
    return ""


def first_in_history(theirs: Sequence[EpochRecord], ours: Sequence[EpochRecord]) -> str:
    """Say in which epoch, of those that both have, which metric first differs; "" where none does."""
    for one, other in zip(theirs, ours, strict=False):
        if found := _in_metrics(one.metrics, other.metrics):
            return f"epoch {one.epoch}, {found}"
    return ""


def _in_metrics(theirs: Mapping[str, float | None], ours: Mapping[str, float | None]) -> str:
    for name, value in theirs.items():
        if value is not None and ours.get(name) != value:
            return f"{name} {value!r} there, {ours.get(name)!r} here"
    return ""


def largest_difference(theirs: Mapping[str, NDArray[Any]] | None, ours: Mapping[str, NDArray[Any]] | None) -> str:
    """Say by how much arrays of the same names differ at most, "" where they are equal; NaN is equal to NaN.

    Names that only one side has are not compared: a run that read the test set has predictions on it.
    """
    if theirs is None or ours is None:
        return "not readable"
    both = [(theirs[name], ours[name]) for name in theirs if name in ours]
    if not both or any(one.shape != other.shape for one, other in both):
        return "of another shape"
    if all(np.array_equal(one, other, equal_nan=one.dtype.kind == "f") for one, other in both):
        return ""
    with np.errstate(invalid="ignore"):
        apart = max(float(np.nanmax(np.abs(one.astype(float) - other), initial=0.0)) for one, other in both)
    return f"up to {apart:.2g} apart"


def machine_differences(pairs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> tuple[MachineDifference, ...]:
    """Name what differs between the environments of runs there and here; what one side does not say is left out."""
    found: Counter[tuple[str, str, str]] = Counter()
    for theirs, ours in pairs:
        for key, what in _PARTS.items():
            if key in theirs and key in ours and theirs[key] != ours[key]:
                found[what, str(theirs[key]), str(ours[key])] += 1
    order = list(_PARTS.values())
    return tuple(
        MachineDifference(what=what, theirs=theirs, ours=ours, runs=runs)
        for (what, theirs, ours), runs in sorted(found.items(), key=lambda item: (order.index(item[0][0]), item[0]))
    )


def judged_by(result: RunResult) -> str | None:
    """Name the metric that a run is judged by: on the test data if it read them, else on validation data."""
    for part in ("test", "val", "train"):
        for name in told_by(result.metrics):
            if result.metrics.get(f"{part}_{name}") is not None:
                return f"{part}_{name}"
    return None
