from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from archsearch.stats.intervals import wilson_interval
from archsearch.stats.over_seeds import size_warning, summarise

VALUES = [0.9726, 0.9766, 0.9740]


def test_summary_of_three_seeds_agrees_with_scipy():
    summary = summarise(VALUES, documented=0.9753)
    sd = np.std(VALUES, ddof=1)
    assert summary.mean == pytest.approx(0.9744)
    assert summary.sd == pytest.approx(sd)
    assert summary.ci95 == pytest.approx(stats.t.interval(0.95, 2, loc=np.mean(VALUES), scale=stats.sem(VALUES)))
    # one more run: scale sd * sqrt(1 + 1/3), Hahn & Meeker
    assert summary.prediction95 == pytest.approx(stats.t.interval(0.95, 2, loc=0.9744, scale=sd * (4 / 3) ** 0.5))
    assert summary.documented_inside is True


def test_summary_says_when_the_documented_value_is_outside():
    assert summarise(VALUES, documented=0.99).documented_inside is False


def test_summary_of_one_run_has_no_interval():
    summary = summarise([0.97], diverged=2, documented=0.97)
    assert (summary.n, summary.diverged, summary.mean) == (1, 2, 0.97)
    assert (summary.sd, summary.ci95, summary.prediction95, summary.documented_inside) == (None, None, None, None)


def test_summary_of_no_completed_run_has_no_mean():
    summary = summarise([], diverged=3)
    assert (summary.n, summary.diverged, summary.mean) == (0, 3, None)


def test_prediction_interval_holds_one_more_run_95_times_in_100():
    random = np.random.default_rng(0)
    draws = random.normal(0.97, 0.002, size=(2000, 4))
    inside = 0
    for *seen, more in draws.tolist():
        interval = summarise(seen).prediction95
        assert interval is not None
        inside += interval[0] <= more <= interval[1]
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)


def test_intervals_of_an_accuracy_stay_within_0_to_1():
    """Two seeds at 30 and 53 %: Student's t would reach from -105 to 188 %."""
    summary = summarise([0.30, 0.53])
    assert (summary.ci95, summary.prediction95) == ((0.0, 1.0), (0.0, 1.0))
    values = [0.99, 0.97, 1.0]
    low = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))[0]
    assert summarise(values).ci95 == (pytest.approx(low), 1.0)


@pytest.mark.parametrize(("right", "images"), [(12, 12), (0, 12), (37, 40), (9, 10), (9744, 10000)])
def test_interval_over_images_is_wilsons(right, images):
    expected = stats.binomtest(right, images).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right, images) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert summarise([right / images] * 3, test_images=images).images95 == pytest.approx(wilson_interval(right, images))


def test_small_test_set_is_said_with_what_it_can_tell():
    assert size_warning(summarise([1.0] * 5, test_images=12)) == (
        "the test set is small: 12 images, one of them is 8.33 points; 100.00 % of so few stands for 75.75 to 100.00 % "
        "of all such images (Wilson's 95 % interval), however many seeds"
    )
    assert size_warning(summarise([0.97, 0.98], test_images=1000)) == ""
    assert size_warning(summarise([0.97, 0.98])) == ""
    assert size_warning(summarise([], test_images=12)) == ""
