"""Runs that are kept are found by what was run, whatever else lies in the folder."""

from __future__ import annotations

from archsearch.experiment_plan import plan_experiment
from archsearch.train.identity import experiment_key
from archsearch.train.kept import begun, kept_runs, read_kept
from tests.train.conftest import tiny


def test_kept_runs_are_those_of_the_experiment_and_damaged_ones_are_left_out(train_tiny, runs_dir) -> None:
    first, second = train_tiny(seed=0), train_tiny(seed=1)
    (runs_dir / "other").mkdir()
    (runs_dir / "other" / "run.json").write_text("{")
    found = kept_runs(runs_dir)
    assert found == {experiment_key(plan_experiment(tiny())): sorted([first.run_dir, second.run_dir])}
    assert sorted(one.seed for one in read_kept([first.run_dir, second.run_dir, runs_dir / "other"])) == [0, 1]
    assert [path for path, _ in begun(runs_dir)] == sorted([first.run_dir, second.run_dir])
