"""The group of sign patterns: that it is one, and that sums under it look as under all patterns."""

from __future__ import annotations

import numpy as np
import pytest

from archsearch.stats.paired import sign_flip_test
from archsearch.stats.sign_group import BITS, HALF, signs


def test_patterns_are_a_group_and_each_stands_there_once() -> None:
    """Closed under multiplication, by all products with a few rows; the opposite patterns are the other half."""
    half = signs(0, 30).astype(np.int8)
    whole = np.concatenate((half, -half))
    there = {row.tobytes() for row in whole}
    assert len(there) == 2 * HALF == 2**BITS
    assert (half[0] == 1).all()
    for row in whole[[1, 77, 4711, HALF - 1, HALF + 5]]:
        assert {one.tobytes() for one in whole * row} == there


def test_all_patterns_of_the_first_pairs_are_there_equally_often() -> None:
    rows, counts = np.unique(signs(0, 8), axis=0, return_counts=True)
    assert len(rows) == 2**8
    assert set(counts) == {HALF // 2**8}


@pytest.mark.parametrize("pairs", [(0, 7, 16, 22, 29), (3, 15, 19, 20, 28), (25, 26, 27, 28, 29)])
def test_any_five_pairs_are_independent(pairs: tuple[int, ...]) -> None:
    half = signs(0, 30)[:, list(pairs)]
    rows, counts = np.unique(np.concatenate((half, -half)), axis=0, return_counts=True)
    assert len(rows) == 2**5
    assert set(counts) == {2**BITS // 2**5}


def test_columns_of_a_pair_do_not_depend_on_what_follows() -> None:
    assert np.array_equal(signs(0, 1000)[:, :30], np.concatenate((signs(0, 12), signs(12, 30)), axis=1))


@pytest.mark.parametrize("n", [12, 22])
def test_share_of_far_sums_is_that_of_all_patterns(n: int) -> None:
    """Of 12 pairs the very same number; of 22, with 4 million patterns, nearly."""
    d = np.random.default_rng(n).normal(0.4, 1, n)
    sums = np.abs(signs(0, n) @ d)
    near = 0 if n <= BITS else 0.004
    assert np.mean(sums >= abs(d.sum()) - 1e-9) == pytest.approx(sign_flip_test(d.tolist()).p, abs=near + 1e-12)
