from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from archsearch.stats.over_seeds import summarise

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
