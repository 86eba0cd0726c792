"""A tiny finished search, a tiny finished ablation, and two runs of one spec, made once for all these tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import torch

from archsearch.ablate.ablation import ablate
from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.planned import plan_ablation
from archsearch.export.bundle import Gathered, gather, write_bundle
from archsearch.report.make import Where
from archsearch.search.search import SearchSettings, search
from archsearch.search.search_file import load_study
from archsearch.study.lifecycle import Settings
from archsearch.train.run import run

TINY = """\
name: tiny
data: {name: digits, limit: 20, validation: 40}
network:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - relu
  - flatten
  - linear: {out_features: classes}
train: {epochs: 3, batch_size: 32, device: cpu}
"""
SEARCH = """\
base: tiny.yaml
objective: {maximize: val_accuracy}
network:
  - conv2d: {out_channels: {int: [2, 6]}, kernel_size: {choice: [3, 5]}}
  - relu
  - flatten
  - linear: {out_features: classes}
pruner: {screen: {epochs: 1, keep: 0.3, startup_trials: 2}}
confirm: 1
confirm_seeds: 2
"""
ABLATION = "baseline: tiny.yaml\nfactors:\n  activation: {tanh: [replace: {relu: tanh}]}\nseeds: 2\nscreen: true\n"


@dataclass(frozen=True)
class Workshop:
    """A folder with a finished search `small`, a finished ablation `factors`, and seeds 0 and 1 of `tiny`."""

    folder: Path

    @property
    def runs_dir(self) -> Path:
        return self.folder / "runs"

    @property
    def tiny(self) -> str:
        return str(self.folder / "tiny.yaml")

    def gather(self, name: str) -> Gathered:
        """What is gathered of a name; made once, as nothing changes in this folder."""
        return _gathered(self, name)

    def bundle(self, name: str) -> Path:
        """A bundle of a name, with weights; made once."""
        return _bundled(self, name)


@cache
def _gathered(workshop: Workshop, name: str) -> Gathered:
    return gather([name], Where(runs_dir=workshop.runs_dir))


@cache
def _bundled(workshop: Workshop, name: str) -> Path:
    path = workshop.folder / f"bundle-{Path(name).stem}.zip"
    write_bundle(workshop.gather(name), path, weights=True)
    path.chmod(0o444)
    return path


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Workshop:
    folder = tmp_path_factory.mktemp("workshop")
    for name, text in (("tiny", TINY), ("small", SEARCH), ("factors", ABLATION)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    made = Workshop(folder)
    for seed in (0, 1):
        run(made.tiny, seed=seed, runs_dir=made.runs_dir, data_dir=data_dir)
    search(load_study(str(folder / "small.yaml")), SearchSettings(trials=8, runs_dir=made.runs_dir, data_dir=data_dir))
    ablation = plan_ablation(load_ablation(str(folder / "factors.yaml")))
    ablate(ablation, Settings(runs_dir=made.runs_dir, data_dir=data_dir))
    return made


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Keep to one thread, for small networks, and take back what a training script sets of torch."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
    torch.use_deterministic_algorithms(False)
    torch.set_float32_matmul_precision("highest")
