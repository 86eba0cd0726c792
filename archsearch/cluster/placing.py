"""Workers of a study on other machines: started by an engine that is there, watched from here.

    with workers_placed(Placing("dask", workers=4, visit=Visit(url, "lenet"), address="tcp://head:8786"), say) as check:
        ...                            # `check()` now and then: raises where none of them works any more

The state is in the storage and nowhere else: a worker, the engine, or this process may die at any time, and the same
call goes on. What is placed are visitors (`visits.py`) that wait a while for more to do, as a confirmation follows a
search. When the block ends, they are asked to stop.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Protocol

from archsearch.cluster.visits import SayLine, Visit
from archsearch.errors import UnavailableError, UsageError
from archsearch.spec.text.sentences import unknown
from archsearch.study.storage_url import sqlite_file, sqlite_url

# Each with the function that starts it, "" where that is anybody's: `archsearch worker`. Kubernetes is not among them:
# nothing is started there, see `kubernetes_job.py`.
WAYS: dict[str, str] = {"workers": "", "slurm": "slurm_jobs.start_jobs", "dask": "dask_tasks.start_tasks"}
WAIT_FOR_MORE_SECONDS = 300.0  # that a worker waits for more
_GO_ON = "nothing is lost, the same call goes on"


@dataclass(frozen=True, slots=True)
class Placing:
    """How many workers are to be placed, by which way, and what each does; `options` are the way's own."""

    way: str
    workers: int
    visit: Visit
    address: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


class PlacedWorkers(Protocol):
    """Workers that were started elsewhere."""

    def ended(self) -> str | None:
        """Say how they came to an end, where all have; None while one may still work."""

    def stop(self) -> None:
        """Ask those that are left to stop: they give their slots back."""


@contextmanager
def workers_placed(placing: Placing, say: SayLine) -> Iterator[Callable[[], None]]:
    """Start workers for the length of a block, and give what checks that some are left.

    Raises `UsageError` for an unknown way or option, or without its extra; `UnavailableError` where the engine cannot
    be reached. The check raises `UnavailableError`.
    """
    found = _start(placing, say)

    def check() -> None:
        if found is not None and (how := found.ended()) is not None:
            raise UnavailableError(f"no worker is left while there is still something to do ({how}); {_GO_ON}")

    try:
        yield check
    finally:
        if found is not None:
            found.stop()


def _start(placing: Placing, say: SayLine) -> PlacedWorkers | None:
    if placing.way not in WAYS:
        raise UsageError(f"--on: {unknown('way', placing.way, [*WAYS, 'kubernetes'])}")
    if placing.address is not None and placing.way != "dask":
        raise UsageError(f"--address is that of a Dask scheduler; --on {placing.way} has none")
    if not WAYS[placing.way]:
        if placing.options:
            raise UsageError("--on workers starts nothing, and has no options")
        say(f"waiting for workers: archsearch worker {placing.visit.study} {_where(placing.visit.url)}")
        return None
    visit = replace(_from_anywhere(placing.visit), idle_exit=WAIT_FOR_MORE_SECONDS)
    module, _, name = WAYS[placing.way].partition(".")
    start: Callable[[Placing, SayLine], PlacedWorkers] = getattr(import_module(f"archsearch.cluster.{module}"), name)
    return start(replace(placing, visit=visit), say)


def _where(url: str) -> str:
    """Say what else such a worker needs; a server's URL is not shown, as it may not be the one that others use."""
    if sqlite_file(url) is None:
        return "on any machine that reaches the storage"
    return f"--storage {shlex.quote(url)} on this machine: an SQLite file is for the processes of one"


def _from_anywhere(visit: Visit) -> Visit:
    """Name the folders of a worker as they are called from any other: it may begin in one of its own."""
    file, place = sqlite_file(visit.url), visit.artifacts
    return replace(
        visit,
        url=visit.url if file is None else sqlite_url(file.absolute()),
        runs_dir=visit.runs_dir.absolute(),
        data_dir=visit.data_dir and visit.data_dir.absolute(),
        artifacts=place if place is None or "://" in place else str(Path(place).absolute()),
    )


def needs_server(url: str, way: str) -> None:
    """Raise `UsageError` for a storage in a file, which the processes of one machine can share and no others."""
    if sqlite_file(url) is not None:
        raise UsageError(
            f"--on {way}: the storage is an SQLite file, which works for the processes of one machine only; give a "
            "server: --storage postgresql+psycopg://USER@HOST/DATABASE, or the variable ARCHSEARCH_STORAGE"
        )


def refuse_options(given: Mapping[str, str], known: Mapping[str, str], way: str) -> None:
    """Raise `UsageError` for an option that a way does not have."""
    for key in given:
        if key not in known:
            raise UsageError(f"--on-option: {unknown(f'option of {way}', key, list(known))}")
