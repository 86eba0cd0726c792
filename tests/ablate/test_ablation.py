"""Ablations of the embedded digits, from start to end: designs, interruptions, failures, the cache, the storage."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import optuna
import pytest
import torch
import torch.nn.functional as F
from scipy import stats

from archsearch.ablate.ablation import all_reports, differences_of, report_on
from archsearch.ablate.jobs import MOST_TRIES, held_ablation, latest, retry
from archsearch.ablate.planned import Ablation, promise
from archsearch.ablate.record import AblationReport
from archsearch.errors import DamagedFileError, SpecError
from archsearch.study.queue import slots_of
from archsearch.study.storage import default_url, open_storage
from tests.ablate.conftest import FACTORS
from tests.faults.verified import wrong

HUGE = "  rate: {huge: [set: {train.optimizer: {sgd: {lr: 1.0e+20}}}]}\n"
SCREEN = "seeds: 3\nscreen: true\n"


def opened(runs_dir: Path, name: str = "mine") -> optuna.Study:
    return optuna.load_study(study_name=name, storage=open_storage(default_url(runs_dir)))


def timeless(report: AblationReport) -> dict:
    """Give a report without what a clock or the cache decides."""
    document = report.model_dump(mode="json", exclude={"study", "hardware"})
    document["runs"].pop("cached")
    for cell in document["cells"]:
        cell.pop("seconds")
    return document


class Enough(Exception):
    """Stands for a process that is killed."""


def stop_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let the worker die before the run after the first few."""
    from archsearch.study import network_runner

    trained, real = [0], network_runner.run

    def run(*arguments: object, **settings: object) -> object:
        if trained[0] == count:
            raise Enough("enough runs")
        trained[0] += 1
        return real(*arguments, **settings)

    monkeypatch.setattr(network_runner, "run", run)


def test_one_factor_at_a_time_gives_the_paired_numbers_of_the_runs(planned, run_ablation, tmp_path) -> None:
    report = run_ablation(planned(FACTORS + "control: true\n"))
    runs = {(t.user_attrs["cell"], t.user_attrs["pair"]): t for t in slots_of(opened(tmp_path / "runs")).values()}
    value = {key: trial.user_attrs["result"]["test_accuracy"] for key, trial in runs.items()}
    tanh, wide, control = report.effects
    d = [value["activation=tanh", seed] - value["baseline", seed] for seed in range(10)]
    assert tanh.differences == tuple(d)
    assert tanh.ci95 == pytest.approx(tuple(stats.ttest_1samp(d, 0).confidence_interval(0.95)))
    assert [effect.comparisons for effect in report.effects] == [3, 3, 3]
    assert wide.verdict == "better"
    assert wide.sentence.startswith("width=x2 instead of tiny: +")
    assert control.differences == tuple(value["control", seed] - value["baseline", seed] for seed in range(10))
    # the control's pairs are the baseline on seeds 10 to 19
    assert [runs["control", seed].user_attrs["run_seed"] for seed in range(10)] == list(range(10, 20))
    assert report.complete
    assert (report.runs.planned, report.runs.completed, report.test_reads) == (40, 40, 40)
    assert report.cells[0].mean == pytest.approx(statistics.fmean(value["baseline", seed] for seed in range(10)))
    assert AblationReport.model_validate_json(report.model_dump_json()) == report


def test_factors_and_seed_are_parameters_of_the_trials(planned, run_ablation, tmp_path) -> None:
    run_ablation(planned(FACTORS + SCREEN))
    study = opened(tmp_path / "runs")
    assert study.metric_names == ["test_accuracy"]
    assert [trial.params for trial in study.trials[:3]] == [
        {"activation": "baseline", "width": "baseline", "seed": 0},
        {"activation": "tanh", "width": "baseline", "seed": 0},
        {"activation": "baseline", "width": "x2", "seed": 0},
    ]
    assert study.trials[0].distributions["width"] == optuna.distributions.CategoricalDistribution(("baseline", "x2"))


