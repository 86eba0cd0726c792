"""How many seeds a group-sequential family will take, before it runs: simulated with a fixed seed.

    stops = expected_stops((10, 14, 20, 30), comparisons=6, effect=0.5)      # all six differ by 0.5 SDs of a difference
    stops.seeds.mean(axis=0), stops.decided

For a plan, so it is quick and not exact: normal differences, and t tests with the same spending and the same closed
test in the place of sign flips (`group_sequential`), which take about as many seeds. Knows numbers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from archsearch.stats.group_sequential import spent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_PATHS = 40_000  # of differences around 0, whose p values give the limits
_NUMBERS = 3_000_000  # that the families of a simulation hold at most
_FAMILIES = (100, 1000)  # the fewest and the most that are drawn


@dataclass(frozen=True, slots=True)
class Stops:
    """After how many seeds each comparison stopped, shape (families, comparisons), and the share that was decided."""

    seeds: NDArray[np.int64]
    decided: float


def expected_stops(
    looks: Sequence[int], comparisons: int, effect: float, *, margin: float = 0.0, alpha: float = 0.05
) -> Stops:
    """Simulate families in which all comparisons have one effect; it and the margin are in SDs of a difference.

    Comparisons share a baseline, so their differences are correlated by 0.5.
    """
    import numpy as np

    most = looks[-1]
    families = int(np.clip(_NUMBERS // (most * (comparisons + 1)), *_FAMILIES))
    runs = np.random.default_rng(17).normal(0, 2**-0.5, (families, comparisons + 1, most))
    d = runs[:, 1:] - runs[:, :1] + effect
    levels = [alpha / share for share in range(1, comparisons + 1)]
    different = _crossed(_p_values(d, looks, both=True), _limits(tuple(looks), tuple(levels), both=True))
    same = np.zeros_like(different)
    if margin:
        limits = _limits(tuple(looks), tuple(levels), both=False)
        same = _crossed(_p_values(d + margin, looks), limits) & _crossed(_p_values(margin - d, looks), limits)
    stopped = np.full(d.shape[:2], len(looks))
    for look in range(len(looks)):
        # what has stopped stays as it was at its stop
        until = np.minimum(stopped, look)[None, :, :, None]
        seen = [np.take_along_axis(of, until, axis=0)[0] for of in (different, same)]
        decided = _closed(seen[0]) | _closed(seen[1])
        stopped[decided & (stopped == len(looks))] = look
    seeds = np.array([*looks, most])[stopped]
    return Stops(seeds, float((stopped < len(looks)).mean()))


def _p_values(d: Array, looks: Sequence[int], *, both: bool = False) -> list[Array]:
    """Give the t test's p at each look, against larger differences or, with `both`, against others."""
    import numpy as np
    from scipy.special import stdtr

    found = []
    for n in looks:
        part = d[..., :n]
        t = part.mean(axis=-1) / np.maximum(part.std(axis=-1, ddof=1), 1e-300) * n**0.5
        found.append(2 * stdtr(n - 1, -np.abs(t)) if both else stdtr(n - 1, -t))
    return found


@lru_cache(maxsize=8)
def _limits(looks: tuple[int, ...], levels: tuple[float, ...], *, both: bool) -> Array:
    """Give the p below which each look rejects at each level, shape (looks, levels): what null paths may spend."""
    import numpy as np

    null = _p_values(np.random.default_rng(23).normal(0, 1, (_PATHS, looks[-1])), looks, both=both)
    limits = np.zeros((len(looks), len(levels)))
    for column, level in enumerate(levels):
        left = np.ones(_PATHS, dtype=bool)
        for row, (n, p) in enumerate(zip(looks, null, strict=True)):
            may = int(spent(n / looks[-1], level) * _PATHS) - int(_PATHS - left.sum())
            limits[row, column] = np.partition(p[left], may)[may]
            left &= p >= limits[row, column]
    return limits


def _crossed(p: Sequence[Array], limits: Array) -> NDArray[np.bool_]:
    """Say which comparison has crossed until each look at each level, shape (looks, families, comparisons, levels)."""
    import numpy as np

    crossed: NDArray[np.bool_] = np.array([now[..., None] < limit for now, limit in zip(p, limits, strict=True)])
    return np.logical_or.accumulate(crossed, axis=0)


def _closed(crossed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Give what the closed test rejects: for each s, a comparison crossed at alpha / s, or fewer than s have not."""
    import numpy as np

    count = crossed.shape[-1]
    few = count - crossed.sum(axis=-2, keepdims=True) < np.arange(1, count + 1)
    rejected: NDArray[np.bool_] = (crossed | few).all(axis=-1)
    return rejected
