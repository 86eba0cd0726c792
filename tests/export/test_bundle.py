from __future__ import annotations

import csv
import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from archsearch.errors import DamagedFileError, UnavailableError, UsageError
from archsearch.export.archive import pack
from archsearch.export.bundle import gather, open_bundle, write_bundle
from archsearch.report.make import Where
from archsearch.train.run import run

ASSET = Path(__file__).parents[1] / "assets" / "version_0_1_0.zip"


def rewritten(path, to, change):
    """A bundle with other content and a manifest that is right for it: as one who forges would make it."""
    with zipfile.ZipFile(path) as old:
        head = json.loads(old.read("bundle.json"))
        files = {name: old.read(name) for name in head.pop("files")}
    del head["format"], head["sha256"]
    change(head, files)
    pack(to, head, files.items())
    return to


def test_bundling_twice_gives_the_same_bytes_whatever_the_file_is_called(workshop, tmp_path):
    write_bundle(gather(["small"], Where(runs_dir=workshop.runs_dir)), tmp_path / "other.zip", weights=True)
    assert (tmp_path / "other.zip").read_bytes() == workshop.bundle("small").read_bytes()


def test_a_bundle_of_runs_holds_what_the_run_directories_hold(workshop, tmp_path):
    with open_bundle(workshop.bundle(workshop.tiny)) as bundle:
        assert (bundle.head.kind, bundle.head.name) == ("runs", "tiny")
        assert sorted(one.seed for one in bundle.runs if one.name == "tiny") == [0, 1]
        for one in bundle.runs:
            folder = workshop.runs_dir / one.key
            kept = json.loads((folder / "result.json").read_text())
            assert one.result.model_dump(mode="json") == kept["result"]
            assert one.files == kept["files"]
            for name in ("predictions.npz", "model.safetensors"):
                assert bundle.archive.read(f"runs/{one.key}/{name}") == (folder / name).read_bytes()
            rows = list(csv.DictReader(bundle.archive.read(f"runs/{one.key}/history.csv").decode().splitlines()))
            losses = [json.loads(line)["val_loss"] for line in (folder / "history.jsonl").read_text().splitlines()]
            assert [float(row["val_loss"]) for row in rows] == losses
            assert [row["epoch"] for row in rows] == ["1", "2", "3"]


def test_weights_are_an_option_and_their_hash_is_always_there(workshop, tmp_path):
    write_bundle(workshop.gather(workshop.tiny), tmp_path / "a.zip")
    with open_bundle(tmp_path / "a.zip") as bundle:
        assert not [name for name in bundle.archive.names if name.endswith(".safetensors")]
        for one in bundle.runs:
            weights = (workshop.runs_dir / one.key / "model.safetensors").read_bytes()
            assert one.files["model.safetensors"] == hashlib.sha256(weights).hexdigest()


def test_a_spec_of_a_bundle_is_the_run_it_came_from(workshop, tmp_path, data_dir):
    with open_bundle(workshop.bundle(workshop.tiny)) as bundle:
        one = bundle.runs[0]
        (tmp_path / "spec.yaml").write_bytes(bundle.archive.read(f"runs/{one.key}/spec.yaml"))
    found = run(str(tmp_path / "spec.yaml"), seed=one.seed, runs_dir=workshop.runs_dir, data_dir=data_dir)
    assert (found.cached, found.result.run_id) == (True, one.key)


