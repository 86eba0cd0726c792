"""How many kinds are there, from how often two draws were of the same one.

    estimate, (low, high) = distinct_from({"a": 2, "b": 1}, feasible=10, most=12)

Knows counts only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping


def distinct_from(keys: Mapping[str, int], feasible: int, most: int) -> tuple[int, tuple[int, int]]:
    """Estimate how many distinct networks there are from how often two draws were the same one.

    With c coincidences in the n (n - 1) / 2 pairs there are about pairs / c networks, if all are equally likely; with
    none, at least pairs / 3 (a Poisson mean of 3 gives none one time in twenty). Never more than `most`.
    """
    n = sum(keys.values())
    pairs = n * (n - 1) // 2
    same = sum(k * (k - 1) // 2 for k in keys.values())
    if not same:
        return feasible, (min(most, pairs // 3), most)
    low = pairs / (same + 1.96 * math.sqrt(same) + 1.92)
    less = same - 1.96 * math.sqrt(same)
    high = min(most, round(pairs / less)) if less > 0 else most
    return min(most, round(pairs / same)), (min(most, round(low)), high)
