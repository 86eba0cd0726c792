"""Metrics as what a search looks for: `study` from the outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    assert (refused.code, refused.err.startswith("error: --metric: unknown metric 'mae'")) == (2, True)
