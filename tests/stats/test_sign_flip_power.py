"""What sign flips find more than t: against all patterns written out, on samples of another seed."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from archsearch.stats.sign_flip_power import _sets_of_small_means, more_than_t


@pytest.mark.parametrize(
    ("n", "d", "level"), [(8, 1.6, 0.05 / 6), (8, -1.6, 0.05 / 6), (10, 1.3, 0.05 / 6), (7, 0.2, 0.05), (5, 9.0, 0.05)]
)
def test_more_than_t_agrees_with_all_patterns_written_out(n: int, d: float, level: float) -> None:
    x = np.random.default_rng(n).standard_normal((6_000, n)) + d
    patterns = np.array(list(itertools.product((1, -1), repeat=n)))
    p = (np.abs(x @ patterns.T) >= np.abs(x.sum(axis=1))[:, None] - 1e-11).mean(axis=1)
    t = stats.ttest_1samp(x, 0.0, axis=1).pvalue
    found = ((p < level) & (t < 0.05)).mean() - (t < level).mean()
    assert more_than_t(n, d, level) == pytest.approx(found, abs=0.012)


@pytest.mark.parametrize(("size", "place"), [(4, 1), (5, 3), (6, 12), (7, 5), (7, 60), (8, 25)])
def test_sets_of_small_means_hold_the_one_at_the_place(size: int, place: int) -> None:
    dice = np.random.default_rng(size)
    sets = _sets_of_small_means(size, place)
    assert len(set(sets)) == len(sets) < 2**size - 1
    for _ in range(50):
        numbers = np.sort(dice.standard_normal(size))
        every = sorted(
            math.fsum(one) / k for k in range(1, size) for one in itertools.combinations(numbers.tolist(), k)
        )
        some = sorted(math.fsum(numbers[list(ranks)].tolist()) / len(ranks) for ranks in sets)
        assert some[place - 1] == every[place - 1]
