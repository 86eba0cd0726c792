"""What a study fixes when it is opened, who may work on it, and what older storages hold: real storages and queues.

Other machines are this one with another answer to "which devices are there" and "is there a native engine".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from archsearch.ablate.ablation import ablate, open_ablation, report_on
from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.planned import Ablation, plan_ablation
from archsearch.data import prepare
from archsearch.errors import UnavailableError, UsageError
from archsearch.experiment_plan import plan_experiment
from archsearch.native import library
from archsearch.spec.experiment import ExperimentSpec
from archsearch.study import compute as study_compute
from archsearch.study import pool
from archsearch.study.compute import cell_key, fix, fixed_of
from archsearch.study.lifecycle import Settings
from archsearch.study.storage import default_url, open_storage
from archsearch.train import compute

SPEC = """\
name: tiny
data: {name: digits, limit: 10, validation: 20}
network:
  - conv2d: {out_channels: 8, kernel_size: 3}
  - relu
  - flatten
  - linear: {out_features: classes}
train: {epochs: 1, batch_size: 50}
"""
# without a native kernel: a product of branches
FILE = """\
baseline: tiny.yaml
factors:
  gate: {on: [insert: {after: conv1, layers: [parallel: {branches: [[], [sigmoid]], join: multiply}]}]}
  activation: {tanh: [replace: {relu: tanh}]}
seeds: 3
screen: true
"""


@pytest.fixture
def ablation(tmp_path: Path) -> Ablation:
    (tmp_path / "tiny.yaml").write_text(SPEC)
    (tmp_path / "mine.yaml").write_text(FILE)
    return plan_ablation(load_ablation(str(tmp_path / "mine.yaml")))


@pytest.fixture
def settings(tmp_path: Path, data_dir: Path) -> Settings:
    return Settings(runs_dir=tmp_path / "runs", data_dir=data_dir)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say which device this machine has, and whether the native engine is there; at first a CPU with it."""
    real = library.load_library()
    if real is None:
        pytest.skip("the native engine is not built")

    def become(best: str = "cpu", native: bool = True) -> None:
        def resolve(name: str) -> str:
            if name not in ("auto", "cpu", best):
                raise UsageError(f"train.device: {name} is not usable here (usable: cpu, or auto)")
            return best if name == "auto" else name

        for module in (compute, study_compute):
            monkeypatch.setattr(module, "resolve_device", resolve)
            monkeypatch.setattr(module, "load_library", lambda: real if native else None)
            monkeypatch.setattr(module, "why_missing", lambda: "not built")

    become()
    return become


def study_of(settings: Settings) -> optuna.Study:
    return optuna.load_study(study_name="mine", storage=open_storage(default_url(settings.runs_dir)))


def engines(study: optuna.Study) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for trial in study.trials:
        found.setdefault(trial.user_attrs["cell"], set()).add(trial.user_attrs["result"]["environment"]["engine"])
    return found


def opened(ablation: Ablation, settings: Settings) -> tuple[object, optuna.Study]:
    settings.runs_dir.mkdir(parents=True, exist_ok=True)
    storage = open_storage(default_url(settings.runs_dir))
    study = open_ablation(ablation, storage, "mine")
    fix(storage, study, [plan_experiment(cell.spec) for cell in ablation.cells], workers=2)
    return storage, study


def test_a_study_fixes_what_it_is_computed_with_and_says_where_two_engines_are(ablation, settings) -> None:
    report = ablate(ablation, settings)
    study = study_of(settings)
    fixed = fixed_of(study)
    assert fixed is not None
    assert (fixed.device, fixed.native) == ("cpu", True)
    plans = {cell.name: plan_experiment(cell.spec) for cell in ablation.cells}
    assert {name: fixed.cells[cell_key(plan)].engine for name, plan in plans.items()} == {
        "baseline": "native",
        "gate=on": "torch",
        "activation=tanh": "native",
    }
    dataset = prepare.load(plans["baseline"].spec.data, data_dir=settings.data_dir)
    assert list(study.user_attrs["fingerprints"].values()) == [dataset.fingerprint]
    assert [effect.n for effect in report.effects] == [3, 3]
    assert report.exclusions == ()
    assert report.notes[-1] == (
        "two engines computed the cells, by one rule over their networks (native: baseline, activation=tanh; "
        "torch: gate=on): par1 (parallel) has no native kernel"
    )


def test_a_worker_without_the_device_refuses_and_nothing_is_lost(ablation, settings, machine) -> None:
    machine("cuda")
    _, study = opened(ablation, settings)
    assert fixed_of(study).device == "cuda"
    machine("cpu")
    with pytest.raises(UnavailableError, match=r"^mine: what is left waits for another worker, as a study is") as error:
        ablate(ablation, settings)
    assert "it is computed on cuda, which is not usable here (only cpu)" in str(error.value)
    assert error.value.exit_code == 75
    states = {trial.state.name for trial in study_of(settings).trials}
    assert states == {"WAITING"}
    assert len(study_of(settings).trials) == 9
    assert not list(settings.runs_dir.glob("*/result.json"))


