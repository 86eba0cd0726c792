"""The group-sequential rule against AdaStop on the same runs: how many runs does each need, at which power?

    python -m benchmarks.against_adastop --kept adastop.jsonl      # the tables in docs/statistics.md: hours; goes on
    python -m benchmarks.against_adastop --repeats 40              # quicker, and rougher

AdaStop (Mathieu et al. 2023, arXiv 2306.10882) is the published rule for stopping the training of runs early: a
permutation test of two unpaired samples, group-sequential, K looks of n runs each; its version 0.1.3 is installed into
a folder of its own when it is not there, and asked through its Python interface. Both see the same runs of a baseline
and its variants, and the variants are compared with the baseline only. Effects are in SDs of an unpaired difference;
`correlation` is that of runs with one seed, which AdaStop is not made to use.

`unpaired` is neither's: the spending and the looks of ours, by permutations of both arms between two looks in the place
of sign flips. It tells what of a difference is the test's and what is the looks'.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archsearch.stats.group_sequential import follow_looks, plan_looks, spent

Array = NDArray[np.float64]
VERSION = "0.1.3"
MOST = 30
OURS = (30, 28, 26, 24, 22, 20, 18)  # at most so many seeds: at which has the rule the power of the opponent?
# Runs of a look and looks: AdaStop's own default, and as many seeds as ours. Version 0.1.3 compares the size of a
# difference with a limit for signed ones, so its errors are those of twice its alpha; where 8 runs or more of a look
# have more permutations than its default draws, its limits are of no use.
OPPONENTS = {f"AdaStop {k} x {n}, alpha {a}": (n, k, a) for n, k in ((5, 5), (6, 5)) for a in (0.05, 0.025)}
EFFECTS = (0.0, 0.5, 1.0, 2.0)
CORRELATIONS = (0.0, 0.5, 0.8)
PATTERNS = 2**14
BATCH = 20  # families that one line of the kept file is about


class Found(NamedTuple):
    """Of one family: the share of its comparisons that are decided, whether any is, and the share of 30 seeds' runs."""

    decided: float
    some: bool
    runs: float


Rule = Callable[[Array, int], Found]  # of runs, shape (cells, seeds), and the number of the family


def adastop(folder: str) -> Any:
    """Give AdaStop's comparator, installed without its plotting's dependencies where it is not there."""
    try:
        import adastop as found
    except ImportError:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
        subprocess.run([*pip, f"adastop=={VERSION}"], check=True)
        sys.path.append(folder)
        import adastop as found
    return in_arrays(found.MultipleAgentsComparator)


def in_arrays(comparator: Any) -> Any:
    """Give AdaStop's comparator with the sums of its permutations by arrays: the same ones, drawn as it draws them."""

    class InArrays(comparator):  # type: ignore[misc]
        def compute_mean_diffs(self, k: int, Z: Sequence[Array]) -> dict[str, Array]:  # noqa: N803 (its name)
            size = int(self.n[0])
            every = all_halves(size)
            assert len(set(self.n)) == 1
            assert len(every) < self.B < len(every) ** 2  # it enumerates a look's permutations, and draws later ones
            self.normalization = len(every)
            if k:
                sums = np.array([self.mean_diffs[name] for name in self.mean_diffs])
                left = np.abs(sums).max(axis=0) <= self.boundary[-1][1]
                before = dict(zip(self.mean_diffs, sums[:, left], strict=True))
            for pair in self.current_comparisons:
                one, other = pair
                both = np.hstack([Z[one][k * size : (k + 1) * size], Z[other][k * size : (k + 1) * size]])
                chosen, name = every, str(pair)
                if k:
                    rows = [self.rng.permutation(2 * size)[:size] for _ in range(len(before[name]) - 1)]
                    chosen = np.sort(np.array([np.arange(size), *rows]), axis=1)
                taken = np.zeros((len(chosen), 2 * size), dtype=bool)
                np.put_along_axis(taken, chosen, True, axis=1)
                rest = np.nonzero(~taken)[1].reshape(len(chosen), size)
                means = both[chosen].mean(axis=1), both[rest].mean(axis=1)
                self.mean_diffs[name] = (before[name] if k else 0.0) + means[0] - means[1]
            return dict(self.mean_diffs)

    InArrays.of_loops = comparator
    return InArrays


