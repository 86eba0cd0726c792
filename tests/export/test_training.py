"""Training scripts: run by Python where archsearch cannot be imported, against the torch engine's own numbers."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from archsearch.data.inputs import mean_and_deviation
from archsearch.data.location import data_dir as data_folder
from archsearch.errors import UsageError
from archsearch.experiment_plan import ExperimentPlan, load_plan
from archsearch.export.calls import optimizer_call
from archsearch.export.export import ExportOptions, export
from archsearch.export.pytorch import pytorch_source
from archsearch.export.seeded import seeding
from archsearch.export.training import channel_statistics, training_source
from archsearch.task import Classification
from archsearch.train.loop import initial_network
from archsearch.train.result import RunResult
from archsearch.train.run import run
from archsearch.train.streams import stream
from tests.export.networks import random_plan

pytestmark = pytest.mark.usefixtures("one_thread")
SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
ALONE = (  # archsearch is on the path of the tests, and must not be found by the script
    "import runpy, sys; sys.modules['archsearch'] = None; sys.argv = sys.argv[1:]; "
    "sys.path.insert(0, sys.argv[0].rpartition('/')[0]); runpy.run_path(sys.argv[0], run_name='__main__')"
)


def imported(path: Path) -> ModuleType:
    """Import a file under its name, so that a script finds the module beside it."""
    found = importlib.util.spec_from_file_location(path.stem, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[path.stem] = module
    found.loader.exec_module(module)
    return module


def script_of(plan: ExperimentPlan, folder: Path, data_file: str | None = None) -> ModuleType:
    """Write module and script, and import both."""
    (folder / "net.py").write_text(pytorch_source(plan))
    (folder / "net_train.py").write_text(training_source(plan, "net", data_file))
    imported(folder / "net.py")
    return imported(folder / "net_train.py")


def ours(plan: ExperimentPlan, seed: int, folder: Path) -> RunResult:
    """Train with the torch engine, on the CPU as the script does here."""
    return run(plan, seed=seed, runs_dir=folder / "runs").result


def planned(*overrides: str, reference: str = "digits_quickstart") -> ExperimentPlan:
    return load_plan(reference, ["train.engine=torch", "train.device=cpu", *overrides])


def must_train_alike(plan: ExperimentPlan, folder: Path, seed: int = 3, data_file: str | None = None) -> None:
    """Each epoch's losses and accuracies, and those at the end, are the run's to 1e-6."""
    model, history = script_of(plan, folder, data_file).train(seed)
    result = ours(plan, seed, folder)
    assert len(history) == len(result.history) + bool(plan.spec.data.validation or plan.spec.train.average)
    for theirs, record in zip(history, result.history, strict=False):
        for name, value in theirs.items():
            assert value == pytest.approx(record.metrics[name], rel=1e-5, abs=1e-6), (name, record.epoch)
    for name, value in history[-1].items():
        assert value == pytest.approx(result.metrics[name], rel=1e-5, abs=1e-6), name
    assert sum(p.numel() for p in model.parameters()) == plan.network.parameters


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_shipped_spec_trains_alike_on_a_few_digits(path: Path, tmp_path: Path) -> None:
    spec = load_plan(str(path)).spec
    small = ["data.name=digits", "data.size=32", "data.limit=4", "train.epochs=1", "train.batch_size=16"]
    small += ["data.validation=10"] if spec.data.validation else []
    if spec.data.name in ("breast_cancer", "wine", "diabetes", "digits_segments"):  # small already, and of other tasks
        small = ["train.epochs=2", "data.train_limit=0.5"]
    must_train_alike(planned(*small, reference=str(path)), tmp_path)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_script_of_a_shipped_spec_is_short_and_names_nothing_of_ours(path: Path) -> None:
    script = training_source(load_plan(str(path)), "net")
    assert "archsearch" not in script
    assert len(script.splitlines()) <= 175
    assert max(map(len, script.splitlines())) <= 120
    compile(script, "net_train.py", "exec")


AUGMENT = "data.augment=[shift, {rotate: {degrees: 20.0}}, flip, {flip: {direction: vertical}}, {crop: {padding: 1}}]"


@pytest.mark.parametrize(
    "overrides",
    [
        ["data.normalize=true", AUGMENT, "train.schedule={one_cycle: {pct_start: 0.4}}"],
        ["data.normalize=true", "data.train_limit=0.5", "train.optimizer={sgd: {lr: 0.1, momentum: 0.9}}"],
        ["data.validation=0", "train.schedule={step: {step_size: 1, gamma: 0.5, warmup_epochs: 0.5}}"],
        ["train.loss=mse", "train.optimizer={rmsprop: {lr: 0.001, momentum: 0.5}}", "train.clip_grad_norm=0.1"],
        ["train.loss={cross_entropy: {label_smoothing: 0.2}}", "train.optimizer=adamw", "train.schedule=constant"],
        ["train.eval_loss=l1", "train.schedule={constant: {warmup_epochs: 1.5}}", "data.train_limit=60"],
        ["train.early_stopping={patience: 1, min_delta: 0.9}", "train.epochs=4"],
        ["train.early_stopping={patience: 1, monitor: val_loss}", "train.optimizer={adam: {lr: 0.03}}"],
        ["train.average=2", "train.epochs=3"],
        ["train.average=3", "train.epochs=3", "data.validation=0"],
        ["train.schedule={plateau: {patience: 0, threshold: 0.9, gamma: 0.5, warmup_epochs: 0.5}}", "train.epochs=4"],
        ["train.schedule={multi_step: {milestones: [1, 2]}}", "train.epochs=3", "train.ema=0.8"],
        ["train.ema=0.9", "train.early_stopping={patience: 1, min_delta: 0.9}", "train.epochs=4"],
        ["train.mixup=0.4", "train.cutmix=1.0", AUGMENT, "data.normalize=true"],
        ["train.mixup=0.4", "train.accumulate=2", "train.loss={cross_entropy: {weight: balanced}}"],
        ["train.precision=fp16", "train.clip_grad_norm=0.5", "train.accumulate=2", "train.epochs=1"],
        ["train.sampler=balanced", "train.label_noise=0.3", "data.train_limit=40"],
        ["train.accumulate=3", "train.batch_size=7", "train.clip_grad_norm=0.1", "train.schedule={cosine: {}}"],
    ],
    ids=lambda overrides: overrides[0].partition("=")[2][:30],
)
def test_each_part_of_a_training_is_written_out(overrides: list[str], tmp_path: Path) -> None:
    must_train_alike(planned("data.limit=12", "train.epochs=2", *overrides), tmp_path)


CHOICES = (
    ["", AUGMENT, "data.augment=[crop]", "data.augment=[{rotate: {degrees: 90.0}}]"],
    ["", "data.normalize=true"],
    ["data.validation=0", "data.validation=0.3", "data.validation=17"],
    ["", "data.train_limit=0.6", "data.train_limit=40"],
    ["", "train.optimizer=adamw", "train.optimizer={sgd: {lr: 0.05, momentum: 0.9, weight_decay: 0.01}}"],
    ["", "train.schedule={one_cycle: {}}", "train.schedule={step: {step_size: 1, warmup_epochs: 0.4}}"],
    ["", "train.loss=mse", "train.loss=l1", "train.loss={cross_entropy: {label_smoothing: 0.1}}"],
    ["", "train.eval_loss=mse"],
    ["", "train.clip_grad_norm=0.5"],
    ["train.batch_size=7", "train.batch_size=64"],
    ["", "train.average=2", "train.ema=0.9"],
    ["", "train.accumulate=3"],
    ["", "train.sampler=balanced"],
    ["", "train.mixup=0.2", "train.cutmix=0.5"],
    ["", "train.label_noise=0.2"],
)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(40))
def test_random_training_is_written_out(number: int, tmp_path: Path) -> None:
    dice = random.Random(number)
    chosen = [word for choices in CHOICES if (word := dice.choice(choices))]
    must_train_alike(planned("data.limit=12", "train.epochs=2", *chosen), tmp_path, seed=number)


NORMALISED = """\
data: {name: digits, limit: 20, validation: 0.2}
network:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - batch_norm2d
  - relu
  - flatten
  - dropout
  - linear: {out_features: classes}
