"""Runs as things that are kept: ids, the cache, resuming, damage."""

from __future__ import annotations

import json
import re
import signal

import numpy as np
import pytest
import torch

from archsearch.data.prepare import load
from archsearch.errors import DamagedFileError, Interrupted, UnavailableError, UsageError
from archsearch.experiment_plan import load_plan, load_spec, plan_experiment
from archsearch.files import write_sealed
from archsearch.train.compute import decide
from archsearch.train.directory import RunDirectory
from archsearch.train.interrupt import interruptible
from archsearch.train.loop import parts
from archsearch.train.result import RunResult
from archsearch.train.run import build, identity, run, run_id
from archsearch.train.watch import Silent
from tests.train.conftest import tiny


def id_of(spec, seed: int = 0) -> str:
    plan = plan_experiment(spec)
    return run_id(identity(plan, seed, "f" * 64, decide(plan)))


def test_run_leaves_its_files_and_the_result_reads_back_without_loss(train_tiny):
    one = train_tiny(data={"validation": 40})
    assert sorted(p.name for p in one.run_dir.iterdir()) == [
        ".lock",
        "history.jsonl",
        "model.safetensors",
        "predictions.npz",
        "result.json",
        "run.json",
    ]
    assert RunDirectory(one.run_dir).result() == one.result
    assert RunResult.model_validate_json(one.result.model_dump_json()) == one.result
    lines = (one.run_dir / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]
    assert one.result.status == "completed"
    assert one.result.test_reads == 1


def test_predictions_and_weights_give_the_reported_accuracies(train_tiny):
    one = train_tiny(data={"validation": 40})
    with np.load(one.run_dir / "predictions.npz", allow_pickle=False) as saved:
        for part, accuracy in (("val", one.result.val_accuracy), ("test", one.result.test_accuracy)):
            assert (saved[f"{part}_outputs"].argmax(1) == saved[f"{part}_labels"]).mean() == pytest.approx(accuracy)
        test_outputs = saved["test_outputs"]
    model = build(tiny(data={"validation": 40}))
    model.load_state_dict(RunDirectory(one.run_dir).weights())
    outputs = model.eval()(load(tiny().data).x_test)
    torch.testing.assert_close(outputs.detach(), torch.from_numpy(test_outputs))


def test_a_finished_run_is_not_trained_again_and_a_fresh_one_gives_the_same(train_tiny):
    first, second, third = train_tiny(), train_tiny(), train_tiny(fresh=True)
    assert (first.cached, second.cached, third.cached) == (False, True, False)
    assert second.result == first.result
    assert third.result.test_loss == first.result.test_loss


def test_a_run_without_test_value_is_trained_again_when_it_is_asked_for(train_tiny):
    blind = train_tiny(data={"validation": 40}, read_test="never")
    seen = train_tiny(data={"validation": 40})
    assert blind.result.test_accuracy is None
    assert blind.result.test_reads == 0
    assert seen.result.test_accuracy is not None
    assert seen.result.val_loss == blind.result.val_loss
    assert train_tiny(data={"validation": 40}, read_test="never").cached