def test_a_worker_without_the_native_engine_takes_the_slots_that_it_can(ablation, settings, machine) -> None:
    opened(ablation, settings)
    machine(native=False)
    with pytest.raises(UnavailableError, match="the native engine, which cannot be used here: not built"):
        ablate(ablation, settings)
    by_cell: dict[str, set[str]] = {}
    for trial in study_of(settings).trials:
        by_cell.setdefault(trial.user_attrs["cell"], set()).add(trial.state.name)
    assert by_cell == {"baseline": {"WAITING"}, "activation=tanh": {"WAITING"}, "gate=on": {"COMPLETE"}}
    machine()
    report = ablate(ablation, settings)
    assert report.complete
    assert engines(study_of(settings)) == {
        "baseline": {"native"},
        "activation=tanh": {"native"},
        "gate=on": {"torch"},
    }


def test_a_study_begun_without_the_native_engine_stays_so_where_it_is(ablation, settings, machine) -> None:
    machine(native=False)
    opened(ablation, settings)
    machine()
    ablate(ablation, settings)
    assert set.union(*engines(study_of(settings)).values()) == {"torch"}


def test_another_version_of_the_data_is_refused(ablation, settings) -> None:
    _, study = opened(ablation, settings)
    study.set_user_attr("fingerprints", {study_compute.data_key(ablation.cells[0].spec.data): "f" * 64})
    with pytest.raises(UnavailableError, match=r"its data digits are another version here \(fingerprint \w{12}, not f"):
        ablate(ablation, settings)
    assert {trial.state.name for trial in study_of(settings).trials} == {"WAITING"}


def test_threads_are_kept_and_no_more_workers_start_than_there_are_cores_for(ablation, settings, monkeypatch) -> None:
    import torch

    monkeypatch.setattr(study_compute, "resources_here", lambda device, threads: compute.Resources("cpu", True, 3))
    _, study = opened(ablation, settings)
    before = torch.get_num_threads()
    monkeypatch.setattr(pool.os, "cpu_count", lambda: 8)
    assert pool._fitting(study) == 2
    ablate(ablation, settings)
    threads = {trial.user_attrs["result"]["environment"]["threads"] for trial in study_of(settings).trials}
    assert threads == {3}
    assert torch.get_num_threads() == before


def test_a_new_study_that_asks_for_what_is_not_here_is_a_mistake(tmp_path, settings, ablation) -> None:
    (tmp_path / "tiny.yaml").write_text(SPEC.replace("epochs: 1", "device: cuda, epochs: 1"))
    asks = plan_ablation(load_ablation(str(tmp_path / "mine.yaml")))
    with pytest.raises(UsageError, match=r"^train\.device: cuda is not usable here"):
        ablate(asks, settings)
    assert study_of(settings).trials == []


@pytest.mark.parametrize("layer", ["batch_norm2d", {"dropout": {"p": 0.5}}])
def test_a_study_goes_on_with_the_kernels_that_it_was_begun_with(layer, settings, ablation) -> None:
    """What a version with fewer kernels fixed says nothing of them, and networks new to it stay on torch."""
    _, study = opened(ablation, settings)
    fixed = fixed_of(study)
    assert fixed is not None
    baseline = ablation.cells[0].spec
    tree = baseline.model_dump(mode="json")
    tree["network"].insert(1, layer)
    plan = plan_experiment(ExperimentSpec.model_validate(tree))
    assert fixed.compute(plan).engine == "native"
    written = json.loads(study.user_attrs["compute"])
    del written["kernels"]
    study.set_user_attr("compute", json.dumps(written))
    before = fixed_of(study)
    assert before is not None
    row = plan.network.rows[1]
    assert before.compute(plan).engine == "torch"
    assert before.compute(plan).reason == f"{row.name} ({row.kind}) had no native kernel when the study was begun"
    assert before.compute(plan_experiment(baseline)).engine == "native"


def test_a_study_goes_on_with_the_layout_that_it_was_begun_with(settings, ablation, monkeypatch) -> None:
    """What torch computes in is fixed by the rule of the machine that begins; older studies keep the older rule."""
    monkeypatch.setattr(compute, "instructions", lambda: "avx2")
    _, study = opened(ablation, settings)
    tree = ablation.cells[0].spec.model_dump(mode="json")
    tree["train"]["engine"] = "torch"
    plan = plan_experiment(ExperimentSpec.model_validate(tree))
    monkeypatch.setattr(compute, "instructions", lambda: "avx512")
    assert fixed_of(study).compute(plan).layout == "channels_last"
    written = json.loads(study.user_attrs["compute"])
    del written["layouts"]
    study.set_user_attr("compute", json.dumps(written))
    monkeypatch.setattr(compute, "instructions", lambda: "avx2")
    assert fixed_of(study).compute(plan).layout == "contiguous_format"


