from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy import stats

from archsearch.errors import UnavailableError, UsageError
from archsearch.export.against import against_text, markdown_of_bundle
from archsearch.export.bundle import gather, open_bundle, write_bundle
from archsearch.export.rerun import RunAgain
from archsearch.report.make import Where
from archsearch.train.run import run
from archsearch.train.watch import Silent
from tests.export.test_bundle import rewritten


class Quiet(Silent):
    """A watch that says nothing, to be used in a `with` block."""

    def __init__(self, plan, seed):
        self.seen = (plan.spec.name, seed)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return None


def again(path, runs_dir, data_dir, **settings):
    with open_bundle(path) as bundle:
        return RunAgain(runs_dir, data_dir, **settings).all_of(bundle, Quiet)


@pytest.mark.parametrize("name", ["small", "factors"])
def test_a_finished_study_comes_out_bit_identical(workshop, tmp_path, data_dir, name):
    path = workshop.bundle(name)
    done = again(path, tmp_path / "runs", data_dir)
    assert done.verdict == "bit-identical"
    assert done.machines == ()
    assert not any(one.cached for one in done.runs)
    finished = [one for one in done.runs if not one.key.startswith("stopped")]
    assert {one.compared for one in finished} == {("metrics", "predictions", "weights")}
    if name == "small":
        assert {one.compared for one in done.runs if one.key.startswith("stopped")} == {("metrics",)}
    # what it trained lies in one folder, and its files are those of the workshop to the bit
    folder = tmp_path / "runs" / "reproduced" / done.digest[:16]
    assert [entry.name for entry in (tmp_path / "runs").iterdir()] == ["reproduced"]
    for one in finished:
        for file in ("predictions.npz", "model.safetensors"):
            assert (folder / one.key / file).read_bytes() == (workshop.runs_dir / one.key / file).read_bytes()
    assert done.sentence.startswith(f"bit-identical: {len(done.runs)} runs, each with the same metrics in every epoch")


def test_a_second_call_trains_nothing_again_but_for_fresh(workshop, tmp_path, data_dir):
    path = workshop.bundle(workshop.tiny)
    again(path, tmp_path / "runs", data_dir)
    second = again(path, tmp_path / "runs", data_dir)
    assert second.verdict == "bit-identical"
    assert all(one.cached for one in second.runs)
    third = again(path, tmp_path / "runs", data_dir, fresh=True)
    assert not any(one.cached for one in third.runs)


def test_a_number_that_somebody_polished_is_found(workshop, tmp_path, data_dir):
    """The bundle is whole by its hashes: only running it again shows that it is not what came out."""

    def polish(head, files):
        name = f"runs/{head['runs'][0]}/run.json"
        held = json.loads(files[name])
        held["record"]["test_accuracy"] += 0.4
        files[name] = json.dumps(held).encode()

    path = rewritten(workshop.bundle(workshop.tiny), tmp_path / "b.zip", polish)
    done = again(path, tmp_path / "runs", data_dir)
    first, *others = done.runs
    assert first.difference.startswith("at the end, test_accuracy ")
    assert first.theirs == pytest.approx(first.ours + 0.4)
    assert {one.sameness for one in others} == {"bit-identical"}
    assert done.verdict in ("different", "inside the interval")  # two seeds leave a wide interval
    assert "machines and versions are the same" in done.sentence


