"""A storage that goes away: workers wait for it, nothing is lost, nothing is counted twice, nobody sees a traceback."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from archsearch.study.held import HeldTrial
from archsearch.study.storage import open_storage
from tests.faults.nothing import begin, made, reports, said
from tests.faults.verified import wrong
from tests.postgres import Server

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
RESTARTS = int(os.environ.get("ARCHSEARCH_TEST_RESTARTS", "20"))
DOWN = float(os.environ.get("ARCHSEARCH_TEST_DOWN", "15"))
STOPS = int(os.environ.get("ARCHSEARCH_TEST_STOPS", "20"))


def counted(url: str, name: str) -> dict[int | None, list[float] | None]:
    """The values of every slot of a study by number; each must be there once."""
    assert wrong(Path("nowhere"), url) == []
    storage = open_storage(url)
    trials = made(storage, name, 0).get_trials()
    storage.engine.dispose()
    slots = Counter(HeldTrial(trial).slot for trial in trials)
    assert set(slots.values()) == {1}, slots
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    return {HeldTrial(trial).slot: trial.values for trial in trials}


def wait_for(path: Path, lines: int, seconds: float = 200.0) -> list[str]:
    """The lines of a file, as soon as there are so many."""
    end = time.monotonic() + seconds
    while True:
        there = path.read_text().splitlines() if path.exists() else []
        if len(there) >= lines:
            return there
        assert time.monotonic() < end, (path, there)
        time.sleep(0.02)


def test_a_server_that_is_stopped_at_once_again_and_again(tmp_path, postgres_server: Server) -> None:
    url = postgres_server.new_database(tmp_path.name)
    storage = open_storage(url)
    made(storage, "s", 100)
    storage.engine.dispose()
    workers = [begin(url, "s", tmp_path, 0.6) for _ in range(3)]
    wait_for(tmp_path / "begun", 3)
    dice = random.Random(5)
    for _ in range(RESTARTS):
        time.sleep(dice.uniform(0.1, 1.2))
        postgres_server.stop()
        time.sleep(dice.uniform(0.0, 1.0))
        postgres_server.start()
    assert [one.wait(300) for one in workers] == [0, 0, 0], said(tmp_path)
    assert said(tmp_path) == ""
    assert counted(url, "s") == {number: [float(number)] for number in range(100)}


def test_a_server_that_is_down_for_long_is_waited_for(tmp_path, postgres_server: Server) -> None:
    url = postgres_server.new_database(tmp_path.name)
    storage = open_storage(url)
    made(storage, "s", 12)
    storage.engine.dispose()
    workers = [begin(url, "s", tmp_path, 0.6) for _ in range(2)]
    wait_for(tmp_path / "begun", 2)
    postgres_server.stop()
    late = begin(url, "s", tmp_path, 0.6)
    try:
        time.sleep(DOWN)
        assert [one.poll() for one in (*workers, late)] == [None] * 3, said(tmp_path)
    finally:
        postgres_server.start()
    assert [one.wait(300) for one in (*workers, late)] == [0, 0, 0], said(tmp_path)
    assert said(tmp_path) == ""
    assert counted(url, "s") == {number: [float(number)] for number in range(12)}


def test_a_server_that_stays_away_ends_workers_with_75_and_a_line(tmp_path, postgres_server: Server) -> None:
    url = postgres_server.new_database(tmp_path.name)
    storage = open_storage(url)
    made(storage, "s", 6)
    storage.engine.dispose()
    workers = [begin(url, "s", tmp_path, 0.6, ARCHSEARCH_STORAGE_SECONDS="2") for _ in range(2)]
    wait_for(tmp_path / "begun", 2)
    postgres_server.stop()
    try:
        workers.append(begin(url, "s", tmp_path, 0.6, ARCHSEARCH_STORAGE_SECONDS="2"))
        assert [one.wait(200) for one in workers] == [75, 75, 75], said(tmp_path)
    finally:
        postgres_server.start()
    lines = said(tmp_path).splitlines()
    assert len(lines) == 3
    assert all(line.startswith("error: the storage ") for line in lines)
    assert begin(url, "s", tmp_path, 0.6).wait(200) == 0
    assert counted(url, "s") == {number: [float(number)] for number in range(6)}


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_worker_that_sleeps_beyond_its_grace_wakes_up_late_and_goes_on(tmp_path, kind, request) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}" if kind == "sqlite" else request.getfixturevalue("postgres")
    storage = open_storage(url)
    study = made(storage, tmp_path.name, STOPS * 8)
    one, other = (begin(url, tmp_path.name, tmp_path, 0.4, machine) for machine in ("here", "there"))
    silent: list[int] = []  # slots whose runs report nothing: what they came to is told late
    stopped = 0
    try:
        while stopped < STOPS:
            before = [line for line in wait_for(tmp_path / "begun", 0) if line.endswith(f" {one.pid}")]
            while True:  # it is stopped amid a run
                mine = [line for line in wait_for(tmp_path / "begun", 0) if line.endswith(f" {one.pid}")]
                if len(mine) > len(before):
                    break
                assert one.poll() is None, said(tmp_path)
                time.sleep(0.02)
            os.kill(one.pid, signal.SIGSTOP)
            slot = int(mine[-1].split()[0])
            if kind == "sqlite" and is_locked(tmp_path / "s.db"):  # amid a transaction: nobody else can go on
                os.kill(one.pid, signal.SIGCONT)
                continue
            stopped += 1
            end = time.monotonic() + 120
            while not (trial := trial_of(study, slot)).state.is_finished():
                assert time.monotonic() < end, trial
                time.sleep(0.1)
            owner = HeldTrial(trial).owner
            assert owner is not None
            if not reports(slot) and owner["pid"] == other.pid:  # else it had told already
                silent.append(slot)
            os.kill(one.pid, signal.SIGCONT)
            assert one.poll() is None, said(tmp_path)
        assert [one.wait(300), other.wait(300)] == [0, 0], said(tmp_path)
    finally:
        for process in (one, other):
            process.kill()
            process.wait()
    assert said(tmp_path) == ""
    assert silent
    storage.engine.dispose()
    storage = open_storage(url)  # Optuna does not read a trial again that it knows as finished
    study = made(storage, tmp_path.name, 0)
    for slot in silent:  # it does not count, and is kept beside what does
        late = {"outcome": "completed", "run_id": f"run-{slot}", "values": [float(slot)]}
        assert late in HeldTrial(trial_of(study, slot)).late
    storage.engine.dispose()
    assert counted(url, tmp_path.name) == {number: [float(number)] for number in range(STOPS * 8)}


def is_locked(path: Path) -> bool:
    """Say whether somebody keeps others from writing into a database for seconds."""
    with closing(sqlite3.connect(path, timeout=3.0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
    return False


def trial_of(study: optuna.Study, slot: int) -> FrozenTrial:
    """Read the trial of a slot."""
    return next(trial for trial in study.get_trials(deepcopy=False) if HeldTrial(trial).slot == slot)