def test_a_bundle_of_a_search_holds_every_trial_and_its_confirmation(workshop, tmp_path):
    with open_bundle(workshop.bundle("small")) as bundle:
        study = json.loads(bundle.archive.read("study.json"))
        assert [trial["number"] for trial in study["trials"]] == list(range(8))
        assert study["objectives"] == [["maximize", "val_accuracy"]]
        confirmation = json.loads(bundle.archive.read("confirmation.json"))
        assert confirmation["kind"] == "confirm"
        stopped = {f"stopped-{t['number']}" for t in study["trials"] if t["outcome"] == "pruned"}
        assert stopped  # else this study tests nothing of them
        assert {one.key for one in bundle.runs if one.status == "stopped"} == stopped
        finished = {t["run_id"] for t in [*study["trials"], *confirmation["trials"]] if t["run_id"]}
        assert {one.key for one in bundle.runs if one.status != "stopped"} == finished
        assert bundle.archive.read("report.html").startswith(b"<!doctype html>")
        text = (b"".join(bundle.archive.read(name) for name in ("study.json", "environment.json"))).decode()
        assert "owner" not in text  # which process of which machine had a slot is nobody's business
        data = json.loads(bundle.archive.read("data.json"))
        assert len({one["fingerprint"] for one in data}) == 1
        assert sum(one["runs"] for one in data) == len(bundle.runs)


def test_a_bundle_of_an_ablation_holds_each_run_once(workshop, tmp_path):
    with open_bundle(workshop.bundle("factors")) as bundle:
        assert bundle.head.kind == "ablation"
        (ledger,) = bundle.ledgers
        assert (ledger.results, ledger.deviations) == (4, ())
        trials = json.loads(bundle.archive.read("study.json"))["trials"]
        assert sorted(one.key for one in bundle.runs) == sorted({trial["run_id"] for trial in trials})
        assert {(trial["held"]["cell"], trial["held"]["pair"]) for trial in trials} == {
            ("baseline", 0),
            ("baseline", 1),
            ("activation=tanh", 0),
            ("activation=tanh", 1),
        }


def test_the_lock_names_the_versions_that_run_here(workshop, tmp_path):
    import numpy
    import torch

    with open_bundle(workshop.bundle(workshop.tiny)) as bundle:
        lines = bundle.archive.read("requirements.txt").decode().splitlines()
        [machine] = json.loads(bundle.archive.read("environment.json"))
    assert f"numpy=={numpy.__version__}" in lines
    assert f"torch=={torch.__version__.partition('+')[0]}" in lines
    assert machine["environment"]["torch"] == torch.__version__
    assert machine["runs"] == len(bundle.runs)


def test_a_run_whose_files_are_gone_is_bundled_without_them_and_said(workshop, tmp_path):
    shutil.copytree(workshop.runs_dir, tmp_path / "runs")
    [gone] = [one for one in workshop.gather("factors").runs if one.name == "tiny" and one.seed == 0]
    shutil.rmtree(tmp_path / "runs" / gone.key)
    gathered = gather(["factors"], Where(runs_dir=tmp_path / "runs"))
    assert {one.key for one in gathered.runs} == {one.key for one in workshop.gather("factors").runs}
    there = tmp_path / "runs" / gone.key
    assert gathered.notes == (f"1 of 4 runs are bundled without predictions: the run directory {there} is not there",)
    write_bundle(gathered, tmp_path / "a.zip")
    with open_bundle(tmp_path / "a.zip") as bundle:
        [one] = [one for one in bundle.runs if one.key == gone.key]
        assert (one.result, one.files) == (gone.result, {})
        assert f"runs/{gone.key}/predictions.npz" not in bundle.archive.names


def test_files_of_another_training_of_the_same_run_stay_out(workshop, tmp_path, data_dir, monkeypatch):
    """The folder was trained again by another version: its numbers are not those that the study knows."""
    shutil.copytree(workshop.runs_dir, tmp_path / "runs")
    [baseline] = [one for one in workshop.gather("factors").runs if one.name == "tiny" and one.seed == 0]
    folder = tmp_path / "runs" / baseline.key
    shutil.rmtree(folder)
    monkeypatch.setattr("archsearch.train.loop.stream", lambda *names: 5)
    again = run(workshop.tiny, seed=0, runs_dir=tmp_path / "runs", data_dir=data_dir)
    assert again.run_dir == folder
    assert again.result.val_loss != baseline.result.val_loss
    gathered = gather(["factors"], Where(runs_dir=tmp_path / "runs"))
    assert baseline.key not in gathered.folders
    assert any("another training of it lies there" in line for line in gathered.notes)


