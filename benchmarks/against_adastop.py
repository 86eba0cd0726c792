"""The group-sequential rule against AdaStop on the same runs: how many runs does each need, at which power?

    python -m benchmarks.against_adastop                   # the table in docs/statistics.md: some minutes
    python -m benchmarks.against_adastop --repeats 50      # quicker, and rougher

AdaStop (Mathieu et al. 2023, arXiv 2306.10882) is the published rule for stopping the training of runs early: a
permutation test of two unpaired samples, group-sequential, K looks of n runs each; its version 0.1.3 is installed into
a folder of its own when it is not there, and asked through its Python interface. Both see the same runs of a baseline
and its variants, with at most 30 seeds, and the variants are compared with the baseline only. `correlation` is that of
runs with one seed, which AdaStop does not use.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsearch.stats.group_sequential import follow_looks, plan_looks

Array = NDArray[np.float64]
VERSION = "0.1.3"
MOST = 30
OPPONENTS = {"AdaStop, 5 looks of 6": (6, 5), "AdaStop, 3 looks of 10": (10, 3)}
OURS = (30, 26, 22, 18)  # at most so many seeds: at which has the rule the power of the opponent?
PERMUTATIONS = 2000


def adastop(folder: str) -> Any:
    """Give AdaStop's comparator, installed without its plotting's dependencies where it is not there."""
    try:
        import adastop as found
    except ImportError:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
        subprocess.run([*pip, f"adastop=={VERSION}"], check=True)
        sys.path.append(folder)
        import adastop as found
    return found.MultipleAgentsComparator


def drawn(effect: float, comparisons: int, correlation: float, dice: np.random.Generator) -> Array:
    """Draw runs of a baseline and its variants, shape (cells, seeds); effects are in SDs of an unpaired difference."""
    shared = dice.normal(0, correlation**0.5, (1, MOST))
    runs = shared + dice.normal(0, (1 - correlation) ** 0.5, (comparisons + 1, MOST))
    runs[1:] += effect * 2**0.5
    return runs


def by_looks(runs: Array, most: int) -> tuple[float, float]:
    """Give the share of comparisons that are decided, and the share of the runs that were used, of 30 seeds."""
    d = {str(i): (row - runs[0])[:most].tolist() for i, row in enumerate(runs[1:])}
    courses = list(follow_looks(d, looks=plan_looks(most, comparisons=len(d))).values())
    used = sum(one.seeds for one in courses) + max(one.seeds for one in courses)
    return sum(one.verdict is not None for one in courses) / len(d), used / runs.size


def by_adastop(comparator: Any, runs: Array, size: int, looks: int, seed: int) -> tuple[float, float]:
    """Give the same of AdaStop at alpha 0.05, each variant against the baseline, else with its defaults."""
    pairs = np.array([(0, level) for level in range(1, len(runs))])
    rule = comparator(n=size, K=looks, B=PERMUTATIONS, comparisons=pairs, alpha=0.05, seed=seed)
    used, open_cells = np.zeros(len(runs)), set(range(len(runs)))
    for look in range(looks):
        for cell in open_cells:
            used[cell] = (look + 1) * size
        rule.partial_compare({str(cell): row[: (look + 1) * size] for cell, row in enumerate(runs)}, verbose=False)
        open_cells = {int(cell) for pair in rule.current_comparisons for cell in pair}
        if rule.is_finished or not open_cells:
            break
    decided = [word in ("larger", "smaller") for word in rule.decisions.values()]
    return float(np.mean(decided)), float(used.sum() / runs.size)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print decided comparisons and runs of each rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=100)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        comparator = adastop(folder)
        for comparisons, correlation in ((1, 0.0), (1, 0.5), (6, 0.0)):
            for effect in (0.5, 1.0, 2.0) if comparisons == 1 else (0.5,):
                dice = np.random.default_rng(31)
                families = [drawn(effect, comparisons, correlation, dice) for _ in range(asked.repeats)]
                found = {
                    f"archsearch, at most {most} seeds": np.mean([by_looks(runs, most) for runs in families], axis=0)
                    for most in OURS
                }
                for name, (size, looks) in OPPONENTS.items():
                    each = [by_adastop(comparator, runs, size, looks, seed) for seed, runs in enumerate(families)]
                    found[name] = np.mean(each, axis=0)
                print(f"{comparisons} comparison(s), correlation {correlation}, effect {effect} SD:", flush=True)
                for name, (decided, used) in found.items():
                    print(f"  {name}: decided {decided:.1%}, runs {used:.1%}", flush=True)


if __name__ == "__main__":
    main()
