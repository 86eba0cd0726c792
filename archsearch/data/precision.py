"""float64 values as float32, whose 24 bits cannot tell 1,700,000,001 from 1,700,000,002: scaled first, or refused.

    narrow = Narrowing(x_train, x_test)
    narrow.lost                      # columns (axis 1) in which values fall together
    narrow.as_float32(x_train)       # those columns standardised in float64, the others as they are
    not_finite("x_train", x_train.astype("f4"))      # how many values are no numbers, and where the first is

Knows arrays only: no file, no spec.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]

# Of so few values hardly two lie within one step of float32 by chance (1000 values in 2**23 steps: 0.06 pairs), so what
# falls together has lost its differences.
_SAMPLE = 1000
_SHARE = 0.01
_NOISE = 2.0**-44  # 256 steps of float64: what sums in another order differ by, and no difference that anyone means
_WHOLE = 2.0**53  # from here on float64 has whole numbers only: what differs at all is a counter or a stamp, no sum


def not_finite(name: str, narrow: AnyArray) -> str:
    """Say how many float32 values are not finite, and where the first is (rows and columns from 0); "" for none."""
    finite = np.isfinite(narrow)
    wrong = narrow.size - int(finite.sum())
    if not wrong:
        return ""
    row, *rest = (int(place) for place in np.argwhere(~finite)[0])
    where = f"the first in row {row}" + (f", {'channel' if len(rest) > 1 else 'column'} {rest[0]}" if rest else "")
    values = "value that is" if wrong == 1 else "values that are"
    return f"{name} has {wrong:,} {values} not finite as float32 ({where}); replace {'it' if wrong == 1 else 'them'}"


@dataclass(frozen=True, slots=True)
class Lost:
    """A column that float32 does not hold: distinct values of a sample of it, in float64 and in float32."""

    column: int
    wide: int
    narrow: int


class Narrowing:
    """Which columns of float64 arrays need care, and how they become float32; mean and deviation are `parts[0]`'s."""

    def __init__(self, *parts: AnyArray) -> None:
        self.lost = fallen_together(parts)
        self.scale: dict[int, tuple[float, float]] = {}
        for one in self.lost:
            values = parts[0][:, one.column].astype(np.float64)
            self.scale[one.column] = float(values.mean()), float(values.std()) or 1.0

    def as_float32(self, x: AnyArray) -> NDArray[np.float32]:
        """Give x as float32, the columns that would lose values standardised first."""
        with np.errstate(over="ignore"):
            narrow = x.astype(np.float32)
        for column in self.scale:
            narrow[:, column] = self.standardised(x, column).astype(np.float32)
        return narrow

    def standardised(self, x: AnyArray, column: int) -> AnyArray:
        """Give one column, a lost one, less its mean and over its deviation, in float64."""
        mean, deviation = self.scale[column]
        scaled: AnyArray = (x[:, column].astype(np.float64) - mean) / deviation
        return scaled


def fallen_together(parts: Sequence[AnyArray]) -> tuple[Lost, ...]:
    """Find the columns (axis 1) of float64 arrays of which more than 1 % of the distinct values are one as float32."""
    found: dict[int, Lost] = {}
    for x in parts:
        if x.dtype != np.float64:
            continue
        draw = np.random.default_rng(0)
        for column in range(x.shape[1]):
            values = x[:, column].reshape(-1)
            if values.size > _SAMPLE:
                values = values[draw.integers(0, values.size, _SAMPLE)]
            lost = _lost(column, values)
            if lost is not None:
                found.setdefault(column, lost)
    return tuple(found[column] for column in sorted(found))


def _lost(column: int, values: AnyArray) -> Lost | None:
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    if np.array_equal(narrow.astype(np.float64), values):
        return None
    wide = np.unique(values)
    largest = np.abs(wide).max()
    apart = 1 + int((np.diff(wide) > (_NOISE * largest if largest < _WHOLE else 0)).sum())
    left = len(np.unique(narrow))
    return Lost(column, len(wide), left) if apart - left > _SHARE * apart else None