def test_models_are_compared_seed_by_seed_as_another_question(planned, run_ablation, tmp_path) -> None:
    report = run_ablation(planned(FACTORS + SCREEN))
    assert [(pair.name, pair.seed) for pair in report.models] == [
        (name, seed) for name in ("activation=tanh", "width=x2") for seed in range(3)
    ]
    trials = {(t.user_attrs["cell"], t.user_attrs["pair"]): t for t in slots_of(opened(tmp_path / "runs")).values()}

    def right(cell: str) -> np.ndarray:
        held = np.load(tmp_path / "runs" / trials[cell, 0].user_attrs["run_id"] / "predictions.npz")
        return held["test_outputs"].argmax(1) == held["test_labels"]

    base, level = right("baseline"), right("activation=tanh")
    only_base, only_level = int((base & ~level).sum()), int((level & ~base).sum())
    p = stats.binomtest(only_base, only_base + only_level).pvalue
    first = report.models[0]
    assert (first.only_against, first.only_level, first.p) == (only_base, only_level, pytest.approx(p))
    for path in (tmp_path / "runs").glob("*/predictions.npz"):
        path.unlink()
    without = report_on(opened(tmp_path / "runs"), tmp_path / "runs")
    assert (without.models, without.models_missing) == (
        (),
        f"6 pairs of models have no test predictions in {tmp_path / 'runs'}",
    )
    assert without.effects == report.effects


def test_screen_has_no_p_values_and_no_winner(planned, run_ablation) -> None:
    report = run_ablation(planned(FACTORS + SCREEN))
    assert {(effect.p, effect.verdict, effect.n) for effect in report.effects} == {(None, "inconclusive", 3)}
    assert all(effect.sentence.endswith("a screen: exploratory, no verdict.") for effect in report.effects)


# -- every design ------------------------------------------------------------------------------------------------------


def observed(report: AblationReport) -> dict[str, np.ndarray]:
    return {cell.name: np.array([cell.values[str(seed)] for seed in report.seeds]) for cell in report.cells}


def test_path_compares_each_step_with_the_one_before(planned, run_ablation) -> None:
    report = run_ablation(planned(FACTORS + SCREEN + "design: path\n"))
    values, both = observed(report), "activation=tanh+width=x2"
    first, second = report.effects
    assert first.differences == pytest.approx(values["activation=tanh"] - values["baseline"])
    assert second.differences == pytest.approx(values[both] - values["activation=tanh"])
    assert (second.variant, second.against) == ("then width", "activation=tanh")


def test_leave_one_out_compares_with_all_changes_made(planned, run_ablation) -> None:
    report = run_ablation(planned(FACTORS + SCREEN + "design: leave_one_out\n"))
    values, both = observed(report), "activation=tanh+width=x2"
    without_activation, without_width = report.effects
    assert without_activation.differences == pytest.approx(values["width=x2"] - values[both])
    assert without_width.differences == pytest.approx(values["activation=tanh"] - values[both])
    assert {effect.against for effect in report.effects} == {both}


@pytest.mark.parametrize("design", ["full_factorial", "fractional_factorial"])
def test_factorial_effects_are_those_of_the_linear_model(planned, run_ablation, design) -> None:
    third = "  kernel: {two: [set: {conv1.kernel_size: 2}]}\n"
    resolution = "resolution: 3\n" if design == "fractional_factorial" else ""
    report = run_ablation(planned(FACTORS + third + SCREEN + f"design: {design}\n{resolution}"))
    assert len(report.cells) == (8 if design == "full_factorial" else 4)
    terms = {term.name: term for term in report.model.terms}
    assert {e.variant: e.mean_difference for e in report.effects} == pytest.approx(
        {name: term.estimate for name, term in terms.items()}
    )
    values = observed(report)
    with_, without = (
        np.mean([of for name, of in values.items() if ("width=x2" in name) is moved], axis=0) for moved in (True, False)
    )
    width = next(effect for effect in report.effects if effect.variant == "width")
    assert width.differences == pytest.approx(with_ - without)
    assert width.mean == pytest.approx(with_.mean())
    interactions = [effect for effect in report.effects if ":" in effect.variant]
    assert {effect.mean for effect in interactions} <= {None}
    if design == "fractional_factorial":
        assert terms["width"].aliases == ("activation:kernel",)
        assert "cannot be told apart from activation:kernel" in width.notes[-1]
    else:
        assert len(interactions) == 3


