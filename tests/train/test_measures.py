"""Metrics of predictions: what is watched while a network trains, what is asked of a finished run, and imbalance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from archsearch.errors import SpecError
from archsearch.experiment_plan import plan_experiment
from archsearch.metrics import METRICS
from archsearch.spec.experiment import ExperimentSpec
from archsearch.task import TASKS
from archsearch.train.measures import PredictedPart, kept_predictions
from archsearch.train.run import run

TINY = {
    "name": "tiny",
    "data": {"name": "digits", "limit": 30, "validation": 60},
    "network": ["flatten", {"linear": {"out_features": 12}}, "relu", {"linear": {"out_features": "classes"}}],
    "train": {"epochs": 3, "batch_size": 50, "device": "cpu", "optimizer": {"adam": {"lr": 0.01}}},
}


def spec_of(**train: Any) -> ExperimentSpec:
    return ExperimentSpec.model_validate({**TINY, "train": {**TINY["train"], **train}})


def test_a_watched_metric_decides_when_training_stops(tmp_path: Path, data_dir: Path) -> None:
    watched = spec_of(early_stopping={"monitor": "val_f1_macro", "patience": 3})
    result = run(watched, runs_dir=tmp_path, data_dir=data_dir).result
    course = [epoch.metrics["val_f1_macro"] for epoch in result.history]
    assert result.best_epoch == 1 + course.index(max(course))
    with np.load(tmp_path / result.run_id / "predictions.npz") as kept:
        for part in ("val", "test"):
            expected = f1_score(kept[f"{part}_labels"], kept[f"{part}_outputs"].argmax(axis=1), average="macro")
            assert result.metrics[f"{part}_f1_macro"] == pytest.approx(expected, rel=1e-12)
    assert "train_f1_macro" not in {name for name, value in result.metrics.items() if value is not None}


def test_a_metric_that_is_followed_changes_neither_the_run_nor_its_id(tmp_path: Path, data_dir: Path) -> None:
    followed = run(spec_of(), runs_dir=tmp_path / "one", data_dir=data_dir, also=["val_auroc"]).result
    plain = run(spec_of(), runs_dir=tmp_path / "two", data_dir=data_dir).result
    assert followed.run_id == plain.run_id
    assert followed.metrics["test_accuracy"] == plain.metrics["test_accuracy"]
    assert len([epoch.metrics["val_auroc"] for epoch in followed.history]) == 3
    assert "val_auroc" not in plain.metrics
    part = kept_predictions(tmp_path / "two" / plain.run_id, TASKS["classification"](10), plain.spec)["val"]
    assert part.value("auroc") == followed.metrics["val_auroc"]
    shares = torch.from_numpy(part.outputs).double().softmax(1).numpy()
    expected = roc_auc_score(part.targets, shares, multi_class="ovr", average="macro")
    assert part.value("auroc") == pytest.approx(expected, rel=1e-12)
    assert (part.value("mae"), part.value("macs"), part.value("nothing")) == (None, None, None)


def test_a_metric_of_another_task_cannot_be_watched() -> None:
    with pytest.raises(SpecError, match="mean absolute error is no metric of classification, which digits is for"):
        plan_experiment(spec_of(early_stopping={"monitor": "val_mae", "patience": 3}))


def test_accuracy_picks_the_constant_network_where_one_class_is_rare_and_balanced_accuracy_does_not() -> None:
    """1 of 100 is ill: whoever says healthy of everyone is right 99 times."""
    dice = np.random.default_rng(0)
    targets = (np.arange(1000) % 100 == 0).astype(np.int64)
    constant = np.tile([4.0, 0.0], (1000, 1))
    # finds 8 of 10 ill ones, and takes 39 of 990 healthy ones for ill
    found = np.where(targets == 1, np.arange(1000) // 100 < 8, dice.permutation(1000) < 40)
    seeing = np.stack([np.where(found, 0.0, 2.0), np.where(found, 2.0, 0.0)], axis=1)
    spec = {"network": [{"linear": {}}], "train": {"loss": "cross_entropy"}}
    task = TASKS["classification"](2)
    one, other = (PredictedPart(task, spec, outputs, targets) for outputs in (constant, seeing))

    assert one.value("accuracy") == 0.99
    assert one.value("accuracy") > other.value("accuracy")
    assert one.value("balanced_accuracy") == 0.5
    expected = balanced_accuracy_score(targets, seeing.argmax(axis=1))
    assert other.value("balanced_accuracy") == pytest.approx(expected)
    assert expected > 0.85
    better = [name for name in ("mcc", "kappa", "f1_macro", "auroc") if one.value(name) < other.value(name)]
    assert better == ["mcc", "kappa", "f1_macro", "auroc"]
    assert one.value("auroc") == 0.5


def test_every_metric_of_a_task_has_a_value_for_ordinary_predictions() -> None:
    dice = np.random.default_rng(1)
    cases: dict[str, tuple[Any, Any, str]] = {
        "classification": (dice.normal(size=(60, 4)), np.arange(60) % 4, "cross_entropy"),
        "binary": (dice.normal(size=(60, 1)), np.arange(60) % 2, "bce"),
        "multilabel": (dice.normal(size=(60, 3)), dice.integers(0, 2, (60, 3)), "bce"),
        "regression": (dice.normal(size=(60, 2)), dice.normal(size=(60, 2)), "mse"),
    }
    for name, (outputs, targets, loss) in cases.items():
        spec = {"network": [{"linear": {}}], "train": {"loss": loss}}
        part = PredictedPart(TASKS[name](outputs.shape[1]), spec, outputs, targets)
        of_it = [row.name for row in METRICS.values() if row.known == "training" and row.fits(name) and row.compute]
        assert {one: part.value(one) is not None for one in of_it} == dict.fromkeys(of_it, True)
