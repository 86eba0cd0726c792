from __future__ import annotations

import shutil
import signal

import optuna
import pytest

from archsearch.errors import Interrupted
from archsearch.experiment_plan import plan_experiment
from archsearch.study.network_runner import NetworkRunner
from archsearch.study.runner import Assignment, Workplace
from archsearch.study.storage import open_storage
from archsearch.train.watch import Silent
from tests.train.conftest import tiny
from tests.train.test_run import InterruptAfter


def test_two_assignments_are_one_run_whatever_they_are_called():
    runner = NetworkRunner("never", goes_on=True)
    plan, renamed, other = (
        plan_experiment(tiny(**changes)) for changes in ({}, {"name": "other"}, {"train": {"epochs": 1}})
    )
    key = runner.key(Assignment(plan, 3))
    assert runner.key(Assignment(renamed, 3)) == key
    assert len({key, runner.key(Assignment(plan, 4)), runner.key(Assignment(other, 3))}) == 3
    assert not runner.together(Assignment(plan, 3), Assignment(plan, 4))


def test_a_worker_says_that_a_checkpoint_is_not_its_own(tmp_path, capsys):
    storage = open_storage(f"sqlite:///{tmp_path / 'archsearch.db'}")
    place = Workplace(storage, optuna.create_study(study_name="s", storage=storage), tmp_path / "runs")
    plan = plan_experiment(tiny())
    runner = NetworkRunner("never", goes_on=True)
    folders = []
    for seed in (0, 5):
        before = set(place.runs_dir.iterdir()) if place.runs_dir.is_dir() else set()
        with pytest.raises(Interrupted, match="epoch 2 of 3 is kept"):
            runner.run([Assignment(plan, seed)], place, lambda _: InterruptAfter(2, signal.SIGINT))
        folders += set(place.runs_dir.iterdir()) - before
    mine, other = folders
    shutil.copy(other / "checkpoint.pt", mine / "checkpoint.pt")
    (outcome,) = runner.run([Assignment(plan, 0)], place, lambda _: Silent())
    assert outcome.failure is None
    assert "is the checkpoint of the run" in (said := capsys.readouterr().err), said
    assert said.endswith("and is not used: training starts anew\n")
