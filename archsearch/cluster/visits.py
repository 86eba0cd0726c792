"""A worker of any machine: goes to the studies of a storage that have slots for it, with nothing but the URL.

    told = visit(Visit(url, study=None, runs_dir=Path("runs")), say)
    told.trials            # {"lenet": 12, "norm": 3}

What a study is (search, confirmation of one, ablation; of networks, of a program), its space, design and compute are
in the storage. A study that cannot be worked on here is left to others, with the reason. Plans, confirms and judges
nothing that the study's own command does not: that command, called again, does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from pydantic import ValidationError

from archsearch.ablate.jobs import AblateJob, held_ablation
from archsearch.errors import ArchsearchError, Interrupted, SpecError, UnavailableError, UsageError
from archsearch.experiment import Experiment
from archsearch.kinds import kind_of_held
from archsearch.kinds.kind import ExperimentKind
from archsearch.search.jobs import ConfirmJob, SearchJob, held_search
from archsearch.study.alive import Watchdog
from archsearch.study.compute import fixed_of, kept_threads
from archsearch.study.held import HeldStudy, HeldTrial
from archsearch.study.lifecycle import confirm_name, study_names
from archsearch.study.queue import SlotCounts, count_slots, slots_of
from archsearch.study.runner import Job, Workplace
from archsearch.study.storage import Storage, Study, open_storage
from archsearch.study.storage_url import sqlite_file
from archsearch.study.worker import GOES_ON, REAP_SECONDS, work
from archsearch.train.interrupt import interruptible
from archsearch.wording import count_of

_LOOK_SECONDS = 2.0  # between two looks at a storage that has nothing to do
SEVERAL = 2  # a worker is one of several, whose runs have a thread each: what a study fixes that its first worker opens

SayLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Visit:
    """What a worker is to do. The URL is not shown where this is: a password may stand in it.

    `study` is the one to work on, with its confirmation; None for all. `most` trials are run at the most; `idle_exit`
    are the seconds to wait for more where nothing is to be done, None for none; `seconds` is the time in all.
    """

    url: str = field(repr=False)
    study: str | None = None
    runs_dir: Path = Path("runs")
    data_dir: Path | None = None
    most: int | None = None
    idle_exit: float | None = None
    seconds: float = math.inf
    artifacts: str | None = None


@dataclass(slots=True)
class Visited:
    """What came of it: trials by study, and why studies, or slots of them, were left to other workers."""

    trials: dict[str, int] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Known:
    """A study that is open, with what is remembered from one look to the next."""

    place: Workplace
    job: Job
    watchdog: Watchdog
    quiet: SlotCounts | None = None  # the counts when there was nothing for us
    looked: float = -math.inf

    def counts(self) -> SlotCounts:
        return count_slots(self.place.storage, self.place.study)

    def may_have_some(self, counts: SlotCounts) -> bool:
        """Say whether a further look is worth while: what waits may be ours, or a worker may have died."""
        if counts != self.quiet:
            return True
        return _running(counts) > 0 and time.monotonic() - self.looked > REAP_SECONDS

    def work(self, most: float, deadline: float) -> int:
        self.place.most = most
        self.place.deadline = deadline
        with kept_threads(self.place.study):
            done = work(self.place, self.job, watchdog=self.watchdog)
        self.quiet, self.looked = self.counts(), time.monotonic()
        return done


def _running(counts: SlotCounts) -> int:
    return counts.planned - counts.waiting - counts.finished


def visit(asked: Visit, say: SayLine) -> Visited:
    """Work until nothing is left to do for this worker, and give what was done; `say` is told what happens, in lines.

    Raises `UsageError` where no such study is, and none may come; `UnavailableError` where the storage cannot be
    reached, or all that waits is left to others; `Interrupted`, after the slot was given back.
    """
    file = sqlite_file(asked.url)
    if file is not None and not file.is_file() and asked.idle_exit is None:
        raise UsageError(f"there is no storage {file} yet; --idle-exit waits for a study in it")
    storage = open_storage(asked.url)
    visitor = _Visitor(asked, storage, say)
    with interruptible() as interruption:
        deadline = time.monotonic() + asked.seconds
        while time.monotonic() < deadline and visitor.most() > 0:
            interruption.check(GOES_ON)
            if visitor.round(deadline):
                continue
            idle = time.monotonic() - visitor.since
            if idle >= (asked.idle_exit or 0.0) and not (asked.idle_exit is None and visitor.others_work):
                break
            time.sleep(min(_LOOK_SECONDS, max(0.05, (asked.idle_exit or _LOOK_SECONDS) - idle)))
    visitor.refuse_where_nothing_was_done()
    return visitor.told


class _Visitor:
    """Goes from study to study."""

    def __init__(self, asked: Visit, storage: Storage, say: SayLine) -> None:
        self.asked = asked
        self.storage = storage
        self.say = say
        self.told = Visited()
        self.known: dict[str, _Known] = {}
        self.others_work = False
        self.since = time.monotonic()

    def most(self) -> float:
        """Give how many trials may still be run."""
        return math.inf if self.asked.most is None else self.asked.most - sum(self.told.trials.values())

    def round(self, deadline: float) -> bool:
        """Go once through the studies; say whether anything was done."""
        before = sum(self.told.trials.values())
        self.others_work = False
        for name in self._names():
            known = self._known(name)
            if known is None or self.most() <= 0:
                continue
            if known.may_have_some(known.counts()):
                self._work(name, known, deadline)
            if (counts := known.quiet) is not None:
                self.others_work |= _running(counts) > 0
        if sum(self.told.trials.values()) == before:
            return False
        self.since = time.monotonic()
        return True

    def _work(self, name: str, known: _Known, deadline: float) -> None:
        done = known.work(self.most(), deadline)
        if done:
            self.told.trials[name] = self.told.trials.get(name, 0) + done
            self.say(f"{name}: {count_of(self.told.trials[name], 'trial')} by now")
        if known.place.refused:
            self._leave(name, "; ".join(dict.fromkeys(known.place.refused.values())))

    def _leave(self, name: str, why: str) -> None:
        if self.told.left.get(name) != why:
            self.told.left[name] = why
            self.say(f"{name} is left to other workers: {why}")

    def refuse_where_nothing_was_done(self) -> None:
        """Raise `UnavailableError` where slots wait, and all that do are left to others."""
        if self.told.trials:
            return
        for name, why in self.told.left.items():
            study = optuna.load_study(study_name=name, storage=self.storage)
            counts = count_slots(self.storage, study)
            if counts.waiting or counts.planned < HeldStudy(study).trials:
                raise UnavailableError(f"nothing was run; {name} waits for a worker elsewhere: {why}")

    def _names(self) -> Iterator[str]:
        there = optuna.get_all_study_names(self.storage)
        wanted = there
        if (name := self.asked.study) is not None:
            wanted = [one for one in (name, confirm_name(name)) if one in there]
            if not wanted and self.asked.idle_exit is None:
                names = ", ".join(study_names(self.storage)) or "there are none yet"
                raise UsageError(f"no study {name!r} in this storage ({names}); --idle-exit waits for one")
        yield from wanted

    def _known(self, name: str) -> _Known | None:
        """Open a study, once; None where it cannot be worked on here, or is none of ours."""
        if name in self.known or name in self.told.left:
            return self.known.get(name)
        study = optuna.load_study(study_name=name, storage=self.storage)
        if HeldStudy(study).kind == "":
            return None  # another program's, or not whole yet
        try:
            job, kind, experiments = _job_of(study)
            if (confirming := HeldStudy(study).kind == "confirm") and not experiments:
                return None  # its slots are not planned yet
            if why := next(filter(None, map(kind.why_not_here, experiments)), ""):
                raise UnavailableError(why)
            self._fix(study, kind, experiments, like=name.removesuffix(confirm_name("")) if confirming else None)
        except Interrupted:
            raise
        except (ArchsearchError, ValidationError, KeyError) as error:
            self._leave(name, str(error) if isinstance(error, ArchsearchError) else "another version wrote it")
            return None
        place = Workplace(self.storage, study, self.asked.runs_dir.absolute(), self.asked.data_dir)
        place.part, place.artifacts = "visitor", self.asked.artifacts
        self.known[name] = _Known(place, job, Watchdog())
        return self.known[name]

    def _fix(self, study: Study, kind: ExperimentKind, experiments: list[Experiment], like: str | None) -> None:
        """Fix what a study is computed with, where who made it left that to its first worker."""
        if fixed_of(study) is None:
            model = optuna.load_study(study_name=like, storage=self.storage) if like is not None else None
            cells = [] if HeldStudy(study).kind == "search" else experiments
            kind.fix(self.storage, study, cells, SEVERAL, like=model)


def _job_of(study: Study) -> tuple[Job, ExperimentKind, list[Experiment]]:
    """Make the job of a study, and plan what it runs as far as that is known; raise `SpecError` for what cannot be."""
    held = HeldStudy(study)
    if held.kind == "search":
        source = held_search(held)
        return SearchJob(study), source.kind, [source.kind.plan(source.space.base)]
    if held.kind == "ablation":
        ablation = held_ablation(study)
        return AblateJob(study), ablation.kind, [ablation.kind.plan(cell.spec) for cell in ablation.cells]
    if held.kind == "confirm":
        specs: dict[str, Any] = {}
        for one in map(HeldTrial, slots_of(study).values()):
            specs.setdefault(one.candidate, one.candidate_spec)
        kind = kind_of_held(next(iter(specs.values()), {}))
        return ConfirmJob(study), kind, [kind.plan(kind.read(spec)) for spec in specs.values()]
    raise SpecError(f"{study.study_name} is a {held.kind}, of which this version knows nothing")
