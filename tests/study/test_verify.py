"""verify finds what is wrong in a runs folder and its storage, repairs what can be, and deletes no result.

The folder is the one that version 0.1.0 left (`tests/assets`): two searches' worth of runs, with weights of two.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from archsearch.errors import UsageError
from archsearch.files import locked
from archsearch.study.finding import Trouble, put_aside
from archsearch.study.verify import verify
from archsearch.study.verify_runs import check_runs, run_folders
from archsearch.train.directory import RunDirectory

WHOLE, WITH_FILES, UNFINISHED = "67a41bb7e8f2d6b8", "650982c431f9d1a8", "395ada83264b8912"


def problems(found: list[Trouble]) -> list[tuple[str, str]]:
    return [(Path(one.where).name, one.problem) for one in found]


def test_what_an_older_version_left_is_well_and_nothing_is_changed(older_runs: Path) -> None:
    before = {
        path: path.stat().st_mtime_ns for path in older_runs.rglob("*") if path.suffix in (".json", ".pt", ".npz")
    }
    found = verify(older_runs)
    assert (found.studies, found.trials, found.runs, found.findings) == (3, 45, 43, [])
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert verify(older_runs, name="kept_search").studies == 2, "with its confirmation"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


Damage = Callable[[Path], None]


def rename(folder: Path) -> None:
    folder.rename(folder.with_name("0" * 16))


def swap_checkpoint(folder: Path) -> None:
    other = folder.with_name("340b3acd1c6e544a")
    saved = RunDirectory(other).progress("cpu")
    assert saved is not None
    RunDirectory(other).keep(saved)  # version 0.1.0 did not say whose it is
    shutil.copy(other / "checkpoint.pt", folder / "checkpoint.pt")


@pytest.mark.parametrize(
    ("run", "damage", "says", "done"),
    [
        (WHOLE, rename, f"holds the run {WHOLE}: it was renamed or copied", f"called {WHOLE} again"),
        (WHOLE, lambda folder: flip(folder / "run.json"), "run.json was truncated", "run.json written anew from the "),
        (WHOLE, lambda folder: (folder / "run.json").unlink(), "run.json cannot be read", "run.json written anew from"),
        (WHOLE, lambda folder: flip(folder / "result.json"), "result.json was truncated", f".damaged/{WHOLE}; "),
        (WITH_FILES, lambda folder: flip(folder / "predictions.npz"), "predictions.npz is not", "/predictions.npz"),
        (WITH_FILES, lambda folder: flip(folder / "history.jsonl"), "history.jsonl is not what", "/history.jsonl"),
        (UNFINISHED, lambda folder: flip(folder / "checkpoint.pt"), "checkpoint.pt was truncated", "removed: the run "),
        (UNFINISHED, swap_checkpoint, "checkpoint of the run 340b3acd1c6e544a", "checkpoint.pt removed"),
    ],
)  # fmt: skip
def test_damage_of_a_run_is_found_and_repaired(
    older_runs: Path,
    run: str,
    damage: Damage,
    says: str,
    done: str,
) -> None:
    if not (older_runs / run / "history.jsonl").exists():
        pytest.fail(f"{run} is not as this test wants it")
    results = {path.read_bytes() for path in older_runs.rglob("*/result.json")}
    damage(older_runs / run)
    results |= {path.read_bytes() for path in older_runs.rglob("*/result.json")}
    _, (one,) = check_runs(older_runs)
    assert says in one.problem
    assert one.mend is not None
    assert done in one.mend()
    assert check_runs(older_runs)[1] == []
    now = [path.read_bytes() for path in older_runs.rglob("result.json")]
    assert len(now) == 41, "no result is deleted, also none that is damaged"
    assert set(now) <= results


def test_folder_called_back_where_another_is_goes_aside(older_runs: Path) -> None:
    shutil.copytree(older_runs / WHOLE, older_runs / ("0" * 16))
    _, (one,) = check_runs(older_runs)
    assert one.mend is not None
    assert one.mend() == f"moved to {older_runs / '.damaged' / ('0' * 16)}"
    (older_runs / "again").mkdir()
    assert put_aside(older_runs, older_runs / "again") == f"moved to {older_runs / '.damaged' / 'again'}"
    (older_runs / "again").mkdir()
    assert put_aside(older_runs, older_runs / "again") == f"moved to {older_runs / '.damaged' / 'again.2'}"


def test_run_that_is_being_trained_is_left_alone(older_runs: Path) -> None:
    flip(older_runs / UNFINISHED / "checkpoint.pt")
    with locked(older_runs / UNFINISHED / ".lock"):
        assert check_runs(older_runs) == (43, [])
    assert older_runs / UNFINISHED in run_folders(older_runs)


def change(older_runs: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(older_runs / "archsearch.db")) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


TRIAL = "(SELECT trial_id FROM trials JOIN studies USING (study_id) WHERE study_name = 'kept_search' AND number = 0)"
SET = "UPDATE trial_user_attributes SET value_json ="
OF_IT = f"trial_id = {TRIAL}"


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (f"UPDATE trial_values SET value = 0.875 WHERE {OF_IT}", "counts val_accuracy 0.875, and its record says "),
        (f"DELETE FROM trial_user_attributes WHERE {OF_IT} AND key = 'result'", "is counted and carries no run"),
        (f"{SET} '99' WHERE {OF_IT} AND key = 'seed'", " with seed 99, "),
        (f"{SET} '1' WHERE {OF_IT} AND key = 'slot'", "slot 1 was planned 2 "),
        (
            f"{SET} replace(value_json, '\"val_accuracy\": 0', '\"val_accuracy\": 1')"
            f" WHERE {OF_IT} AND key = 'result'", "its record says val_accuracy 1",
        ),
        (f"{SET} '{{' WHERE {OF_IT} AND key = 'result'", "(JSONDecodeError: "),
        (f"UPDATE trials SET state = 'NONE' WHERE {OF_IT}", "what it holds cannot be read (LookupError: "),
        (f"UPDATE trial_params SET distribution_json = '[]' WHERE {OF_IT}", "what it holds cannot be read ("),
        ("DELETE FROM study_user_attributes WHERE key = 'identity'", "lacks some of what it was made of"),
    ],
)  # fmt: skip
def test_damage_in_the_storage_is_found(older_runs: Path, statement: str, problem: str) -> None:
    change(older_runs, statement)
    found = verify(older_runs).findings
    assert any(problem in one.problem for one in found), problems(found)
    assert all("kept_search" in one.where for one in found)


def test_slot_of_a_dead_worker_waits_again(older_runs: Path) -> None:
    change(older_runs, f"UPDATE trials SET state = 'RUNNING' WHERE {OF_IT}")
    owner = json.dumps({"host": "elsewhere/", "pid": os.getpid(), "started": "1"})
    change(older_runs, f"{SET} ? WHERE {OF_IT} AND key = 'owner'", owner)
    assert verify(older_runs).findings == [], "of another machine one look says nothing"
    from archsearch.study.alive import this_process

    owner = json.dumps({**this_process(), "started": "1"})
    change(older_runs, f"{SET} ? WHERE {OF_IT} AND key = 'owner'", owner)
    found = verify(older_runs, writing=True)
    assert problems(found.findings) == [("study kept_search, trial 0", "is held by a worker that is dead")]
    assert [done for _, done in found.repair()] == ["1 of kept_search waits again"]
    assert verify(older_runs).findings == []


def test_study_or_folder_that_is_not_there_is_a_usage_error(older_runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^no study 'other' in this storage \(.*kept_search.*\)$"):
        verify(older_runs, name="other")
    with pytest.raises(UsageError, match=r"^there is no folder .*nowhere; --runs-dir names another"):
        verify(tmp_path / "nowhere")
