"""Runs on the native engine: the loop, the cache, going on from a checkpoint, what is recorded."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from archsearch.errors import SpecError
from archsearch.experiment_plan import plan_experiment
from archsearch.native import library
from archsearch.train import compute
from archsearch.train.doctor import examine_machine
from archsearch.train.progress import Progress
from archsearch.train.run import identity, run_id
from archsearch.train.watch import Silent
from tests.train.conftest import tiny
from tests.train.test_loop import assert_equal, trained, weights

NETWORK: list[Any] = [
    {"conv2d": {"out_channels": 8, "kernel_size": 3, "padding": 1}},
    "tanh",
    {"max_pool2d": {"kernel_size": 2}},
    "flatten",
    {"linear": {"out_features": "classes"}},
]
REGIMES: dict[str, Any] = {
    "plain": {},
    "augmentation and normalisation": {
        "data": {
            "augment": [{"shift": {"pixels": 1}}, {"rotate": {"degrees": 15}}],
            "normalize": True,
            "validation": 40,
        }
    },
    "momentum, schedule, clipping": {
        "train": {
            "optimizer": {"sgd": {"lr": 0.05, "momentum": 0.9}},
            "schedule": {"one_cycle": {}},
            "clip_grad_norm": 1.0,
        }
    },
    "mean of the last epochs": {"train": {"average": 3}},
    "balanced sampler, label noise": {"train": {"sampler": "balanced", "label_noise": 0.2}},
    "moving average, several batches a step": {"train": {"ema": 0.9, "accumulate": 3, "batch_size": 16}},
    "early stopping": {"data": {"validation": 40}, "train": {"early_stopping": {"patience": 2}, "epochs": 5}},
}
# Without a bias before the batch norm: its gradient is rounding about zero, which Adam would make steps of.
NORMED = [{"conv2d": NETWORK[0]["conv2d"] | {"bias": False}}, "batch_norm2d", *NETWORK[1:]]
REGIMES |= {
    "batch norm": {"network": NORMED},
    "batch norm, moving average": {"network": NORMED, "train": {"ema": 0.9}},
    "batch norm, mean of the last epochs": {"network": NORMED, "train": {"average": 2}},
}
# Other tasks than classes; what is right is counted on labels only.
REGIMES |= {
    "labels": {"data": {"name": "digits_segments"}, "train": {"loss": {"bce": {"pos_weight": "balanced"}}}},
    "numbers": {
        "data": {"name": "diabetes", "limit": 200, "normalize": True, "normalize_targets": True},
        "network": [
            {"linear": {"out_features": 6, "bias": False}},
            "batch_norm1d",
            "tanh",
            {"linear": {"out_features": "outputs"}},
        ],
        "train": {"loss": {"huber": {"delta": 0.7}}},
    },
    "yes or no": {
        "data": {"name": "breast_cancer", "limit": 100, "normalize": True},
        "network": [{"linear": {"out_features": 6}}, "tanh", {"linear": {"out_features": "outputs"}}],
        "train": {"loss": {"focal": {"alpha": 0.3}}},
    },
}
DROPPING = {"dropout": {"network": [*NORMED[:3], {"dropout": {"p": 0.3}}, *NORMED[3:]]}}


def changed(changes, engine="native"):
    return {"network": NETWORK, **changes, "train": changes.get("train", {}) | {"engine": engine}}


@pytest.mark.parametrize("changes", REGIMES.values(), ids=REGIMES.keys())
def test_native_run_gives_the_weights_and_metrics_of_the_torch_run(changes):
    native, by_torch = trained(**changed(changes)), trained(**changed(changes, "torch"))
    for name, value in weights(by_torch.model).items():
        torch.testing.assert_close(weights(native.model)[name], value, rtol=2e-3, atol=2e-4)
    for a, b in zip(native.progress.history, by_torch.progress.history, strict=True):
        assert a.train_loss == pytest.approx(b.train_loss, rel=1e-3)
        assert a.train_accuracy == (None if b.train_accuracy is None else pytest.approx(b.train_accuracy, abs=0.011))
    assert native.test is not None
    assert by_torch.test is not None
    assert native.test.metrics["loss"] == pytest.approx(by_torch.test.metrics["loss"], rel=1e-3)


@pytest.mark.parametrize("changes", (REGIMES | DROPPING).values(), ids=(REGIMES | DROPPING).keys())
def test_native_run_stopped_after_an_epoch_goes_on_to_the_same_bits(changes):
    class StopError(Exception):
        pass

    class StopAfterOne(Silent):
        def epoch(self, record):
            raise StopError("after one epoch")

    whole = trained(**changed(changes))
    kept: list[Progress] = []
    with pytest.raises(StopError, match=r"^after one epoch$"):
        trained(keep=lambda p: kept.append(copy.deepcopy(p)), watch=StopAfterOne(), **changed(changes))
    resumed = trained(progress=kept[-1], **changed(changes))
    assert_equal(weights(whole.model), weights(resumed.model))


def test_native_run_leaves_torchs_threads_as_they_were():
    before = torch.get_num_threads()
    trained(**changed({}))
    assert torch.get_num_threads() == before


def test_native_run_that_diverges_is_stopped():
    outcome = trained(
        **changed({"train": {"optimizer": {"sgd": {"lr": 1e20}}}}) | {"network": [NETWORK[0], "relu", *NETWORK[2:]]}
    )
    assert outcome.reason is not None
    assert outcome.reason.startswith("epoch 1: the loss is ")


def id_of(**changes):
    plan = plan_experiment(tiny(**changes))
    return run_id(identity(plan, 0, "f" * 64, compute.decide(plan)))


def test_engine_is_part_of_the_id_as_it_was_resolved():
    ids = {engine: id_of(**changed({}, engine)) for engine in ("auto", "native", "torch")}
    assert ids["auto"] == ids["native"] != ids["torch"]
    dense = ["flatten", {"linear": {"out_features": "classes"}}]
    assert id_of(network=dense, train={"engine": "auto"}) == id_of(network=dense, train={"engine": "torch"})


def test_result_says_which_engine_and_why(train_tiny):
    by_native = train_tiny(**changed({})).result.environment
    assert by_native["engine"] == "native"
    assert by_native["engine_variant"] in library.VARIANTS
    assert "memory_format" not in by_native
    norm = [*NETWORK[:1], "rms_norm", *NETWORK[1:]]
    by_torch = train_tiny(network=norm, train={"engine": "auto"}).result.environment
    assert (by_torch["engine"], by_torch["engine_reason"]) == ("torch", "norm1 (rms_norm) has no native kernel")


def test_native_asked_for_and_impossible_names_the_layer():
    with pytest.raises(
        SpecError, match=r"^train\.engine: native cannot be used: norm1 \(rms_norm\) has no native kernel$"
    ):
        trained(**changed({}) | {"network": ["rms_norm", *NETWORK]})


@pytest.mark.no_binary
def test_without_a_binary_auto_means_torch_and_doctor_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "BINARIES", tmp_path)
    monkeypatch.delenv("ARCHSEARCH_NATIVE", raising=False)
    plan = plan_experiment(tiny(network=NETWORK))
    auto = plan.spec.train.model_copy(update={"engine": "auto"})
    why = "not built: install a C++ compiler (g++ or clang++) and then archsearch again"
    assert compute.choose_engine(plan.network, auto, "cpu") == compute.EngineChoice("torch", why)
    findings = {finding.name: finding for finding in examine_machine(runs_dir=tmp_path)}
    assert findings["native engine"][1:] == ("none, everything runs on torch", why)


@pytest.mark.no_binary
def test_environment_switches_the_engine_off(monkeypatch):
    monkeypatch.setenv("ARCHSEARCH_NATIVE", "off")
    assert library.load_library() is None
    assert library.why_missing() == "switched off by ARCHSEARCH_NATIVE=off"


def test_environment_names_a_variant(monkeypatch):
    monkeypatch.setenv("ARCHSEARCH_NATIVE", "plain")
    found = library.load_library()
    assert found is not None
    assert (found.variant, found.lanes) == ("plain", 4)


@pytest.mark.mnist
@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet5", "lenet_relu", "lenet_conv4", "lenet_best"])
def test_documented_variant_learns_as_well_on_both_engines(name, runs_dir):
    from archsearch.experiment_plan import load_spec
    from archsearch.train.run import run

    accuracies = [
        run(
            load_spec(name, ["train.epochs=1", "data.limit=500", f"train.engine={e}"]), runs_dir=runs_dir
        ).result.test_accuracy
        for e in ("native", "torch")
    ]
    assert None not in accuracies
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.03)
