"""What the adjusted estimate keeps on synthetic runs, measured: coverage of its interval, and how wide it is.

    python -m tests.stats.adjusted_simulations        # the table in docs/statistics.md: a minute

A level and the baseline share what a seed does to both. Runs are normal, or have heavy tails (Student's t with three
degrees of freedom), or are skewed (exponential).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsearch.stats.adjusted import adjusted
from archsearch.stats.intervals import t_interval

Draw = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]
SHAPES: dict[str, Draw] = {
    "normal": lambda dice, shape: dice.normal(size=shape),
    "t, 3 degrees": lambda dice, shape: dice.standard_t(3, size=shape) / 3**0.5,
    "skewed": lambda dice, shape: dice.exponential(size=shape) - 1,
}


@dataclass(frozen=True)
class Kept:
    """Shares of intervals that hold the true difference, and the mean width of the adjusted over that of the plain."""

    adjusted: float
    plain: float
    width: float


def kept(
    pairs: int,
    runs: int,
    correlation: float,
    repeats: int,
    *,
    spread: float = 1.0,
    shape: str = "normal",
    seed: int = 0,
) -> Kept:
    """Draw `runs` of the baseline, the first in pairs with those of a level that varies `spread` times as far."""
    dice = np.random.default_rng(seed)
    truth, inside, widths = 0.7, np.zeros(2), np.zeros(2)
    for _ in range(repeats):
        shared = SHAPES[shape](dice, (runs,))
        own = SHAPES[shape](dice, (pairs,))
        level = truth + spread * (correlation * shared[:pairs] + (1 - correlation**2) ** 0.5 * own)
        found = adjusted(level.tolist(), shared[:pairs].tolist(), shared[pairs:].tolist())
        assert found is not None
        for which, (low, high) in enumerate((found.ci95, t_interval((level - shared[:pairs]).tolist()))):
            inside[which] += low <= truth <= high
            widths[which] += high - low
    return Kept(float(inside[0]) / repeats, float(inside[1]) / repeats, float(widths[0] / widths[1]))


def main() -> None:
    """Print the table."""
    print("| shape | pairs | baseline runs | correlation | SD of the level | adjusted | plain | width |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for shape in SHAPES:
        for pairs, runs in ((10, 20), (10, 30), (20, 60)):
            for correlation, spread in ((0.0, 1.0), (0.5, 1.0), (0.8, 1.0), (0.95, 1.0), (0.5, 0.5)):
                found = kept(pairs, runs, correlation, 10_000, spread=spread, shape=shape)
                print(
                    f"| {shape} | {pairs} | {runs} | {correlation:g} | {spread:g} | {found.adjusted:.1%} "
                    f"| {found.plain:.1%} | {found.width:.2f} |"
                )


if __name__ == "__main__":
    main()
