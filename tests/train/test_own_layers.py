"""Own layers in a run: what they raise is said with the line of their file, and a batch of one is refused before."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsearch.errors import SpecError
from archsearch.experiment_plan import load_plan
from archsearch.search.search_file import load_study
from archsearch.search.space.count import count_space
from archsearch.train.run import run

LAYERS = """\
from torch import nn


class Norm(nn.Module):
    def __init__(self, in_features):
        super().__init__()
        self.norm = nn.BatchNorm1d(in_features)

    def forward(self, x):
        return self.norm(x)


class Picky(nn.Module):
    def forward(self, x):
        if not x.is_meta and len(x) != 32:
            raise ValueError(f"{len(x)} samples")
        return x
"""
SPEC = """\
data: {name: digits, train_limit: 65, validation: 40}
network: [flatten, linear: {out_features: 5}, own: {layer: mine.py:LAYER}, linear: {out_features: classes}]
train: {epochs: 1, batch_size: 32, device: cpu}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHSEARCH_TRUST", "1")
    (tmp_path / "mine.py").write_text(LAYERS)
    for layer in ("Norm", "Picky"):
        (tmp_path / f"{layer}.yaml").write_text(SPEC.replace("LAYER", layer))
    return tmp_path


def test_what_an_own_layer_raises_while_training_is_said_with_its_line(folder: Path) -> None:
    plan = load_plan(str(folder / "Picky.yaml"))
    with pytest.raises(SpecError, match=r"^mine\.py:16: its forward raised ValueError: 1 samples$"):
        run(plan, runs_dir=folder / "runs")


def test_a_last_batch_of_one_is_refused_where_an_own_layer_normalises_over_the_batch(folder: Path) -> None:
    message = r"own1 \(own\): 65 training samples in batches of 32 leave a last batch of 1, which cannot be normalised"
    with pytest.raises(SpecError, match=message):
        load_plan(str(folder / "Norm.yaml"))
    load_plan(str(folder / "Norm.yaml"), ["train.batch_size=31"])
    load_plan(str(folder / "Picky.yaml"))
    text = "base: Norm.yaml\nobjective: {maximize: val_accuracy}\ntrain: {batch_size: {choice: [31, 32]}}\n"
    (folder / "Norm.yaml").write_text((folder / "Norm.yaml").read_text().replace("batch_size: 32", "batch_size: 31"))
    (folder / "search.yaml").write_text(text)
    assert count_space(load_study(str(folder / "search.yaml")).space).feasible == 1