def test_shapley_shares_add_up_and_are_judged(planned, run_ablation) -> None:
    report = run_ablation(planned(FACTORS + SCREEN + "design: shapley\n"))
    values, both = observed(report), "activation=tanh+width=x2"
    whole, activation, width = report.effects
    assert whole.differences == pytest.approx(values[both] - values["baseline"])
    by_hand = ((values["width=x2"] - values["baseline"]) + (values[both] - values["activation=tanh"])) / 2
    assert width.differences == pytest.approx(by_hand)
    assert np.add(activation.differences, width.differences) == pytest.approx(whole.differences)
    assert [share.mean for share in report.attribution.shares] == pytest.approx(
        [activation.mean_difference, width.mean_difference]
    )
    assert report.attribution.exact
    assert width.comparisons == 3


def test_variants_are_compared_and_screened(planned, run_ablation, tmp_path) -> None:
    for name, edit in (("other", "replace: {relu: tanh}"), ("third", "set: {conv1.out_channels: 8}")):
        (tmp_path / f"{name}.yaml").write_text(f"extends: tiny\nedits: [{edit}]\n")
    text = "baseline: tiny.yaml\nvariants: [other.yaml]\nscreens: {variants: [third.yaml], seeds: 2}\n"
    report = run_ablation(planned(text))
    assert [(e.variant, e.n, e.comparisons, e.p is None) for e in report.effects] == [
        ("other", 10, 1, False),
        ("third", 2, 1, True),
    ]
    assert report.runs.planned == 22
    study = opened(tmp_path / "runs")
    assert study.trials[1].params == {"variant": "other", "seed": 0}


def test_seeds_may_be_a_list_in_any_order(planned, run_ablation) -> None:
    report = run_ablation(planned(FACTORS + "seeds: [7, 3, 11]\nscreen: true\n"))
    assert report.effects[0].seeds == (7, 3, 11)


# -- once and not twice ------------------------------------------------------------------------------------------------


def test_two_interrupted_and_resumed_halves_give_the_table_of_one(planned, run_ablation, tmp_path, monkeypatch) -> None:
    ablation = planned(FACTORS + SCREEN + "control: true\n")
    whole = run_ablation(ablation, runs_dir=tmp_path / "whole")
    for count in (3, 5):
        with monkeypatch.context() as patch:
            stop_after(patch, count)
            with pytest.raises(Enough, match=r"^enough runs$"):
                run_ablation(ablation, runs_dir=tmp_path / "halves")
        monkeypatch.setattr(
            "archsearch.study.alive._dead_here", lambda owner: True
        )  # this process stands for a dead one
        part = report_on(opened(tmp_path / "halves"))
        assert not part.complete
        assert all("unfinished: no verdict" in effect.sentence for effect in part.effects if effect.n)
    halves = run_ablation(ablation, runs_dir=tmp_path / "halves")
    assert timeless(halves) == timeless(whole)
    assert halves.runs.retried == 0


def test_unfinished_ablation_has_estimates_and_no_verdicts(planned, run_ablation, tmp_path, monkeypatch) -> None:
    stop_after(monkeypatch, 6)
    with pytest.raises(Enough, match=r"^enough runs$"):
        run_ablation(planned())
    report = report_on(opened(tmp_path / "runs"))
    assert not report.complete
    assert (report.runs.completed, report.runs.running, report.runs.waiting) == (6, 1, 23)
    assert [effect.n for effect in report.effects] == [2, 2]
    assert {(effect.p, effect.verdict) for effect in report.effects} == {(None, "inconclusive")}


def test_baseline_is_trained_once_for_two_ablations(planned, run_ablation) -> None:
    first = run_ablation(planned(FACTORS + SCREEN, "first"))
    other = FACTORS.replace("  width: {x2: [set: {conv1.out_channels: 8}]}\n", "").replace("tanh", "gelu")
    second = run_ablation(planned(other + SCREEN, "second"))
    assert (first.runs.cached, second.runs.cached, second.runs.completed) == (0, 3, 6)
    assert first.cells[0].values == second.cells[0].values


def test_finished_ablation_is_not_run_again(planned, run_ablation, monkeypatch) -> None:
    first = run_ablation(planned(FACTORS + SCREEN))
    stop_after(monkeypatch, 0)
    assert run_ablation(planned(FACTORS + SCREEN)) == first


