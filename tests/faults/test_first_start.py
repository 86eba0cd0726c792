"""Many processes that begin one study at the same moment: one study, whole, and no error in any of them."""

from __future__ import annotations

import multiprocessing
import os
import queue
from collections import Counter
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from archsearch.study.held import HeldStudy, HeldTrial, required_fields
from archsearch.study.queue import Slot, refill
from archsearch.study.storage import open_storage
from archsearch.study.transaction import replace_attr
from tests.faults.nothing import made
from tests.faults.verified import wrong
from tests.postgres import Server

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
ROUNDS = int(os.environ.get("ARCHSEARCH_TEST_STARTS", "20"))
PROCESSES = 8


def _starts(urls: list[str], barrier: Barrier, said: Any) -> None:
    """Begin the study of every URL together with the others; say what was seen, or what went wrong."""
    for url in urls:
        barrier.wait(120)
        try:
            storage = open_storage(url)
            study = made(storage, "s", 5)
            replace_attr(storage, study, "compute", None, f"by {os.getpid()}")
            refill(storage, study, 5, Slot)
            said.put((url, HeldStudy(study).compute, study.metric_names, study.directions))
            storage.engine.dispose()
        except BaseException as error:
            said.put((url, f"{type(error).__name__}: {error}", None, None))


@pytest.mark.parametrize("tables", [False, True], ids=["empty", "with tables"])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_processes_that_begin_one_study_at_once(tmp_path: Path, kind: str, tables: bool, request) -> None:
    urls = []
    for number in range(ROUNDS):
        if kind == "sqlite":
            urls.append(f"sqlite:///{tmp_path / str(number) / 's.db'}")
        else:
            server: Server = request.getfixturevalue("postgres_server")
            urls.append(server.new_database(f"{tmp_path.name}-{number}"))
        if tables:
            open_storage(urls[-1]).engine.dispose()
    context = multiprocessing.get_context("spawn")
    barrier, heard = context.Barrier(PROCESSES), context.Queue()
    processes = [context.Process(target=_starts, args=(urls, barrier, heard)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    try:
        told = [heard.get(timeout=120) for _ in range(ROUNDS * PROCESSES)]
    except queue.Empty:
        pytest.fail("a process did not answer")
    finally:
        for process in processes:
            process.join(60)
            process.kill()
    for url in urls:
        storage = open_storage(url)
        study = made(storage, "s", 5)
        held = HeldStudy(study)
        assert [one.study_name for one in storage.get_all_studies()] == ["s"]
        assert not held.lacks(required_fields("search"))
        seen = [(compute, metrics, directions) for of, compute, metrics, directions in told if of == url]
        assert seen == [(held.compute, ["val_accuracy"], study.directions)] * PROCESSES
        slots = Counter(HeldTrial(trial).slot for trial in study.get_trials())
        assert slots == dict.fromkeys(range(5), 1)
        assert sorted(trial.number for trial in study.get_trials()) == list(range(5))
        storage.engine.dispose()
        assert wrong(Path("nowhere"), url) == []
