"""One worker in this process, or several as processes with one thread each.

    run_workers(Site(url, "lenet", runs_dir, None), make_job, workers=2, look=panel.update)

Every worker opens the storage itself and makes its job from what the study holds there: nothing lives in one process.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import NoReturn

import optuna

from archsearch.errors import ArchsearchError, Interrupted, SpecError, UnavailableError, UsageError
from archsearch.files import of_system
from archsearch.markup import visible
from archsearch.study.compute import fixed_of, kept_threads
from archsearch.study.lifecycle import Settings
from archsearch.study.runner import Job, Workplace
from archsearch.study.storage import Storage, open_storage
from archsearch.study.worker import GOES_ON, SlotsWaitError, work
from archsearch.train.interrupt import interruptible

MakeJob = Callable[[optuna.Study], Job]
LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Site:
    """Where the workers of a study work; plain values, so that it travels to other processes.

    `elsewhere`: none works here, this process plans what is due and watches; `artifacts` as in `Settings`.
    """

    url: str = field(repr=False)  # a password may stand in it
    study_name: str
    runs_dir: Path
    data_dir: Path | None
    seconds: float = math.inf
    elsewhere: bool = False
    artifacts: str | None = None


def site_of(settings: Settings, study_name: str) -> Site:
    """Give where a study is worked on by these settings."""
    return Site(
        settings.url,
        study_name,
        settings.runs_dir,
        settings.data_dir,
        settings.seconds,
        settings.elsewhere,
        settings.artifacts,
    )


def worker_count(wanted: int | None) -> int:
    """Give how many workers to start: as asked, else one per core."""
    return wanted or os.cpu_count() or 1


def run_workers(site: Site, make_job: MakeJob, workers: int, look: Callable[[], None] = lambda: None) -> None:
    """Work until no slot is left; `look` is called now and then, with one worker after every slot.

    No more workers are started than this machine has cores for the threads that the study has fixed for each. Raises
    `Interrupted` when a signal came, `UnavailableError` if a worker ended with an error, `SlotsWaitError` if what is
    left waits for a worker elsewhere.
    """
    storage = open_storage(site.url)
    study = optuna.load_study(study_name=site.study_name, storage=storage)
    workers = 1 if site.elsewhere else min(workers, _fitting(study))
    if workers == 1:
        _work_here(site, storage, study, make_job, look)
        return
    context = multiprocessing.get_context("spawn")
    waiting = context.SimpleQueue()
    arguments = (site, make_job, os.getpid(), waiting)
    processes = [context.Process(target=_worker, args=arguments, name=f"worker-{n}") for n in range(workers)]
    try:
        with interruptible() as interruption:
            with _deaf_to_the_terminal():
                for process in processes:
                    process.start()
            while any(process.is_alive() for process in processes):
                interruption.check(GOES_ON)
                look()
                time.sleep(LOOK_SECONDS)
            look()
    finally:
        _stop(processes)
    codes = {process.exitcode for process in processes}
    for code in (130, 143):
        if code in codes:
            raise Interrupted(f"interrupted; {GOES_ON}", code - 128)
    if not waiting.empty() and codes <= {0, SlotsWaitError.exit_code}:
        raise SlotsWaitError(site.study_name, waiting.get())
    if codes & {UsageError.exit_code, SpecError.exit_code}:
        raise UsageError("a worker ended early, see its message above; mend that, and the same call goes on")
    if codes - {0}:
        raise UnavailableError("a worker ended early, see its message above; the same call goes on")


def _fitting(study: optuna.Study) -> int:
    """Give how many workers there are cores for, at least one."""
    fixed = fixed_of(study)
    return max(1, (os.cpu_count() or 1) // fixed.threads) if fixed is not None and fixed.threads > 1 else sys.maxsize


@contextmanager
def _deaf_to_the_terminal() -> Iterator[None]:
    """Block SIGINT while workers are started: they inherit that, and a Ctrl-C cannot end one amid its imports.

    This process gets what came in between at the end of the block; a worker ignores it (`_worker`).
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its start, which comes with the first process, would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(processes: Sequence[BaseProcess]) -> None:
    processes = [
        process for process in processes if process.pid is not None
    ]  # a signal may come before all are started
    for process in processes:
        if process.is_alive():
            process.terminate()
    for process in processes:
        process.join(30)
        if process.is_alive():
            process.kill()
            process.join()


def _work_here(
    site: Site,
    storage: Storage,
    study: optuna.Study,
    make_job: MakeJob,
    look: Callable[[], None] = lambda: None,
) -> None:
    place = Workplace(storage, study, site.runs_dir, site.data_dir, deadline=storage.calls.clock() + site.seconds)
    place.artifacts = site.artifacts
    if site.elsewhere:
        place.part = "watcher"
        work(place, make_job(study), look)
        return
    with kept_threads(study):
        work(place, make_job(study), look)


def _worker(site: Site, make_job: MakeJob, parent: int, waiting: SimpleQueue[tuple[str, ...]]) -> None:
    """Be one of several workers: one thread, no progress of its own, errors as one line.

    What all workers of a machine may refuse alike is put in `waiting`, and said once.
    """
    threading.Thread(target=_leave_with, args=(parent,), name="parent", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the process that started this one gets it too
    signal.signal(signal.SIGTERM, _terminated)
    try:
        storage = open_storage(site.url)
        study = optuna.load_study(study_name=site.study_name, storage=storage)
        if fixed_of(study) is not None:  # else nothing of it is computed in this process, which goes without torch
            import torch

            torch.set_num_threads(1)
        _work_here(site, storage, study, make_job)
    except Interrupted as error:
        sys.exit(error.exit_code)
    except SlotsWaitError as error:
        waiting.put(error.reasons)
        sys.exit(error.exit_code)
    except ArchsearchError as error:
        _end_with(error)
    except OSError as problem:  # a folder that may not be written, a name that no file system takes
        _end_with(of_system(problem))


def _end_with(error: ArchsearchError) -> NoReturn:
    """Say an error in a line and end with its code; this process has none of the command line's careful streams."""
    with suppress(OSError):
        print(f"error: {visible(str(error))}", file=sys.stderr)
    sys.exit(error.exit_code)


def _leave_with(parent: int) -> None:
    """End this process when the one that started it is gone: its slot is found dead and waits again."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _terminated(number: int, frame: object) -> None:
    raise Interrupted("stopped", number)
