"""Every metric against scikit-learn's own function: random cases with absent classes, ties, constants; all tasks."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn import metrics

from archsearch.metrics import METRICS
from tests.metrics.test_arithmetic import Case, class_case, number_case, two_case

CASES = 1000
Oracle = Callable[[Any, Any], float]


def averaged(function: Any, average: str) -> Oracle:
    return lambda given, targets: function(targets, given, average=average, zero_division=0)


def of_columns(function: Any) -> Oracle:
    """The macro average over the columns that have a curve: scikit-learn refuses the others, or warns and gives nan."""

    def call(given: Any, targets: Any) -> float:
        truth = targets[:, None] == np.arange(given.shape[1]) if targets.ndim == 1 else targets == 1
        kept = truth.any(axis=0) & ~truth.all(axis=0)
        return float(function(truth[:, kept], given[:, kept], average="macro")) if kept.any() else math.nan

    return call


def numbers(function: Any, **options: Any) -> Oracle:
    return lambda given, targets: function(targets, given, **options)


SCORES = {"f1": metrics.f1_score, "precision": metrics.precision_score, "recall": metrics.recall_score}
AVERAGED = {
    f"{name}_{average}": averaged(function, average)
    for name, function in SCORES.items()
    for average in ("macro", "micro", "weighted")
}
AREAS = {"auroc": of_columns(metrics.roc_auc_score), "average_precision": of_columns(metrics.average_precision_score)}
CLASSES: dict[str, Oracle] = {
    **AVERAGED,
    **AREAS,
    "accuracy": numbers(metrics.accuracy_score),
    "balanced_accuracy": numbers(metrics.balanced_accuracy_score),
    "mcc": numbers(metrics.matthews_corrcoef),
    "kappa": numbers(metrics.cohen_kappa_score),
    **{
        f"top{k}_accuracy": lambda given, targets, k=k: metrics.top_k_accuracy_score(  # type: ignore[misc]
            targets, given, k=k, labels=np.arange(given.shape[1])
        )
        for k in (2, 3, 5)
    },
    "log_loss": lambda given, targets: metrics.log_loss(targets, given, labels=np.arange(given.shape[1])),
    "brier": lambda given, targets: metrics.brier_score_loss(targets, given, labels=np.arange(given.shape[1])),
}
TWO: dict[str, Oracle] = {
    name: lambda given, targets, f=function: f(targets, given, average="binary", zero_division=0)  # type: ignore[misc]
    for name, function in SCORES.items()
}
LABELS: dict[str, Oracle] = {**AVERAGED, **AREAS, "hamming_loss": numbers(metrics.hamming_loss)}
NUMBERS: dict[str, Oracle] = {
    "mae": numbers(metrics.mean_absolute_error),
    "mse": numbers(metrics.mean_squared_error),
    "rmse": numbers(metrics.root_mean_squared_error),
    "r2": numbers(metrics.r2_score),
    "spearman": lambda given, targets: float(
        np.mean([spearmanr(one, other).statistic for one, other in zip(given.T, targets.T, strict=True)])
    ),
    **{f"pinball_{q}": numbers(metrics.mean_pinball_loss, alpha=q / 100) for q in (10, 50, 90)},
}


def label_case(name: str, dice: np.random.Generator) -> Case:
    """One to five labels of a sample; one in three is on nowhere, or everywhere; scores in steps."""
    count, width = int(dice.integers(2, 30)), int(dice.integers(2, 6))
    targets = (dice.random((count, width)) < dice.choice([0.0, 0.2, 0.5, 1.0], width)).astype(np.int64)
    scores = np.round(dice.random((count, width)) * 8) / 8
    return (scores if METRICS[name].takes == "probabilities" else (scores > 0.5).astype(np.int64)), targets


TABLES = [
    *(pytest.param(name, oracle, class_case, id=f"classes-{name}") for name, oracle in CLASSES.items()),
    *(pytest.param(name, oracle, two_case, id=f"binary-{name}") for name, oracle in TWO.items()),
    *(pytest.param(name, oracle, label_case, id=f"labels-{name}") for name, oracle in LABELS.items()),
    *(pytest.param(name, oracle, number_case, id=f"numbers-{name}") for name, oracle in NUMBERS.items()),
]


def agree(name: str, oracle: Oracle, case: Callable[[str, np.random.Generator], Case], count: int) -> None:
    dice, compute = np.random.default_rng(2026), METRICS[name].compute
    assert compute is not None
    for number in range(count):
        given, targets = case(name, dice)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of absent classes and constants, which is what the cases are about
            expected = oracle(given, targets)
        found = compute(given, targets)
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True), (number, given, targets)


@pytest.mark.parametrize(("name", "oracle", "case"), TABLES)
def test_a_metric_is_what_scikit_learn_gives(name: str, oracle: Oracle, case: Any) -> None:
    agree(name, oracle, case, 15)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "oracle", "case"), TABLES)
def test_a_metric_is_what_scikit_learn_gives_in_a_thousand_cases(name: str, oracle: Oracle, case: Any) -> None:
    agree(name, oracle, case, CASES)


def test_every_metric_that_scikit_learn_has_is_compared_with_it() -> None:
    computed = {name for name, row in METRICS.items() if row.known == "training" and row.compute is not None}
    assert computed - {*CLASSES, *TWO, *LABELS, *NUMBERS} == {"ece"}  # which it has not: see test_arithmetic.py
