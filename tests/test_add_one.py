"""One thing is added to a copy of the package, where CONTRIBUTING says, and used from end to end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import recall_score

import archsearch

PROGRAM = """
import contextlib, io, json, sys
from archsearch.cli import main
said = []
for sys.argv in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            main()
        except SystemExit as ended:
            assert not ended.code, (sys.argv, ended.code)
    said.append(out.getvalue())
print(json.dumps(said))
"""
BASE = """\
name: base
data: {name: digits, limit: 30, validation: 0.2}
network: [flatten, linear: {out_features: 8}, relu, linear: {out_features: classes}]
train:
  epochs: 3
  batch_size: 50
  optimizer: {adam: {lr: 1e-2}}
  device: cpu
  early_stopping: {monitor: val_worst_recall, patience: 3}
"""
SEARCH = """\
base: base.yaml
network: [flatten, linear: {out_features: {int: [4, 12]}}, relu, linear: {out_features: classes}]
objective: [{maximize: val_worst_recall}, {minimize: macs}]
trials: 2
confirm: 0
"""
ABLATION = """\
baseline: base.yaml
factors: {activation: {tanh: {replace: {relu: tanh}}}}
metric: test_worst_recall
seeds: 10
"""
METRIC = """\
    Metric(
        name="worst_recall",
        title="worst recall",
        direction="maximize",
        written="percent",
        known="training",
        tasks=("classification",),
        margin=0.002,
        guessing=lambda outputs: 1 / outputs,
        compute=lambda outputs, targets: min(
            (outputs.argmax(1)[targets == k] == k).mean() for k in set(targets.tolist())
        ),
    ),
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Give a copy of the package that may be changed; its folder goes before the installed one."""
    folder = tmp_path / "changed"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(archsearch.__file__).parent, folder / "archsearch", ignore=ignored)
    return folder / "archsearch"


@pytest.fixture
def changed(package: Path, tmp_path: Path, data_dir: Path) -> Callable[..., list[str]]:
    """Run command lines of the copy, one after the other in one process; give what each printed."""

    def call(*lines: str) -> list[str]:
        settings = {**os.environ, "ARCHSEARCH_DATA": str(data_dir), "PYTHONPATH": str(package.parent)}
        arguments = json.dumps([["archsearch", *line.split()] for line in lines])
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, arguments],
            cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said: list[str] = json.loads(done.stdout)
        return said

    return call


def insert(path: Path, before: str, text: str) -> None:
    content = path.read_text(encoding="utf-8")
    assert content.count(before) == 1
    path.write_text(content.replace(before, text + before), encoding="utf-8")


@pytest.mark.slow
def test_a_metric_is_one_row(package: Path, changed: Callable[..., list[str]], tmp_path: Path) -> None:
    insert(package / "metrics" / "table.py", '    Metric(\n        name="parameters"', METRIC)
    for name, text in (("base", BASE), ("search", SEARCH), ("ablation", ABLATION)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")

    printed = changed(
        "run base.yaml --json",
        "study search.yaml --json",
        "ablate ablation.yaml --json",
        "report search -o report.html",
    )
    ran, found, asked = (json.loads(text) for text in printed[:3])
    with np.load(tmp_path / ran["run_dir"] / "predictions.npz") as kept:
        for part in ("val", "test"):
            recalls = recall_score(kept[f"{part}_labels"], kept[f"{part}_outputs"].argmax(axis=1), average=None)
            expected = recalls.min()
            assert ran[f"{part}_worst_recall"] == pytest.approx(expected)
    result = json.loads((tmp_path / ran["run_dir"] / "result.json").read_text(encoding="utf-8"))["result"]
    watched = [epoch["val_worst_recall"] for epoch in result["history"]]
    assert result["best_epoch"] == 1 + watched.index(max(watched))

    assert found["metrics"] == ["val_worst_recall", "macs"]
    assert (asked["family"]["direction"], asked["family"]["unit"]) == ("maximize", "points")
    assert (asked["family"]["margin"], asked["family"]["failed_value"]) == (0.002, 0.1)
    assert len(asked["effects"][0]["differences"]) == 10

    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "validation worst recall" in page
    assert "Worst recall while training" in page


TASK = '''\
"""Directions: a few numbers for each sample, of which the sign is meant."""

from dataclasses import dataclass
from typing import ClassVar

from archsearch.task.task import Task


@dataclass(frozen=True, slots=True)
class Directions(Task):
    name: ClassVar[str] = "directions"
    losses: ClassVar[tuple[str, ...] | None] = ("mse", "l1")
'''
IMPORT = "from archsearch.task.directions import Directions\n"
LARGEST_ERROR = """\
    Metric(
        name="largest_error",
        title="largest error",
        direction="minimize",
        written="number",
        known="training",
        tasks=("directions",),
        compute=lambda outputs, targets: float(abs(outputs - targets).max()),
    ),
"""
PLANES = """\
    "planes": Embedded(
        title="two planes over the unit cube",
        contents=Contents((3,), (), 200, 50, dtype="float32", task="directions", outputs=2),
        digest="drawn",
    ),
"""
DRAWN = """\
    if source.digest == "drawn":
        dice = torch.Generator().manual_seed(0)
        x = torch.rand(250, 3, generator=dice)
        y = x @ torch.tensor([[1.0, -2.0], [0.5, 0.0], [0.0, 3.0]]) + torch.tensor([0.1, -0.2])
        return in_memory(x[:200], y[:200]), in_memory(x[200:], y[200:])
"""
PLANE = """\
name: plane
data: {name: planes, validation: 40}
network: [linear: {out_features: outputs}]
train:
  epochs: 40
  batch_size: 20
  optimizer: {adam: {lr: 0.1}}
  device: cpu
  early_stopping: {monitor: val_largest_error, patience: 20}
"""


def test_a_task_is_a_file_an_entry_and_its_metrics(
    package: Path, changed: Callable[..., list[str]], tmp_path: Path
) -> None:
    (package / "task" / "directions.py").write_text(TASK, encoding="utf-8")
    entries = package / "task" / "__init__.py"
    insert(entries, "from archsearch.task.task import Task", IMPORT)
    insert(entries, '    "classification": Classification,\n', '    "directions": Directions,\n')
    insert(package / "metrics" / "table.py", '    Metric(\n        name="parameters"', LARGEST_ERROR)
    insert(package / "data" / "registry.py", '    "mnist": Downloaded(\n', PLANES)
    insert(package / "data" / "embedded.py", "    from importlib import import_module", DRAWN)
    (tmp_path / "plane.yaml").write_text(PLANE, encoding="utf-8")

    (printed,) = changed("run plane.yaml --json")
    ran = json.loads(printed)
    assert set(ran) >= {"test_largest_error", "val_largest_error"}
    assert "test_accuracy" not in ran
    result = json.loads((tmp_path / ran["run_dir"] / "result.json").read_text(encoding="utf-8"))["result"]
    assert result["environment"]["engine"] == "torch"
    with np.load(tmp_path / ran["run_dir"] / "predictions.npz") as kept:
        outputs, targets = kept["test_outputs"], kept["test_labels"]
    assert (outputs.shape, targets.dtype) == ((50, 2), np.float32)
    assert ran["test_largest_error"] == pytest.approx(np.abs(outputs - targets).max(), rel=1e-4)
    assert result["test_loss"] == pytest.approx(((outputs - targets) ** 2).mean(), rel=1e-4)
    # learned: a plane, not its mean
    assert np.abs(outputs - targets).mean() < 0.1 < np.abs(targets - targets.mean(axis=0)).mean()
