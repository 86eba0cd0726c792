"""Files belong to their run: what was moved in from another one, or lies behind a link, is neither used nor removed."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal

import pytest
import torch

from archsearch.errors import DamagedFileError, Interrupted, UnavailableError
from archsearch.files import sha256
from archsearch.train.directory import RunDirectory
from archsearch.train.run import run
from archsearch.train.run_files import FILES
from tests.train.conftest import tiny
from tests.train.test_run import InterruptAfter


def stopped(train_tiny, runs_dir, seed):
    """Begin a run and stop it after its second epoch; give its folder."""
    before = set(runs_dir.iterdir()) if runs_dir.is_dir() else set()
    with pytest.raises(Interrupted, match=r"epoch 2 of 3 is kept"):
        train_tiny(seed=seed, watch=InterruptAfter(2, signal.SIGINT))
    (folder,) = set(runs_dir.iterdir()) - before
    return folder


def test_checkpoint_of_another_run_is_refused_and_training_starts_anew(train_tiny, runs_dir):
    mine, other = stopped(train_tiny, runs_dir, 0), stopped(train_tiny, runs_dir, 5)
    shutil.copy(other / "checkpoint.pt", mine / "checkpoint.pt")
    said: list[str] = []
    done = run(tiny(), seed=0, runs_dir=runs_dir, say=said.append)
    assert said == [
        f"{mine / 'checkpoint.pt'} is the checkpoint of the run {other.name} and is not used: training starts anew"
    ]
    alone = run(tiny(), seed=0, runs_dir=runs_dir.parent / "alone")
    assert done.result.metrics == alone.result.metrics
    assert [record.train_loss for record in done.result.history] == [
        record.train_loss for record in alone.result.history
    ]


def rehashed(path, content):
    path.write_bytes(bytes.fromhex(sha256(content)) + content)


@pytest.mark.parametrize("wrong", ["text", "number", "keys", "weights", "records"])
def test_checkpoint_that_is_whole_and_wrong_is_damage(train_tiny, runs_dir, wrong):
    folder = stopped(train_tiny, runs_dir, 0)
    path = folder / "checkpoint.pt"
    saved = torch.load(io.BytesIO(path.read_bytes()[32:]), weights_only=True)
    if wrong == "weights":
        saved["model"] = {name: tensor[..., :1] for name, tensor in saved["model"].items()}
    changed = {"keys": {"epoch": 1}, "records": saved | {"history": [{"epoch": 1}]}, "number": 3}
    inner = io.BytesIO()
    torch.save(changed.get(wrong, saved), inner)
    rehashed(path, b"no pickle" if wrong == "text" else inner.getvalue())
    with pytest.raises(DamagedFileError, match=f"^{re.escape(str(path))} was truncated or altered and is not used; "):
        train_tiny(seed=0)


def test_finished_folder_under_another_id_is_not_answered_nor_cleared(train_tiny, runs_dir):
    mine, other = train_tiny(seed=0), train_tiny(seed=5)
    shutil.rmtree(mine.run_dir)
    other.run_dir.rename(mine.run_dir)
    for fresh in (False, True):
        with pytest.raises(DamagedFileError, match=rf" holds files of the run {other.run_dir.name}, so it was renamed"):
            train_tiny(seed=0, fresh=fresh)
    assert (mine.run_dir / "result.json").is_file()
    mine.run_dir.rename(other.run_dir)
    assert train_tiny(seed=5).cached


def test_result_of_another_run_is_not_answered(train_tiny):
    mine, other = train_tiny(seed=0), train_tiny(seed=5)
    assert FILES == ("history.jsonl", "model.safetensors", "predictions.npz")
    for name in ("result.json", *FILES):
        shutil.copy(other.run_dir / name, mine.run_dir / name)
    with pytest.raises(DamagedFileError, match=rf"result\.json is the result of the run {other.run_dir.name}, not of "):
        train_tiny(seed=0)


def test_folder_that_a_person_called_otherwise_is_still_that_run(train_tiny, tmp_path):
    one = train_tiny()
    shutil.copytree(one.run_dir, tmp_path / "my best one")
    assert RunDirectory(tmp_path / "my best one").result() == one.result


def test_whole_result_beside_a_damaged_or_absent_run_json_is_not_used(train_tiny):
    one = train_tiny()
    path = one.run_dir / "run.json"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedFileError, match=r"run\.json was truncated or altered and is not used; "):
        RunDirectory(one.run_dir).result()
    path.unlink()
    with pytest.raises(DamagedFileError, match=r"run\.json is gone, so nobody can say whose files these are; "):
        RunDirectory(one.run_dir).result()


def test_fresh_removes_what_the_run_wrote_and_nothing_else(train_tiny, tmp_path):
    one = train_tiny()
    elsewhere = tmp_path / "large disk"
    one.run_dir.rename(elsewhere)
    one.run_dir.symlink_to(elsewhere, target_is_directory=True)
    (elsewhere / "notes.txt").write_text("mine")
    (elsewhere / "pictures").mkdir()
    (elsewhere / "pictures" / "a.png").write_text("mine")
    again = train_tiny(fresh=True)
    assert not again.cached
    assert again.result.metrics == one.result.metrics
    assert sorted(entry.name for entry in elsewhere.iterdir()) == [
        ".lock", "history.jsonl", "model.safetensors", "notes.txt", "pictures", "predictions.npz", "result.json",
        "run.json",
    ]  # fmt: skip
    assert (elsewhere / "pictures" / "a.png").read_text() == "mine"


def test_link_to_a_folder_that_is_no_run_is_refused_and_left_as_it_is(train_tiny, tmp_path):
    one = train_tiny()
    shutil.rmtree(one.run_dir)
    project = tmp_path / "project"
    project.mkdir()
    (project / "model.safetensors").write_text("mine")
    one.run_dir.symlink_to(project, target_is_directory=True)
    with pytest.raises(DamagedFileError, match=r" holds model\.safetensors and no run\.json, which every run has; "):
        train_tiny(fresh=True)
    assert (project / "model.safetensors").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("name", ["run.json", "result.json", "model.safetensors"])
def test_pipe_in_place_of_a_file_is_not_waited_for(train_tiny, name):
    one = train_tiny()
    (one.run_dir / name).unlink()
    os.mkfifo(one.run_dir / name)
    with pytest.raises(UnavailableError, match=rf"{re.escape(name)} cannot be read: it is a pipe, no file$"):
        train_tiny()
