"""Metrics as what a search looks for: `study` from the outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TINY = {
    "name": "tiny",
    "data": {"name": "digits", "limit": 30, "validation": 60},
    "network": ["flatten", {"linear": {"out_features": 12}}, "relu", {"linear": {"out_features": "classes"}}],
    "train": {"epochs": 1, "batch_size": 50, "device": "cpu", "optimizer": {"adam": {"lr": 0.01}}},
}
SEARCH = """\
base: base.yaml
network: [flatten, linear: {out_features: {int: [4, 12]}}, relu, linear: {out_features: classes}]
objective: [{maximize: val_f1_macro}, {minimize: activation_memory}]
trials: 2
confirm: 1
confirm_seeds: 2
"""


@pytest.mark.slow
def test_a_search_looks_for_any_metric_and_confirms_by_it(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(json.dumps(TINY), encoding="utf-8")
    (tmp_path / "search.yaml").write_text(SEARCH, encoding="utf-8")
    done = cli("study", "search.yaml", "--workers", "1", "--json")
    assert done.code == 0, done.err
    found = done.json
    assert found["metrics"] == ["val_f1_macro", "activation_memory"]
    best = found["best"]
    hidden = int(best["params"]["fc1.out_features"])
    assert best["values"][1] == 4 * (64 + 2 * hidden + 10)  # float32 outputs: flatten, linear, relu, linear
    assert found["confirmed"]["family"]["metric"] == "test_f1_macro"
    assert all(0 < row["mean"] < 1 for row in found["confirmed"]["candidates"])

    again = cli("study", "search.yaml", "--metric", "log_loss", "--json")
    assert again.code == 0, again.err
    confirmed = again.json["confirmed"]
    assert (confirmed["family"]["metric"], confirmed["family"]["direction"]) == ("test_log_loss", "minimize")
    assert {row["candidate"] for row in confirmed["candidates"]} == {
        row["candidate"] for row in found["confirmed"]["candidates"]
    }
    assert all(0.5 < row["mean"] < 3 for row in confirmed["candidates"])
    assert "test log loss was chosen afterwards" in confirmed["sentence"]
    refused = cli("study", "search.yaml", "--metric", "mae")
    assert (refused.code, "mean absolute error is no metric of these runs; they have accuracy" in refused.err) == (
        2,
        True,
    )
    counted = cli("study", "search.yaml", "--metric", "macs")
    assert (counted.code, "multiply-accumulates is counted, and no network learns it" in counted.err) == (2, True)
    train = cli("study", "search.yaml", "--metric", "train_f1_macro")
    assert (train.code, "of which runs keep no predictions; say f1_macro, on the test" in train.err) == (2, True)


COST = """\
def cost(targets, outputs):
    return float((outputs.argmax(1) != targets).sum())
"""
BY_COST = """\
base: base.yaml
network: [flatten, linear: {out_features: {int: [4, 12]}}, relu, linear: {out_features: classes}]
objective: {minimize: mine.py:cost}
trials: 2
confirm: 1
confirm_seeds: 2
"""


@pytest.mark.slow
def test_a_search_looks_for_a_metric_of_ones_own(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(json.dumps(TINY), encoding="utf-8")
    (tmp_path / "search.yaml").write_text(BY_COST, encoding="utf-8")
    (tmp_path / "mine.py").write_text(COST, encoding="utf-8")
    refused = cli("study", "search.yaml", "--workers", "1")
    assert refused.code == 2
    assert "mine.py is a Python file, which is code" in refused.err
    done = cli("study", "search.yaml", "--workers", "1", "--trust", "--json")
    assert done.code == 0, done.err
    found = done.json
    assert found["metrics"] == ["val_mine.py:cost"]
    with np.load(tmp_path / "runs" / found["best"]["run_id"] / "predictions.npz") as kept:
        wrong = kept["val_outputs"].argmax(axis=1) != kept["val_labels"]
    assert found["best"]["values"] == [wrong.sum()]
    confirmed = found["confirmed"]
    assert (confirmed["family"]["metric"], confirmed["family"]["direction"]) == ("test_mine.py:cost", "minimize")
    assert all(row["mean"] == int(2 * row["mean"]) / 2 for row in confirmed["candidates"])  # of two seeds' counts

    same = cli("study", "search.yaml", "--workers", "1", "--trust", "--json")
    assert same.json["best"] == found["best"]
    again = cli("study", "search.yaml", "--minimize", "mine.py:cost", "--trust", "--json")
    assert [row["mean"] for row in again.json["confirmed"]["candidates"]] == [
        row["mean"] for row in confirmed["candidates"]
    ]
    (tmp_path / "mine.py").write_text(COST.replace("!=", "=="), encoding="utf-8")
    other = cli("study", "search.yaml", "--workers", "1", "--trust")
    assert other.code == 3
    assert "the file of mine.py:cost has changed" in other.err


def test_a_run_stops_by_a_metric_of_ones_own_that_was_allowed(cli: Callable[..., Any], tmp_path: Path) -> None:
    rule = {"monitor": "mine.py:cost", "direction": "minimize", "patience": 1}
    spec = {**TINY, "train": {**TINY["train"], "early_stopping": rule}}
    (tmp_path / "own.yaml").write_text(json.dumps(spec), encoding="utf-8")
    (tmp_path / "mine.py").write_text(COST, encoding="utf-8")
    assert cli("check", "own.yaml").code == 0  # it is read, not executed
    refused = cli("run", "own.yaml")
    assert (refused.code, "mine.py is a Python file, which is code" in " ".join(refused.err.split())) == (2, True)
    assert not (tmp_path / "runs").exists()
    done = cli("run", "own.yaml", "--trust", "--json")
    assert done.code == 0, done.err
    kept = json.loads((tmp_path / done.json["run_dir"] / "result.json").read_text(encoding="utf-8"))["result"]
    with np.load(tmp_path / done.json["run_dir"] / "predictions.npz") as arrays:
        wrong = int((arrays["val_outputs"].argmax(axis=1) != arrays["val_labels"]).sum())
    assert kept["val_mine.py:cost"] == wrong
