"""Stacked runs have the files, ids and results that they have alone; what cannot be stacked is left to `run`."""

from __future__ import annotations

import json
import signal

import optuna
import pytest

from archsearch.data.prepare import load
from archsearch.errors import Interrupted
from archsearch.experiment_plan import plan_experiment
from archsearch.study.network_runner import NetworkRunner
from archsearch.study.runner import Assignment, Workplace
from archsearch.study.storage import open_storage
from archsearch.train.directory import RunDirectory
from archsearch.train.run import run
from archsearch.train.run_stacked import run_stacked
from archsearch.train.watch import Silent
from tests.train.conftest import tiny
from tests.train.test_run import InterruptAfter
from tests.train.test_stacked import HELD_OUT, ON_CPU, Raises

PLAN = plan_experiment(tiny(data=HELD_OUT))
FILES = {".lock", "history.jsonl", "model.safetensors", "predictions.npz", "result.json", "run.json"}


def stacked(runs_dir, watches, seconds: float = 3600.0):
    """Train seeds at once, as a worker of a confirmation does."""
    return run_stacked(
        PLAN,
        watches,
        runs_dir=runs_dir,
        dataset=load(PLAN.spec.data),
        compute=ON_CPU,
        read_test="end",
        keep_seconds=seconds,
    )


def alone(runs_dir, seed: int, **more):
    return run(PLAN, seed=seed, runs_dir=runs_dir, compute=ON_CPU, read_test="end", **more)


def test_stacked_runs_are_finished_runs_like_others(runs_dir, tmp_path):
    found = stacked(runs_dir, {seed: Silent() for seed in (0, 3)})
    assert sorted(found) == [0, 3]
    for seed, one in found.items():
        assert not one.cached
        assert {path.name for path in one.run_dir.iterdir()} == FILES
        assert one.result.environment["stacked"] == 2
        wanted = alone(tmp_path / "alone", seed)
        assert one.run_dir.name == wanted.run_dir.name
        assert "stacked" not in wanted.result.environment
        assert list(one.result.metrics) == list(wanted.result.metrics)
        assert one.result.test_loss == pytest.approx(wanted.result.test_loss, rel=1e-3)
        assert (one.result.test_reads, one.result.epochs, one.result.seed) == (1, 3, seed)
        assert len((one.run_dir / "history.jsonl").read_text().splitlines()) == 3
        again = alone(runs_dir, seed)
        assert (again.cached, again.result) == (True, one.result)
    assert {seed: one.cached for seed, one in stacked(runs_dir, {0: Silent(), 3: Silent()}).items()} == {
        0: True,
        3: True,
    }


def test_what_was_begun_or_is_trained_elsewhere_is_left_to_others(runs_dir):
    with pytest.raises(Interrupted, match=r"^interrupted; epoch 2 of 3 is kept"):
        alone(runs_dir, 5, watch=InterruptAfter(2, signal.SIGINT))
    (begun,) = runs_dir.iterdir()
    busy = alone(runs_dir, 6).run_dir
    (busy / "result.json").unlink()
    with RunDirectory(busy).locked():
        found = stacked(runs_dir, {seed: Silent() for seed in (0, 3, 5, 6)})
    assert sorted(found) == [0, 3]
    assert (begun / "checkpoint.pt").exists()
    assert stacked(runs_dir, {5: Silent(), 7: Silent()}) == {}  # one alone is no stack


def test_who_falls_out_of_step_goes_on_alone_from_its_last_epoch(runs_dir):
    found = stacked(runs_dir, {0: Silent(), 3: Raises(), 7: Silent()})
    assert sorted(found) == [0, 7]
    (left,) = runs_dir.glob("*/checkpoint.pt")
    assert len((left.parent / "history.jsonl").read_text().splitlines()) == 2
    done = alone(runs_dir, 3)
    assert (done.run_dir, done.cached, done.result.epochs) == (left.parent, False, 3)


def test_a_signal_keeps_the_epochs_of_all(runs_dir):
    with pytest.raises(Interrupted, match=r"^interrupted; epoch 1 of 3 is kept"):
        stacked(runs_dir, {0: Silent(), 3: InterruptAfter(1, signal.SIGINT)})
    assert len(list(runs_dir.glob("*/checkpoint.pt"))) == 2


def test_a_runner_stacks_what_may_share_its_call(runs_dir, tmp_path, monkeypatch):
    storage = open_storage(f"sqlite:///{tmp_path / 'archsearch.db'}")
    place = Workplace(storage, optuna.create_study(study_name="s", storage=storage), runs_dir)
    runner = NetworkRunner("end", goes_on=True)
    several = [Assignment(PLAN, seed) for seed in (0, 3)]
    assert not runner.together(*several)  # on a CPU
    monkeypatch.setattr("archsearch.study.network_runner.why_not_stacked", lambda plan, compute: "")
    monkeypatch.setattr(NetworkRunner, "_device", lambda self, plan: "cuda")
    assert runner.together(*several)
    other = plan_experiment(tiny(data=HELD_OUT, train={"batch_size": 16}))
    assert not runner.together(several[0], Assignment(other, 3))
    outcomes = runner.run(several, place, lambda _: Silent())
    assert [outcome.record["environment"]["stacked"] for outcome in outcomes] == [2, 2]
    assert [outcome.record["seed"] for outcome in outcomes] == [0, 3]
    assert [outcome.cached for outcome in outcomes] == [False, False]
    assert json.loads((outcomes[1].files / "run.json").read_text())["seed"] == 3
