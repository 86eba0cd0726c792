"""Who starts workers elsewhere, and what is said where none is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsearch.cluster import placing
from archsearch.cluster.placing import Placing, workers_placed
from archsearch.cluster.visits import Visit
from archsearch.errors import UnavailableError, UsageError
from archsearch.study.storage import default_url
from archsearch.study.storage_url import sqlite_file


class Told:
    """Workers that end when they are told to."""

    def __init__(self) -> None:
        self.how: str | None = None
        self.stopped = 0

    def ended(self) -> str | None:
        return self.how

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def told(monkeypatch):
    found = Told()
    monkeypatch.setattr(placing, "_start", lambda placing, say: found)
    return found


def test_workers_that_are_all_at_their_end_end_the_call_and_are_stopped(told, url):
    with workers_placed(Placing("slurm", 2, Visit(url, "norm")), print) as check:
        check()
        told.how = "job 7: out of memory"
        with pytest.raises(UnavailableError, match=r"^no worker is left while .* to do \(job 7: out of memory\)"):
            check()
    assert told.stopped == 1


def test_workers_are_stopped_when_the_block_ends_however_it_does(told, url):
    with workers_placed(Placing("slurm", 2, Visit(url, "norm")), print) as check:
        check()
    with (
        pytest.raises(KeyboardInterrupt, match=r"^now$"),
        workers_placed(Placing("slurm", 2, Visit(url, "norm")), print),
    ):
        raise KeyboardInterrupt("now")
    assert told.stopped == 2


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"way": "dusk"}, r"^--on: unknown way 'dusk'; did you mean 'dask'\?$"),
        ({"way": "workers", "address": "tcp://x:1"}, r"^--address is that of a Dask scheduler; --on workers has none$"),
        ({"way": "workers", "options": {"gpus": "1"}}, r"^--on workers starts nothing, and has no options$"),
    ],
)
def test_what_does_not_go_together_is_said(url, asked, sentence):
    with pytest.raises(UsageError, match=sentence):
        workers_placed(Placing(workers=1, visit=Visit(url, "norm"), **asked), print).__enter__()


def test_workers_of_anybody_are_waited_for(url):
    said: list[str] = []
    for one in (url, "postgresql+psycopg://me:secret@db/x"):
        with workers_placed(Placing("workers", 1, Visit(one, "norm")), said.append) as check:
            check()
    assert said == [
        f"waiting for workers: archsearch worker norm --storage {url} on this machine: an SQLite file is for the "
        "processes of one",
        "waiting for workers: archsearch worker norm on any machine that reaches the storage",
    ]


def test_an_engine_gets_the_file_of_a_storage_whatever_characters_its_path_has(tmp_path, monkeypatch):
    got = []
    monkeypatch.setattr("archsearch.cluster.dask_tasks.start_tasks", lambda placing, say: got.append(placing) or Told())
    runs = tmp_path / "a%20b?c#d"
    with workers_placed(Placing("dask", 1, Visit(default_url(runs), "one")), print):
        pass
    assert sqlite_file(got[0].visit.url) == runs / "archsearch.db"


@pytest.mark.parametrize(
    ("place", "called"), [("kept", "{here}/kept"), ("s3://bucket/x", "s3://bucket/x"), (None, None)]
)
def test_an_engine_gets_folders_as_they_are_called_from_any_other(tmp_path, monkeypatch, place, called):
    got = []
    monkeypatch.setattr("archsearch.cluster.dask_tasks.start_tasks", lambda placing, say: got.append(placing) or Told())
    monkeypatch.chdir(tmp_path)
    visit = Visit("sqlite:///runs/a.db", "one", Path("runs"), Path("data"), artifacts=place)
    with workers_placed(Placing("dask", 1, visit), print):
        pass
    there = got[0].visit
    assert (there.url, there.runs_dir, there.data_dir, there.artifacts) == (
        f"sqlite:///{tmp_path}/runs/a.db",
        tmp_path / "runs",
        tmp_path / "data",
        called and called.format(here=tmp_path),
    )
