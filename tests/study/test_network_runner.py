from __future__ import annotations

from archsearch.experiment_plan import plan_experiment
from archsearch.study.network_runner import NetworkRunner
from archsearch.study.runner import Assignment
from tests.train.conftest import tiny


def test_two_assignments_are_one_run_whatever_they_are_called():
    runner = NetworkRunner("never", goes_on=True)
    plan, renamed, other = (
        plan_experiment(tiny(**changes)) for changes in ({}, {"name": "other"}, {"train": {"epochs": 1}})
    )
    key = runner.key(Assignment(plan, 3))
    assert runner.key(Assignment(renamed, 3)) == key
    assert len({key, runner.key(Assignment(plan, 4)), runner.key(Assignment(other, 3))}) == 3
    assert not runner.together(Assignment(plan, 3), Assignment(plan, 4))
