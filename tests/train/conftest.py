"""A tiny network on the embedded digits, for tests of training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archsearch.spec.experiment import ExperimentSpec
from archsearch.train.run import FinishedRun, run


def tiny_tree(**changes: Any) -> dict[str, Any]:
    """A spec tree; `data`, `train` and `network` are merged or replaced."""
    tree: dict[str, Any] = {
        "name": "tiny",
        "data": {"name": "digits", "limit": 20},
        "network": [
            {"conv2d": {"out_channels": 4, "kernel_size": 3}},
            "relu",
            "flatten",
            {"linear": {"out_features": "classes"}},
        ],
        "train": {"epochs": 3, "batch_size": 32, "device": "cpu", "engine": "torch"},
    }
    for key, value in changes.items():
        tree[key] = tree[key] | value if isinstance(value, dict) and key in tree else value
    return tree


def tiny(**changes: Any) -> ExperimentSpec:
    """The tree as a spec."""
    return ExperimentSpec.model_validate(tiny_tree(**changes))


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def train_tiny(runs_dir: Path) -> Callable[..., FinishedRun]:
    """Train the tiny spec, with changes, into the test's run folder."""

    def train(
        seed: int = 0, fresh: bool = False, watch: Any = None, read_test: Any = None, **changes: Any
    ) -> FinishedRun:
        return run(tiny(**changes), seed=seed, runs_dir=runs_dir, fresh=fresh, watch=watch, read_test=read_test)

    return train
