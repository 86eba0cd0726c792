"""The confusion matrix and what follows from it, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, precision_recall_fscore_support
from statsmodels.stats.proportion import proportion_confint

from archsearch.stats.calibration import reliability_data
from archsearch.stats.confusion import balanced_accuracy, confusion_data, of_classes

NAMES = ("ant", "bee", "cat", "dog")


def predictions() -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(4)
    labels = dice.integers(0, 4, 300)
    return labels, np.where(dice.random(300) < 0.6, labels, dice.integers(0, 4, 300))


def test_scores_are_scikit_learns():
    labels, predicted = predictions()
    confusion = confusion_data(labels, predicted, NAMES)
    np.testing.assert_array_equal(confusion.counts, confusion_matrix(labels, predicted))
    scores = of_classes(confusion)
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted)
    np.testing.assert_allclose([one.precision for one in scores], precision)
    np.testing.assert_allclose([one.recall for one in scores], recall)
    np.testing.assert_allclose([one.f1 for one in scores], f1)
    assert [one.samples for one in scores] == support.tolist()
    assert balanced_accuracy(scores) == pytest.approx(balanced_accuracy_score(labels, predicted))
    for one in scores:
        low, high = proportion_confint(one.right, one.samples, method="wilson")
        assert one.recall95 == pytest.approx((low, high))


def test_a_class_without_samples_has_no_recall_and_one_that_is_never_predicted_no_precision():
    scores = of_classes(confusion_data(np.array([0, 0, 1]), np.array([0, 2, 2]), NAMES))
    assert (scores[2].recall, scores[2].recall95, scores[2].precision) == (None, None, 0.0)
    assert (scores[1].recall, scores[1].precision, scores[1].mistaken_for, scores[1].mistaken) == (0.0, None, "cat", 1)
    assert (scores[3].recall, scores[3].precision, scores[3].f1, scores[3].mistaken_for) == (None, None, None, None)
    assert scores[0].mistaken_for == "cat"
    assert balanced_accuracy(scores) == 0.25
    assert balanced_accuracy(scores[3:]) is None


def test_calibration_error_of_a_worked_case():
    """Two bins: 0.9 sure and right 3 of 4 times, 0.6 sure and right 1 of 2: (4 * 0.15 + 2 * 0.1) / 6."""
    sure = np.array([0.9] * 4 + [0.6] * 2)
    probabilities = np.stack([sure, 1 - sure], 1)
    data = reliability_data(probabilities, np.array([0, 0, 0, 1, 0, 1]))
    assert data.ece == pytest.approx((4 * 0.15 + 2 * 0.1) / 6)
    assert data.counts == [2, 4]
