"""How many seeds does each kind of evidence need for the same question? Of an ablation that ran, plain and averaged.

    archsearch ablate lenet5_factors --seeds 30 --runs-dir plain      # 7 cells
    archsearch ablate lenet5_mean_factors.yaml --runs-dir mean        # the same around LeNet-5 with train.average: 3
    python -m benchmarks.evidence plain mean                          # the tables in docs/statistics.md

Runs of one cell and seed are trained by the same steps in both studies; what differs is which weights are tested. Only
cells and seeds that both have are compared. For each change: the mean paired difference by each kind of evidence, in
SDs of the paired difference (d_z), the seeds that find a difference of that size with power 0.8 (Holm over the family),
and how many times fewer those are than by the accuracy of the last epoch: the quotient of the squares of d_z,
with a percentile interval over 4,000 resamplings of the seeds. The last table tests on fewer samples: the same outputs,
on 200 random parts of the test set.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsearch.ablate.jobs import held_ablation, latest
from archsearch.ablate.planned import Ablation
from archsearch.ablate.schedule import contrast_of
from archsearch.stats.effect import Family
from archsearch.stats.paired import holm, sign_flip_test
from archsearch.stats.power import seeds_needed
from archsearch.stats.verdict import pair_up
from archsearch.study.held import HeldRun
from archsearch.study.lifecycle import existing_ablation
from archsearch.study.storage import default_url, open_storage

RESAMPLES = 4000
PARTS = 200
Values = dict[str, dict[int, float]]  # of a cell, by seed


@dataclass(frozen=True)
class Study:
    """An ablation with its completed runs, by cell and seed."""

    ablation: Ablation
    runs: Mapping[tuple[str, int], HeldRun]
    folder: Path

    def values(self, metric: str) -> Values:
        """Give a metric of the kept weights."""
        found: Values = {}
        for (cell, seed), run in self.runs.items():
            value = run.metric(metric)
            if value is not None:
                found.setdefault(cell, {})[seed] = value
        return found


def opened(folder: Path) -> Study:
    """Open the ablation whose storage lies in a folder of runs; of several the first, with the runs of equal cells."""
    storage = open_storage(default_url(folder), reading=True)
    studies = [existing_ablation(one.study_name, storage) for one in storage.get_all_studies()]
    ablation, done = held_ablation(studies[0]), dict[tuple[str, int], HeldRun]()
    specs = {cell.name: cell.spec for cell in ablation.cells}
    for study in studies:
        same = {cell.name for cell in held_ablation(study).cells if specs.get(cell.name) == cell.spec}
        for key, trial in latest(study).items():
            if trial.state.name == "COMPLETE" and key[0] in same:
                done[key] = HeldRun(trial)
    return Study(ablation, done, folder)


@dataclass(frozen=True)
class Seen:
    """A change by one kind of evidence: paired differences, better above 0; `p` before Holm."""

    differences: NDArray[np.float64]

    @property
    def d_z(self) -> float:
        return float(self.differences.mean() / self.differences.std(ddof=1))

    @property
    def p(self) -> float:
        return sign_flip_test(self.differences.tolist()).p

    def seeds(self, family: Family, comparisons: int) -> int | None:
        """Give the seeds that find a difference of this size."""
        return seeds_needed(abs(self.d_z), 1.0, family.alpha, comparisons, family.power)


def seen(study: Study, values: Values, sign: float) -> dict[str, Seen]:
    """Pair the values of every comparison."""
    found = {}
    for question in study.ablation.claims:
        pairs = pair_up(contrast_of(question), values)
        found[question.name] = Seen(sign * np.asarray(pairs.differences))
    return found


def resampled(differences: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the squares of d_z of resampled seeds: seeds needed go with one over them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        squares: NDArray[np.float64] = (differences[rows].mean(1) / differences[rows].std(1, ddof=1)) ** 2
    return squares


def kinds(plain: Study, mean: Study) -> dict[str, dict[str, Seen]]:
    """Give every change by every kind of evidence, on the runs that both studies have."""
    both = plain.runs.keys() & mean.runs.keys()
    seeds = {seed for _, seed in both if all((cell.name, seed) in both for cell in plain.ablation.cells)}
    one, two = (
        Study(of.ablation, {key: run for key, run in of.runs.items() if key[1] in seeds}, of.folder)
        for of in (plain, mean)
    )
    count = mean.ablation.cells[0].spec.train.average
    return {
        "accuracy, last epoch": seen(one, one.values("test_accuracy"), 1.0),
        f"accuracy, mean of the weights of {count} epochs": seen(two, two.values("test_accuracy"), 1.0),
        "test loss, last epoch": seen(one, one.values("test_loss"), -1.0),
        f"test loss, mean of the weights of {count} epochs": seen(two, two.values("test_loss"), -1.0),
    }


def print_kinds(found: Mapping[str, Mapping[str, Seen]], family: Family) -> None:
    """Print a row for each change: d_z and seeds by each kind of evidence, then how many times fewer those are."""
    (_, first), *others = found.items()
    print(f"| change: d_z, seeds | {' | '.join(found)} |")
    print(f"| --- |{' ---: |' * len(found)}")
    for change in first:
        seen_by = [f"{of[change].d_z:+.2f}, {_count(of[change].seeds(family, len(first)))}" for of in found.values()]
        print(f"| {change} | {' | '.join(seen_by)} |")
    decided = [sum(p < family.alpha for p in holm([one.p for one in of.values()])) for of in found.values()]
    print(f"| changes with p < {family.alpha:g} after Holm | {' | '.join(map(str, decided))} |")
    print(f"\n| change: times fewer seeds (95 %) | {' | '.join(kind for kind, _ in others)} |")
    print(f"| --- |{' ---: |' * len(others)}")
    n = len(next(iter(first.values())).differences)
    rows = np.random.default_rng(0).integers(n, size=(RESAMPLES, n))
    logs: dict[str, list[tuple[float, NDArray[np.float64]]]] = {kind: [] for kind, _ in others}
    for change, plain in first.items():
        cells = []
        for kind, of in others:
            ratio = (of[change].d_z / plain.d_z) ** 2
            with np.errstate(divide="ignore", invalid="ignore"):  # of few seeds some draws have no spread
                drawn = resampled(of[change].differences, rows) / resampled(plain.differences, rows)
                logs[kind].append((np.log(ratio), np.log(drawn)))
            cells.append(_between(ratio, drawn))
        print(f"| {change} | {' | '.join(cells)} |")
    means = []
    for kind, of in logs.items():
        drawn = np.exp(np.mean([one for _, one in of], axis=0))
        # a loss may be on another scale for a level whose outputs are other things: no mean over such
        means.append(_between(float(np.exp(np.mean([one for one, _ in of]))), drawn) if "accuracy" in kind else "")
    print(f"| geometric mean of the changes | {' | '.join(means)} |")


def _between(ratio: float, drawn: NDArray[np.float64]) -> str:
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return f"{ratio:,.2g} ({low:,.2g} to {high:,.2g})"


def _count(seeds: int | None) -> str:
    return "above 10,000" if seeds is None else f"{seeds:,}"


def right_answers(study: Study) -> dict[tuple[str, int], NDArray[np.bool_]]:
    """Say of each run which test samples it gets right, from the predictions that it kept."""
    found = {}
    for key, run in study.runs.items():
        with np.load(study.folder / run.run_id / "predictions.npz", allow_pickle=False) as kept:
            found[key] = kept["test_outputs"].argmax(1) == kept["test_labels"]
    return found


def print_parts(study: Study, family: Family, shares: Sequence[float] = (1.0, 0.5, 0.25, 0.1)) -> None:
    """Print how many seeds a test on random parts of the test set needs, for the same mean difference."""
    right = right_answers(study)
    samples = len(next(iter(right.values())))
    dice = np.random.default_rng(0)
    print(f"\n| change | {' | '.join(f'{share:.0%} of the test samples' for share in shares)} |")
    print(f"| --- |{' ---: |' * len(shares)}")
    for question in study.ablation.claims:
        contrast = contrast_of(question)
        seeds = [seed for _, seed in right if all((cell, seed) in right for cell in contrast.weights)]
        apart = np.stack([
            sum(weight * right[cell, seed] for cell, weight in contrast.weights.items())
            for seed in dict.fromkeys(seeds)
        ])  # fmt: skip
        cells = []
        for share in shares:
            size = round(share * samples)
            parts = [dice.choice(samples, size, replace=False) for _ in range(PARTS if share < 1 else 1)]
            variance = float(np.mean([apart[:, part].mean(1).var(ddof=1) for part in parts]))
            needed = seeds_needed(abs(float(apart.mean())), variance**0.5, family.alpha, len(study.ablation.claims))
            cells.append(_count(needed))
        print(f"| {question.name} | {' | '.join(cells)} |")


def main() -> None:
    """Print the tables."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("plain", type=Path, help="the folder of the runs without train.average, and their storage")
    reader.add_argument("mean", type=Path, help="that of the runs with it")
    asked = reader.parse_args()
    plain, mean = opened(asked.plain), opened(asked.mean)
    family, found = plain.ablation.family, kinds(plain, mean)
    pairs = len(next(iter(next(iter(found.values())).values())).differences)
    print(f"{pairs} pairs of each of {len(plain.ablation.claims)} comparisons, alpha {family.alpha:g} by Holm\n")
    print_kinds(found, family)
    print_parts(plain, family)


if __name__ == "__main__":
    main()
