"""What is said of a metric that runs do not have."""

from __future__ import annotations

import pytest

from archsearch.kinds.asked_metric import not_told

NAMES = ["accuracy", "loss", "f1_macro"]


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("f1_makro", "--metric: unknown metric 'f1_makro'; did you mean 'f1_macro'?"),
        (
            "train_f1_macro",
            "--metric: train_f1_macro is of the training data, of which runs keep no predictions; say f1_macro, on the "
            "test data, or val_f1_macro",
        ),
        ("mae", "--metric: mean absolute error is no metric of these runs; they have accuracy, loss, f1_macro"),
        (
            "macs",
            "--metric: multiply-accumulates is counted, and no network learns it; these runs have accuracy, loss, "
            "f1_macro",
        ),
        (
            "latency_ms",
            "--metric: latency (ms) is a time of the machine, and no network learns it; these runs have accuracy, "
            "loss, f1_macro",
        ),
    ],
)
def test_a_metric_that_runs_do_not_have_is_told_why(metric: str, said: str) -> None:
    assert not_told(metric, NAMES) == said
