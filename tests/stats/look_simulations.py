"""What the group-sequential rule keeps on synthetic runs, measured: false verdicts, power, runs, intervals.

    python -m tests.stats.look_simulations           # its part of the figures in docs/statistics.md

Runs of a baseline and of its variants are drawn as `DRAWN` says; one baseline is shared, so that the comparisons of a
family are correlated by 0.5, but where it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsearch.stats.group_sequential import LookCourse, follow_looks, plan_looks, repeated_interval

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int], Array]
MOST = 30  # seeds
ACCURACY_SD = 0.0012  # of one run: 12 steps of an accuracy on 10,000 samples


def _own_baselines(dice: np.random.Generator, levels: int, seeds: int) -> Array:
    """Give differences that are independent of each other, in the place of runs: the baseline is 0."""
    return np.vstack((np.zeros((1, seeds)), dice.normal(0, 1, (levels, seeds))))


def _normal(dice: np.random.Generator, levels: int, seeds: int) -> Array:
    return dice.normal(0, 2**-0.5, (levels + 1, seeds))


def _correlated_pairs(dice: np.random.Generator, levels: int, seeds: int) -> Array:
    """Give runs of which those of one seed are correlated by 0.5, whatever the cell."""
    return dice.normal(0, 1, (1, seeds)) / 2**0.5 + dice.normal(0, 2**-0.5, (levels + 1, seeds))


def _t3(dice: np.random.Generator, levels: int, seeds: int) -> Array:
    return dice.standard_t(3, (levels + 1, seeds)) / 6**0.5


def _skewed(dice: np.random.Generator, levels: int, seeds: int) -> Array:
    return dice.exponential(2**-0.5, (levels + 1, seeds))


def _steps(dice: np.random.Generator, levels: int, seeds: int) -> Array:
    """Give accuracies on 10,000 samples: many pairs have the same difference, or none."""
    runs = np.round(0.97 + ACCURACY_SD * dice.normal(0, 1, (levels + 1, seeds)), 4)
    return np.asarray(runs / (2**0.5 * ACCURACY_SD))


def _skewed_level(dice: np.random.Generator, levels: int, seeds: int) -> Array:
    """Give runs of a normal baseline and of skewed levels with the same mean: differences that are not symmetric."""
    return np.vstack((dice.normal(0, 2**-0.5, (1, seeds)), dice.exponential(2**-0.5, (levels, seeds)) - 2**-0.5))


DRAWN: dict[str, Draw] = {
    "normal, a baseline each": _own_baselines,
    "normal, correlated by 0.5": _normal,
    "pairs correlated by 0.5": _correlated_pairs,
    "t with 3 degrees": _t3,
    "skewed arms": _skewed,
    "steps of 1/10,000": _steps,
}
NOT_SYMMETRIC: dict[str, Draw] = {"skewed levels, normal baseline": _skewed_level}


@dataclass(frozen=True)
class LookRates:
    """`wrong`: families with any false verdict; `runs`: share of the fixed design's runs; `decided`: of comparisons."""

    wrong: float
    runs: float
    decided: float


def drawn_families(
    effects: Sequence[float], repeats: int, draw: Draw, *, seed: int = 0, most: int = MOST
) -> list[Array]:
    """Draw families: differences, shape (comparisons, seeds), whose means are `effects` in SDs of a difference."""
    dice = np.random.default_rng(seed)
    families = []
    for _ in range(repeats):
        runs = draw(dice, len(effects), most)
        families.append(runs[1:] - runs[0] + np.asarray(effects)[:, None])
    return families


def look_rates(
    effects: Sequence[float], repeats: int, *, draw: Draw = _normal, margin: float = 0.0, seed: int = 0
) -> LookRates:
    """Follow simulated families to their stops; the baseline runs as long as any comparison does."""
    looks = plan_looks(MOST, comparisons=len(effects))
    wrong = runs = decided = 0.0
    for family in drawn_families(effects, repeats, draw, seed=seed):
        named = {str(index): row.tolist() for index, row in enumerate(family)}
        courses = list(follow_looks(named, looks=looks, margin=margin).values())
        wrong += any(is_wrong(c, effect, margin) for c, effect in zip(courses, effects, strict=True))
        runs += sum(c.seeds for c in courses) + max(c.seeds for c in courses)
        decided += sum(c.verdict is not None for c in courses) / len(effects)
    return LookRates(wrong / repeats, runs / repeats / MOST / (len(effects) + 1), decided / repeats)


def is_wrong(course: LookCourse, effect: float, margin: float) -> bool:
    """Say whether a verdict is false: a difference of the wrong sign or where there is none, or no equivalence."""
    if course.verdict in ("better", "worse"):
        return bool((effect > 0) - (effect < 0) != (1 if course.verdict == "better" else -1))
    return course.verdict == "equivalent" and abs(effect) >= margin


def interval_coverage(effect: float, repeats: int, *, seed: int = 0) -> float:
    """Give the share of paths on which the interval, at the look where the comparison stopped, held the true mean."""
    looks, held = plan_looks(MOST), 0
    for family in drawn_families([effect], repeats, _normal, seed=seed):
        d = family[0].tolist()
        ends = repeated_interval(d[: follow_looks({"0": d}, looks=looks)["0"].seeds], looks)
        held += ends is None or ends[0] <= effect <= ends[1]
    return held / repeats


PLANTED = tuple(half / 2 for half in range(9))  # 0, 0.5, ..., 4 SDs


def main(repeats: int = 2000) -> None:
    """Print every figure of the group-sequential rule."""
    for comparisons in (1, 6):
        print(f"looks, {comparisons} comparisons:", plan_looks(MOST, comparisons=comparisons), flush=True)
        each = []
        for d in PLANTED:
            each.append(look_rates([d] * comparisons, repeats * (3 if comparisons == 1 else 1)))
            print(f"  effect {d}:", each[-1], flush=True)
        print("  mean share of runs:", float(np.mean([rates.runs for rates in each])))
    for name, draw in (DRAWN | NOT_SYMMETRIC).items():
        for comparisons in (1, 6):
            rates = look_rates([0.0] * comparisons, repeats, draw=draw)
            print(f"null, {comparisons} comparisons, {name}:", rates, flush=True)
    print("one family of all effects 0 to 4:", look_rates(PLANTED, repeats), flush=True)
    for name, effects in (("null", [0.0] * 6), ("at the margin", [1.0] * 6), ("beyond it", [1.25] * 6)):
        print(f"all {name}, margin 1 SD:", look_rates(effects, repeats // 2, margin=1.0), flush=True)
    for d in (0.0, 0.5, 1.0):
        print(f"repeated interval where it stopped, effect {d}:", interval_coverage(d, repeats // 4), flush=True)


if __name__ == "__main__":
    main()