@lru_cache(maxsize=8)
def all_halves(size: int) -> NDArray[np.int64]:
    """Give all choices of half of the places, in the order of `itertools`."""
    return np.array(list(combinations(range(2 * size), size)))


def drawn(effect: float, comparisons: int, correlation: float, family: int) -> Array:
    """Draw runs of a baseline and its variants, shape (cells, seeds): the same noise whatever the effect."""
    dice = np.random.default_rng((31, comparisons, family))
    shared = dice.normal(0, correlation**0.5, (1, MOST))
    runs = shared + dice.normal(0, (1 - correlation) ** 0.5, (comparisons + 1, MOST))
    runs[1:] += effect * 2**0.5
    return runs


# -- rules -------------------------------------------------------------------------------------------------------------


def by_looks(most: int) -> Rule:
    """Give the rule of `group_sequential` with at most so many seeds."""

    def rule(runs: Array, family: int) -> Found:
        d = {str(i): (row - runs[0])[:most].tolist() for i, row in enumerate(runs[1:])}
        courses = list(follow_looks(d, looks=plan_looks(most, comparisons=len(d))).values())
        used = sum(one.seeds for one in courses) + max(one.seeds for one in courses)
        decided = [one.verdict is not None for one in courses]
        return Found(float(np.mean(decided)), any(decided), used / runs.size)

    return rule


def by_adastop(comparator: Any, size: int, looks: int, alpha: float) -> Rule:
    """Give AdaStop with each variant against the baseline, else with its defaults."""

    def rule(runs: Array, family: int) -> Found:
        pairs = np.empty(len(runs) - 1, dtype=object)  # of tuples: it writes each a few thousand times
        pairs[:] = [(0, level) for level in range(1, len(runs))]
        asked = comparator(n=size, K=looks, comparisons=pairs, alpha=alpha, seed=family)
        used, open_cells = np.zeros(len(runs)), set(range(len(runs)))
        for look in range(1, looks + 1):
            for cell in open_cells:
                used[cell] = look * size
            asked.partial_compare({str(cell): row[: look * size] for cell, row in enumerate(runs)}, verbose=False)
            open_cells = {int(cell) for pair in asked.current_comparisons for cell in pair}
            if asked.is_finished or not open_cells:
                break
        decided = [word in ("larger", "smaller") for word in asked.decisions.values()]
        return Found(float(np.mean(decided)), any(decided), float(used.sum() / runs.size))

    return rule


def check_arrays(comparator: Any) -> None:
    """Raise where AdaStop by arrays does not decide as it does by its own loops."""
    for family, (comparisons, effect) in enumerate(product((1, 3), (0.0, 0.5, 1.0))):
        runs = drawn(effect, comparisons, 0.3, family)
        one, other = (by_adastop(kind, 6, 5, 0.025)(runs, family) for kind in (comparator, comparator.of_loops))
        assert one == other, (comparisons, effect, one, other)


def unpaired(looks: tuple[int, ...], alpha: float = 0.05) -> Rule:
    """Give our spending with permutations of both arms, among what two looks have between them; one comparison."""

    def rule(runs: Array, family: int) -> Found:
        sums, left = np.zeros(PATTERNS), np.ones(PATTERNS, dtype=bool)
        start, stop, decided = 0, 0, False
        for start, stop in zip((0, *looks), looks, strict=False):
            sums = sums + halves(start, stop) @ runs[:, start:stop].reshape(-1)
            size = np.abs(sums)
            may = int(spent(stop / looks[-1], alpha) * PATTERNS) - int(PATTERNS - left.sum())
            limit = np.sort(size[left])[-1 - may] if may else np.inf
            decided = bool(left[0] and size[0] > limit + 1e-11)
            if decided:
                break
            left &= size <= limit
        return Found(float(decided), decided, 2 * stop / runs.size)

    return rule


