"""Binary, multilabel and regression against counts by hand and scikit-learn: targets, predictions, strata, metrics."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, hamming_loss, mean_absolute_error, r2_score, root_mean_squared_error

from archsearch.task import TASKS, Task, UnfitTargets, task_by_values
from archsearch.task.binary import Binary
from archsearch.task.multilabel import Multilabel, label_sets
from archsearch.task.regression import Regression, quantile_bins


def of(name: str, y_train: Any, y_test: Any = None) -> Task:
    """Read targets as a file of arrays has them."""
    arrays = {"y_train": np.asarray(y_train), "y_test": np.asarray(y_train if y_test is None else y_test)}
    return TASKS[name].of({part: TASKS[name].read(part, y) for part, y in arrays.items()})


# -- which task, and whether targets are of it -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (np.array([0, 1, 2]), "classification"),
        (np.array([0, 1, 1], dtype=np.uint8), "classification"),
        (np.array([True, False]), "binary"),
        (np.array([[0, 1], [1, 1]]), "multilabel"),
        (np.array([[0.0, 1.0], [1.0, 1.0]]), "multilabel"),
        (np.array([0.5, 1.5]), "regression"),
        (np.array([1.0, 2.0]), "regression"),
        (np.array([[0.5], [1.0]]), "regression"),
        (np.array([[0.5, 2.0], [1.0, 2.0]], dtype=np.float32), "regression"),
    ],
)
def test_targets_say_their_task_by_type_and_shape(y: np.ndarray[Any, Any], task: str) -> None:
    assert task_by_values("y_train", y) == task


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([0.0, 1.0, 2.0]), r"y_train is float64 \(3,\) and holds 0 to 2, which may be labels or numbers"),
        (np.eye(3), r"one 1 in every row, as of one class each; store y.argmax\(1\), or say `task: multilabel`"),
        (np.array([[1, 2], [3, 4]]), r"y_train is int64 \(2, 2\); labels are .* with `task: regression`"),
        (np.array(["a"]), r"y_train is <U1 \(1,\); labels are whole numbers, one per sample"),
        (np.zeros((2, 2, 2)), r"y_train is float64 \(2, 2, 2\)"),
    ],
)
def test_targets_that_may_be_several_things_are_refused(y: np.ndarray[Any, Any], message: str) -> None:
    with pytest.raises(UnfitTargets, match=message):
        task_by_values("y_train", y)


@pytest.mark.parametrize(
    ("name", "y", "message"),
    [
        ("binary", [0, 1, 2], r"y_train holds 2 \(row 2\); labels of `task: binary` are 0 and 1"),
        ("binary", [-1, 1, 1], "y_train holds -1 .*; of -1 and 1 store y > 0"),
        ("binary", [1, 1, 1], "y_train has the label 1 only; there is nothing to tell apart"),
        ("binary", [[0, 1], [1, 0]], r"y_train is int64 \(2, 2\); labels of `task: binary`"),
        ("binary", ["no", "yes"], "y_train is <U3"),
        ("multilabel", [0, 1], r"y_train is int64 \(2,\); labels of `task: multilabel` are 0 and 1, a column for each"),
        ("multilabel", [[0, 3], [1, 0]], r"y_train holds 3 \(row 0\)"),
        ("multilabel", [[0, 1], [1, 1]], "label 1 is 1 in all samples of y_train; .* take its column out"),
        ("regression", [2.5, 2.5], "y_train is 2.5 for all 2 samples; there is nothing to learn"),
        ("regression", [[1, 5], [2, 5]], "target 1 of y_train is 5 for all 2 samples"),
        ("regression", [1.0, np.nan, 2.0], r"y_train has 1 value that is not finite as float32 \(the first in row 1\)"),
        ("regression", [[1.0, 2.0], [1e39, np.inf]], r"2 values that are not finite .* row 1, target 0\); take these"),
        ("regression", np.arange(9.0) + 1e9, r"y_train has the deviation 2.58 around 1000000004, .* steps of 64 only"),
        ("regression", ["a", "b"], r"y_train is <U1 \(2,\); targets of regression are numbers"),
        ("classification", [0, 1.5], r"y_train is float64 and holds 1.5 \(row 1\), no class; .* `task: regression`"),
        ("classification", [0, 2, 2], "y_train has no sample of class 1"),
    ],
)
def test_targets_that_are_not_of_their_task_are_refused(name: str, y: Any, message: str) -> None:
    with pytest.raises(UnfitTargets, match=message):
        of(name, y)


def test_parts_must_agree() -> None:
    with pytest.raises(UnfitTargets, match="y_test has 3 values for each sample and y_train 2"):
        of("regression", [[1, 2], [3, 4]], [[1, 2, 3]])
    with pytest.raises(UnfitTargets, match="y_test has 3 labels and y_train 2"):
        of("multilabel", [[0, 1], [1, 0]], [[1, 0, 1]])


def test_targets_are_read_generously_and_kept_strictly() -> None:
    yes = TASKS["binary"].read("y", np.array([[0.0], [1.0]]))
    assert (yes.dtype, yes.tolist()) == (np.int64, [0, 1])
    counts = TASKS["regression"].read("y", np.array([3, 5], dtype=np.int16))
    assert (counts.dtype, counts.tolist()) == (np.float32, [[3.0], [5.0]])
    assert TASKS["classification"].read("y", np.array([0.0, 2.0])).tolist() == [0, 2]
    rows = TASKS["multilabel"].read("y", np.array([[True, False]]))
    assert (rows.dtype, rows.tolist()) == (np.uint8, [[1, 0]])


@pytest.mark.parametrize(
    ("name", "y", "outputs", "said", "names", "shape"),
    [
        ("binary", [0, 1, 1], 1, "1 output", ("0", "1"), ()),
        ("multilabel", [[0, 1, 0], [1, 0, 1]], 3, "3 labels", ("0", "1", "2"), (3,)),
        ("regression", [1.5, 2], 1, "1 target", ("target",), (1,)),
        ("regression", [[1.5, 2], [0, 1]], 2, "2 targets", ("target 0", "target 1"), (2,)),
    ],
)
def test_the_width_of_the_last_layer_follows_from_the_targets(
    name: str, y: Any, outputs: int, said: str, names: tuple[str, ...], shape: tuple[int, ...]
) -> None:
    task = of(name, y)
    assert (task.outputs, task.said, task.names(), task.target_shape) == (outputs, said, names, shape)
    drawn = task.drawn(50, torch.Generator().manual_seed(0))
    assert task.misfit(drawn, 50) is None
    assert task.misfit(drawn, 51) is not None


# -- what is predicted, and how good it is -----------------------------------------------------------------------------

OUTPUTS = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
ROWS = torch.randint(0, 2, (60, 4), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_a_yes_is_a_logit_above_0_or_a_value_above_a_half() -> None:
    outputs, labels = torch.tensor([[-0.1], [0.2], [0.7], [0.0]]), torch.tensor([0, 0, 1, 1])
    assert Binary(1).predicted(outputs).tolist() == [0, 1, 1, 0]
    assert int(Binary(1).right(outputs, labels)) == 2
    assert Binary(1).metrics(outputs, labels) == {"accuracy": 0.5}
    assert Binary(1, threshold=0.5).predicted(outputs).tolist() == [0, 0, 1, 0]
    assert Binary(1, threshold=0.5).metrics(outputs, labels) == {"accuracy": 0.75}
    assert Multilabel(2).predicted(np.array([[0.4, -0.4]])).tolist() == [[1, 0]]
    assert Multilabel(2, threshold=0.5).predicted(np.array([[0.4, 0.6]])).tolist() == [[0, 1]]


def test_metrics_of_labels_are_scikit_learns() -> None:
    found = Multilabel(4).metrics(OUTPUTS, ROWS)
    predicted = (OUTPUTS > 0).numpy()
    assert found == {
        "f1_macro": pytest.approx(f1_score(ROWS.numpy(), predicted, average="macro")),
        "hamming_loss": pytest.approx(hamming_loss(ROWS.numpy(), predicted)),
    }


def test_metrics_of_numbers_are_scikit_learns() -> None:
    targets = OUTPUTS + torch.randn(60, 4, generator=torch.Generator().manual_seed(2))
    found = Regression(4).metrics(OUTPUTS, targets)
    pair = (targets.numpy(), OUTPUTS.numpy())
    assert found == {
        "rmse": pytest.approx(root_mean_squared_error(*pair), rel=1e-5),
        "mae": pytest.approx(mean_absolute_error(*pair), rel=1e-5),
        "r2": pytest.approx(r2_score(*pair), rel=1e-5),
    }
    assert Regression(4).main_metric == "rmse"
    assert Regression(4).predicted(OUTPUTS) is OUTPUTS


# -- strata ------------------------------------------------------------------------------------------------------------


def test_numbers_are_drawn_from_bins_of_equal_size() -> None:
    y = torch.randn(1000, 1, generator=torch.Generator().manual_seed(0))
    groups = quantile_bins(y)
    assert Counter(groups.tolist()) == dict.fromkeys(range(10), 100)
    order = groups[y[:, 0].argsort()]
    assert torch.equal(order, order.sort().values)
    assert quantile_bins(torch.tensor([[1.0]] * 50 + [[2.0]] * 50)).tolist() == [0] * 50 + [1] * 50
    assert quantile_bins(torch.arange(5.0)[:, None]).tolist() == [0, 0, 1, 1, 1]
    assert quantile_bins(torch.empty(0, 1)).tolist() == []


def test_several_numbers_are_drawn_by_the_mean_of_their_ranks() -> None:
    # the second target is a thousand times the first, upside down: every sample has the same mean rank
    y = torch.arange(40.0)
    assert set(quantile_bins(torch.stack([y, -1000 * y], 1)).tolist()) == {0}
    assert Counter(quantile_bins(torch.stack([y, 1000 * y], 1)).tolist()) == dict.fromkeys(range(10), 4)


def test_frequent_sets_of_labels_are_strata_and_rare_ones_go_by_their_rarest_label() -> None:
    rows = [[1, 0, 0]] * 20 + [[0, 1, 0]] * 12 + [[1, 1, 0]] * 3 + [[1, 0, 1]] * 2 + [[0, 0, 0]]
    groups = label_sets(torch.tensor(rows, dtype=torch.uint8)).tolist()
    # of [1, 1, 0] the second label is the rarer one (15 against 25), of [1, 0, 1] the third (2)
    first, second, both, third, none = groups[0], groups[20], groups[32], groups[35], groups[37]
    assert len({first, second, both, third, none}) == 5
    assert groups == [first] * 20 + [second] * 12 + [both] * 3 + [third] * 2 + [none]
