"""Intervals against scipy, statsmodels' normal equations and written-out numbers."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy import stats

from archsearch.stats.distinct import distinct_from
from archsearch.stats.intervals import around, prediction_interval, spread_interval, t_interval, wilson_interval

VALUES = [0.1, 0.2, 0.4]


def test_t_interval_is_scipys_at_both_confidences() -> None:
    assert t_interval(VALUES) == pytest.approx(stats.t.interval(0.95, 2, 0.7 / 3, stats.sem(VALUES)))
    assert t_interval(VALUES, 0.99) == pytest.approx(stats.t.interval(0.99, 2, 0.7 / 3, stats.sem(VALUES)))


def test_prediction_interval_is_twice_as_wide_as_that_of_the_mean_of_three() -> None:
    """sqrt(1 + 1/3) against sqrt(1/3): a factor of 2."""
    low, high = t_interval(VALUES)
    wide = prediction_interval(VALUES)
    assert wide == pytest.approx((0.7 / 3 - (high - low), 0.7 / 3 + (high - low)))


def test_interval_of_an_estimate_is_the_table_of_t() -> None:
    assert around(1.0, 0.5, 10) == pytest.approx((1 - 0.5 * 2.228, 1 + 0.5 * 2.228), abs=5e-4)  # t 0.975 of 10: 2.228


def test_spread_interval_holds_the_true_spread_nineteen_times_in_twenty() -> None:
    draws = np.random.default_rng(5).normal(0, 2, (2000, 6)).tolist()
    inside = sum(low <= 2 <= high for low, high in map(spread_interval, draws))
    assert 0.935 < inside / 2000 < 0.965


def test_wilson_interval_of_half_of_a_hundred() -> None:
    # worked by hand: centre 0.5, half-width 1.96/(1+0.0384)*sqrt(0.25/100+0.0000960) = 0.0962
    assert wilson_interval(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)


def test_wilson_interval_of_none_and_of_all_ends_at_0_and_1() -> None:
    assert wilson_interval(0, 7)[0] == 0
    assert wilson_interval(7, 7)[1] == 1


def test_distinct_from_coincidences_finds_the_number_of_kinds() -> None:
    generator = random.Random(1)
    draws = [str(generator.randrange(5000)) for _ in range(8000)]
    keys = {key: draws.count(key) for key in set(draws)}
    estimate, (low, high) = distinct_from(keys, 10**6, 10**6)
    assert low <= 5000 <= high
    assert estimate == pytest.approx(5000, rel=0.1)
