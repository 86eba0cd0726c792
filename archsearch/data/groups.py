"""What a source says of its samples beside values and targets: which belong together, and what each counts for.

    numbered({"train": subjects, "test": others})         # ('ann', 'bob', 'eva'), {"train": [1, 0], "test": [2]}
    shared_group({"train": subjects, "test": others})     # None, or ('ann', {"train": 0, "test": 2})

Knows arrays only: no file, no spec; whoever reads a file says the place.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def numbered(parts: Mapping[str, NDArray[Any]]) -> tuple[tuple[str, ...], dict[str, NDArray[np.int64]]]:
    """Give the names of all groups in their order, and for each part the number (N,) of each sample's group."""
    import numpy as np

    values, numbers = np.unique(np.concatenate(list(parts.values())), return_inverse=True)
    ends = np.cumsum([len(part) for part in parts.values()])[:-1]
    found = zip(parts, np.split(numbers.reshape(-1).astype(np.int64), ends), strict=True)
    return tuple(str(value) for value in values), dict(found)


def shared_group(parts: Mapping[str, NDArray[Any]]) -> tuple[str, dict[str, int]] | None:
    """Give a group that is in two parts, with its first row in each of them; None where there is none.

    Samples of a group are alike: with some of them to train on, the others measure memory.
    """
    import numpy as np

    for (first, some), (second, others) in combinations(parts.items(), 2):
        both = np.intersect1d(some, others)
        if len(both):
            return str(both[0]), {first: _first(some, both[0]), second: _first(others, both[0])}
    return None


def _first(values: NDArray[Any], value: Any) -> int:
    return int((values == value).argmax())


def bad_weight(weights: NDArray[Any]) -> tuple[int | None, str] | None:
    """Give the row of the first weight that cannot be one with what is wrong (None: all of them), or None."""
    import numpy as np

    wide = np.asarray(weights, dtype=np.float64)
    for wrong, what in ((~np.isfinite(wide), "is not finite"), (wide < 0, "is negative; a weight is 0 or more")):
        if wrong.any():
            row = int(wrong.argmax())
            return row, f"the weight {wide[row]:g} {what}"
    return (None, "all weights are 0: nothing counts") if len(wide) and not wide.any() else None
