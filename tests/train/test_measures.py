"""Metrics of predictions: what is watched while a network trains, what is asked of a finished run, and imbalance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from archsearch.errors import SpecError, UntrustedError, UsageError
from archsearch.experiment_plan import load_spec, plan_experiment
from archsearch.metrics import METRICS
from archsearch.spec.experiment import ExperimentSpec
from archsearch.task import TASKS
from archsearch.train.identity import experiment_key
from archsearch.train.measures import PredictedPart, kept_predictions
from archsearch.train.run import run
from archsearch.trust import allow_once, python_file

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


OWN = """\
import numpy as np


def error(targets, outputs):
    return float(np.abs(outputs).mean())  # rises while it is trained


def spread(targets, outputs):
    return float(outputs.std())


def endless(targets, outputs):
    return float("inf")
"""


def watching(folder: Path, function: str, **rule: Any) -> ExperimentSpec:
    """A spec that watches a function of a file, as it is read from a file beside it."""
    train = TINY["train"] | {"early_stopping": {"monitor": f"mine.py:{function}", "patience": 1, **rule}}
    (folder / "mine.py").write_text(OWN, encoding="utf-8")
    (folder / "tiny.yaml").write_text(json.dumps({**TINY, "train": train}), encoding="utf-8")
    return load_spec(str(folder / "tiny.yaml"))


def test_a_function_of_ones_own_decides_when_training_stops(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSEARCH_TRUST_ONCE", "")
    less, more = (watching(tmp_path, "error", direction=one) for one in ("minimize", "maximize"))
    by_name = watching(tmp_path, "error").train.early_stopping  # an error is less
    assert by_name is not None
    assert (by_name.direction, by_name.better) == (None, "minimize")
    with pytest.raises(UntrustedError, match=r"mine\.py is a Python file, which is code"):
        run(less, runs_dir=tmp_path / "runs", data_dir=data_dir)
    assert not (tmp_path / "runs").exists()
    allow_once([python_file(tmp_path / "mine.py").digest])

    early, late = (run(spec, runs_dir=tmp_path / "runs", data_dir=data_dir).result for spec in (less, more))
    assert (early.epochs, early.best_epoch) == (2, 1)  # one epoch of patience after the first, the smallest
    assert (late.epochs, late.best_epoch) == (3, 3)
    course = [epoch.metrics["val_mine.py:error"] for epoch in late.history]
    assert course == sorted(course)
    with np.load(tmp_path / "runs" / late.run_id / "predictions.npz") as kept:
        assert late.metrics["val_mine.py:error"] == np.abs(kept["val_outputs"]).mean() == course[-1]
        assert late.metrics["test_mine.py:error"] == np.abs(kept["test_outputs"]).mean()

    # its content is part of what the run is, the folder that it lies in is not
    (tmp_path / "elsewhere").mkdir()
    there = watching(tmp_path / "elsewhere", "error", direction="minimize")
    moved = run(there, runs_dir=tmp_path / "runs", data_dir=data_dir)
    assert (moved.cached, moved.result.run_id) == (True, early.run_id)
    path = tmp_path / "mine.py"
    path.write_text(OWN + "\n", encoding="utf-8")
    changed = load_spec(str(tmp_path / "tiny.yaml"))
    allow_once([python_file(path).digest])
    keys = [experiment_key(plan_experiment(one)) for one in (more, changed)]
    assert keys[0] != keys[1]
    with pytest.raises(UsageError, match=r"mine.py is not the file any more that mine.py:error was named with"):
        run(more, seed=1, runs_dir=tmp_path / "runs", data_dir=data_dir)


def test_a_function_that_cannot_be_watched_is_told_before_it_trains(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for function, rule, message in (
        ("spread", {}, r"tiny.yaml:1:.*whether more of mine.py:spread is better is not known; add direction: maximize"),
        (
            "other",
            {"direction": "minimize"},
            r"tiny.yaml:1:.*mine.py defines no function other \(there: error, spread, endless\)",
        ),
    ):
        with pytest.raises(SpecError, match=message):
            watching(tmp_path, function, **rule)
    with pytest.raises(SpecError, match=r"nothing.py cannot be read: No such file"):
        plan_experiment(spec_of(early_stopping={"monitor": "nothing.py:error", "patience": 3}))
    for monitor, rule, message in (
        (
            "test_f1_macro",
            {},
            "early stopping watches validation data, and test_f1_macro is of test data; write val_f1",
        ),
        ("val_loss", {"direction": "maximize"}, "less of loss is better; take direction out, it is for functions"),
        ("val_los", {}, "expected a metric of the validation data, such as 'val_loss'"),
        ("f1_makro", {}, "expected a metric of the validation data, such as 'val_f1_macro'"),
        ("mine.py", {}, "expected a metric of the validation data, such as 'val_accuracy', 'val_loss', "),
    ):
        with pytest.raises(ValidationError, match=message):
            spec_of(early_stopping={"monitor": monitor, "patience": 3, **rule})
    assert spec_of(early_stopping={"monitor": "f1_macro", "patience": 3}) == spec_of(
        early_stopping={"monitor": "val_f1_macro", "patience": 3}
    )
    endless = watching(tmp_path, "endless", direction="minimize")
    monkeypatch.setenv("ARCHSEARCH_TRUST_ONCE", python_file(tmp_path / "mine.py").digest)
    with pytest.raises(UsageError, match=r"mine.py:12: mine.py:endless returned inf; return a finite number"):
        run(endless, runs_dir=tmp_path / "runs", data_dir=data_dir)


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
