"""One worker in this process, or several as processes with one thread each.

    with crew_of(settings, "lenet", workers=2) as crew:
        crew.prepare("archsearch.search.jobs")     # workers' imports begin, while this process does something else
        run_workers(crew, make_job, look=panel.update)

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any, NoReturn

import optuna

from archsearch.errors import ArchsearchError, Interrupted, SpecError, UnavailableError, UsageError
from archsearch.files import of_system
from archsearch.markup import visible
from archsearch.study.compute import fixed_of, kept_threads
from archsearch.study.lifecycle import Settings
from archsearch.study.nursery import Nursery
from archsearch.study.queue import waits
from archsearch.study.runner import Job, Workplace
from archsearch.study.storage import Storage, open_storage
from archsearch.study.worker import GOES_ON, SlotsWaitError, somebody_works, work
from archsearch.train.compute import resolve_device
from archsearch.train.interrupt import interruptible
from archsearch.train.keeping import checkpoint_seconds

MakeJob = Callable[[optuna.Study], Job]
LOOK_SECONDS = 0.5
WITH_TORCH = ("archsearch.study.network_runner",)  # and what it imports


@dataclass(frozen=True, slots=True)
class Site:
    """Where the workers of a study work; plain values, so that it travels to other processes.

    `elsewhere`: none works here, this process plans what is due and watches; `artifacts` as in `Settings`.
    `checkpoint_seconds` of training may be in memory only: read here, so that what is no number is told at once.
    """

    url: str = field(repr=False)  # a password may stand in it
    study_name: str
    runs_dir: Path
    data_dir: Path | None
    seconds: float = math.inf
    elsewhere: bool = False
    artifacts: str | None = None
    checkpoint_seconds: float = field(default_factory=checkpoint_seconds)


def _site_of(settings: Settings, study_name: str) -> Site:
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


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works on a study: where, how many, and the process that starts them."""

    site: Site
    workers: int
    nursery: Nursery

    def prepare(self, *modules: str, torch: bool) -> None:
        """Begin to import what workers will need, where several are to be started; does not wait."""
        if self.workers > 1 and not self.site.elsewhere:
            self.nursery.import_([*modules, *(WITH_TORCH if torch else ())])

    def device(self) -> str:
        """Say what `device: auto` stands for on this machine; asked of a process that has torch, where there is one."""
        found: str | None = self.nursery.ask(resolve_device, "auto") if self.workers > 1 else None
        return found or resolve_device("auto")

    def at(self, **changes: Any) -> Crew:
        """Give the same crew at another study, or for another time: `Site`'s fields."""
        return replace(self, site=replace(self.site, **changes))


@contextmanager
def crew_of(settings: Settings, study_name: str, workers: int, nursery: Nursery | None = None) -> Iterator[Crew]:
    """Give a crew for the length of a block; a nursery that the caller has already belongs to the caller."""
    with Nursery() if nursery is None else nullcontext(nursery) as starting:
        yield Crew(_site_of(settings, study_name), workers, starting)


def worker_count(wanted: int | None) -> int:
    """Give how many workers to start: as asked, else one per core."""
    return wanted or os.cpu_count() or 1


def run_workers(crew: Crew, make_job: MakeJob, look: Callable[[], None] = lambda: None) -> None:
    """Work until no slot is left; `look` is called now and then, with one worker after every slot.

    No more workers are started than this machine has cores for the threads that the study has fixed for each, none
    where nothing is due. Raises `Interrupted` when a signal came, `UnavailableError` if a worker ended with an error,
    `SlotsWaitError` if what is left waits for a worker elsewhere.
    """
    site, nursery = crew.site, crew.nursery
    storage = open_storage(site.url)
    study = optuna.load_study(study_name=site.study_name, storage=storage)
    job = make_job(study)
    if not site.elsewhere and not _is_due(site, storage, study, job):
        return
    if site.elsewhere or (workers := min(crew.workers, _fitting(study))) == 1:
        _work_here(site, storage, study, job, look)
        return
    crew.prepare(__name__, torch=fixed_of(study) is not None)
    with interruptible() as interruption:
        nursery.begin(_worker, (site, make_job), workers)
        while (ended := nursery.ended(LOOK_SECONDS)) is None:
            interruption.check(GOES_ON)
            look()
        look()
    codes = ended.codes
    for code in (130, 143):
        if code in codes:
            raise Interrupted(f"interrupted; {GOES_ON}", code - 128)
    if ended.said and codes <= {0, SlotsWaitError.exit_code}:
        raise SlotsWaitError(site.study_name, ended.said[0])
    if codes & {UsageError.exit_code, SpecError.exit_code}:
        raise UsageError("a worker ended early, see its message above; mend that, and the same call goes on")
    if codes - {0}:
        raise UnavailableError("a worker ended early, see its message above; the same call goes on")


def _is_due(site: Site, storage: Storage, study: optuna.Study, job: Job) -> bool:
    """Say whether there is anything to do for workers: what they would plan first is planned here."""
    if site.seconds <= 0:
        return False
    job.plan_ahead(storage)
    return waits(storage, study) or somebody_works(study)


def _fitting(study: optuna.Study) -> int:
    """Give how many workers there are cores for, at least one."""
    fixed = fixed_of(study)
    return max(1, (os.cpu_count() or 1) // fixed.threads) if fixed is not None and fixed.threads > 1 else sys.maxsize


def _work_here(
    site: Site, storage: Storage, study: optuna.Study, job: Job, look: Callable[[], None] = lambda: None
) -> None:
    place = Workplace(storage, study, site.runs_dir, site.data_dir, deadline=storage.calls.clock() + site.seconds)
    place.artifacts, place.checkpoint_seconds = site.artifacts, site.checkpoint_seconds
    if site.elsewhere:
        place.part = "watcher"
        work(place, job, look)
        return
    with kept_threads(study):
        work(place, job, look)


def _worker(site: Site, make_job: MakeJob, said: SimpleQueue[tuple[str, ...]]) -> None:
    """Be one of several workers: one thread, no progress of its own, errors as one line.

    What all workers of a machine may refuse alike goes to `said`, and is told once.
    """
    threading.Thread(target=_leave_with_the_parent, name="parent", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the process that started this one gets it too
    signal.signal(signal.SIGTERM, _terminated)
    try:
        storage = open_storage(site.url)
        study = optuna.load_study(study_name=site.study_name, storage=storage)
        if fixed_of(study) is not None:  # else nothing of it is computed in this process, which goes without torch
            import torch

            torch.set_num_threads(1)
        _work_here(site, storage, study, make_job(study))
    except Interrupted as error:
        sys.exit(error.exit_code)
    except SlotsWaitError as error:
        said.put(error.reasons)
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


def _leave_with_the_parent() -> None:
    """End this process when the one that started it is gone: its slot is found dead and waits again."""
    parent = multiprocessing.parent_process()
    while parent is not None and os.getppid() == parent.pid:
        time.sleep(1.0)
    os._exit(1)


def _terminated(number: int, frame: object) -> None:
    raise Interrupted("stopped", number)
