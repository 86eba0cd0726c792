"""Slots: each taken by one worker, none lost when a worker dies, each counted once."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.errors import UnavailableError, UsageError
from archsearch.study import alive, queue
from archsearch.study.alive import Watchdog
from archsearch.study.calls import Calls
from archsearch.study.queue import Slot, add_slots, give_back, is_ours, requeue_dead, slots_of, take
from archsearch.study.storage import open_storage

SLOTS = 60


def states(study) -> list[str]:
    return [trial.state.name for trial in study.get_trials(deepcopy=False)]


def test_slots_are_added_once_and_keep_their_parameters(opened):
    _, storage, study = opened
    assert add_slots(storage, study, [Slot(0, {"x": 3}), Slot(1)]) == 2
    assert add_slots(storage, study, [Slot(0), Slot(1), Slot(2)]) == 1
    trials = slots_of(study)
    assert sorted(trials) == [0, 1, 2]
    assert trials[0].system_attrs["fixed_params"] == {"x": 3}


def test_slots_are_taken_in_order_and_then_there_is_none(opened):
    _, storage, study = opened
    add_slots(storage, study, [Slot(0), Slot(1)])
    taken = [take(storage, study) for _ in range(3)]
    assert [trial and trial.number for trial in taken] == [0, 1, None]
    assert states(study) == ["RUNNING", "RUNNING"]
    assert is_ours(storage, taken[0])


def test_a_slot_given_back_waits_again_with_its_parameters(opened):
    _, storage, study = opened
    add_slots(storage, study, [Slot(0), Slot(1)])
    first = take(storage, study)
    x = first.suggest_float("x", 0, 1)
    give_back(storage, first)
    assert states(study) == ["WAITING", "WAITING"]
    assert not is_ours(storage, first)
    again = take(storage, study)
    assert again.number == 0
    assert again.suggest_float("x", 0, 1) == x


def test_a_slot_whose_worker_died_waits_again_and_the_late_worker_is_told(opened, monkeypatch):
    _, storage, study = opened
    add_slots(storage, study, [Slot(0)])
    late = take(storage, study)
    monkeypatch.setattr(alive, "_dead_here", lambda owner: True)
    assert requeue_dead(storage, study, Watchdog()) == 1
    assert requeue_dead(storage, study, Watchdog()) == 0
    assert not is_ours(storage, late)
    assert states(study) == ["WAITING"]
    assert slots_of(study)[0].user_attrs["attempts"] == 2


def test_a_slot_that_kills_its_workers_fails_in_the_end(opened, monkeypatch):
    _, storage, study = opened
    monkeypatch.setattr(alive, "_dead_here", lambda owner: True)
    monkeypatch.setattr(queue, "MOST_DEATHS", 3)
    add_slots(storage, study, [Slot(0)])
    for _ in range(3):
        assert take(storage, study) is not None
        requeue_dead(storage, study, Watchdog())
    assert states(study) == ["FAIL"]
    assert take(storage, study) is None


def test_a_living_worker_keeps_its_slot(opened):
    _, storage, study = opened
    add_slots(storage, study, [Slot(0)])
    take(storage, study)
    assert requeue_dead(storage, study, Watchdog()) == 0
    assert states(study) == ["RUNNING"]


def test_a_worker_elsewhere_is_dead_when_its_heart_stops_by_our_own_clock(opened, monkeypatch):
    _, storage, study = opened
    monkeypatch.setattr(alive, "_dead_here", lambda owner: None)
    clock = [1000.0]
    add_slots(storage, study, [Slot(0)])
    trial = take(storage, study)
    watchdog = Watchdog(lambda: clock[0])
    for beat in range(3):
        trial.set_user_attr("beat", beat)
        assert requeue_dead(storage, study, watchdog) == 0
        clock[0] += alive.GRACE_SECONDS - 1
    assert requeue_dead(storage, study, watchdog) == 0
    clock[0] += 2
    assert requeue_dead(storage, study, watchdog) == 1


def _take_all(url: str, name: str, path: str) -> None:
    storage = open_storage(url)
    study = optuna.load_study(study_name=name, storage=storage)
    taken = []
    while (trial := take(storage, study)) is not None:
        trial.suggest_float("x", 0, 1)
        study.tell(trial, 0.5)
        taken.append(trial.number)
    Path(path).write_text(" ".join(map(str, taken)))


def test_three_processes_take_every_slot_exactly_once(opened, tmp_path):
    url, storage, study = opened
    add_slots(storage, study, [Slot(number) for number in range(SLOTS)])
    context = multiprocessing.get_context("spawn")
    files = [tmp_path / f"taken-{n}" for n in range(3)]
    workers = [context.Process(target=_take_all, args=(url, study.study_name, str(file))) for file in files]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    taken = sorted(int(number) for file in files for number in file.read_text().split())
    assert taken == list(range(SLOTS))
    assert states(study) == ["COMPLETE"] * SLOTS


def test_sqlite_is_in_wal_mode_and_readers_do_not_block_it(url, tmp_path):
    storage = open_storage(url)
    study = optuna.create_study(study_name="s", storage=storage)
    add_slots(storage, study, [Slot(0)])
    reader = sqlite3.connect(tmp_path / "study.db")
    assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM trials").fetchall()
    trial = take(storage, study)
    assert trial is not None
    study.tell(trial, state=TrialState.PRUNED)
    reader.close()
    storage.engine.dispose()


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("nonsense", UsageError, r"^--storage: 'nonsense' is not a storage URL; use sqlite:///FILE or postgresql"),
        (
            "mysql://x/y",
            UsageError,
            r"^--storage: mysql is not supported; use sqlite:///FILE or postgresql\+psycopg://",
        ),
        (
            "sqlite://",
            UsageError,
            r"^--storage: sqlite:// names no file; a study needs one: sqlite:///runs/archsearch\.db",
        ),
        ("sqlite:////dev/null/x.db", UnavailableError, r"^the storage /dev/null/x\.db cannot be opened: "),
    ],
)
def test_storage_that_cannot_be_is_told(url, error, message):
    with pytest.raises(error, match=message):
        open_storage(url)


def test_postgres_that_is_not_there_is_unavailable():
    pytest.importorskip("psycopg")
    with pytest.raises(
        UnavailableError,
        match=r"^the storage postgresql\+psycopg://u@127\.0\.0\.1:1/d\?connect_timeout=2 cannot be reached",
    ):
        open_storage("postgresql+psycopg://u@127.0.0.1:1/d?connect_timeout=2", calls=Calls(0.0))


def test_a_file_that_is_no_database_is_unavailable(tmp_path):
    (tmp_path / "study.db").write_text("not a database, but long enough to be one" * 100)
    with pytest.raises(UnavailableError, match=r"cannot be opened: file is not a database$"):
        open_storage(f"sqlite:///{tmp_path / 'study.db'}")


def test_a_reader_neither_waits_for_a_writer_nor_blocks_it(url):
    storage = open_storage(url)
    study = optuna.create_study(study_name="s", storage=storage)
    add_slots(storage, study, [Slot(0)])
    reader = optuna.load_study(study_name="s", storage=open_storage(url, reading=True))
    with storage.engine.begin():  # holds the write lock
        assert len(reader.get_trials()) == 1
    with reader._storage.engine.begin() as reading:
        assert reading.exec_driver_sql("SELECT COUNT(*) FROM trials").scalar() == 1
        assert add_slots(storage, study, [Slot(1)]) == 1
