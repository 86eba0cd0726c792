"""What version 0.1.0 left on disk opens: a run directory, a finished search, a finished ablation.

`tests/assets/version_0_1_0.zip` is a runs folder that 0.1.0 wrote (the search and the ablation of the YAML files in it,
trained on the embedded digits by the torch engine); weights and predictions are there for two runs only.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import optuna
import pytest

from archsearch.ablate.ablation import ablate, report_on
from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.planned import plan_ablation
from archsearch.experiment_plan import plan_experiment
from archsearch.search.search import all_reports
from archsearch.search.tried import experiment_of
from archsearch.spec.experiment import ExperimentSpec
from archsearch.study.lifecycle import Settings, existing_ablation
from archsearch.study.storage import default_url, open_storage
from archsearch.train.identity import experiment_key
from archsearch.train.run import run

ASSET = Path(__file__).parent / "assets" / "version_0_1_0.zip"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The runs folder of 0.1.0, unpacked."""
    with zipfile.ZipFile(ASSET) as archive:
        archive.extractall(tmp_path / "runs")
    return tmp_path / "runs"


def test_a_kept_run_of_0_1_0_is_not_trained_again(runs: Path, data_dir: Path) -> None:
    finished = run(str(runs / "base.yaml"), seed=0, runs_dir=runs, data_dir=data_dir)
    assert finished.cached
    assert (finished.result.run_id, finished.result.test_accuracy) == ("67a41bb7e8f2d6b8", 0.43)
    assert finished.result.val_accuracy == 0.4
    assert [record.epoch for record in finished.result.history] == [1, 2, 3]


def test_a_finished_search_of_0_1_0_is_reported(runs: Path) -> None:
    [report], trouble = all_reports(open_storage(default_url(runs)))
    assert not trouble
    assert (report.study, report.trials, report.completed, report.pruned) == ("kept_search", 6, 4, 2)
    assert report.confirmed is not None
    means = {one.candidate: round(one.mean or 0.0, 4) for one in report.confirmed.candidates}
    assert means == {"baseline": 0.3333, "trial 3": 0.4411, "trial 1": 0.6222}


def test_trials_of_0_1_0_compare_with_those_of_this_version(runs: Path) -> None:
    """They name a network by another hash; what they are is the `experiment_key` all the same."""
    study = optuna.load_study(study_name="kept_search", storage=open_storage(default_url(runs)))
    for trial in study.trials:
        assert len(trial.user_attrs["network"]) == 16
        plan = plan_experiment(ExperimentSpec.model_validate(trial.user_attrs["spec"]))
        assert experiment_of(trial) == experiment_key(plan)


def test_an_opened_study_of_0_1_0_fixes_what_its_runs_were_computed_with(runs: Path, data_dir: Path) -> None:
    planned = plan_ablation(load_ablation(str(runs / "ablation.yaml")))
    report = ablate(planned, Settings(runs_dir=runs, data_dir=data_dir, name="kept_ablation"))
    assert (report.runs.completed, report.exclusions) == (30, ())
    study = optuna.load_study(study_name="kept_ablation", storage=open_storage(default_url(runs)))
    held = json.loads(study.user_attrs["compute"])
    environment = study.trials[0].user_attrs["result"]["environment"]
    assert (held["device"], held["threads"]) == (environment["device"], environment["threads"])
    assert {cell["engine"] for cell in held["cells"].values()} == {"torch"}
    assert list(study.user_attrs["fingerprints"].values()) == [study.trials[0].user_attrs["result"]["data_fingerprint"]]


def test_a_finished_ablation_of_0_1_0_has_the_same_verdicts(runs: Path) -> None:
    report = report_on(existing_ablation("kept_ablation", open_storage(default_url(runs))), runs)
    assert report.complete
    verdicts = [(e.variant, round(e.mean_difference or 0, 4), e.p_adjusted, e.verdict) for e in report.effects]
    assert verdicts == [
        ("activation=tanh", 0.1757, 4 / 1024, "better"),
        ("width=four", -0.1637, 8 / 1024, "worse"),
    ]
    assert [(pair.name, pair.seed) for pair in report.models] == [("activation=tanh", 0)]


def test_an_ablation_goes_on_from_kept_runs_of_0_1_0(runs: Path, tmp_path: Path, data_dir: Path) -> None:
    """A new storage: every run is answered from the run directories, whatever has changed in how it is written."""
    (runs / "archsearch.db").unlink()
    for kept in runs.iterdir():
        if kept.is_dir() and (kept / "result.json").is_file():
            assert json.loads((kept / "result.json").read_text())["result"]["run_id"] == kept.name
    shutil.copy(runs / "ablation.yaml", tmp_path)
    shutil.copy(runs / "base.yaml", tmp_path)
    planned = plan_ablation(load_ablation(str(tmp_path / "ablation.yaml")))
    report = ablate(planned, Settings(runs_dir=runs, data_dir=data_dir))
    assert (report.runs.completed, report.runs.cached) == (30, 30)
    assert [effect.verdict for effect in report.effects] == ["better", "worse"]