# -- storages of version 0.1.0 -----------------------------------------------------------------------------------------


def forget(study: optuna.Study) -> None:
    """Take out what version 0.1.0 did not hold."""
    for key in ("compute", "fingerprints"):
        study._storage.set_study_user_attr(study._study_id, key, None if key == "compute" else {})


def alter(settings: Settings, cell: str, pair: int, **changes: object) -> None:
    """Let a run have been made elsewhere: change what a trial's result says of it."""
    import sqlite3

    with sqlite3.connect(settings.runs_dir / "archsearch.db") as connection:
        for trial in study_of(settings).trials:
            if (trial.user_attrs["cell"], trial.user_attrs["pair"]) != (cell, pair):
                continue
            result = trial.user_attrs["result"]
            if "fingerprint" in changes:
                result["data_fingerprint"] = changes["fingerprint"]
            result["environment"] |= {key: value for key, value in changes.items() if key != "fingerprint"}
            connection.execute(
                "UPDATE trial_user_attributes SET value_json = ? WHERE trial_id = ? AND key = 'result'",
                (json.dumps(result), trial._trial_id),
            )


def test_an_older_study_is_completed_by_what_its_runs_say(ablation, settings, machine) -> None:
    machine(native=False)
    ablate(ablation, settings)
    study = study_of(settings)
    forget(study)
    machine("cuda")
    storage = open_storage(default_url(settings.runs_dir))
    fixed = fix(storage, study, [plan_experiment(cell.spec) for cell in ablation.cells], workers=1)
    assert (fixed.device, fixed.native) == ("cpu", False)
    assert {one.engine for one in fixed.cells.values()} == {"torch"}
    assert len(study_of(settings).user_attrs["fingerprints"]) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device": "cuda", "engine": "torch"}, r"computed on cuda, the runs of its seed that are compared on cpu"),
        ({"engine": "torch"}, r"computed by the engine torch, not by the one that the rule gives its network"),
        ({"fingerprint": "e" * 64}, r"trained on another version of its data .* \(fingerprint eeeeeeeeeeee, not the s"),
    ],
    ids=["device", "engine", "data"],
)
def test_mixed_pairs_of_an_older_storage_are_left_out_with_the_reason(ablation, settings, changes, reason) -> None:
    import re

    ablate(ablation, settings)
    alter(settings, "activation=tanh", 1, **changes)
    forget(study_of(settings))
    report = report_on(study_of(settings))
    assert report.complete
    by_name = {effect.variant: effect for effect in report.effects}
    assert by_name["activation=tanh"].seeds == (0, 2)
    assert by_name["gate=on"].seeds == (0, 1, 2)
    [excluded] = report.exclusions
    assert (excluded.variant, excluded.seed, excluded.kind) == ("activation=tanh", 1, "mixed")
    assert re.search(reason, excluded.reason)
    assert any(note.startswith("1 run is left out, as several machines computed otherwise: ") for note in report.notes)


def test_a_whole_seed_computed_elsewhere_is_no_mixed_pair(ablation, settings) -> None:
    ablate(ablation, settings)
    for cell in ("baseline", "activation=tanh", "gate=on"):
        alter(settings, cell, 1, device="cuda", engine="torch")
        alter(settings, cell, 2, engine="torch")
    forget(study_of(settings))
    report = report_on(study_of(settings))
    assert report.exclusions == ()
    assert [effect.n for effect in report.effects] == [3, 3]


def test_the_baseline_elsewhere_leaves_out_as_few_comparisons_as_can_be(ablation, settings) -> None:
    ablate(ablation, settings)
    alter(settings, "baseline", 1, device="cuda", engine="torch")
    alter(settings, "activation=tanh", 1, device="cuda", engine="torch")
    forget(study_of(settings))
    report = report_on(study_of(settings))
    assert [(one.variant, one.seed) for one in report.exclusions] == [("gate=on", 1)]


def test_times_are_never_compared_over_two_engines(ablation, settings) -> None:
    from archsearch.ablate.jobs import latest
    from archsearch.study.mixed import left_out

    ablate(ablation, settings)
    study = study_of(settings)
    sides = [("gate=on", "baseline"), ("activation=tanh", "baseline")]
    assert left_out(study, latest(study), sides, "baseline", "test_accuracy") == {}
    apart = left_out(study, latest(study), sides, "baseline", "seconds")
    assert sorted(apart) == [("gate=on", seed) for seed in range(3)]
    assert set(apart.values()) == {"computed by the engine torch, not by native as others"}
