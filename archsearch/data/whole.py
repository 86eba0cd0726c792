"""Whether data are the whole numbers that an embedding reads: asked of a file before torch, of tensors before a run.

    for fault in embedding_faults(spec.data, values): ...      # x_train has 3.5 in row 0, column 2, which is not whole

What a file holds is read once and remembered by its time and size: a search plans many networks on one file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.data import npz
from archsearch.data.facts import contents
from archsearch.data.own import arrays_file
from archsearch.errors import SpecError
from archsearch.spec.dataset import DataSpec
from archsearch.spec.embedded import EmbeddedValues

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AS_SHARES = "holds 0 to 255 as uint8, which means value / 255: numbers between 0 and 1"


@dataclass(frozen=True, slots=True)
class ColumnRanges:
    """Of each value of a sample: the row of the lowest, of the highest, of the first that is not whole (-1: none)."""

    name: str
    low: NDArray[Any]
    high: NDArray[Any]
    broken: NDArray[Any]
    values: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]

    def fault(self, wanted: EmbeddedValues) -> str:
        """Say the first value that is no whole number from 0 to `count` - 1, "" where there is none."""
        columns = range(len(self.low)) if wanted.columns is None else wanted.columns
        for column in columns:
            low, high, broken = (float(values[column]) for values in self.values)
            if self.broken[column] >= 0:
                return self._said(broken, self.broken[column], column, "is not whole")
            for value, row in ((low, self.low[column]), (high, self.high[column])):
                if not 0 <= value < wanted.count:
                    return self._said(value, row, column, f"is not one of 0 to {wanted.count - 1}")
        return ""

    def _said(self, value: float, row: int, column: int, what: str) -> str:
        return f"{self.name} has {value:g} in row {row}, column {column}, which {what}"


def column_ranges(name: str, x: Any) -> ColumnRanges:
    """Look through samples x (N, *shape), an array or a tensor."""
    import numpy as np

    held: NDArray[Any] = np.asarray(x).reshape(len(x), -1)
    low, high = held.argmin(axis=0), held.argmax(axis=0)
    not_whole = held != np.floor(held)
    first = not_whole.argmax(axis=0)
    broken = np.where(not_whole.any(axis=0), first, -1)
    across = np.arange(held.shape[1])
    return ColumnRanges(name, low, high, broken, (held[low, across], held[high, across], held[first, across]))


def embedding_faults(spec: DataSpec, wanted: EmbeddedValues) -> Iterator[str]:
    """Say what is wrong with what a file holds; nothing of data that are known only when they are loaded."""
    try:
        file = arrays_file(spec)
        if contents(spec).dtype == "uint8":
            yield f"{spec.name} {_AS_SHARES}"
        elif file is not None:
            state = file.stat()
            found = _of_file(file, spec.channels, state.st_mtime_ns, state.st_size)
            yield from (said for one in found if (said := one.fault(wanted)))
    except OSError as problem:
        raise SpecError(f"{spec.path} cannot be read: {problem.strerror}", ("data", "path")) from None


@lru_cache(maxsize=8)
def _of_file(path: Path, channels: npz.ChannelAxis, time: int, size: int) -> tuple[ColumnRanges, ...]:
    return tuple(column_ranges(name, x) for name, x in npz.inputs(path, channels).items())


def tensor_faults(parts: Mapping[str, Any], wanted: EmbeddedValues) -> Iterator[str]:
    """Say what is wrong with loaded samples (N, *shape), by name."""
    for name, x in parts.items():
        if str(x.dtype) == "torch.uint8":
            yield f"{name} {_AS_SHARES}"
        elif len(x) and (said := column_ranges(name, x).fault(wanted)):
            yield said
