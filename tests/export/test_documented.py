from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score

from archsearch.cli.console.runs import RunBar
from archsearch.data.prepare import load
from archsearch.errors import SpecError, UsageError
from archsearch.experiment_plan import load_spec
from archsearch.export.documented import documented_specs, markdown_of, plan_reproductions, reproduced
from archsearch.stats.over_seeds import documented_words, summarise
from archsearch.train.run import run
from archsearch.train.seeds import train_seeds

TINY = """\
name: tiny
data: {name: digits, limit: 20, validation: 40}
network:
  - flatten
  - linear: {out_features: classes}
train: {epochs: 1, batch_size: 32, device: cpu, engine: torch}
documented: {test_accuracy: 0.5}
"""


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return str(path)


def test_every_shipped_spec_with_a_documented_value_is_found():
    assert documented_specs() == [
        "lenet5",
        "lenet_best",
        "lenet_conv4",
        "lenet_conv4_relu",
        "lenet_fc4",
        "lenet_l1",
        "lenet_relu",
    ]


def test_a_broken_spec_beside_hides_no_other(tmp_path, monkeypatch):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "broken.yaml").write_text("name: [")
    (tmp_path / "specs" / "mine.yaml").write_text(TINY.replace("name: tiny", "name: mine"))
    monkeypatch.chdir(tmp_path)
    assert "mine" in documented_specs()
    assert "broken" not in documented_specs()


def test_plan_counts_what_is_kept_and_times_what_is_not(tiny, tmp_path):
    asked = []

    def measure(plan):
        asked.append(plan.name)
        return 7.0

    [first] = plan_reproductions([tiny], range(3), tmp_path / "runs", measure)
    assert (first.to_run, first.kept, first.seconds_left, first.seconds_from) == (3, 0, 21.0, "timed batches")
    run(tiny, seed=1, runs_dir=tmp_path / "runs")
    run(tiny, seed=9, runs_dir=tmp_path / "runs")  # tells how long one takes, and is none of ours
    [second] = plan_reproductions([tiny], range(3), tmp_path / "runs", measure)
    assert (second.to_run, second.kept, second.seconds_from) == (2, 1, "2 kept runs")
    assert asked == ["tiny"]
    [fresh] = plan_reproductions([tiny], range(3), tmp_path / "runs", measure, fresh=True)
    assert fresh.to_run == 3


def test_a_run_that_never_read_the_test_set_is_still_to_be_run(tiny, tmp_path):
    run(tiny, seed=0, runs_dir=tmp_path / "runs", read_test="never")
    [planned] = plan_reproductions([tiny], range(1), tmp_path / "runs", lambda plan: 1.0)
    assert planned.to_run == 1


def test_specs_come_the_shortest_first(tiny, tmp_path):
    longer = tmp_path / "longer.yaml"
    longer.write_text(TINY.replace("name: tiny", "name: longer").replace("epochs: 1", "epochs: 5"))
    planned = plan_reproductions([str(longer), tiny], range(2), tmp_path, lambda plan: float(plan.spec.train.epochs))
    assert [one.plan.name for one in planned] == ["tiny", "longer"]


def test_a_spec_without_a_documented_value_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(UsageError, match=r"^digits_quickstart: no documented value .* --seeds 4$"):
        plan_reproductions(["digits_quickstart"], range(4), tmp_path, lambda plan: 1.0)


def test_what_came_out_is_every_seed_and_their_summary(tiny, tmp_path):
    [planned] = plan_reproductions([tiny], range(2), tmp_path / "runs", lambda plan: 1.0)
    dataset = load(planned.plan.spec.data)
    told = []
    finished = train_seeds(
        planned.plan,
        planned.seeds,
        lambda seed: RunBar(planned.plan, seed),
        runs_dir=tmp_path / "runs",
        dataset=dataset,
        compute=planned.compute,
        done=told.append,
    )
    [found] = reproduced(planned, finished, 200)
    assert told == finished
    values = [one.result.test_accuracy for one in finished]
    assert found.values == {"0": values[0], "1": values[1]}
    assert found.summary.mean == pytest.approx(sum(values) / 2)
    assert found.sentence.startswith("tiny: the documented 50.00 % lies ")
    text = markdown_of([found], "archsearch reproduce tiny --seeds 2")
    head, rule, row = text.splitlines()[:3]
    assert head.count("|") == rule.count("|") == row.count("|") == 10
    assert f"- `tiny`: 0: {100 * values[0]:.2f}, 1: {100 * values[1]:.2f}" in text.splitlines()
    assert "    archsearch reproduce tiny --seeds 2" in text.splitlines()


def test_one_completed_run_says_nothing_of_the_documented_value(tiny, tmp_path):
    [planned] = plan_reproductions([tiny], range(1), tmp_path / "runs", lambda plan: 1.0)
    [found] = reproduced(planned, [run(tiny, seed=0, runs_dir=tmp_path / "runs")], 200)
    assert found.sentence == "tiny: one run only completed, so nothing can be said of the documented value."
    assert "| 50.00 % | 1 |" in markdown_of([found], "x")


def test_any_test_metric_may_be_documented(tmp_path):
    tiny = tmp_path / "f1.yaml"
    tiny.write_text(TINY.replace("{test_accuracy: 0.5}", "{test_f1_macro: 0.4}"), encoding="utf-8")
    [planned] = plan_reproductions([str(tiny)], range(2), tmp_path / "runs", lambda plan: 1.0)
    finished = [run(str(tiny), seed=seed, runs_dir=tmp_path / "runs") for seed in range(2)]
    [found] = reproduced(planned, finished, 200)
    expected = {}
    for one in finished:
        with np.load(one.run_dir / "predictions.npz") as kept:
            targets, outputs = kept["test_labels"], kept["test_outputs"]
        expected[str(one.result.seed)] = f1_score(targets, outputs.argmax(axis=1), average="macro")
    assert found.values == pytest.approx(expected, rel=1e-12)
    assert found.sentence.startswith("tiny: the documented test macro F1 40.00 % lies ")
    assert markdown_of([found], "x").splitlines()[2].startswith("| `tiny`, test macro F1 | 40.00 % | 2 |")


def test_less_of_an_error_is_at_least_so_good():
    found = summarise([58.0, 61.0, 55.0], metric="test_rmse", documented=50.0)
    assert (found.documented_inside, found.documented_reached) == (True, 0)
    # Student's t with 2 degrees of freedom has F(t) = 1/2 + t / (2 sqrt(2 + t^2)); here t = -8 / (3 sqrt(4/3))
    assert found.documented_chance == pytest.approx(0.5 - 2 / math.sqrt(22), rel=1e-12)
    assert " ".join(documented_words(found)) == (
        "the documented test root mean squared error 50 lies inside the 95 % prediction interval for one more run, "
        "43.1 to 72.9; 0 of 3 seeds were at least so good, the chance of one more is 7.4 %"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{test_rmse: 3}", r"f1.yaml:7:25: test root mean squared error is no metric of classification"),
        ("{test_acuracy: 0.5}", r"documented: unknown key 'test_acuracy'; did you mean 'test_accuracy'"),
        ("{}", r"documented: names no value; write one, such as test_accuracy: 0.9753"),
        ("{test_f1_macro: 40}", r"documented.test_f1_macro: must be at most 1.0, got 40"),
    ],
)
def test_a_documented_value_that_cannot_be_is_refused_with_its_place(tmp_path, value, said):
    path = tmp_path / "f1.yaml"
    path.write_text(TINY.replace("{test_accuracy: 0.5}", value), encoding="utf-8")
    with pytest.raises(SpecError, match=said):
        load_spec(str(path))
