"""Workers as tasks of a Dask cluster, by dask.distributed: each is a process that a task starts and waits for.

A task of Dask is a thread, which no signal reaches and whose number of threads is its process's; so it starts a
process (`child.py`), which ends with the Dask worker. Any scheduler will do whose workers have this environment:
LocalCluster, those of dask-jobqueue and dask-kubernetes, `dask scheduler` with `dask worker`.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from archsearch.cluster.child import written_visit
from archsearch.cluster.placing import Placing, refuse_options
from archsearch.cluster.visits import SayLine
from archsearch.errors import UnavailableError, UsageError
from archsearch.study.alive import this_process
from archsearch.study.storage_url import sqlite_file

if TYPE_CHECKING:
    from distributed import Client, Event, Future, LocalCluster

_LOOK_SECONDS = 1.0
_STOP_SECONDS = 30.0
_STARTS = 20  # of a worker's process: one that is killed so often is not killed by chance
_CHILD = "from archsearch.cluster.child import work_for_stdin; work_for_stdin()"
_OPTIONS = {"memory_limit": "of each worker of a cluster that is started here, such as 4GiB"}


class TaskOrder:
    """What a task is to do, with the machine that an SQLite storage ties it to; shown nowhere as it is.

    `quiet`: what it says has no log to go to, as its Dask worker was started in the caller's terminal.
    """

    def __init__(self, visit: dict[str, Any], host: str | None, stop: str, *, quiet: bool) -> None:
        self.visit = visit
        self.host = host
        self.stop = stop
        self.quiet = quiet

    def __repr__(self) -> str:
        return f"TaskOrder({self.visit['study']})"


def work_in_task(order: TaskOrder) -> dict[str, Any]:
    """Be a worker in a task: start a process for it, and stop it when the event of this study is set.

    Gives its trials by study, or under `error` why there are none: what a task raises Dask writes down with a
    traceback. A process that is killed is started again, a few times.
    """
    from distributed import Event

    if order.host not in (None, this_process()["host"]):
        return {"error": "the storage is an SQLite file on another machine; a server is needed"}
    stop = Event(order.stop)
    code = 0
    for _ in range(_STARTS):
        told, code = _run_child(order, stop)
        if told is not None:
            return told
    return {"error": f"a worker ended with code {code}, {_STARTS} times"}


def _run_child(order: TaskOrder, stop: Event) -> tuple[dict[str, Any] | None, int]:
    """Run a worker to its end; give what it told, None where it was killed, and its exit code."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if order.quiet else None,
        text=True,
        start_new_session=True,  # a Ctrl-C in the terminal is for the one who watches
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(order.visit) + "\n")
        process.stdin.flush()
    while process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_SECONDS)
        if not process.stdin.closed and stop.is_set():
            process.stdin.close()
    if process.stdin.closed:
        return {}, process.returncode  # stopped, as was wished
    lines = process.stdout.read().strip().split("\n")
    told: dict[str, Any] | None = json.loads(lines[-1]) if lines[-1].startswith("{") else None
    return told, process.returncode


class DaskTasks:
    """Tasks that were submitted, with the client, and the cluster where it was started here."""

    def __init__(self, client: Client, cluster: LocalCluster | None, tasks: Sequence[Future], stop: str) -> None:
        self.client = client
        self.cluster = cluster
        self.tasks = tasks
        self.event = stop

    def ended(self) -> str | None:
        """Say how the tasks ended, where all have."""
        if self.client.status not in ("running", "connecting"):
            return "the scheduler is gone"
        if not all(task.done() for task in self.tasks):
            return None
        for task in self.tasks:
            if task.status == "error":  # Dask's own: its worker died too often
                problem = task.exception()
                return (str(problem).strip() or type(problem).__name__).split("\n")[0]
            if task.status == "finished" and "error" in (told := task.result()):
                return str(told["error"])
        return f"all {len(self.tasks)} tasks are done"

    def stop(self) -> None:
        """Let the tasks stop their processes, for as long as that takes but half a minute."""
        from distributed import Event

        until = time.monotonic() + _STOP_SECONDS
        with suppress(Exception):  # a scheduler that is gone: its workers end by themselves
            Event(self.event, client=self.client).set()
            while time.monotonic() < until and not all(task.done() for task in self.tasks):
                time.sleep(0.1)
        with suppress(Exception):
            self.client.close(timeout=5)
        if self.cluster is not None:
            with suppress(Exception):
                self.cluster.close(timeout=10)


def start_tasks(placing: Placing, say: SayLine) -> DaskTasks:
    """Submit a task for each worker, to the scheduler at the address, else to a cluster that is started here.

    Raises `UsageError` without the extra, `UnavailableError` where the scheduler cannot be reached.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise UsageError("--on dask: Dask is an extra; install it with pip install 'archsearch[dask]'") from None
    refuse_options(placing.options, _OPTIONS if placing.address is None else {}, "dask")
    cluster = None
    try:
        if placing.address is None:
            memory = placing.options.get("memory_limit", "auto")
            cluster = LocalCluster(
                n_workers=placing.workers,
                threads_per_worker=1,
                memory_limit=memory,
                dashboard_address=None,
                silence_logs=logging.ERROR,
            )
        client = Client(cluster or placing.address, timeout="15s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        first = (str(error).strip() or type(error).__name__).split("\n")[0]
        where = placing.address or "a cluster on this machine"
        raise UnavailableError(f"--on dask: {where} cannot be used: {first}") from None
    visit = placing.visit
    host = this_process()["host"] if sqlite_file(visit.url) is not None else None
    written = written_visit(visit)
    stop = f"archsearch-stop-{uuid.uuid4().hex}"
    order = TaskOrder(written, host, stop, quiet=cluster is not None)
    tasks = [
        client.submit(work_in_task, order, key=f"archsearch-{visit.study}-{uuid.uuid4().hex}", pure=False)
        for _ in range(placing.workers)
    ]
    say(f"{placing.workers} workers as tasks of {client.scheduler.address}")
    return DaskTasks(client, cluster, tasks, stop)