def test_an_altered_run_directory_is_refused(workshop, tmp_path):
    one = workshop.gather(workshop.tiny).runs[0]
    shutil.copytree(workshop.runs_dir / one.key, tmp_path / one.key)
    (tmp_path / one.key / "predictions.npz").write_bytes(b"other")
    with pytest.raises(DamagedFileError, match=r"predictions\.npz was truncated or altered"):
        gather([str(tmp_path / one.key)], Where(runs_dir=tmp_path))


def test_an_unfinished_run_is_refused_and_one_among_finished_ones_is_named(workshop, tmp_path):
    one = workshop.gather(workshop.tiny).runs[0]
    shutil.copytree(workshop.runs_dir / one.key, tmp_path / one.key)
    (tmp_path / one.key / "result.json").unlink()
    with pytest.raises(UsageError, match="is not finished; archsearch run goes on with it"):
        gather([str(tmp_path / one.key)], Where(runs_dir=tmp_path))
    with pytest.raises(UsageError, match="has no finished run in"):
        gather([workshop.tiny], Where(runs_dir=tmp_path))
    other = next(x for x in workshop.gather(workshop.tiny).runs if x.seed != one.seed)
    shutil.copytree(workshop.runs_dir / other.key, tmp_path / other.key)
    gathered = gather([workshop.tiny], Where(runs_dir=tmp_path))
    assert [run.key for run in gathered.runs] == [other.key]
    assert f"tiny seed {one.seed} is not finished and stays out" in gathered.notes


def test_a_bundle_that_cannot_be_written_leaves_nothing(workshop, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match=r"file/a\.zip cannot be written"):
        write_bundle(workshop.gather(workshop.tiny), tmp_path / "file" / "a.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda head, files: head.update(kind="other"), "cannot read its runs"),
        (lambda head, files: head.update(extra=1), "cannot read its runs"),
        (lambda head, files: head.update(runs=["../../x"]), r"runs/\.\./\.\./x/run\.json is missing"),
        (lambda head, files: head.update(runs=[*head["runs"], head["runs"][0]]), "its runs are not where its manifest"),
        (lambda head, files: files.pop(f"runs/{head['runs'][0]}/run.json"), r"run\.json is missing"),
        (lambda head, files: files.update({f"runs/{head['runs'][0]}/run.json": b"{}"}), "cannot read its runs"),
        (lambda head, files: files.update({f"runs/{head['runs'][0]}/run.json": b"[" * 99_999}), "cannot read its runs"),
        (
            lambda head, files: files.update(
                {f"runs/{head['runs'][0]}/run.json": files[f"runs/{head['runs'][1]}/run.json"]}
            ),
            "its runs are not where its manifest says",
        ),
    ],
)
def test_a_bundle_that_was_made_otherwise_is_refused(workshop, tmp_path, change, reason):
    path = rewritten(workshop.bundle(workshop.tiny), tmp_path / "b.zip", change)
    with pytest.raises(DamagedFileError, match=reason), open_bundle(path):
        pass


@pytest.mark.parametrize(("name", "runs", "stopped"), [("kept_search", 15, 2), ("kept_ablation", 30, 0)])
def test_a_study_of_version_0_1_0_is_bundled(tmp_path, name, runs, stopped):
    with zipfile.ZipFile(ASSET) as archive:
        archive.extractall(tmp_path / "runs")
    write_bundle(gather([name], Where(runs_dir=tmp_path / "runs")), tmp_path / "a.zip")
    with open_bundle(tmp_path / "a.zip") as bundle:
        assert len(bundle.runs) == runs
        assert sum(one.status == "stopped" for one in bundle.runs) == stopped
        assert {one.environment["archsearch"] for one in bundle.runs if one.status != "stopped"} == {"0.1.0"}
