from __future__ import annotations

import pytest

from archsearch.data.prepare import load
from archsearch.experiment_plan import load_plan
from archsearch.train.compute import decide
from archsearch.train.run import FinishedRun
from archsearch.train.seeds import seeds_summary, train_seeds
from archsearch.train.watch import Silent

SPEC = """\
data: {name: digits, limit: 20, validation: 40}
network: [flatten, linear: {out_features: classes}]
train: {epochs: 1, batch_size: 32, device: cpu, engine: torch}
documented: {test_accuracy: 0.5}
"""


class Followed(Silent):
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return None


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "small.yaml").write_text(SPEC, encoding="utf-8")
    return load_plan(str(tmp_path / "small.yaml"))


def trained(plan, seeds, runs_dir, **more):
    followed = []

    def watch(seed):
        followed.append(seed)
        return Followed()

    dataset, compute = load(plan.spec.data), decide(plan)
    finished = train_seeds(plan, seeds, watch, runs_dir=runs_dir, dataset=dataset, compute=compute, **more)
    return finished, followed


def test_each_seed_is_trained_once_and_told_of(plan, tmp_path):
    told = []
    finished, followed = trained(plan, [3, 1], tmp_path / "runs", done=told.append)
    assert followed == [3, 1]
    assert told == finished
    assert [(one.result.seed, one.cached) for one in finished] == [(3, False), (1, False)]
    again, _ = trained(plan, [1, 3], tmp_path / "runs")
    assert [(one.result.seed, one.cached) for one in again] == [(1, True), (3, True)]
    fresh, _ = trained(plan, [1], tmp_path / "runs", fresh=True)
    assert not fresh[0].cached


def test_the_summary_counts_what_diverged_and_averages_the_others(plan, tmp_path):
    finished, _ = trained(plan, range(3), tmp_path / "runs")
    values = [one.result.test_accuracy for one in finished]
    summary = seeds_summary(finished, plan, 200)
    assert (summary.n, summary.diverged, summary.documented, summary.test_images) == (3, 0, 0.5, 200)
    assert summary.mean == pytest.approx(sum(values) / 3)
    lost = finished[2].result.model_copy(update={"status": "diverged"})
    last = FinishedRun(lost, finished[2].run_dir, cached=False)
    with_one_lost = seeds_summary([*finished[:2], last], plan, 200, "test_loss")
    assert (with_one_lost.n, with_one_lost.diverged, with_one_lost.documented) == (2, 1, None)
    assert with_one_lost.mean == pytest.approx(sum(one.result.test_loss for one in finished[:2]) / 2)
    with_one_lost = seeds_summary([*finished[:2], last], plan, 200)
    assert with_one_lost.mean == pytest.approx(sum(values[:2]) / 2)