SAME = [
    ({"conv2d": {"out_channels": 4, "kernel_size": 3}}, {"conv2d": {"out_channels": 4, "kernel_size": [3, 3]}}),
    (
        {"conv2d": {"out_channels": 4, "kernel_size": 3, "padding": "same"}},
        {"conv2d": {"out_channels": 4, "kernel_size": 3, "padding": 1, "stride": 1}},
    ),
    ({"max_pool2d": {"kernel_size": 2}}, {"max_pool2d": {"kernel_size": 2, "stride": [2, 2], "name": "smaller"}}),
    ("relu", {"relu": {}}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_run_id_is_equal_for_two_ways_to_write_a_layer(one, other):
    rest = ["identity", "flatten", {"linear": {"out_features": 10}}]
    last = ["flatten", {"linear": {"out_features": "classes", "bias": True}}]
    assert id_of(tiny(network=[one, *rest])) == id_of(tiny(network=[other, *last]))


def test_run_id_of_a_variant_is_that_of_the_network_written_out():
    variant = load_plan("lenet5_logits").spec
    tree = load_plan("lenet5").spec.model_dump(mode="json")
    tree |= {"name": "else", "network": tree["network"][:-1], "documented": None}
    assert id_of(variant) == id_of(type(variant).model_validate(tree))


@pytest.mark.parametrize(
    "changes",
    [
        {"train": {"epochs": 4}},
        {"train": {"optimizer": {"adam": {"lr": 2e-3}}}},
        {"data": {"validation": 1}},
        {"network": ["flatten", {"linear": {"out_features": "classes"}}]},
        {"network": ["flatten", {"linear": {"out_features": "classes", "name": "head"}}]},
    ],
)
def test_run_id_differs_where_numbers_would(changes):
    ids = {id_of(tiny()), id_of(tiny(), seed=1), id_of(tiny(**changes))}
    assert len(ids) == 3


def test_run_id_does_not_know_names_and_words():
    assert id_of(tiny()) == id_of(tiny(name="other", summary="words", departures=["none"]))


def test_run_id_does_not_change_between_versions_of_archsearch():
    # A new id orphans every kept run: change this only together with SEMANTICS, and say so in the CHANGELOG.
    assert id_of(load_spec("lenet5", ["train.device=cpu", "train.engine=torch"])) == "926fc3525f1dd8a5"


def test_keys_younger_than_0_1_are_part_of_the_id_only_where_they_are_set():
    spec = tiny(data={"validation": 40})
    written = spec.model_dump(mode="json")["data"]
    keys = ["name", "path", "size", "grayscale", "normalize", "validation", "limit", "augment"]
    assert list(written) == keys  # those of version 0.1
    few = tiny(data={"validation": 40, "train_limit": 80})
    assert id_of(few) != id_of(spec)
    assert id_of(few) == id_of(tiny(data={"validation": 0.2, "train_limit": 0.5}))  # of 200 samples 40 are held out
    assert id_of(tiny(data={"validation": 40, "train_limit": 160})) == id_of(spec)  # all there are
    assert type(few).model_validate(few.model_dump(mode="json")) == few


def test_train_limit_cuts_what_is_trained_on_and_normalised_by(data_dir):
    whole, few = (tiny(data={"validation": 40, "normalize": True} | more) for more in ({}, {"train_limit": 30}))
    dataset = load(whole.data, data_dir=data_dir)
    one, two = (parts(plan_experiment(spec), 3, dataset, "cpu") for spec in (whole, few))
    assert ([len(part) for part in one], [len(part) for part in two]) == ([160, 40, 200], [30, 40, 200])
    assert torch.equal(one[1].rows, two[1].rows)
    assert set(two[0].rows.tolist()) < set(one[0].rows.tolist())
    assert torch.bincount(dataset.y_train[two[0].rows]).tolist() == [3] * 10


class Counting(Silent):
    """Remembers how many samples an epoch has."""

    samples = 0

    def start(self, epochs, history, samples):
        self.samples = samples


def test_train_limit_and_a_validation_part_of_the_data_reach_the_run(tmp_path, data_dir):
    draw = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", 40), ("val", 10), ("test", 20)):
        arrays[f"y_{part}"] = np.arange(n) % 2
        arrays[f"x_{part}"] = (draw.normal(size=(n, 3)) + arrays[f"y_{part}"][:, None]).astype(np.float32)
    np.savez(tmp_path / "own.npz", **arrays)
    data = {"name": "npz", "path": str(tmp_path / "own.npz"), "limit": None}
    network = [{"linear": {"out_features": "classes"}}]
    watch = Counting()
    finished = run(
        tiny(data=data | {"train_limit": 12}, network=network),
        runs_dir=tmp_path / "runs",
        data_dir=data_dir,
        watch=watch,
    )
    result = finished.result
    assert watch.samples == 12
    assert (result.test_reads, result.spec["data"]["validation"]) == (1, 10)
    kept = np.load(finished.run_dir / "predictions.npz")
    np.testing.assert_array_equal(kept["val_labels"], arrays["y_val"])
    np.testing.assert_array_equal(kept["test_labels"], arrays["y_test"])
    again = run(type(tiny()).model_validate(result.spec), runs_dir=tmp_path / "runs", data_dir=data_dir)
    assert again.cached


L1_ON_VAL_LOSS = {"epochs": 3, "loss": "l1", "early_stopping": {"monitor": "val_loss", "patience": 1}}


def test_run_id_of_another_loss_changes_only_where_the_validation_loss_stops_training():
    # The ids of version 0.1.0, computed with it; the last one's numbers changed, so its id did.
    def of(**train) -> str:
        return id_of(tiny(data={"validation": 40}, train=train))

    assert of(loss="l1") == "cf7146d8a750db33"
    assert of(loss={"cross_entropy": {"label_smoothing": 0.1}}, eval_loss="cross_entropy") == "b1117d1b2810e3d1"
    assert of(early_stopping={"monitor": "val_loss", "patience": 1}) == "deb7c15a7e58cc98"
    assert of(**L1_ON_VAL_LOSS | {"early_stopping": {"patience": 1}}) == "a5126fd0d459d08b"
    assert of(**L1_ON_VAL_LOSS) != "4395234cf66253cf"
    assert of(eval_loss="mse") != of()


@pytest.mark.parametrize("loss", ["l1", "mse", {"cross_entropy": {"label_smoothing": 0.2}}])
def test_validation_and_test_loss_are_cross_entropy_whatever_was_minimised(train_tiny, loss):
    one = train_tiny(data={"validation": 40}, train={"loss": loss})
    with np.load(one.run_dir / "predictions.npz", allow_pickle=False) as saved:
        expected = {
            part: torch.nn.CrossEntropyLoss()(
                torch.from_numpy(saved[f"{part}_outputs"]), torch.from_numpy(saved[f"{part}_labels"])
            ).item()
            for part in ("val", "test")
        }
    assert one.result.eval_loss == "cross_entropy"
    assert one.result.val_loss == pytest.approx(expected["val"], rel=1e-6)
    assert one.result.test_loss == pytest.approx(expected["test"], rel=1e-6)
    assert one.result.history[-1].val_loss == one.result.val_loss


def test_another_measure_can_be_asked_for_and_is_said(train_tiny):
    one = train_tiny(data={"validation": 40}, train={"eval_loss": "mse"})
    with np.load(one.run_dir / "predictions.npz", allow_pickle=False) as saved:
        one_hot = np.eye(10)[saved["test_labels"]]
        expected = ((saved["test_outputs"].astype(float) - one_hot) ** 2).mean()
    assert (one.result.eval_loss, one.result.spec["train"]["eval_loss"]) == ("mse", "mse")
    assert one.result.test_loss == pytest.approx(expected, rel=1e-5)


def as_version_0_1_0(run_dir, **changes):
    """Write a kept result as version 0.1.0 did: it says by no `eval_loss` what its losses are."""
    path = run_dir / "result.json"
    document = json.loads(path.read_text())
    del document["result"]["eval_loss"]
    document["result"].update(changes)
    write_sealed(path, {key: document[key] for key in ("result", "files")})


def test_older_result_of_another_loss_is_measured_anew_from_its_predictions(train_tiny):
    one = train_tiny(data={"validation": 40}, train={"loss": "l1"})
    as_version_0_1_0(one.run_dir, val_loss=0.1, test_loss=0.1)
    again = train_tiny(data={"validation": 40}, train={"loss": "l1"})
    assert again.cached
    assert again.result.val_loss == pytest.approx(one.result.val_loss, rel=1e-6)
    assert again.result.test_loss == pytest.approx(one.result.test_loss, rel=1e-6)
    assert [record.val_loss for record in again.result.history] == [None] * 3


def test_older_result_of_another_loss_without_predictions_is_trained_again(train_tiny):
    one = train_tiny(data={"validation": 40}, train={"loss": "l1"})
    as_version_0_1_0(one.run_dir, val_loss=0.1, test_loss=0.1)
    (one.run_dir / "predictions.npz").unlink()
    read = RunDirectory(one.run_dir).result()
    assert (read.eval_loss, read.val_loss, read.test_loss) == (None, None, None)
    again = train_tiny(data={"validation": 40}, train={"loss": "l1"})
    assert not again.cached
    assert again.result.test_loss == one.result.test_loss


def test_older_result_of_cross_entropy_is_what_it_was(train_tiny):
    one = train_tiny(data={"validation": 40})
    as_version_0_1_0(one.run_dir)
    again = train_tiny(data={"validation": 40})
    assert (again.cached, again.result) == (True, one.result)


def test_older_completed_result_with_an_accuracy_and_no_loss_had_diverged(train_tiny):
    one = train_tiny(data={"validation": 40})
    as_version_0_1_0(one.run_dir, val_loss=None)
    read = RunDirectory(one.run_dir).result()
    assert (read.status, read.reason) == ("diverged", "its last step: the outputs are not finite")


class InterruptAfter(Silent):
    """Sends a real signal after an epoch."""

    def __init__(self, epoch: int, number: int) -> None:
        self.last, self.number = epoch, number

    def epoch(self, record):
        if record.epoch == self.last:
            signal.raise_signal(self.number)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_keeps_its_epoch_and_goes_on_to_the_same_result(train_tiny, runs_dir, number, code):
    with pytest.raises(Interrupted, match=r"^interrupted; epoch 2 of 3 is kept, the same call goes on") as caught:
        train_tiny(seed=1, watch=InterruptAfter(2, number))
    assert caught.value.exit_code == code
    (folder,) = runs_dir.iterdir()
    assert (folder / "checkpoint.pt").is_file()
    assert not (folder / "result.json").exists()
    resumed = train_tiny(seed=1)
    assert not (folder / "checkpoint.pt").exists()
    whole = train_tiny(seed=1, fresh=True)
    keep = {"metrics", "epochs", "test_reads"}
    assert resumed.result.model_dump(include=keep) == whole.result.model_dump(include=keep)


def test_a_signal_after_the_last_check_reaches_whoever_is_around():
    with pytest.raises(KeyboardInterrupt, match=r"^$"), interruptible():
        signal.raise_signal(signal.SIGINT)
    with interruptible() as outer:
        with interruptible() as inner:
            signal.raise_signal(signal.SIGTERM)
        assert outer.signal_number == inner.signal_number == signal.SIGTERM
        with pytest.raises(Interrupted, match=r"^interrupted; all is kept$"):
            outer.check("all is kept")


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible() as interruption:
            signal.raise_signal(signal.SIGINT)
            assert interruption.signal_number is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_second_interrupt_stops_at_once():
    with interruptible() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert interruption.signal_number == signal.SIGINT
        with pytest.raises(Interrupted, match=r"^stopped at once$"):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_diverged_run_is_kept_with_its_reason_and_not_trained_again(train_tiny):
    one = train_tiny(train={"optimizer": {"sgd": {"lr": 1e20}}})
    assert one.result.status == "diverged"
    assert one.result.reason is not None
    assert re.match(r"epoch 1: the loss is nan at batch \d+ of 7 \(lr 1e\+20\)$", one.result.reason)
    assert one.result.test_accuracy is None
    assert train_tiny(train={"optimizer": {"sgd": {"lr": 1e20}}}).cached


@pytest.mark.parametrize("name", ["result.json", "model.safetensors", "predictions.npz", "history.jsonl"])
@pytest.mark.parametrize("damage", ["truncate", "alter"])
def test_a_damaged_result_is_named_and_not_used(train_tiny, name, damage):
    one = train_tiny()
    path = one.run_dir / name
    content = path.read_bytes()
    if damage == "truncate":
        path.write_bytes(content[: len(content) // 2])
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    with pytest.raises(DamagedFileError, match=f"^{re.escape(str(path))} was truncated or altered and is not used; "):
        train_tiny()
    assert not train_tiny(fresh=True).cached


@pytest.mark.parametrize("damage", ["truncate", "alter", "empty"])
def test_a_damaged_checkpoint_is_named_and_not_used(train_tiny, runs_dir, damage):
    with pytest.raises(Interrupted, match=r"^interrupted; epoch 1 of 3 is kept"):
        train_tiny(watch=InterruptAfter(1, signal.SIGINT))
    (folder,) = runs_dir.iterdir()
    path = folder / "checkpoint.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"truncate": content[:-9], "alter": content, "empty": b""}[damage])
    with pytest.raises(DamagedFileError, match=f"^{re.escape(str(path))} was truncated or altered"):
        train_tiny()


def test_deleted_weights_are_no_damage(train_tiny):
    one = train_tiny()
    (one.run_dir / "model.safetensors").unlink()
    assert train_tiny().cached


def test_a_run_that_another_process_trains_is_refused(train_tiny):
    one = train_tiny()
    with (
        RunDirectory(one.run_dir).locked(),
        pytest.raises(UnavailableError, match=r" is being trained by another process; wait for it$"),
    ):
        train_tiny(fresh=True)


def test_run_refuses_a_negative_seed(runs_dir):
    with pytest.raises(UsageError, match=r"^a seed is a whole number from 0 on, got -1$"):
        run(tiny(), seed=-1, runs_dir=runs_dir)


def test_build_gives_the_initial_weights_of_the_seed():
    torch.manual_seed(0)
    first, again, other = build("digits_quickstart"), build("digits_quickstart"), build("digits_quickstart", seed=1)
    assert torch.equal(first.conv1.weight, again.conv1.weight)
    assert not torch.equal(first.conv1.weight, other.conv1.weight)


@pytest.mark.mnist
def test_lenet5_learns_mnist_in_one_epoch(runs_dir):
    one = run(load_spec("lenet5_logits", ["train.epochs=1", "data.limit=1000"]), runs_dir=runs_dir)
    assert one.result.test_accuracy is not None
    assert one.result.test_accuracy > 0.6
    assert one.result.parameters == 61706
