"""A storage in the test's folder, and a study whose slots train in a moment."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from archsearch.study.storage import Storage, open_storage
from tests.test_older_versions import ASSET


@pytest.fixture
def older_runs(tmp_path: Path) -> Path:
    """The runs folder that version 0.1.0 left: a search with its confirmation, an ablation, 43 runs."""
    with zipfile.ZipFile(ASSET) as archive:
        archive.extractall(tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'study.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Storage, optuna.Study]]:
    """A study in each kind of storage: (url, storage, study)."""
    url = f"sqlite:///{tmp_path / 'study.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres")
    storage = open_storage(url)
    study = optuna.create_study(study_name=f"s-{tmp_path.name}", storage=storage)
    yield url, storage, study
    storage.engine.dispose()