@pytest.mark.parametrize(
    ("text", "difference"),
    [
        (FACTORS + "seeds: 12\n", r"seeds was 10 seeds \(0, 1, 2, \.\.\.\), is 12 seeds"),
        (FACTORS + "margin: 0.01\n", "margin was 0.001, is 0.01"),
        (FACTORS + "design: path\n", "design was one_at_a_time, is path"),
        (FACTORS.replace("channels: 8", "channels: 9"), "the network of the cell width=x2 is another one"),
        (FACTORS.replace("x2", "double"), "the cell width=double is new; the cell width=x2 is gone"),
        (FACTORS + "control: true\n", "the cell control is new"),
    ],
)
def test_changed_file_is_refused_with_the_difference(planned, run_ablation, text, difference) -> None:
    run_ablation(planned(), seconds=0.0)
    with pytest.raises(SpecError, match=f"^an ablation named mine exists and is another one \\(.*{difference}"):
        run_ablation(planned(text), seconds=0.0)


def test_words_of_a_file_may_change(planned, run_ablation) -> None:
    run_ablation(planned(), seconds=0.0)
    run_ablation(planned(FACTORS + "summary: Another word.\n"), seconds=0.0)


def test_study_of_another_version_is_refused(planned, run_ablation, tmp_path) -> None:
    run_ablation(planned(), seconds=0.0)
    opened(tmp_path / "runs").set_user_attr("ablation", '{"name": "mine"}')
    with pytest.raises(SpecError, match=r"^the ablation mine was written by another version of archsearch; choose"):
        run_ablation(planned())


def test_name_of_a_search_is_refused(planned, run_ablation, tmp_path) -> None:
    study = optuna.create_study(study_name="mine", storage=open_storage(default_url(tmp_path / "runs")))
    study.set_user_attr("kind", "search")
    with pytest.raises(SpecError, match=r"^mine exists and is no ablation; choose another name with --name"):
        run_ablation(planned())


def test_report_is_made_from_the_storage_alone(planned, run_ablation, tmp_path) -> None:
    report = run_ablation(planned(FACTORS + SCREEN))
    for path in (tmp_path / "runs").glob("*/*"):
        path.unlink()
    again = report_on(opened(tmp_path / "runs"))
    unlike = {"models", "models_missing"}
    assert again.model_dump(exclude=unlike) == report.model_dump(exclude=unlike)
    reports, trouble = all_reports(open_storage(default_url(tmp_path / "runs")))
    assert ([one.study for one in reports], trouble) == (["mine"], {})


# -- what fails --------------------------------------------------------------------------------------------------------


def test_diverged_cell_is_reported_and_never_counted_or_trained_again(planned, run_ablation, tmp_path) -> None:
    ablation = planned(FACTORS + HUGE + SCREEN)
    report = run_ablation(ablation)
    assert (report.runs.completed, report.runs.diverged, report.runs.failed) == (6 + 3, 3, 0)
    rate = report.effects[-1]
    assert (rate.variant, rate.n, rate.verdict, rate.comparisons) == ("rate=huge", 0, "inconclusive", 3)
    assert rate.with_failures is not None
    assert rate.with_failures.mean_difference == pytest.approx(0.1 - report.cells[0].mean)
    assert [(f.cell, f.outcome) for f in report.failures] == [("rate=huge", "diverged")] * 3
    assert "the loss is" in report.failures[0].reason
    assert [one.reason for one in report.exclusions] == ["failed: it has no value"] * 3
    trials = len(slots_of(opened(tmp_path / "runs")))
    assert run_ablation(ablation) == report
    assert len(slots_of(opened(tmp_path / "runs"))) == trials


def test_cell_that_diverges_in_its_last_step_is_counted_as_diverged(planned, run_ablation) -> None:
    edits = "  rate: {huge: [set: {train.batch_size: 2000, train.optimizer: {sgd: {lr: 1.0e+30}}}]}\n"
    report = run_ablation(planned(f"baseline: tiny.yaml\nfactors:\n{edits}seeds: 2\nscreen: true\n"))
    assert (report.runs.completed, report.runs.diverged) == (2, 2)
    assert report.failures[0].reason == "epoch 1: the outputs on the validation data are not finite, first in fc1"