train: {epochs: 3, batch_size: 32, average: 2}
"""
BLOCKS = """\
data: {name: digits, limit: 20, validation: 0.2}
network:
  - residual: {projection: true, layers: [conv2d: {out_channels: 16, kernel_size: 1}, batch_norm2d, dropout]}
  - parallel: {branches: [[conv2d: {out_channels: 8, kernel_size: 3, padding: 1}], [batch_norm2d]]}
  - sequential: {name: body, layers: [dropout2d, conv2d: {name: shortcut, out_channels: 4, kernel_size: 3, stride: 2}]}
  - flatten
  - linear: {out_features: classes}
  - log_softmax
train: {epochs: 2, batch_size: 32, loss: nll}
"""


def test_dropout_residual_and_parallel_blocks_train_alike(tmp_path: Path) -> None:
    (tmp_path / "blocks.yaml").write_text(BLOCKS)
    must_train_alike(planned(reference=str(tmp_path / "blocks.yaml")), tmp_path)


@pytest.mark.parametrize("more", [[], ["data.normalize=true", AUGMENT, "train.precision=bf16"]], ids=["plain", "all"])
def test_batch_norms_of_a_mean_are_measured_as_a_run_measures_them(more: list[str], tmp_path: Path) -> None:
    (tmp_path / "norm.yaml").write_text(NORMALISED)
    must_train_alike(planned(*more, reference=str(tmp_path / "norm.yaml")), tmp_path)


def test_log_softmax_with_bf16_trains_alike(tmp_path: Path) -> None:
    must_train_alike(planned("data.limit=20", "train.epochs=1", "train.precision=bf16"), tmp_path)


def test_script_alone_prints_the_numbers_of_the_run_and_keeps_its_weights(tmp_path: Path) -> None:
    plan = planned("train.epochs=2")
    (tmp_path / "net.py").write_text(pytorch_source(plan))
    (tmp_path / "net_train.py").write_text(training_source(plan, "net"))
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(tmp_path / "net_train.py"), "5"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = ours(plan, 5, tmp_path)
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1", "epoch 2", "at the end"]
    losses = [float(re.search(r"train_loss (\S+)", line)[1]) for line in lines[:2]]
    assert losses == pytest.approx([record.metrics["train_loss"] for record in result.history], abs=1e-6)
    assert float(re.search(r"test_accuracy (\S+)", lines[-1])[1]) == pytest.approx(result.metrics["test_accuracy"])
    state = torch.load(tmp_path / "net.pt", weights_only=True)
    assert list(state) == list(initial_network(plan, 5).state_dict())


def test_own_arrays_go_along_as_they_were_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = np.random.default_rng(0)
    counts = {"train": 40, "test": 9, "val": 12}
    arrays = {f"x_{part}": dice.integers(0, 256, (n, 6, 6, 3), dtype=np.uint8) for part, n in counts.items()}
    np.savez(tmp_path / "own.npz", **arrays, **{f"y_{part}": np.arange(n) % 3 for part, n in counts.items()})
    (tmp_path / "own.yaml").write_text(
        "data: {name: npz, path: own.npz, normalize: true, augment: [flip]}\n"
        "network: [conv2d: {out_channels: 4, kernel_size: 3}, relu, flatten, linear: {out_features: classes}]\n"
        "train: {epochs: 2, batch_size: 8, engine: torch, device: cpu}\n"
    )
    monkeypatch.chdir(tmp_path)
    done = export("own.yaml", "pytorch", ExportOptions(output=Path("net.py"), train=True))
    assert [str(file) for file in done.files] == ["net.py", "net_train.py", "net_data.npz"]
    imported(tmp_path / "net.py")
    _, history = imported(tmp_path / "net_train.py").train(1)
    result = ours(load_plan("own.yaml"), 1, tmp_path)
    for theirs, record in zip(history[:2], result.history, strict=True):
        for name, value in theirs.items():
            assert value == pytest.approx(record.metrics[name], abs=1e-6)


OWN = """\
import math