def test_another_engine_is_another_number_inside_the_interval_and_is_named(workshop, tmp_path, data_dir):
    """Three seeds of the native engine, run again by torch: other bits, the same distribution."""
    for seed in range(3):
        run(workshop.tiny, seed=seed, runs_dir=tmp_path / "there", data_dir=data_dir)
    write_bundle(gather([workshop.tiny], Where(runs_dir=tmp_path / "there")), tmp_path / "a.zip", weights=True)

    def by_torch(head, files):
        for key in head["runs"]:
            held = json.loads(files[f"runs/{key}/run.json"])
            if held["compute"]["engine"] != "native":
                pytest.skip("the native engine is not here")
            held["compute"]["engine"] = "torch"
            files[f"runs/{key}/run.json"] = json.dumps(held).encode()

    path = rewritten(tmp_path / "a.zip", tmp_path / "b.zip", by_torch)
    done = again(path, tmp_path / "runs", data_dir)
    assert done.verdict == "inside the interval"
    assert [(one.what, one.theirs, one.ours, one.runs) for one in done.machines] == [("engine", "native", "torch", 3)]
    values = [one.theirs for one in sorted(done.runs, key=lambda one: one.seed)]
    mean, scale = np.mean(values), np.std(values, ddof=1) * (1 + 1 / 3) ** 0.5
    low, high = stats.t.interval(0.95, 2, loc=mean, scale=scale)
    for one in done.runs:
        assert one.interval95 == pytest.approx((max(low, 0), min(high, 1)))
        assert one.difference  # of rounding, which need not reach the metrics
        assert "95 % prediction interval is" in against_text(one)
        assert one.compared == ("metrics", "predictions", "weights")
    assert "| engine | native | torch | 3 |" in markdown_of_bundle(done)


def test_one_seed_that_differs_has_no_interval_and_is_different(workshop, tmp_path, data_dir):
    run(workshop.tiny, seed=0, runs_dir=tmp_path / "there", data_dir=data_dir)
    write_bundle(gather([workshop.tiny], Where(runs_dir=tmp_path / "there")), tmp_path / "a.zip")

    def later(head, files):
        [key] = head["runs"]
        held = json.loads(files[f"runs/{key}/run.json"])
        held["record"]["history"][1]["val_loss"] += 1e-12
        files[f"runs/{key}/run.json"] = json.dumps(held).encode()

    done = again(rewritten(tmp_path / "a.zip", tmp_path / "b.zip", later), tmp_path / "runs", data_dir)
    [one] = done.runs
    assert (done.verdict, one.interval95) == ("different", None)
    assert one.difference.startswith("epoch 2, val_loss ")
    assert "one seed has no interval" in against_text(one)
    assert done.sentence == "different: of 1 run 1 different; machines and versions are the same."


def test_predictions_and_weights_that_differ_are_measured(workshop, tmp_path, data_dir):
    def shift(head, files):
        first, second = head["runs"][:2]
        held = json.loads(files[f"runs/{first}/run.json"])
        with np.load(tmp_path / "p.npz") as arrays:
            moved = {name: value + np.float32(0.25) * name.endswith("outputs") for name, value in arrays.items()}
        np.savez(tmp_path / "q.npz", **moved)
        files[f"runs/{first}/predictions.npz"] = (tmp_path / "q.npz").read_bytes()
        held["files"]["predictions.npz"] = "0" * 64
        files[f"runs/{first}/run.json"] = json.dumps(held).encode()
        held = json.loads(files[f"runs/{second}/run.json"])
        held["files"]["model.safetensors"] = "0" * 64
        files[f"runs/{second}/run.json"] = json.dumps(held).encode()
        files[f"runs/{second}/model.safetensors"] = b"nonsense"

    path = workshop.bundle(workshop.tiny)
    with open_bundle(path) as bundle:
        (tmp_path / "p.npz").write_bytes(bundle.archive.read(f"runs/{bundle.runs[0].key}/predictions.npz"))
    done = again(rewritten(path, tmp_path / "b.zip", shift), tmp_path / "runs", data_dir)
    assert done.runs[0].difference == "predictions up to 0.25 apart"
    assert done.runs[1].difference == "weights not readable"