def test_failed_run_is_tried_again_by_later_calls_up_to_a_limit(planned, run_ablation, tmp_path) -> None:
    ablation = planned(FACTORS + SCREEN)
    first = run_ablation(ablation)
    # as if the last run had failed: its kept result is damaged and the storage knows nothing of it
    study = opened(tmp_path / "runs")
    key, trial = list(latest(study).items())[-1]
    result = tmp_path / "runs" / trial.user_attrs["run_id"] / "result.json"
    good = result.read_text()
    result.write_text(good.replace("completed", "Completed"))
    for call in range(1, MOST_TRIES + 2):
        if call <= MOST_TRIES:
            with pytest.raises(DamagedFileError, match="was truncated or altered"):
                run_ablation(ablation, name="again")
        else:
            report = run_ablation(ablation, name="again")
    assert (report.runs.failed, report.runs.retried, report.runs.completed) == (1, MOST_TRIES - 1, 8)
    assert (report.failures[0].cell, report.failures[0].seed) == key
    assert report.complete
    result.write_text(good)
    assert run_ablation(ablation, name="third").cells == first.cells


def test_cell_that_is_out_of_memory_fails_and_the_others_go_on(planned, run_ablation, monkeypatch, tmp_path) -> None:
    from archsearch.study import network_runner

    real = network_runner.run

    def run(plan, **settings):
        if plan.spec.name.endswith("width-x2"):
            raise MemoryError("Unable to allocate 9 TiB")
        return real(plan, **settings)

    monkeypatch.setattr(network_runner, "run", run)
    report = run_ablation(planned(FACTORS + SCREEN))
    assert (report.runs.completed, report.runs.failed, report.complete) == (6, 3, True)
    assert {failure.reason for failure in report.failures} == {"out of memory: Unable to allocate 9 TiB"}
    monkeypatch.setattr(network_runner, "run", real)
    assert run_ablation(planned(FACTORS + SCREEN)).runs.completed == 9
    assert wrong(tmp_path / "runs") == [], "further tries are numbered far behind"


# -- sequential --------------------------------------------------------------------------------------------------------

WIDE = """\
baseline: tiny.yaml
factors:
  width: {x4: [set: {conv1.out_channels: 16}]}
  activation: {gelu: [replace: {relu: gelu}]}
seeds: {max: 10, sequential: true}
"""


def test_sequential_design_stops_what_is_decided_and_resumes_to_the_same(
    planned, run_ablation, tmp_path, monkeypatch
) -> None:
    ablation = planned(WIDE)
    report = run_ablation(ablation, runs_dir=tmp_path / "whole")
    width, activation = report.effects
    assert width.verdict == "better"
    assert width.n < 10
    assert width.p_adjusted is not None
    assert width.p_adjusted <= 0.05
    assert "group-sequential, look 1 of 2, Holm over 2: better" in width.sentence
    assert activation.n >= width.n
    assert report.complete
    assert report.runs.planned == report.runs.completed < 30
    assert len(report.cells[1].values) == width.n
    with monkeypatch.context() as patch:
        stop_after(patch, 10)
        with pytest.raises(Enough, match=r"^enough runs$"):
            run_ablation(ablation, runs_dir=tmp_path / "halves")
    monkeypatch.setattr("archsearch.study.alive._dead_here", lambda owner: True)
    assert timeless(run_ablation(ablation, runs_dir=tmp_path / "halves")) == timeless(report)


# -- several workers, prices -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_workers_give_the_same_numbers(planned, run_ablation, tmp_path) -> None:
    ablation = planned(FACTORS + SCREEN)
    two = run_ablation(ablation, runs_dir=tmp_path / "two", workers=2)
    one = run_ablation(ablation, runs_dir=tmp_path / "one")
    assert two.effects == one.effects
    assert {t.user_attrs["attempt"] for t in slots_of(opened(tmp_path / "two")).values()} == {1}


def test_spread_that_version_0_1_0_assumed_is_not_taken_as_known(planned) -> None:
    study = optuna.create_study()
    old = planned().model_copy(update={"plan": promise(planned(), 0.00066)})
    study.set_user_attr("ablation", old.model_dump_json())
    assert (held_ablation(study).plan.seed_sd, held_ablation(study).plan.smallest_effect) == (None, None)
    measured = planned().model_copy(update={"plan": promise(planned(), 0.0007)})
    study.set_user_attr("ablation", measured.model_dump_json())
    assert held_ablation(study) == measured


