"""Studies that train in a moment, made in a storage with no trial of theirs run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

TINY = """\
name: tiny
data: {name: digits, limit: 20, validation: 40}
network:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - relu
  - flatten
  - linear: {out_features: classes}
train: {epochs: 1, batch_size: 32, device: cpu}
"""
SEARCH = """\
base: tiny.yaml
network:
  - conv2d: {out_channels: {choice: [2, 4, 8]}, kernel_size: 3}
  - relu
  - flatten
  - linear: {out_features: classes}
objective: {maximize: val_accuracy}
trials: 3
sampler: brute_force
confirm: 1
confirm_seeds: 2
"""
ABLATION = """\
baseline: tiny.yaml
factors:
  activation: {tanh: [{replace: {relu: tanh}}]}
seeds: 2
screen: true
metric: test_accuracy
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'studies.db'}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of a search and of an ablation."""
    for name, text in (("tiny", TINY), ("widths", SEARCH), ("norm", ABLATION)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def begun(folder: Path, url: str) -> Callable[..., None]:
    """Make studies of those files in the storage, as `--on workers` does before any worker comes."""
    from archsearch.ablate.ablation import ablate
    from archsearch.ablate.ablation_file import load_ablation
    from archsearch.ablate.planned import plan_ablation
    from archsearch.search.search import SearchSettings, search
    from archsearch.search.search_file import load_study
    from archsearch.study.lifecycle import Settings

    def make(*names: str) -> None:
        told = {"seconds": 0.0, "storage": url, "runs_dir": folder / "head", "elsewhere": True}
        for name in names:
            if name == "widths":
                search(load_study(str(folder / "widths.yaml")), SearchSettings(**told))
            else:
                ablate(plan_ablation(load_ablation(str(folder / f"{name}.yaml"))), Settings(**told))

    return make
