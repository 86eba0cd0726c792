"""Weights of samples: the loss is each sample's own times its weight, and a run learns from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archsearch.data.prepare import load
from archsearch.errors import SpecError
from archsearch.experiment_plan import plan_experiment
from archsearch.native.library import load_library
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.losses import L1, Bce, CrossEntropy, Focal, Huber, LossFunction, Mse, Quantile
from archsearch.train.compute import choose_engine
from archsearch.train.loop import parts
from archsearch.train.run import run
from archsearch.train.weighted import mean_one, weighted_loss

CLASSES, NUMBERS = torch.tensor([0, 2, 1, 1, 3, 0, 2]), torch.linspace(-1, 2, 14).reshape(7, 2)
SIGNS = torch.tensor([0, 1, 1, 0, 1, 0, 0])


@pytest.mark.parametrize(
    ("loss", "outputs", "targets"),
    [
        (CrossEntropy(label_smoothing=0.1), 4, CLASSES),
        (Focal(), 4, CLASSES),
        (Mse(), 4, CLASSES),
        (L1(), 2, NUMBERS),
        (Huber(delta=0.5), 2, NUMBERS),
        (Quantile(quantile=0.9), 2, NUMBERS),
        (Bce(pos_weight=3.0), 1, SIGNS),
    ],
)
def test_weighted_loss_and_gradient_are_those_of_a_sum_over_samples(
    loss: Any, outputs: int, targets: torch.Tensor
) -> None:
    of: LossFunction = loss.function()
    made = torch.randn(7, outputs, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weights = torch.tensor([0.0, 0.5, 1.0, 3.0, 0.25, 2.0, 0.1], dtype=torch.float64)
    targets = targets.double() if targets.is_floating_point() else targets
    expected = sum(weights[i] * of(made[i : i + 1], targets[i : i + 1]) for i in range(7)) / 7
    found = weighted_loss(of, made, targets, weights)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    gradients = [torch.autograd.grad(value, made, retain_graph=True)[0] for value in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        weighted_loss(of, made, targets, torch.ones(7, dtype=torch.float64)), of(made, targets), rtol=1e-12, atol=1e-12
    )


def test_weights_that_are_all_zero_where_is_trained_are_said() -> None:
    with pytest.raises(SpecError, match=r"all 2 samples that are trained on have the weight 0, so there is nothing"):
        mean_one(torch.tensor([0.0, 0.0, 5.0]), torch.tensor([0, 1]))


def test_weights_have_the_mean_one_on_what_is_trained_on() -> None:
    found = mean_one(torch.tensor([1.0, 3.0, 100.0]), torch.tensor([0, 1]))
    assert found is not None
    assert found.tolist() == [0.5, 1.5, 50.0]
    assert mean_one(None, torch.tensor([0])) is None


def spec_of(tmp_path: Path, weights: np.ndarray[Any, Any], **train: Any) -> ExperimentSpec:
    """Two clusters, of which the labels of the second half are wrong."""
    draw = np.random.default_rng(0)
    y = np.arange(80) % 2
    x = (draw.normal(0, 0.3, (80, 2)) + np.where(y == 1, 1.0, -1.0)[:, None]).astype(np.float32)
    given = np.where(np.arange(80) < 30, y, 1 - y)
    path = tmp_path / "w.npz"
    np.savez(path, x_train=x[:60], y_train=given[:60], x_test=x[60:], y_test=y[60:], weight_train=weights)
    return ExperimentSpec.model_validate(
        {
            "name": "weighted",
            "data": {"name": "npz", "path": str(path)},
            "network": [{"linear": {"out_features": "classes"}}],
            "train": {"epochs": 5, "batch_size": 10, "optimizer": {"adam": {"lr": 0.1}}, **train},
        }
    )


@pytest.mark.parametrize("engine", ["torch", "native"])
def test_run_learns_from_the_samples_that_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    if engine == "native" and load_library() is None:
        pytest.skip("the native engine is not built")
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path / "data"))
    first, second = np.where(np.arange(60) < 30, 1.0, 0.01), np.where(np.arange(60) < 30, 0.01, 1.0)
    for weights, accuracy in ((first, 1.0), (second, 0.0)):
        spec = spec_of(tmp_path, weights, engine=engine)
        assert run(spec, runs_dir=tmp_path / "runs").result.test_accuracy == accuracy
    plan = plan_experiment(spec)
    training, _, test = parts(plan, 0, load(spec.data), "cpu")
    assert training.weights is not None
    assert test.weights is None
    assert float(training.weights.mean()) == pytest.approx(1)
    choice = choose_engine(plan.network, spec.train, "cpu", task=plan.facts.task, weighted=plan.facts.weighted)
    assert choice.name == engine


def test_weights_of_classes_beside_those_of_samples_are_refused(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, np.ones(60), loss={"cross_entropy": {"weight": "balanced"}})
    with pytest.raises(SpecError, match=r"train.loss cross_entropy: weight is one too many, the samples of npz have w"):
        plan_experiment(spec)