import torch
from torch import nn

SHARES = {"usual": [0.3, 0.5]}


def halved(n: int, left: int = 1) -> int:
    return again(n, left) if left else n


def again(n: int, left: int) -> int:
    return halved(max(1, math.floor(n / 2)), left - 1)


class Mixed(nn.Module):
    def __init__(self, in_channels, share=SHARES["usual"][0]):
        super().__init__()
        self.norm, self.drop = nn.BatchNorm2d(in_channels), nn.Dropout(share)
        self.map = nn.Conv2d(in_channels, halved(in_channels), 1)

    def reset_parameters(self):
        self.map.reset_parameters()

    def forward(self, x):
        return torch.cat((self.map(self.drop(self.norm(x))), x), 1)
"""
OWN_SPEC = """\
data: {name: digits, limit: 30, validation: 40}
network:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - parallel: {branches: [[own: {layer: mine.py:Mixed, arguments: {share: 0.4}}], none, [relu]]}
  - flatten
  - linear: {out_features: classes}
train: {epochs: 3, average: 2, batch_size: 32}
"""


def test_an_own_layer_that_drops_and_normalises_trains_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its draws are seeded and its batch norm is measured for the mean of weights, whatever the file holds."""
    monkeypatch.setenv("ARCHSEARCH_TRUST", "1")
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "own.yaml").write_text(OWN_SPEC)
    must_train_alike(planned(reference=str(tmp_path / "own.yaml")), tmp_path)


