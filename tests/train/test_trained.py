"""The network of a finished run: the same outputs as the run wrote, with and without its data; bad runs are refused."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from archsearch.data.inputs import Inputs, mean_and_deviation
from archsearch.data.prepare import load
from archsearch.errors import DamagedFileError, UsageError
from archsearch.spec.experiment import ExperimentSpec
from archsearch.train.probabilities import probabilities_of
from archsearch.train.run import run
from archsearch.train.trained import open_trained
from tests.train.conftest import tiny

ASSETS = Path(__file__).parents[1] / "assets"


def test_outputs_are_those_that_the_run_wrote_of_its_test_data(train_tiny):
    done = train_tiny(seed=2, data={"normalize": True})
    network = open_trained(done.run_dir)
    with np.load(done.run_dir / "predictions.npz") as held:
        wanted = held["test_outputs"]
    found = network.outputs(load(tiny().data).x_test).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert network.label == "tiny seed 2"
    assert network.inputs.class_names == tuple("0123456789")


def test_mean_and_deviation_are_numpys_of_each_channel():
    x = torch.rand(1200, 3, 4, 5) * torch.tensor([1.0, 7.0, 0.0]).reshape(1, 3, 1, 1)
    rows = torch.arange(0, 1200, 2)
    mean, deviation = mean_and_deviation(x, rows)
    wanted = x[rows].double().numpy()
    np.testing.assert_allclose(mean.flatten(), wanted.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(deviation.flatten(), [*wanted.std((0, 2, 3))[:2], 1.0], rtol=1e-6)


def test_own_data_may_be_gone_when_the_network_is_used(tmp_path, data_dir):
    dice = np.random.default_rng(1)
    x, y = dice.normal(3, 2, (60, 6)).astype("f4"), np.arange(60) % 3
    file = tmp_path / "own.npz"
    np.savez(file, x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    spec = ExperimentSpec.model_validate(
        {
            "name": "own",
            "data": {"name": "npz", "path": str(file), "normalize": True, "validation": 10},
            "network": [{"linear": {"out_features": "classes"}}],
            "train": {"epochs": 2, "batch_size": 10, "device": "cpu"},
        }
    )
    done = run(spec, runs_dir=tmp_path / "runs", data_dir=data_dir)
    with np.load(done.run_dir / "predictions.npz") as held:
        wanted = held["test_outputs"]
    file.unlink()
    shutil.rmtree(data_dir / "prepared", ignore_errors=True)
    network = open_trained(done.run_dir)
    np.testing.assert_allclose(network.outputs(torch.from_numpy(x[40:])).numpy(), wanted, atol=1e-5)


def test_a_run_of_0_1_0_is_used_with_the_statistics_of_its_data(tmp_path, data_dir):
    with zipfile.ZipFile(ASSETS / "version_0_1_0.zip") as archive:
        archive.extractall(tmp_path)
    directory = tmp_path / "67a41bb7e8f2d6b8"
    network = open_trained(directory, data_dir=data_dir)
    data = load(network.spec.data, data_dir=data_dir)
    with np.load(directory / "predictions.npz") as held:
        np.testing.assert_allclose(network.outputs(data.x_test).numpy(), held["test_outputs"], atol=1e-5)


def test_the_weights_of_a_run_are_the_same_bytes_when_it_is_trained_again(train_tiny):
    first = (train_tiny(data={"normalize": True}).run_dir / "model.safetensors").read_bytes()
    again = (train_tiny(data={"normalize": True}, fresh=True).run_dir / "model.safetensors").read_bytes()
    assert first == again


def test_what_a_network_reads_goes_to_json_and_back_without_loss():
    one = Inputs(
        shape=(2, 3), stored="float32", task="classification", outputs=2, class_names=("a", "b"),
        mean=(0.1, float(np.float32(1) / 3)), deviation=(1.0, 2.5), scaled=((1, 1.7e9, 3.5),),
    )  # fmt: skip
    assert Inputs.model_validate_json(one.model_dump_json()) == one


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_altered_weights_are_refused(train_tiny):
    done = train_tiny()
    path = done.run_dir / "model.safetensors"
    weights = load_file(path)
    weights["fc1.bias"][0] += 0.5
    save_file(weights, path)
    with pytest.raises(DamagedFileError, match=r"model\.safetensors was truncated or altered and is not used"):
        open_trained(done.run_dir)


def test_an_altered_result_is_refused(train_tiny):
    done = train_tiny()
    path = done.run_dir / "result.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(DamagedFileError, match=r"result\.json was truncated or altered"):
        open_trained(done.run_dir)


def test_unfinished_gone_and_foreign_directories_say_what_to_do(train_tiny, tmp_path):
    done = train_tiny()
    (done.run_dir / "model.safetensors").rename(tmp_path / "kept")
    with pytest.raises(UsageError, match=r"model\.safetensors is gone.* --fresh trains it again"):
        open_trained(done.run_dir)
    (done.run_dir / "result.json").unlink()
    with pytest.raises(UsageError, match="is not finished; archsearch run goes on with it"):
        open_trained(done.run_dir)
    with pytest.raises(UsageError, match=r"is no run directory: it has no run\.json"):
        open_trained(tmp_path)


def test_a_diverged_run_predicts_nothing(train_tiny):
    done = train_tiny(train={"optimizer": {"sgd": {"lr": 1e30}}})
    assert done.result.status == "diverged"
    with pytest.raises(UsageError, match=r"diverged \(epoch 1: .*there is no trained network"):
        open_trained(done.run_dir)


def test_an_older_run_whose_data_changed_is_refused(tmp_path, data_dir):
    with zipfile.ZipFile(ASSETS / "version_0_1_0.zip") as archive:
        archive.extractall(tmp_path)
    from archsearch.files import read_sealed, write_sealed

    directory = tmp_path / "67a41bb7e8f2d6b8"
    sealed = read_sealed(directory / "result.json")
    sealed["result"]["data_fingerprint"] = "0" * 64
    write_sealed(directory / "result.json", sealed)
    with pytest.raises(UsageError, match="did not keep how its data were prepared, and digits is not what it was"):
        open_trained(directory, data_dir=data_dir)


def test_probabilities_are_torchs_softmax_of_logits():
    outputs = np.random.default_rng(0).normal(size=(5, 4)).astype("f4")
    found, meaning = probabilities_of(outputs, {"network": [{"linear": {}}], "train": {"loss": "cross_entropy"}})
    np.testing.assert_allclose(found, torch.softmax(torch.from_numpy(outputs), 1), rtol=1e-5)
    assert meaning == "the softmax of the network's outputs"
