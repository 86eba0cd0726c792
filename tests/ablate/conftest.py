"""Ablations of the embedded digits, small enough to train in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archsearch.ablate.ablation import ablate
from archsearch.ablate.ablation_file import Declared, load_ablation
from archsearch.ablate.planned import Ablation, plan_ablation
from archsearch.ablate.record import AblationReport
from archsearch.study.lifecycle import Settings

TINY = """\
name: tiny
data: {name: digits, limit: 20, validation: 40}
network:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - relu
  - flatten
  - linear: {out_features: classes}
train: {epochs: 1, batch_size: 50, device: cpu}
"""

FACTORS = """\
baseline: tiny.yaml
factors:
  activation: {tanh: [replace: {relu: tanh}]}
  width: {x2: [set: {conv1.out_channels: 8}]}
"""


@pytest.fixture
def declared(tmp_path: Path) -> Callable[..., Declared]:
    """Read an ablation around the tiny spec from the text of its file."""
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")

    def call(text: str = FACTORS, name: str = "mine") -> Declared:
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return load_ablation(str(path))

    return call


@pytest.fixture
def planned(declared: Callable[..., Declared]) -> Callable[..., Ablation]:
    """Plan an ablation from the text of its file."""
    return lambda text=FACTORS, name="mine": plan_ablation(declared(text, name))


@pytest.fixture
def run_ablation(tmp_path: Path, data_dir: Path) -> Callable[..., AblationReport]:
    """Run a planned ablation in the test's folder."""

    def call(ablation: Ablation, **settings: object) -> AblationReport:
        return ablate(ablation, Settings(**{"runs_dir": tmp_path / "runs", "data_dir": data_dir, **settings}))

    return call
