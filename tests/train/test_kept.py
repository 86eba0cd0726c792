"""Runs that a folder holds, found by what was run."""

from __future__ import annotations

from archsearch.experiment_plan import plan_experiment
from archsearch.train.identity import experiment_key
from archsearch.train.kept import begun, kept_runs, read_kept, unreadable
from tests.train.conftest import tiny


def test_kept_runs_are_found_by_their_experiment(train_tiny, runs_dir):
    first, second = train_tiny(seed=0), train_tiny(seed=4)
    other = train_tiny(train={"epochs": 1})
    found = kept_runs(runs_dir)
    mine = found[experiment_key(plan_experiment(tiny()))]
    assert sorted(mine) == sorted([first.run_dir, second.run_dir])
    assert found[experiment_key(plan_experiment(tiny(train={"epochs": 1})))] == [other.run_dir]
    assert sorted((one.seed, one.device, one.engine) for one in read_kept(mine)) == [
        (0, "cpu", "torch"),
        (4, "cpu", "torch"),
    ]
    assert {one.result["run_id"] for one in read_kept(mine)} == {first.result.run_id, second.result.run_id}


def test_what_is_not_finished_has_begun_and_what_is_damaged_is_left_out(train_tiny, runs_dir):
    whole, unfinished, damaged = train_tiny(seed=0), train_tiny(seed=1), train_tiny(seed=2)
    (unfinished.run_dir / "result.json").unlink()
    (damaged.run_dir / "run.json").write_text("{")
    assert sorted(path for path, _ in begun(runs_dir)) == sorted([whole.run_dir, unfinished.run_dir])
    assert list(kept_runs(runs_dir).values()) == [[whole.run_dir]]
    assert kept_runs(runs_dir / "nowhere") == {}
    (one,) = unreadable(runs_dir)
    assert (one.directory, one.spec) == (damaged.run_dir, damaged.result.spec)
    assert one.why.startswith(f"{damaged.run_dir / 'run.json'} was truncated or altered")


def test_altered_number_in_a_kept_result_is_not_read(train_tiny):
    one = train_tiny()
    path = one.run_dir / "result.json"
    path.write_text(path.read_text().replace('"seconds": ', '"seconds": 1'))
    assert list(read_kept([one.run_dir])) == []
