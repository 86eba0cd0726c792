"""What peers are given is what they train: the same networks, the same loss, and a command for each benchmark."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F

from archsearch import load_spec, plan_experiment
from archsearch.spec.network import build_network
from benchmarks import epoch, study_peers
from benchmarks.measuring import ROOT
from benchmarks.peers.asked import Asked
from benchmarks.peers.epoch_keras import not_translated
from benchmarks.peers.torch_loops import ready_accuracy, ready_epoch, small_lenet

ASKED = Asked([], 1, 100, 1e-3, 6000, 1000, "", "", "", 2)


def test_networks_of_the_study_are_drawn_alike_and_are_those_that_peers_build(tmp_path):
    from archsearch.search.search_file import load_study

    networks = study_peers.draw(ASKED, 3)
    assert networks == study_peers.draw(ASKED, 3)
    assert len({json.dumps(one) for one in networks}) == 3
    study_peers.write_study(tmp_path, ASKED)
    space = load_study(str(tmp_path / "mine.yaml")).space
    for network in networks:
        plan = space.with_values(network)
        mine, theirs = build_network(plan.network), small_lenet(network)
        theirs.load_state_dict(dict(zip(theirs.state_dict(), mine.state_dict().values(), strict=True)))
        images = torch.rand(2, 1, 32, 32)
        torch.testing.assert_close(theirs(images), mine(images))
        assert (plan.spec.train.batch_size, plan.spec.train.epochs, plan.spec.data.limit) == (100, 1, 6000)


def test_the_loop_around_tensors_gives_the_mean_loss_of_its_batches_and_learns():
    torch.manual_seed(0)
    x = torch.randn(30, 4)
    y = (x[:, 0] > 0).long()
    model = torch.nn.Linear(4, 2)
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    assert ready_epoch(model, still, x, y, 10) == pytest.approx(F.cross_entropy(model(x), y).item(), abs=1e-6)
    moving = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(50):
        ready_epoch(model, moving, x, y, 10)
    assert ready_accuracy(model, x, y) > 0.9


def test_flop_of_lenet5_are_those_counted_by_hand():
    convolutions = (6 * 25 * 28 * 28, 16 * 6 * 25 * 10 * 10, 120 * 16 * 25)
    macs = sum(convolutions) + 120 * 84 + 84 * 10
    assert epoch.training_flop(epoch.planned("lenet5", None)) == 6 * macs - 2 * convolutions[0]


def test_a_layer_without_a_translation_is_named():
    assert not_translated(plan_experiment(load_spec("lenet5")).network.rows) is None
    rows = plan_experiment(load_spec(str(ROOT / "benchmarks" / "depthwise.yaml"))).network.rows
    first = next(row.name for row in rows if getattr(row.layer, "groups", 1) != 1)
    assert str(not_translated(rows)).startswith("no translation of ")
    assert f"{first} (conv2d)" in str(not_translated(rows))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("train.optimizer: {sgd: {lr: 0.1}}", "peers train with adam and cross_entropy"),
        ("data.normalize: true", "peers train on mnist without normalize"),
    ],
)
def test_a_spec_that_peers_cannot_follow_is_refused(change, said, tmp_path):
    (tmp_path / "own.yaml").write_text(f"name: own\nextends: lenet5\nedits: [{{set: {{{change}}}}}]\n")
    with pytest.raises(SystemExit, match=said):
        epoch.planned(str(tmp_path / "own.yaml"), None)


@pytest.mark.parametrize("command", ["epoch", "study_peers", "startup"])
def test_each_command_says_what_it_is(command):
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{command}", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert f"python -m benchmarks.{command}" in done.stdout
    assert f"`python -m benchmarks.{command}" in (ROOT / "benchmarks" / "README.md").read_text()


def test_the_readme_has_every_benchmark():
    text = (ROOT / "benchmarks" / "README.md").read_text()
    named = set(re.findall(r"`python (?:-m benchmarks\.|benchmarks/)(\w+)", text))
    assert named == {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in path.read_text()}


TRANSLATION = """
import sys
import keras, torch
from archsearch import build
from benchmarks.epoch import planned
from benchmarks.peers.epoch_asked import EpochAsked
from benchmarks.peers.epoch_keras import model_of

keras.config.set_image_data_format(sys.argv[1])
plan = planned(sys.argv[2], None)
images = torch.rand(3, *plan.network.rows[0].input_shape)
network = build(plan.spec).eval()
given = EpochAsked(network, plan.network.rows, images, images, images, images, 3, 1e-3, None)
shown = images if sys.argv[1] == "channels_first" else images.permute(0, 2, 3, 1)
theirs = keras.ops.convert_to_numpy(model_of(given)(shown.numpy(), training=False))
torch.testing.assert_close(torch.tensor(theirs), network(images).detach(), atol=1e-5, rtol=1e-4)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "layout"), [("torch", "channels_first"), ("jax", "channels_last")])
@pytest.mark.parametrize("spec", ["lenet5", "benchmarks/conv_norm.yaml"])
def test_keras_computes_the_network_that_torch_does(backend, layout, spec):
    for package in ("keras", backend):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install -r benchmarks/peers.txt")
    variables = os.environ | {"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", TRANSLATION, layout, spec]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.mnist
def test_an_epoch_is_measured_and_learns(tmp_path):
    out = tmp_path / "epoch.json"
    arguments = ["lenet5", "--samples", "6000", "--rounds", "1", "--loops", "archsearch", "torch", "notebook"]
    subprocess.run([sys.executable, "-m", "benchmarks.epoch", *arguments, "--json", str(out)], cwd=ROOT, check=True)
    rows = json.loads(out.read_text())["rows"]
    assert set(rows) == {"archsearch", "torch", "notebook"}
    for [row] in rows.values():
        assert row["loss"] < math.log(10)
        assert row["accuracy"] > 0.4
        assert row["seconds"] > 0
    losses = [row["loss"] for [row] in rows.values()]
    assert max(losses) - min(losses) < 0.1


@pytest.mark.slow
@pytest.mark.mnist
def test_a_study_is_measured_beside_optuna_on_the_same_networks(tmp_path):
    out = tmp_path / "study.json"
    arguments = ["--rounds", "1", "--trials", "2", "--samples", "3000", "--ways", "ours", "optuna_ready"]
    command = [sys.executable, "-m", "benchmarks.study_peers", *arguments, "--json", str(out)]
    subprocess.run(command, cwd=ROOT, check=True)
    rows = json.loads(out.read_text())["rows"]
    assert set(rows) == {"ours", "optuna_ready", "import torch", "ours, called again"}
    for name in ("ours", "optuna_ready"):
        [row] = rows[name]
        assert row["first batch"] + row["trials"] + row["after"] == pytest.approx(row["wall"])
        assert row["accuracy"] > 0.5