def test_a_bundle_from_a_gpu_is_run_on_what_is_here_and_says_so(workshop, tmp_path, data_dir):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")

    def on_cuda(head, files):
        for key in head["runs"]:
            held = json.loads(files[f"runs/{key}/run.json"])
            held["spec"]["train"]["device"] = "cuda"
            held["compute"] |= {"device": "cuda", "engine": "torch"}
            held["record"]["environment"] |= {"device": "cuda", "device_name": "Some GPU"}
            files[f"runs/{key}/run.json"] = json.dumps(held).encode()

    path = rewritten(workshop.bundle(workshop.tiny), tmp_path / "b.zip", on_cuda)
    done = again(path, tmp_path / "runs", data_dir)
    assert {one.why_otherwise for one in done.runs} == {"it is computed on cuda, which is not usable here (only cpu)"}
    assert {(one.what, one.theirs) for one in done.machines} == {("device", "cuda"), ("device's name", "Some GPU")}


def test_data_of_another_version_are_refused_before_anything_is_trained(workshop, tmp_path, data_dir):
    def other(head, files):
        for key in head["runs"]:
            held = json.loads(files[f"runs/{key}/run.json"])
            held["data_fingerprint"] = "f" * 64
            files[f"runs/{key}/run.json"] = json.dumps(held).encode()

    path = rewritten(workshop.bundle(workshop.tiny), tmp_path / "b.zip", other)
    with pytest.raises(UnavailableError, match=r"its data digits are another version here .*runs saw ffffffffffff"):
        again(path, tmp_path / "runs", data_dir)
    assert not (tmp_path / "runs").exists()


def test_own_data_are_found_where_they_lie_now(workshop, tmp_path, data_dir):
    dice = np.random.default_rng(0)
    arrays = {"x_train": dice.normal(size=(40, 6)), "y_train": dice.integers(0, 2, 40)}
    arrays |= {"x_test": dice.normal(size=(20, 6)), "y_test": dice.integers(0, 2, 20)}
    (tmp_path / "there").mkdir()
    np.savez(tmp_path / "there" / "mine.npz", **arrays)
    spec = tmp_path / "there" / "own.yaml"
    spec.write_text(
        "name: own\ndata: {name: npz, path: mine.npz}\nnetwork: [linear: {out_features: classes}]\n"
        "train: {epochs: 1, batch_size: 8, device: cpu}\n"
    )
    run(str(spec), runs_dir=tmp_path / "there" / "runs", data_dir=data_dir)
    write_bundle(gather([str(spec)], Where(runs_dir=tmp_path / "there" / "runs")), tmp_path / "a.zip")
    (tmp_path / "there").rename(tmp_path / "elsewhere")
    with pytest.raises(UnavailableError, match=r"Where do they lie here\? --own-data PATH"):
        again(tmp_path / "a.zip", tmp_path / "runs", data_dir)
    moved = tmp_path / "elsewhere" / "mine.npz"
    assert again(tmp_path / "a.zip", tmp_path / "runs", data_dir, own_data=moved).verdict == "bit-identical"
    np.savez(moved, **(arrays | {"x_test": arrays["x_test"] + 1}))
    with pytest.raises(UnavailableError, match="its data npz are another version here"):
        again(tmp_path / "a.zip", tmp_path / "more", data_dir, own_data=moved)


def test_own_data_of_a_bundle_without_any_are_a_mistake(workshop, tmp_path, data_dir):
    with pytest.raises(UsageError, match="and this bundle has none of its own"):
        again(workshop.bundle(workshop.tiny), tmp_path / "runs", data_dir, own_data=tmp_path)


def test_a_run_that_was_interrupted_goes_on(workshop, tmp_path, data_dir):
    class Stop(Quiet):
        def epoch(self, record):
            if record.epoch == 2:
                raise RuntimeError("pulled the plug")

    path = workshop.bundle("small")
    with open_bundle(path) as bundle, pytest.raises(RuntimeError, match="pulled the plug"):
        RunAgain(tmp_path / "runs", data_dir).all_of(bundle, Stop)
    assert list((tmp_path / "runs").rglob("checkpoint.pt"))
    assert again(path, tmp_path / "runs", data_dir).verdict == "bit-identical"
