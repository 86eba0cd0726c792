"""Errors of predicted numbers and curves of probabilities, against scikit-learn, scipy and hand arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import (
    average_precision_score,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from archsearch.stats.confusion import of_labels
from archsearch.stats.ranking import ranking_data
from archsearch.stats.residuals import of_targets, residual_data

DRAW = np.random.default_rng(0)
TRUE = DRAW.normal(size=(60, 2)) * [1, 100]
GIVEN = TRUE + DRAW.normal(size=(60, 2)) * [0.3, 40] + [0.1, 0]


def test_scores_of_each_target_are_scikit_learns_and_scipys() -> None:
    for k, one in enumerate(of_targets(GIVEN, TRUE, ("a", "b"))):
        pair = (TRUE[:, k], GIVEN[:, k])
        residuals = GIVEN[:, k] - TRUE[:, k]
        expected = stats.ttest_1samp(residuals, 0).confidence_interval(0.95)
        assert (one.name, one.samples) == ("ab"[k], 60)
        assert one.rmse == pytest.approx(root_mean_squared_error(*pair))
        assert one.mae == pytest.approx(mean_absolute_error(*pair))
        assert one.r2 == pytest.approx(r2_score(*pair))
        assert one.bias == pytest.approx(residuals.mean())
        assert one.bias95 == pytest.approx((expected.low, expected.high))
        assert np.mean(np.abs(residuals) <= one.half) == pytest.approx(0.95, abs=1 / 60)


def test_a_constant_target_has_no_share_of_variance_and_one_sample_no_interval() -> None:
    (one,) = of_targets(np.array([[1.5]]), np.array([[1.0]]), ("a",))
    assert (one.r2, one.bias95, one.rmse, one.bias) == (None, None, 0.5, 0.5)


def test_pairs_are_in_the_order_of_the_true_values_and_thinned() -> None:
    data = residual_data(np.array([3.0, 1.0, 2.0]), np.array([30.0, 10.0, 20.0]))
    assert (data.true, data.predicted, data.total) == ([10, 20, 30], [1, 2, 3], 3)
    many = residual_data(np.arange(5000.0), np.arange(5000.0), most=100)
    assert (len(many.true), many.true[0], many.true[-1], many.total) == (100, 0, 4999, 5000)


def test_curves_have_scikit_learns_areas_and_leave_out_labels_without_both() -> None:
    truth = (DRAW.random((200, 3)) < 0.3).astype(int)
    truth[:, 2] = 0
    given = np.clip(0.5 * truth + DRAW.random((200, 3)) * 0.7, 0, 1)
    found = ranking_data(given, truth, ("a", "b", "c"))
    assert [one.name for one in found] == ["a", "b"]
    for k, one in enumerate(found):
        assert one.auroc == pytest.approx(roc_auc_score(truth[:, k], given[:, k]))
        assert one.average_precision == pytest.approx(average_precision_score(truth[:, k], given[:, k]))
        assert (one.roc[0], one.roc[-1], one.positives, one.total) == ((0, 0), (1, 1), truth[:, k].sum(), 200)


def test_scores_of_labels_by_hand() -> None:
    targets, predicted = np.array([[1, 0], [1, 0], [0, 0]]), np.array([[1, 0], [0, 1], [1, 0]])
    first, second = of_labels(targets, predicted, ("a", "b"))
    assert (first.samples, first.predicted, first.right) == (2, 2, 1)
    assert (first.recall, first.precision, first.f1) == (0.5, 0.5, 0.5)
    assert (second.samples, second.predicted, second.recall, second.precision) == (0, 1, None, 0.0)
