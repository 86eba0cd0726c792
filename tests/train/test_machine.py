"""What is measured on this machine: finite and positive, with a row for all that a run needs; never how fast."""

from __future__ import annotations

import math

from archsearch.experiment_plan import ExperimentPlan, load_plan, plan_experiment
from archsearch.train.calibrate import seconds_of_run
from archsearch.train.doctor import examine_machine
from archsearch.train.latency import latency_ms
from tests.train.conftest import tiny


def test_seconds_of_a_run_grow_with_its_epochs() -> None:
    short = load_plan("digits_quickstart")
    spec = short.spec.model_copy(update={"train": short.spec.train.model_copy(update={"epochs": 20_000})})
    once = seconds_of_run(short, budget=0.05)
    assert math.isfinite(once)
    assert 0 < once < seconds_of_run(ExperimentPlan(spec, short.facts, short.network), budget=0.05)


def test_latency_of_a_trained_network_is_measured(train_tiny) -> None:
    finished = train_tiny()

    assert 0 < latency_ms(plan_experiment(tiny()), finished.run_dir) < math.inf


def test_doctor_has_a_line_for_what_a_run_needs_and_advice_where_it_cannot_write(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    lines = {line.name: line for line in examine_machine(runs_dir=tmp_path / "runs", data_dir=tmp_path)}
    assert {"torch", "processor", "device", "native engine", "data folder", "runs folder"} <= set(lines)
    assert lines["torchvision works"].value == "yes"
    assert lines["runs folder"].value == str(tmp_path / "runs")