def test_retry_plans_nothing_for_what_completed(planned, run_ablation, tmp_path) -> None:
    run_ablation(planned(FACTORS + SCREEN))
    storage = open_storage(default_url(tmp_path / "runs"))
    study = optuna.load_study(study_name="mine", storage=storage)
    assert retry(storage, study) == 0
    assert isinstance(held_ablation(study), Ablation)


LOSSES = """\
baseline: tiny.yaml
factors: {loss: {l1: [set: {train.loss: l1}]}}
metric: test_loss
seeds: 2
screen: true
"""


def as_version_0_1_0(runs_dir: Path) -> None:
    """Make the storage that of version 0.1.0: results say by no eval_loss what their losses are, l1 has its own."""
    with sqlite3.connect(default_url(runs_dir).removeprefix("sqlite:///")) as connection:
        rows = connection.execute("SELECT trial_id, value_json FROM trial_user_attributes WHERE key = 'result'")
        for trial, text in rows.fetchall():
            result = json.loads(text)
            del result["eval_loss"]
            change = "UPDATE trial_user_attributes SET value_json = ? WHERE trial_id = ? AND key = 'result'"
            connection.execute(change, (json.dumps(result), trial))
        connection.execute("UPDATE trial_values SET value = 0.1 WHERE value = (SELECT max(value) FROM trial_values)")


def test_loss_is_cross_entropy_for_a_cell_that_was_trained_on_another(planned, run_ablation, tmp_path) -> None:
    report = run_ablation(planned(LOSSES))
    cross_entropy = [
        float(F.cross_entropy(torch.from_numpy(held["test_outputs"]), torch.from_numpy(held["test_labels"])))
        for trial in slots_of(opened(tmp_path / "runs")).values()
        if trial.user_attrs["cell"] == "loss=l1"
        for held in [np.load(tmp_path / "runs" / trial.user_attrs["run_id"] / "predictions.npz")]
    ]
    assert list(report.cells[1].values.values()) == pytest.approx(cross_entropy, rel=1e-6)
    assert report.effects[0].mean_difference > 0  # l1's own loss, about 0.1, would look better


def test_loss_of_an_older_version_counts_for_nothing_and_is_measured_anew(planned, run_ablation, tmp_path) -> None:
    before = run_ablation(planned(LOSSES))
    as_version_0_1_0(tmp_path / "runs")
    assert not report_on(opened(tmp_path / "runs")).complete
    assert set(latest(opened(tmp_path / "runs"))) == {("baseline", 0), ("baseline", 1)}
    after = run_ablation(planned(LOSSES))
    assert after.effects == before.effects
    assert (after.runs.completed, after.runs.cached) == (4, 2)


@pytest.mark.faults
@pytest.mark.slow
def test_killed_at_random_moments_gives_the_same_table(planned, run_ablation, tmp_path, data_dir) -> None:
    whole = run_ablation(planned(FACTORS + HUGE), runs_dir=tmp_path / "whole")
    command = [sys.executable, "-c", "from archsearch.cli import main; main()", "ablate", "mine.yaml", "--json"]
    command += ["--runs-dir", "killed", "--workers", "2"]
    settings = {**os.environ, "ARCHSEARCH_DATA": str(data_dir)}
    dice = random.Random(3)
    for _ in range(5):
        process = subprocess.Popen(
            command, cwd=tmp_path, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(dice.uniform(6.0, 14.0))
        process.kill()
        process.wait()
        time.sleep(2.5)  # its workers leave when they see that it is gone
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=250, check=True)
    killed = AblationReport.model_validate_json(done.stdout)
    assert killed.runs.planned == killed.runs.completed + killed.runs.diverged == 40
    assert killed.effects == whole.effects
    assert killed.runs.retried == 0


def test_loss_begun_with_a_margin_goes_on_where_none_is_said(planned) -> None:
    loss = FACTORS + "metric: test_loss\n"
    assert differences_of(planned(loss + "margin: 0.001\n"), planned(loss)) == []
    assert differences_of(planned(loss), planned(loss + "margin: 0.01\n")) == ["margin was 0.0, is 0.01"]
    assert differences_of(planned(FACTORS + "margin: 0.01\n"), planned()) == ["margin was 0.01, is 0.001"]
