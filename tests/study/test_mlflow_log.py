"""Runs of a study in MLflow: written once, whole, and as MLflow's own client reads them."""

from __future__ import annotations

import warnings
from datetime import datetime

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from archsearch.errors import UnavailableError
from archsearch.study.held import Ended, HeldCell, Started, slot_attributes, stored
from archsearch.study.lifecycle import make_confirmation
from archsearch.study.mlflow_log import CELL_TAG, RUN_TAG, log_named, log_study
from archsearch.study.storage import open_storage
from archsearch.study.transaction import make_study

pytest.importorskip("mlflow", reason="MLflow is not installed: pip install -e '.[mlflow]'")

NETWORK = {
    "seed": 7, "epochs": 2, "test_accuracy": 0.91, "val_accuracy": 0.8, "test_reads": 1, "name": "tiny",
    "history": [{"epoch": 1, "val_accuracy": 0.7, "lr": 0.1}, {"epoch": 2, "val_accuracy": 0.85, "lr": None}],
}  # fmt: skip
PROGRAM = {
    "metrics": {"acc": 0.5, "note": "x"},
    "seconds": 3.0,
    "history": [{"step": 10, "loss": 2.0}],
    "environment": {},
}


def add(study, number, cell, seed, record=NETWORK, state=TrialState.COMPLETE, failure=None, run_id=None):
    held = stored(Started(seed=seed, spec={})) | stored(
        Ended(
            outcome="diverged" if failure else "completed",
            run_id=run_id or f"run{number}",
            result=record,
            failure=failure,
        )
    )
    attrs = slot_attributes(number, HeldCell(cell=cell, pair=seed, run_seed=seed, retry=0)) | held
    study.add_trial(
        create_trial(
            state=state,
            value=None if failure else 0.91,
            params={"norm": "layer" if "layer" in cell else "baseline"},
            distributions={"norm": CategoricalDistribution(("baseline", "layer"))},
            user_attrs=attrs,
        )
    )


@pytest.fixture
def study(url, request):
    """A study as ours are made."""
    storage = open_storage(url)
    make_study(storage, request.node.name, [StudyDirection.MAXIMIZE], ["test_accuracy"], {"kind": "ablation"})
    return optuna.load_study(study_name=request.node.name, storage=storage)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One store for all tests, as MLflow takes seconds to make one; each has an experiment of its own."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


def runs_in(store, study):
    """What is there, by MLflow's own client."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its libraries
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=store)
        found = client.search_runs([client.get_experiment_by_name(study.study_name).experiment_id])
        return client, sorted(found, key=lambda run: run.data.tags.get("archsearch.trial", ""))


def test_a_run_has_what_was_moved_its_metrics_its_history_and_its_times(study, store):
    add(study, 0, "norm=layer", 7)
    assert (log_study(study, store).written, log_study(study, store).there) == (1, 1)
    client, (run,) = runs_in(store, study)
    assert run.data.params == {"norm": "layer", "seed": "7"}
    assert run.data.metrics == {
        "test_accuracy": 0.91, "val_accuracy": 0.8, "epochs": 2.0, "test_reads": 1.0, "lr": 0.1,
    }  # fmt: skip
    assert [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "val_accuracy")] == [
        (1, 0.7), (2, 0.85), (2, 0.8),
    ]  # fmt: skip
    tags = {name: text for name, text in run.data.tags.items() if name.startswith("archsearch.")}
    assert tags == {
        RUN_TAG: "run0", CELL_TAG: "norm=layer", "archsearch.study": study.study_name, "archsearch.trial": "0",
        "archsearch.outcome": "completed",
    }  # fmt: skip
    assert (run.info.status, run.info.run_name) == ("FINISHED", "norm=layer, seed 7")
    ended = study.trials[0].datetime_complete
    assert isinstance(ended, datetime)
    assert run.info.end_time == int(ended.timestamp() * 1000)


def test_a_programs_record_is_written_too(study, store):
    add(study, 0, "baseline", 1, PROGRAM)
    log_study(study, store)
    client, (run,) = runs_in(store, study)
    assert run.data.metrics == {"acc": 0.5, "seconds": 3.0, "loss": 2.0, "test_accuracy": 0.91}
    assert [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "loss")] == [(10, 2.0)]


def test_only_what_is_new_is_written_and_a_run_that_failed_as_one(study, store, url):
    add(study, 0, "baseline", 1)
    log_study(study, store)
    add(study, 1, "norm=layer", 1, state=TrialState.FAIL, failure="the loss is not finite")
    study.enqueue_trial({})
    (logged,) = log_named(study.study_name, url, store)
    assert (logged.written, logged.there, logged.experiment) == (1, 1, study.study_name)
    _, (first, second) = runs_in(store, study)
    assert (first.info.status, second.info.status) == ("FINISHED", "FAILED")
    assert second.data.tags["archsearch.failure"] == "the loss is not finite"


def test_the_confirmation_of_a_search_is_an_experiment_of_its_own(study, store, url):
    confirmation = make_confirmation(study, open_storage(url), ("maximize", "test_accuracy"))
    add(study, 0, "baseline", 1)
    add(confirmation, 0, "baseline", 5)
    searched, confirmed = log_named(study.study_name, url, store)
    assert (searched.written, confirmed.written) == (1, 1)
    assert confirmed.experiment == f"{study.study_name}.confirm"
    _, (run,) = runs_in(store, confirmation)
    assert run.data.params["seed"] == "5"


def test_one_run_in_two_cells_is_written_for_each(study, store):
    add(study, 0, "baseline", 1)
    add(study, 1, "norm=layer", 1, run_id="run0")
    assert [log_study(study, store).written for _ in range(2)] == [2, 0]


def test_a_run_whose_writing_was_interrupted_is_written_again(study, store, monkeypatch):
    add(study, 0, "baseline", 1)
    from mlflow.tracking import MlflowClient

    def broken(*arguments, **settings):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_terminated", broken)
        with pytest.raises(UnavailableError, match=r"--log mlflow: the MLflow store .*: No space left on device"):
            log_study(study, store)
    assert log_study(study, store).written == 1
    _, runs = runs_in(store, study)
    assert [run.info.status for run in runs] == ["FINISHED"]


def test_a_long_history_goes_in_parts_and_odd_names_are_written_with_signs_that_mlflow_takes(study, store):
    long = {"history": [{"epoch": n, "a(b)": float(n)} for n in range(1, 1203)], "test_accuracy": 0.9}
    add(study, 0, "baseline", 1, long)
    log_study(study, store)
    client, (run,) = runs_in(store, study)
    history = client.get_metric_history(run.info.run_id, "a_b_")
    assert sorted(m.step for m in history) == list(range(1, 1203))


def test_what_is_not_finite_is_not_written(study, store):
    add(study, 0, "baseline", 1, {"test_accuracy": 0.9, "loss": float("inf"), "flag": True})
    log_study(study, store)
    _, (run,) = runs_in(store, study)
    assert run.data.metrics == {"test_accuracy": 0.9}
