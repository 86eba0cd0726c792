"""Ablations by what no network learns: counts, sizes and times, from the file and of a finished study."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archsearch.ablate.ablation import ablate, report_on
from archsearch.ablate.ablation_file import Declared
from archsearch.ablate.judged_again import judge_again
from archsearch.ablate.planned import Ablation, plan_ablation
from archsearch.ablate.record import AblationReport
from archsearch.ablate.sensitivity import sensitivity
from archsearch.errors import SpecError, UsageError
from archsearch.study.lifecycle import Settings, existing_ablation
from archsearch.study.storage import Study, default_url, open_storage
from tests.ablate.conftest import FACTORS

# the conv of 8 instead of 4 channels, on 1x8x8: 40 more weights, 36 outputs x 9 x 4 more products, and the linear layer
# of 10 on 36 x 4 more values: 1,440 more of both; outputs of conv, relu and flatten: 3 x 144 float32
MORE = {"parameters": 40 + 1440, "macs": 1296 + 1440, "activation_memory": 4 * 3 * 144}


def opened(runs: Path) -> Study:
    return existing_ablation("mine", open_storage(default_url(runs)))


def test_what_no_seed_changes_is_told_with_one_run_and_not_tested(
    planned: Callable[..., Ablation], run_ablation: Callable[..., AblationReport], tmp_path: Path
) -> None:
    report = run_ablation(planned(FACTORS + "metric: parameters\nalso: [macs]\nseeds: 10\n"))
    assert (report.runs.completed, report.family.direction, report.family.unit) == (3, "minimize", "own")
    tanh, wide = report.effects
    assert (tanh.mean_difference, wide.mean_difference) == (0, MORE["parameters"])
    assert wide.sentence == "width=x2 instead of tiny: +1,480, the same with every seed."
    assert (wide.n, wide.p, wide.ci95, report.test_reads, report.models) == (1, None, None, 0, ())

    study, runs = opened(tmp_path / "runs"), tmp_path / "runs"
    for name in ("macs", "activation_memory"):
        again = report_on(study, runs, judge_again(study, name, runs))
        assert again.effects[1].mean_difference == MORE[name]
        assert again.chosen.endswith("the same with every seed, so it is told and not tested")
    size = report_on(study, runs, judge_again(study, "file_size", runs)).effects[1].mean_difference
    assert size == pytest.approx(4 * MORE["parameters"], abs=64)  # float32, and a header that names the shapes
    with pytest.raises(UsageError, match="mine is about parameters, which no network learns"):
        sensitivity(study, runs)


def test_latency_is_measured_in_repeats_of_one_network_of_each_cell(
    planned: Callable[..., Ablation], run_ablation: Callable[..., AblationReport], tmp_path: Path
) -> None:
    report = run_ablation(planned(FACTORS + "metric: latency_ms\nseeds: 6\nscreen: true\n"), workers=2)
    assert report.family.pairs == "repeat"
    assert "6 paired repeats" in report.effects[0].sentence
    assert (report.runs.completed, report.runs.cached) == (18, 15)  # three networks, each measured six times
    assert len({value for cell in report.cells for value in cell.values.values()}) > 3
    assert all(0 < (value or 0) < 1000 for cell in report.cells for value in cell.values.values())
    assert any(note.startswith("latency is a forward pass of one sample") for note in report.notes)

    study, runs = opened(tmp_path / "runs"), tmp_path / "runs"
    order = [trial.user_attrs["cell"] for trial in sorted(study.trials, key=lambda one: one.datetime_start)]
    rounds = [order[at : at + 3] for at in range(0, 18, 3)]
    assert all(len(set(one)) == 3 for one in rounds)  # interleaved: no cell twice before all were measured
    assert len({tuple(one) for one in rounds}) > 1  # and not always in one order
    assert report_on(study, runs, judge_again(study, "latency_ms", runs)) == report
    wide = report_on(study, runs, judge_again(study, "parameters", runs)).effects[1]
    assert (wide.n, wide.mean_difference) == (1, MORE["parameters"])
    with pytest.raises(UsageError, match=r"one run of each cell again and again: by test accuracy its pairs are one"):
        judge_again(study, "accuracy", runs)


def test_times_of_a_finished_study_are_compared_over_its_seeds(
    planned: Callable[..., Ablation], run_ablation: Callable[..., AblationReport], tmp_path: Path
) -> None:
    run_ablation(planned(FACTORS + "seeds: 3\nscreen: true\n"))
    study, runs = opened(tmp_path / "runs"), tmp_path / "runs"
    held = {
        (one.user_attrs["cell"], one.user_attrs["pair"]): one.user_attrs["result"]["seconds"] for one in study.trials
    }
    again = report_on(study, runs, judge_again(study, "seconds", runs))
    assert {(cell.name, int(seed)): value for cell in again.cells for seed, value in cell.values.items()} == held
    assert (again.effects[0].n, again.family.pairs, again.family.direction) == (3, "seed", "minimize")
    assert any("with whatever else ran on it" in note for note in again.notes)
    slow = report_on(study, runs, judge_again(study, "latency_ms", runs))
    assert [effect.n for effect in slow.effects] == [3, 3]
    for weights in runs.glob("*/model.safetensors"):
        weights.unlink()
    with pytest.raises(UsageError, match=r"no run keeps its weights in .*, so latency .ms. is not known of them"):
        judge_again(study, "latency_ms", runs)


def test_what_hangs_on_no_samples_is_not_split(
    declared: Callable[..., Declared], planned: Callable[..., Ablation]
) -> None:
    for name, title in (("macs", "multiply-accumulates"), ("latency_ms", "latency .ms.")):
        with pytest.raises(SpecError, match=rf"mine.yaml:\d+:\d+: split: {title} hangs on no samples; take split out"):
            plan_ablation(declared(FACTORS + f"metric: {name}\nsplit: {{folds: 5}}\n"))
    with pytest.raises(SpecError, match=r"direction: less of latency .ms. is better; take direction out"):
        planned(FACTORS + "metric: latency_ms\ndirection: maximize\n")


def test_latency_is_not_measured_elsewhere(planned: Callable[..., Ablation], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--on: latency .ms. is measured on this machine"):
        ablate(planned(FACTORS + "metric: latency_ms\n"), Settings(runs_dir=tmp_path / "runs", elsewhere=True))
