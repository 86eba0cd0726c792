"""The power of the paired t test, and the effect that reaches a power: what the planner asks for again and again.

    t_power(10, 1.2, 0.05)                                        # 0.916...
    where_reached(lambda d: t_power(10, d, 0.05), 0.8, 0.0, 2.0, 1e-9)       # the d with power 0.8

SciPy's `quad` and `brentq` would do, and are 0.3 s of imports at every command that prints a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_NODES = 20  # of each panel, as Gauss has them
_SDS = (-10.0, -7.0, -5.0, -3.5, -2.0, -1.0, 0.0, 1.0, 2.0, 3.5, 5.0, 7.0, 10.0)  # around a chi variable's centre
_WIDTHS = (-8.0, -6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0)  # of where a tail goes from 1 to 0


def t_power(seeds: int, d: float, level: float, overlap: float = 0.0) -> float:
    """Give the power of the two-sided paired t test: the two tails of the noncentral t beyond the critical value.

    With `overlap` that of the corrected test, whose mean has the variance sd^2 (1/n + overlap). Integrated over the chi
    distribution of the spread, panel by panel, to 1e-11, as scipy's `nct` gives NaN here and there.
    """
    import numpy as np
    from scipy.special import erfc, stdtrit

    freedom = seeds - 1
    critical = -float(stdtrit(freedom, level / 2)) / math.sqrt(freedom)
    shift = abs(d) * math.sqrt(seeds / (1 + seeds * overlap))
    constant = (freedom / 2 - 1) * math.log(2) + math.lgamma(freedom / 2)
    centre = math.sqrt(freedom)  # of a chi variable, whose SD is below 1
    low, high = max(0.0, centre - 10), centre + 10
    turns = [(place + sign * shift) / critical for sign in (-1.0, 1.0) for place in _WIDTHS]
    ends = np.array([low, high, *(centre + sds for sds in _SDS), *turns])
    ends = np.unique(ends[(ends >= low) & (ends <= high)])
    nodes, weights = _gauss()
    half, middle = np.diff(ends)[:, None] / 2, (ends[1:] + ends[:-1])[:, None] / 2
    s = middle + half * nodes
    tails = erfc((critical * s - shift) / math.sqrt(2)) + erfc((critical * s + shift) / math.sqrt(2))
    density = 0.5 * tails * np.exp((freedom - 1) * np.log(s) - s * s / 2 - constant)
    return min(1.0, float((density * weights * half).sum()))


@cache
def _gauss() -> tuple[Array, Array]:
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights


def where_reached(rising: Callable[[float], float], wanted: float, low: float, high: float, within: float) -> float:
    """Give where a function that rises from below `wanted` at `low` to above it at `high` reaches it.

    By false position, halved where an end stays (the Illinois algorithm, Dowell & Jarratt 1971).
    """
    below, above, stayed = rising(low) - wanted, rising(high) - wanted, 0
    while high - low > within and above:
        middle = low - below * (high - low) / (above - below)
        if not low + within / 2 < middle < high - within / 2:  # it creeps along an end: look a step inside
            middle = min(max(middle, low + within / 2), high - within / 2)
        found = rising(middle) - wanted
        if found >= 0:
            high, above = middle, found
            below = below / 2 if stayed > 0 else below
            stayed = 1
        else:
            low, below = middle, found
            above = above / 2 if stayed < 0 else above
            stayed = -1
    return high
