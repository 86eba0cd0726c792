"""How often do folds of the same samples call two equally good networks different? Real splits, real training.

    python -m benchmarks.folds                      # the tables in docs/statistics.md: a quarter of an hour
    python -m benchmarks.folds --repeats 100        # quicker, and rougher

The first table draws differences as the correction assumes them: normal, all correlated by the share of the samples
that is tested. The second trains. Each repeat draws a new data set and compares two networks whose features carry as
much: neither is better on average, so every verdict is false. A network is a hidden layer of tanh units with random
weights and an output layer fitted by ridge regression, so that thousands can be trained; its random weights are others
in every run, as seeds are.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from archsearch.data.folds import fold_rows
from archsearch.spec.folds import SplitSpec
from archsearch.stats.effect import Family, Seed
from archsearch.stats.paired import paired_t_p
from archsearch.stats.verdict import judge

SPLITS = {
    "5 folds, 2 times": SplitSpec(folds=5, repeats=2),
    "5 folds, 10 times": SplitSpec(folds=5, repeats=10),
    "10 folds": SplitSpec(folds=10),
    "10 folds, 3 times": SplitSpec(folds=10, repeats=3),
    "20 random parts of 20 %": SplitSpec(shuffled=20),
}
FEATURES = 10  # that each of the two networks sees


@dataclass(frozen=True)
class FalseVerdicts:
    """Shares of repeats in which a test calls the two networks different at 0.05."""

    corrected: float
    paired_t: float


def of_the_model(split: SplitSpec, *, repeats: int, seed: int = 0) -> FalseVerdicts:
    """Judge differences that are normal around 0, all pairs of them correlated by n_test / (n_test + n_train)."""
    dice = np.random.default_rng(seed)
    shared = dice.normal(size=(repeats, 1)) * split.share**0.5
    d = shared + dice.normal(size=(repeats, split.pairs)) * (1 - split.share) ** 0.5
    return _judged([dict(enumerate(row)) for row in d.tolist()], split)


def _judged(differences: Sequence[Mapping[Seed, float]], split: SplitSpec) -> FalseVerdicts:
    """Count verdicts by the code that judges an ablation, and those of the paired t test."""
    family = Family(overlap=split.overlap, pairs=split.word, unit="own", margin=0.0)
    corrected = paired = 0
    for one in differences:
        effect = judge({"one": dict.fromkeys(one, 0.0), "other": one}, "one", family).effects[0]
        p = paired_t_p([*one.values()])
        corrected += effect.verdict in ("better", "worse")
        paired += p is not None and p < 0.05
    return FalseVerdicts(corrected / len(differences), paired / len(differences))


def false_verdicts(split: SplitSpec, *, samples: int, hidden: int, repeats: int, seed: int = 0) -> FalseVerdicts:
    """Judge two equally good networks on `repeats` data sets."""
    dice, parts, differences = np.random.default_rng(seed), split.parts(), []
    for _ in range(repeats):
        x = dice.normal(size=(samples, 2, FEATURES))
        chance = 1 / (1 + np.exp(-1.5 * np.tanh(x).sum(axis=(1, 2)) / np.sqrt(FEATURES)))
        y = (dice.random(samples) < chance).astype(np.int64)
        strata, table = torch.from_numpy(y), np.zeros((2, len(parts)))
        for number, fold in enumerate(parts):
            train, test = (rows.numpy() for rows in fold_rows(strata, fold))
            for side in range(2):
                table[side, number] = accuracy(x[:, side], y, train, test, hidden, dice)
        differences.append(dict(enumerate((table[1] - table[0]).tolist())))
    return _judged(differences, split)


def accuracy(
    x: NDArray[np.float64],
    y: NDArray[np.int64],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    hidden: int,
    dice: np.random.Generator,
) -> float:
    """Train a network with random hidden weights on `train`; give its accuracy on `test`."""
    weights = dice.normal(size=(x.shape[1] + 1, hidden)) / np.sqrt(x.shape[1])
    units = np.tanh(x @ weights[:-1] + weights[-1])
    inside = units[train]
    gram = inside.T @ inside + np.eye(hidden)
    output = np.linalg.solve(gram, inside.T @ (2.0 * y[train] - 1))
    return float(((units[test] @ output > 0) == y[test]).mean())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=1000)
    repeats = parser.parse_args().repeats
    print(f"drawn, {2 * repeats:,} times\n\n| split | corrected | paired t |\n|---|---|---|")
    for name, split in SPLITS.items():
        print(f"| {name} | {_shares(of_the_model(split, repeats=2 * repeats))} |", flush=True)
    print(f"\ntrained, on {repeats:,} data sets of 200 samples\n\n| split | corrected | paired t |\n|---|---|---|")
    for name, split in SPLITS.items():
        print(f"| {name} | {_shares(false_verdicts(split, samples=200, hidden=20, repeats=repeats))} |", flush=True)


def _shares(one: FalseVerdicts) -> str:
    return f"{100 * one.corrected:.1f} % | {100 * one.paired_t:.1f} %"


if __name__ == "__main__":
    main()
