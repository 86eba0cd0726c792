"""clean removes leftovers, checkpoints of finished runs and unfinished runs; never a result or another's file."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from archsearch.data import store
from archsearch.data.prepare import load
from archsearch.files import locked, temporary_beside
from archsearch.spec.dataset import DataSpec
from archsearch.study.clean import Removable, removable, removed
from archsearch.study.storage import open_storage
from tests.study.test_verify import OF_IT, change

FIRST, SECOND, WHOLE = "340b3acd1c6e544a", "395ada83264b8912", "67a41bb7e8f2d6b8"


def named(found: list[Removable]) -> list[str]:
    return [one.where.name for one in found]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A data folder without any data."""
    return tmp_path / "no data"


def test_unfinished_runs_and_leftovers_go_and_results_stay(older_runs: Path, empty: Path) -> None:
    checkpoint = (older_runs / SECOND / "checkpoint.pt").read_bytes()
    (older_runs / WHOLE / "checkpoint.pt").write_bytes(checkpoint)
    (older_runs / FIRST / "notes.txt").write_text("mine")
    old, new = temporary_beside(older_runs / "report.html"), temporary_beside(older_runs / "report.html")
    for path in (old, new):
        path.write_bytes(b"12345")
    os.utime(old, (time.time() - 7200,) * 2)
    results = sorted(older_runs.rglob("result.json"))
    found = removable(older_runs, data=empty)
    assert named(found) == [old.name, FIRST, SECOND, "checkpoint.pt"]
    sizes = {one.where: one.size for one in found}
    assert sizes[old] == 5
    assert sizes[older_runs / WHOLE / "checkpoint.pt"] == len(checkpoint)
    assert sizes[older_runs / SECOND] == sum(path.stat().st_size for path in (older_runs / SECOND).iterdir())
    assert [one.stays for one in found if one.where.name == FIRST] == [("notes.txt",)]
    assert sum(map(removed, found)) == sum(sizes.values())
    assert sorted(older_runs.rglob("result.json")) == results
    assert new.exists()
    assert [path.name for path in (older_runs / FIRST).iterdir()] == ["notes.txt"]
    assert not (older_runs / SECOND).exists()
    assert removable(older_runs, data=empty) == []


def test_run_that_a_slot_waits_for_stays(older_runs: Path, empty: Path) -> None:
    """The unfinished runs are those that the search pruned; a slot that is given back waits for its run."""
    assert named(removable(older_runs, data=empty)) == [FIRST, SECOND]
    change(older_runs, "UPDATE trials SET state = 'WAITING' WHERE state = 'PRUNED'")
    assert named(removable(older_runs, data=empty)) == []
    another = f"sqlite:///{empty.parent / 'another.db'}"
    open_storage(another)
    assert named(removable(older_runs, another, data=empty)) == [], (
        "another storage does not hide the one beside the runs"
    )
    change(
        older_runs,
        f"UPDATE trial_user_attributes SET value_json = '{{\"network\": 1}}' WHERE key = 'spec' AND NOT {OF_IT}",
    )
    assert named(removable(older_runs, data=empty)) == [], (
        "where a slot cannot be read nobody can say what it waits for"
    )


def test_nothing_is_followed_or_taken_from_under_a_process(older_runs: Path, empty: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (older_runs / FIRST).rename(elsewhere)
    (older_runs / FIRST).symlink_to(elsewhere, target_is_directory=True)
    (older_runs / temporary_beside(older_runs / "x").name).symlink_to(elsewhere / "run.json")
    with locked(older_runs / SECOND / ".lock"):
        assert removable(older_runs, data=empty) == []
    (one,) = removable(older_runs, data=empty)
    with locked(older_runs / SECOND / ".lock"):
        assert removed(one) == 0
    shutil.copy(older_runs / WHOLE / "result.json", older_runs / SECOND / "result.json")
    assert removed(one) == 0, "it has finished meanwhile"
    assert (older_runs / SECOND / "run.json").exists()
    assert len(list(elsewhere.iterdir())) > 2


def test_unfinished_program_goes_with_its_own_folder_and_what_a_link_leads_to_stays(
    tmp_path: Path, empty: Path
) -> None:
    folder = tmp_path / "runs" / "0123456789abcdef"
    (folder / "files" / "deep").mkdir(parents=True)
    (folder / "program.json").write_text("{}")
    (folder / "stdout.txt").write_text("123")
    (folder / "files" / "deep" / "a").write_text("1234567")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").write_text("mine")
    (folder / "files" / "link").symlink_to(tmp_path / "data", target_is_directory=True)
    (one,) = removable(tmp_path / "runs", data=empty)
    assert (one.where, one.size) == (folder, 12)
    assert removed(one) == 12
    assert not folder.exists()
    assert (tmp_path / "data" / "mine").read_text() == "mine"


def test_prepared_data_go_where_another_version_made_them_or_caches_are_meant(tmp_path: Path) -> None:
    load(DataSpec(name="digits", limit=5), data_dir=tmp_path)
    (folder,) = store.folders(tmp_path)
    leftover = temporary_beside(folder)
    leftover.mkdir()
    (leftover / "x_train.npy").write_bytes(b"123")
    foreign = folder.with_name("mine")
    foreign.mkdir()
    (foreign / "meta.json").write_text("{}")
    assert removable(tmp_path / "runs", data=tmp_path) == []
    os.utime(leftover, (time.time() - 90_000,) * 2)
    assert named(removable(tmp_path / "runs", data=tmp_path)) == [leftover.name]
    assert named(removable(tmp_path / "runs", data=tmp_path, caches=True)) == [leftover.name, folder.name]
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(meta | {"preparation": 0}))
    found = removable(tmp_path / "runs", data=tmp_path)
    assert [(one.where.name, one.why) for one in found[1:]] == [(folder.name, "data as another version prepared them")]
    (folder / "mine.txt").write_text("mine")
    assert removable(tmp_path / "runs", data=tmp_path)[1].parts == ()
