"""Files of runs in a shared place: a folder and memory, by fsspec."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from archsearch.errors import DamagedFileError, UnavailableError, UsageError
from archsearch.study.artifacts import fetch_run, put_run
from archsearch.train.directory import RunDirectory
from archsearch.train.run import run

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install -e '.[artifacts]'")

FILES = ["history.jsonl", "model.safetensors", "predictions.npz", "result.json", "run.json"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """The folder of a run."""
    runs = tmp_path_factory.mktemp("made")
    spec = {
        "name": "tiny",
        "data": {"name": "digits", "limit": 20, "validation": 20},
        "network": ["flatten", {"linear": {"out_features": "classes"}}],
        "train": {"epochs": 1, "device": "cpu"},
    }
    from archsearch.experiment_plan import plan_experiment
    from archsearch.spec.experiment import ExperimentSpec

    plan = plan_experiment(ExperimentSpec.model_validate(spec))
    return run(plan, seed=0, runs_dir=runs, data_dir=data_dir).run_dir


@pytest.fixture(params=["folder", "folder as a URL", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "memory":
        return f"memory://{tmp_path.name}/shared"
    return str(tmp_path / "a b") if request.param == "folder" else f"file://{tmp_path}/shared/"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def test_a_run_that_was_put_away_comes_back_as_it_was(finished, place, tmp_path):
    where = put_run(finished, place)
    assert where == f"{place.rstrip('/')}/{finished.name}"
    filesystem, root = fsspec.core.url_to_fs(where)
    assert sorted(name.rpartition("/")[2] for name in filesystem.find(root)) == FILES
    fetched = fetch_run(finished.name, place, tmp_path / "runs")
    assert fetched == tmp_path / "runs" / finished.name
    assert contents(fetched) == contents(finished)
    assert put_run(fetched, place) == where  # a second time it is there already
    without = fetch_run(finished.name, place, tmp_path / "report", weights=False)
    assert sorted(contents(without)) == [name for name in FILES if name != "model.safetensors"]
    assert RunDirectory(without).result() == RunDirectory(finished).result()


def test_a_run_whose_copying_was_cut_short_is_not_there(finished, tmp_path):
    place = tmp_path / "shared"
    put_run(finished, str(place))
    (place / finished.name / "result.json").unlink()  # the last to be written
    assert fetch_run(finished.name, str(place), tmp_path / "runs") is None
    assert fetch_run("0" * 16, str(place), tmp_path / "runs") is None
    put_run(finished, str(place))
    assert fetch_run(finished.name, str(place), tmp_path / "runs") is not None


@pytest.mark.parametrize("name", ["model.safetensors", "predictions.npz", "history.jsonl", "result.json"])
def test_files_that_were_altered_there_are_not_taken(finished, tmp_path, name):
    place = tmp_path / "shared"
    put_run(finished, str(place))
    file = place / finished.name / name
    file.write_bytes(file.read_bytes()[:-2] + b"x\n")
    with pytest.raises(DamagedFileError, match=rf"^the files in .*shared/{finished.name} were truncated or altered"):
        fetch_run(finished.name, str(place), tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []


def test_another_runs_files_under_its_name_are_not_taken(finished, tmp_path):
    place = tmp_path / "shared"
    put_run(finished, str(place))
    shutil.copytree(place / finished.name, place / "0123456789abcdef")
    with pytest.raises(DamagedFileError, match=r"were truncated or altered, or are another run's$"):
        fetch_run("0123456789abcdef", str(place), tmp_path / "runs")


@pytest.mark.parametrize(
    ("place", "error", "sentence"),
    [
        ("nowhere://x", UsageError, r"^--artifacts nowhere://x: "),
        ("/dev/null/x", UnavailableError, r"^--artifacts /dev/null/x cannot be used: "),
        ("nowhere://me:hunter2@host/x", UsageError, r"^--artifacts nowhere://me:\*\*\*@host/x: "),
    ],
)
def test_a_place_that_cannot_be_used_is_said_in_a_line(finished, place, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        put_run(finished, place)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_without_the_extra_it_is_one_sentence(finished, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"fsspec is an extra; install it with pip install 'archsearch\[artifacts\]'$"):
        put_run(finished, str(tmp_path))
