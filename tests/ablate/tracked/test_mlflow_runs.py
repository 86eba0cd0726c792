"""The runs of an MLflow experiment, written by MLflow."""

from __future__ import annotations

import sqlite3

import pytest

from archsearch.ablate.columns import Reading
from archsearch.ablate.compare import compare
from archsearch.ablate.tracked.mlflow_runs import mlflow_runs, split_place
from archsearch.ablate.tracked.reading import read_tracked
from archsearch.ablate.tracked.rows import Tracking
from archsearch.errors import SpecError, UnavailableError, UsageError
from archsearch.study.mlflow_store import local_path, mlflow_uri

READING = Reading(variant="norm", seed="seed", value="val/acc")


@pytest.fixture
def here(mlflow_folder, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(mlflow_folder)
    return mlflow_folder


def test_the_last_value_of_each_run_and_what_failed(here, last):
    values = read_tracked("mlflow:norms", READING, Tracking())
    assert values.runs["batch"] == pytest.approx(last["batch"])
    assert values.runs["layer"].pop(3) is None
    assert values.runs["layer"] == pytest.approx(last["layer"])
    assert values.notes == (
        "without a value (failed): layer-3",
        "the last val/acc of each run stands for it; --take chooses",
    )


def test_the_largest_and_the_smallest_of_the_history(here, largest):
    values = read_tracked("mlflow:norms", READING, Tracking(take="max"))
    assert values.runs["batch"] == pytest.approx(largest["batch"])
    smallest = read_tracked("mlflow:norms", READING, Tracking(take="min")).runs["batch"]
    assert smallest == pytest.approx({seed: value - 0.25 for seed, value in largest["batch"].items()})


def test_the_learning_rate_that_moved_too_is_noted_and_the_tag_of_a_seed_is_not(here):
    values = read_tracked("mlflow:norms", READING, Tracking())
    (effect,) = compare(values, "batch", values.family()).effects
    assert effect.notes[-1] == "lr (0.1 to 0.2 in 3 of 3 pairs) moves too: the effect is not this change's alone"


def test_a_store_that_is_named(here, last, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for place in (f"{here}/mlflow.db#norms", f"sqlite:///{here}/mlflow.db#norms"):
        assert read_tracked(f"mlflow:{place}", READING, Tracking()).runs["batch"] == pytest.approx(last["batch"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{here}/mlflow.db")
    assert {run.name for run in mlflow_runs("norms")} >= {"batch-0", "layer-2"}


def test_an_unknown_experiment_and_none_that_is_named(here):
    with pytest.raises(SpecError, match=r"mlflow:norm: unknown experiment 'norm'; did you mean 'norms'\?"):
        mlflow_runs("norm")
    with pytest.raises(SpecError, match=r"mlflow: several experiments have runs; name one of another, norms"):
        mlflow_runs("")


def test_a_store_that_is_not_there_is_not_made(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=r"mlflow:norms: there is no MLflow store mlflow.db; name one with"):
        mlflow_runs("norms")
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_something_else_is_said_in_a_line(mlflow_folder, tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE runs (x INTEGER)")
    other.close()
    with pytest.raises(UnavailableError, match=r"^mlflow:.*other.db#x: the MLflow store sqlite:.*other.db: [^\n]+$"):
        mlflow_runs(f"{tmp_path}/other.db#x")


def test_which_store_is_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert mlflow_uri() == "sqlite:///mlflow.db"
    (tmp_path / "mlruns" / "1").mkdir(parents=True)
    (tmp_path / "mlruns" / "1" / "meta.yaml").write_text("name: x\n")
    assert mlflow_uri() == str(tmp_path / "mlruns")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert split_place("demo") == ("http://server:5000", "demo")
    assert split_place("http://other:1#demo") == ("http://other:1", "demo")
    assert local_path("http://server:5000") is None
    assert local_path("file:///a/b%20c").as_posix() == "/a/b c"


def test_the_password_of_a_store_is_in_no_error(tmp_path):
    with pytest.raises((UnavailableError, UsageError), match=r"^mlflow:http://me:\*\*\*@127\.0\.0\.1:1#x: ") as caught:
        mlflow_runs("http://me:hunter2@127.0.0.1:1#x")
    assert "hunter2" not in str(caught.value)