@lru_cache(maxsize=64)
def halves(start: int, stop: int) -> Array:
    """Draw who of two arms' runs is in which arm: -1 and +1, shape (patterns, 2 * runs); row 0 is as it was.

    Drawn patterns with what was observed among them make an exact test (Hemerik & Goeman 2018).
    """
    dice, count = np.random.default_rng((7, start, stop)), stop - start
    as_it_was = np.repeat([-1.0, 1.0], count)
    return np.vstack([as_it_was, *(dice.permutation(as_it_was) for _ in range(PATTERNS - 1))])


def rules(comparator: Any, comparisons: int) -> dict[str, Rule]:
    """Give the rules that are compared."""
    found = {f"archsearch, at most {most}": by_looks(most) for most in OURS}
    found |= {name: by_adastop(comparator, *of) for name, of in OPPONENTS.items()}
    if comparisons == 1:
        found |= {
            "unpaired, our looks": unpaired(plan_looks(MOST)),
            "unpaired, from 5": unpaired((5, *plan_looks(MOST))),
        }
    return found


# -- what is kept, and printed -----------------------------------------------------------------------------------------


class Cell(NamedTuple):
    """What is simulated."""

    comparisons: int
    correlation: float
    effect: float


def simulate(cell: Cell, rule: Rule, first: int) -> list[Found]:
    """Ask a rule about the families of a batch."""
    numbers = range(first, first + BATCH)
    return [rule(drawn(cell.effect, cell.comparisons, cell.correlation, n), n) for n in numbers]


def read_kept(path: Path | None) -> dict[tuple[Cell, str, int], list[Found]]:
    """Read the batches that there are."""
    if path is None or not path.is_file():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    return {(Cell(*row["cell"]), row["rule"], row["first"]): [Found(*one) for one in row["found"]] for row in rows}


def print_table(comparisons: int, correlation: float, found: dict[tuple[str, float], list[Found]]) -> None:
    """Print a row for each rule: false verdicts, then what is decided and with how many runs at each effect."""
    print(f"\n{comparisons} comparison(s), correlation {correlation}: % decided, % of the runs of 30 seeds")
    print(f"| rule | n | none: false | {' | '.join(f'{effect:g} SD' for effect in EFFECTS)} |")
    print(f"| --- | ---: | ---: |{' ---: |' * len(EFFECTS)}")
    for name in dict.fromkeys(rule for rule, _ in found):
        null = found[name, 0.0]
        shown = (found[name, effect] for effect in EFFECTS)
        means = (np.mean([(one.decided, one.runs) for one in of], axis=0) for of in shown)
        said = " | ".join(f"{100 * decided:.1f}, {100 * runs:.1f}" for decided, runs in means)
        print(f"| {name} | {len(null)} | {100 * np.mean([one.some for one in null]):.1f} | {said} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate what is not kept yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--kept", type=Path, help="a file of results, which is read and added to")
    asked = parser.parse_args(arguments)
    kept = read_kept(asked.kept)
    with tempfile.TemporaryDirectory() as folder:
        comparator = adastop(folder)
        check_arrays(comparator)
        for comparisons, correlation in product((1, 6), CORRELATIONS):
            found: dict[tuple[str, float], list[Found]] = {}
            for name, rule in rules(comparator, comparisons).items():
                for effect in EFFECTS:
                    cell = Cell(comparisons, correlation, effect)
                    for first in range(0, asked.repeats, BATCH):
                        batch = kept.get((cell, name, first)) or simulate(cell, rule, first)
                        if asked.kept is not None and (cell, name, first) not in kept:
                            with asked.kept.open("a") as file:
                                line = {"cell": cell, "rule": name, "first": first, "found": batch}
                                file.write(json.dumps(line) + "\n")
                        found.setdefault((name, effect), []).extend(batch)
            print_table(comparisons, correlation, found)


if __name__ == "__main__":
    main()