def test_own_layers_that_a_file_cannot_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_TRUST", "1")
    spec = tmp_path / "own.yaml"
    spec.write_text(OWN_SPEC)
    (tmp_path / "mine.py").write_text(OWN.replace("reset_parameters(self)", "other(self)"))
    with pytest.raises(
        UsageError, match=r"weights par1\.branch1\.own1\.map\..*; give Mixed a method reset_parameters th"
    ):
        seeding(planned(reference=str(spec)))
    (tmp_path / "theirs.py").write_text(OWN.replace("0.3", "0.2"))
    both = "[own: {layer: mine.py:Mixed}, own: {layer: theirs.py:Mixed}]"
    spec.write_text(OWN_SPEC.replace("[own: {layer: mine.py:Mixed, arguments: {share: 0.4}}]", both))
    with pytest.raises(UsageError, match="two things that are called Mixed cannot stand in one file; give one of them"):
        pytorch_source(planned(reference=str(spec)))


@pytest.mark.slow
@pytest.mark.mnist
def test_torchvisions_mnist_is_loaded_as_a_run_loads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned("data.limit=20", "train.epochs=1", "train.batch_size=50", reference="lenet5")
    (tmp_path / "data").symlink_to(data_folder(None))
    monkeypatch.chdir(tmp_path)
    must_train_alike(plan, tmp_path)


def test_statistics_of_a_script_are_those_of_a_run() -> None:
    x = torch.rand(2300, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    x[:, 1] = 0.5
    for found, wanted in zip(channel_statistics(x), mean_and_deviation(x, torch.arange(len(x))), strict=True):
        assert torch.allclose(found, wanted, rtol=1e-7, atol=0)


def test_initial_weights_of_random_networks_are_made_again_by_torch_alone() -> None:
    for number in range(40):
        plan = random_plan(number)
        space: dict[str, Any] = {"stream": stream, "torch": torch}
        exec(compile(pytorch_source(plan), "net.py", "exec"), space)
        exec(compile("\n".join(seeding(plan)), "net_train.py", "exec"), space)
        theirs, wanted = space["initial_model"](7).state_dict(), initial_network(plan, 7).state_dict()
        assert all(torch.equal(theirs[key], value) for key, value in wanted.items())


def test_task_that_is_not_written_out_is_refused() -> None:
    plan = planned()

    class Other(Classification):
        name = "ranking"

    other = dataclasses.replace(plan, facts=dataclasses.replace(plan.facts, task=Other(10)))
    with pytest.raises(UsageError, match=r"a training script is written for classification and .*, not ranking"):
        training_source(other, "net")


def test_optimiser_that_is_not_torchs_is_refused() -> None:
    class Own(torch.optim.SGD):
        pass

    with pytest.raises(UsageError, match="the optimiser Own is not torch's own, and cannot be written as a call"):
        optimizer_call(Own([torch.zeros(1)]), "model.parameters()")


def test_a_script_that_could_not_stop_as_the_run_does_is_not_written() -> None:
    plan = load_plan("digits_quickstart", ["train.early_stopping={monitor: val_f1_macro, patience: 2}"])
    with pytest.raises(UsageError, match="measures val_loss and val_accuracy, and early stopping watches val_f1_macro"):
        training_source(plan, "net")


def test_weights_and_groups_that_a_script_does_not_divide_by_are_refused(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    arrays = {"x_train": dice.normal(size=(40, 3)), "y_train": np.arange(40) % 2}
    arrays |= {"x_test": dice.normal(size=(20, 3)), "y_test": np.arange(20) % 2}
    groups = {"group_train": np.arange(40) // 5, "group_test": 50 + np.arange(20) // 5}
    for name, more in {"weighted": {"weight_train": np.ones(40)}, "grouped": groups}.items():
        np.savez(tmp_path / f"{name}.npz", **arrays, **more)
        text = f"data: {{name: npz, path: {name}.npz, validation: 0.2}}\nnetwork: [linear: {{out_features: classes}}]\n"
        (tmp_path / f"{name}.yaml").write_text(text + "train: {epochs: 1, batch_size: 8}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"weighs no samples, and those of npz have weights; take them out .*run`$"):
        training_source(load_plan(str(tmp_path / "weighted.yaml")), "net", "net.npz")
    plan = load_plan(str(tmp_path / "grouped.yaml"))
    with pytest.raises(
        UsageError, match=r"holds single samples out, and the validation part of npz is of whole groups"
    ):
        training_source(plan, "net", "net.npz")
    assert "stratified" not in training_source(
        load_plan(str(tmp_path / "grouped.yaml"), ["data.validation=0"]), "n", "n.npz"
    )
