"""Folders of real runs, written once for all tests of a tracker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ablate.tracked import writers


@pytest.fixture(scope="session")
def mlflow_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with mlflow.db, in it an experiment of six runs and one that failed, and another experiment."""
    pytest.importorskip("mlflow", reason="MLflow is not installed: pip install -e '.[mlflow]'")
    return writers.write(writers.MLFLOW, tmp_path_factory.mktemp("mlflow"))


@pytest.fixture(scope="session")
def tensorboard_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs/, in it six runs with hparams."""
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed: pip install -e '.[tensorboard]'")
    return writers.write(writers.TORCH, tmp_path_factory.mktemp("tensorboard"))


@pytest.fixture(scope="session")
def wandb_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wandb/, in it six offline runs and one that failed."""
    pytest.importorskip("wandb", reason="wandb is not installed: pip install -e '.[wandb]'")
    return writers.write(writers.WANDB, tmp_path_factory.mktemp("wandb"))


LAST = {"batch": {0: 0.90, 1: 0.91, 2: 0.92}, "layer": {0: 0.92, 1: 0.931, 2: 0.942}}  # what writers.py says


@pytest.fixture
def last() -> dict[str, dict[int, float]]:
    """The last accuracy of every run by hand."""
    return {norm: dict(of) for norm, of in LAST.items()}


@pytest.fixture
def largest() -> dict[str, dict[int, float]]:
    """The largest accuracy of every run by hand."""
    return {norm: {seed: value + 0.05 for seed, value in of.items()} for norm, of in LAST.items()}
