"""Every loss of every task beside torch's, samples that count for more or less, and what a batch gives back."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from archsearch.task import Task
from archsearch.task.binary import Binary
from archsearch.task.multilabel import Multilabel
from archsearch.task.regression import Regression
from tests.native.conftest import Pair, assert_same, pair

BINARY, LABELS, NUMBERS, NUMBER = Binary(1), Multilabel(6), Regression(7), Regression(1)
TASKS: dict[str, tuple[Task | None, Any]] = {
    "classes": (None, "cross_entropy"),
    "classes, smoothed": (None, {"cross_entropy": {"label_smoothing": 0.1}}),
    "classes, weights of classes": (None, {"cross_entropy": {"weight": [0.5, 1.0, 2.0, 0.1, 3.0]}}),
    "classes, both": (None, {"cross_entropy": {"weight": [0.5, 1.0, 2.0, 0.1, 3.0], "label_smoothing": 0.3}}),
    "classes, focal": (None, "focal"),
    "classes, focal, gamma 0.5": (None, {"focal": {"gamma": 0.5}}),
    "classes, focal, gamma 0": (None, {"focal": {"gamma": 0.0}}),
    "classes, nll": (None, "nll"),
    "classes, mse": (None, "mse"),
    "classes, l1": (None, "l1"),
    "binary": (BINARY, "bce"),
    "binary, weight": (BINARY, {"bce": {"pos_weight": 3.0}}),
    "binary, focal": (BINARY, {"focal": {"gamma": 1.5, "alpha": 0.25}}),
    "binary, focal without alpha": (BINARY, {"focal": {"gamma": 0.0}}),
    "binary, mse": (BINARY, "mse"),
    "labels": (LABELS, "bce"),
    "labels, weight": (LABELS, {"bce": {"pos_weight": 0.5}}),
    "labels, weights": (LABELS, {"bce": {"pos_weight": [0.5, 1.0, 2.0, 0.1, 3.0, 1.0]}}),
    "labels, focal": (LABELS, "focal"),
    "labels, l1": (LABELS, "l1"),
    "numbers, mse": (NUMBERS, "mse"),
    "numbers, l1": (NUMBERS, "l1"),
    "numbers, huber": (NUMBERS, {"huber": {"delta": 0.3}}),
    "numbers, smooth_l1": (NUMBERS, {"smooth_l1": {"beta": 0.3}}),
    "numbers, quantile": (NUMBERS, {"quantile": {"quantile": 0.9}}),
    "numbers, poisson_nll": (NUMBERS, "poisson_nll"),
    "a number": (NUMBER, "mse"),
}
WEIGHTED = {name: case for name, case in TASKS.items() if name not in ("classes, weights of classes", "classes, both")}


@pytest.mark.parametrize(("task", "loss"), TASKS.values(), ids=TASKS.keys())
@pytest.mark.parametrize("last", ["identity", "softmax", "log_softmax", "tanh"])
def test_loss_equals_torch(task, loss, last):
    network = [{"linear": {"out_features": "outputs"}}, last]
    assert_same(pair(network, (10,), loss=loss, task=task), 1e-11)
    assert_same(pair(network, (10,), loss=loss, task=task, dtype=torch.float32), 1e-5)


@pytest.mark.parametrize(("task", "loss"), WEIGHTED.values(), ids=WEIGHTED.keys())
def test_loss_of_weighted_samples_equals_torch(task, loss):
    network = [{"linear": {"out_features": 9}}, "batch_norm1d", "tanh", {"linear": {"out_features": "outputs"}}]
    assert_same(pair(network, (10,), loss=loss, task=task, weighted=True, threads=2), 1e-10)
    assert_same(pair(network, (10,), loss=loss, task=task, weighted=True, dtype=torch.float32), 1e-5)


def alone(loss: Any, task: Task | None, output: float, target: float, dtype: torch.dtype) -> tuple[float, float]:
    """Loss and slope at one output: a weight of that size, and the input 1."""
    one = pair([{"linear": {"out_features": "outputs", "bias": False}}], (1,), loss=loss, task=task, n=1, dtype=dtype)
    with torch.no_grad():
        one.model[0].weight.fill_(output)
    given = one.native.gradients(torch.ones(1, 1, dtype=dtype), torch.tensor([0]), torch.tensor([[target]]))[0]
    return given, float(one.model[0].weight.grad.item())


def expected(function: Any, output: float, target: float) -> tuple[float, float]:
    """The same by torch in double."""
    out = torch.tensor([[output]], dtype=torch.float64, requires_grad=True)
    loss = function(out, torch.tensor([[target]], dtype=torch.float64))
    loss.backward()
    return loss.item(), out.grad.item()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize("output", [-1e4, -90.0, -30.0, -1e-3, 0.0, 2.5, 30.0, 90.0, 1e4])
def test_binary_loss_holds_over_the_whole_range(output, target, dtype):
    """Also where the loss is tiny: exp(-30) is there, and not the rounding of 30 - 30."""
    given = alone("bce", BINARY, output, target, dtype)
    away, small = (-output if target else output), math.exp(-abs(output))
    slope = 1 / (1 + small) if away >= 0 else small / (1 + small)
    by_hand = (max(away, 0.0) + math.log1p(small), math.copysign(slope, 0.5 - target))
    assert given == pytest.approx(by_hand, rel=1e-5, abs=1e-37)


@pytest.mark.parametrize(
    ("loss", "function"),
    [
        ({"huber": {"delta": 0.5}}, lambda out, target: F.huber_loss(out, target, delta=0.5)),
        ({"smooth_l1": {"beta": 0.5}}, lambda out, target: F.smooth_l1_loss(out, target, beta=0.5)),
        (
            {"quantile": {"quantile": 0.9}},
            lambda out, target: torch.maximum(0.9 * (target - out), -0.1 * (target - out)).mean(),
        ),
        ("l1", F.l1_loss),
        ("poisson_nll", F.poisson_nll_loss),
    ],
    ids=["huber", "smooth_l1", "quantile", "l1", "poisson_nll"],
)
@pytest.mark.parametrize("output", [-30.0, 0.5, 0.75, 1.0, 1.25, 1.5, 30.0])
def test_loss_of_a_number_is_torchs_at_its_corners(loss, function, output):
    """The target is 1; at 0.5 and 1.5 parabola and line meet, at 1 the error is 0."""
    assert alone(loss, NUMBER, output, 1.0, torch.float64) == pytest.approx(expected(function, output, 1.0), rel=1e-12)


def test_outputs_of_training_are_given():
    """By the batch's own statistics: torch's outputs in training."""
    network = [{"linear": {"out_features": 9}}, "batch_norm1d", {"linear": {"out_features": "outputs"}}]
    one = pair(network, (10,), loss="mse", task=NUMBERS, threads=2)
    outputs = torch.empty(len(one.rows), 7, dtype=torch.float64)
    one.native.gradients(one.x, one.rows, one.y[one.rows], outputs=outputs)
    torch.testing.assert_close(outputs, one.model.train()(one.x[one.rows]).detach())


def test_targets_weights_and_outputs_that_do_not_fit_are_refused():
    one: Pair = pair([{"linear": {"out_features": "outputs"}}], (10,), loss="mse", task=NUMBERS)
    y, rows = one.y[one.rows], one.rows
    with pytest.raises(ValueError, match=r"^expected 7 targets for each row$"):
        one.native.gradients(one.x, rows, y[:, :6])
    with pytest.raises(ValueError, match=r"^expected 7 targets for each row$"):
        one.native.gradients(one.x, rows, y[:-1])
    with pytest.raises(ValueError, match=r"^expected one weight for each row$"):
        one.native.gradients(one.x, rows, y, weights=torch.ones(3))
    with pytest.raises(ValueError, match=r"^expected contiguous outputs of the shape \(19, 7\), torch\.float64$"):
        one.native.gradients(one.x, rows, y, outputs=torch.empty(19, 7))
