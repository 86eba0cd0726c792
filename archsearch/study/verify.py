"""Check a storage and the run folders against each other: is all counted once, whole, and where it belongs?

    verified = verify(Path("runs"), "sqlite:///runs/archsearch.db")
    verified.findings                  # nothing is changed
    verified.repair()                  # [(finding, what was done)]; no result is ever deleted

Of every study: it is whole and can be read, each slot is counted once, what is counted has a run whose numbers are the
trial's, no slot is held by a worker that is dead, and it is what its ledger says that was declared and told. Of every
run: see `verify_runs`. Of both: they say the same.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean

import optuna
import sqlalchemy
from optuna.trial import FrozenTrial, TrialState

from archsearch.errors import ArchsearchError, UnavailableError, UsageError
from archsearch.study.alive import Watchdog
from archsearch.study.finding import Trouble
from archsearch.study.held import HeldKind, HeldRun, HeldStudy, HeldTrial, required_fields
from archsearch.study.ledger_check import Ledger, kept_in, ledger_of
from archsearch.study.lifecycle import confirm_name, legible
from archsearch.study.queue import requeue_dead
from archsearch.study.storage import Storage, default_url, open_storage
from archsearch.study.verify_runs import check_runs
from archsearch.train.directory import RunDirectory

_KINDS: Mapping[str, HeldKind] = {"search": "search", "confirm": "confirm", "ablation": "ablation"}


@dataclass(slots=True)
class Verified:
    """What was looked at, in numbers, and what is wrong."""

    studies: int = 0
    trials: int = 0
    runs: int = 0
    findings: list[Trouble] = field(default_factory=list)
    ledgers: dict[str, Ledger | None] = field(default_factory=dict)  # None: an earlier version made the study

    def repair(self) -> list[tuple[Trouble, str | None]]:
        """Mend what can be mended; give each finding with what was done, None where nothing can be."""
        return [(one, None if one.mend is None else one.mend()) for one in self.findings]


def verify(runs_dir: Path, url: str | None = None, name: str | None = None, *, writing: bool = False) -> Verified:
    """Check all studies of a storage, or one with its confirmation, and all runs of a folder.

    `writing` opens the storage so that it can be repaired. Raises `UsageError` for a study that is not there and where
    there is nothing to check, `UnavailableError` and `DamagedFileError` where the storage cannot be opened.
    """
    verified = Verified()
    if not runs_dir.is_dir() and url is None:
        raise UsageError(f"there is no folder {runs_dir}; --runs-dir names another, --storage a storage")
    verified.runs, verified.findings = check_runs(runs_dir)
    if url is None and not (runs_dir / "archsearch.db").exists():
        if name is not None:
            raise UsageError(f"no study {name!r}: there is no storage in {runs_dir}")
        return verified
    storage = open_storage(url or default_url(runs_dir), reading=not writing)
    verified.findings += _database(storage)
    bad = {one.where for one in verified.findings}
    for study_name in _names(storage, name):
        verified.studies += 1
        try:
            with legible(study_name):
                study = optuna.load_study(study_name=study_name, storage=storage)
                trials = study.get_trials(deepcopy=False)
                verified.trials += len(trials)
                verified.findings += list(_study(storage, study, trials))
                if HeldStudy(study).kind in _KINDS:
                    verified.ledgers[study_name] = ledger = ledger_of(study)
                    said = () if ledger is None else ledger.deviations
                    verified.findings += [Trouble(f"study {study_name}", f"its ledger: {one}") for one in said]
                for trial in trials:
                    verified.findings += list(_trial(study, trial, runs_dir, bad))
        except UnavailableError:
            raise
        except ArchsearchError as error:
            verified.findings.append(Trouble(f"study {study_name}", str(error)))
    if not writing:  # nothing is repaired by it any more
        storage.engine.dispose()
    return verified


def heads_of(runs_dir: Path, url: str | None, name: str) -> list[Ledger]:
    """Give the ledgers of a study and its confirmation; raise `UsageError` where it is not there, or has none."""
    found = [ledger for study in _opened(runs_dir, url, name) if (ledger := ledger_of(study)) is not None]
    if not found:
        raise UsageError(f"{name} has no ledger: a version of archsearch that kept none made it")
    return found


def kept_in_ledgers(runs_dir: Path, url: str | None, name: str, kept: str) -> tuple[str, int, int] | None:
    """Say where a head that was kept stands: the study, its entry, the last entry; None where no whole chain has it."""
    heads = {one.study: one for one in heads_of(runs_dir, url, name)}
    for study in _opened(runs_dir, url, name):
        ledger = heads.get(study.study_name)
        number = None if ledger is None else kept_in(study, kept)
        if ledger is not None and number is not None:
            return study.study_name, number, ledger.entries - 1
    return None


def _opened(runs_dir: Path, url: str | None, name: str) -> list[optuna.Study]:
    if url is None and not (runs_dir / "archsearch.db").exists():
        raise UsageError(f"no study {name!r}: there is no storage in {runs_dir}")
    storage = open_storage(url or default_url(runs_dir), reading=True)
    return [optuna.load_study(study_name=one, storage=storage) for one in _names(storage, name)]


def _names(storage: Storage, name: str | None) -> list[str]:
    there = optuna.get_all_study_names(storage)
    if name is None:
        return there
    if name not in there:
        raise UsageError(f"no study {name!r} in this storage ({', '.join(there) or 'there are none yet'})")
    return [one for one in there if one in (name, confirm_name(name))]


def _database(storage: Storage) -> Iterator[Trouble]:
    """Let SQLite look at its own pages."""
    if storage.engine.dialect.name != "sqlite":
        return
    with storage.engine.connect() as connection:
        said = connection.execute(sqlalchemy.text("PRAGMA quick_check(3)")).scalars().all()
    if said != ["ok"]:
        yield Trouble("storage", f"the database is damaged: {'; '.join(map(str, said))}; take it from a backup")


def _study(storage: Storage, study: optuna.Study, trials: list[FrozenTrial]) -> Iterator[Trouble]:
    held, where = HeldStudy(study), f"study {study.study_name}"
    kind = _KINDS.get(held.kind)
    if kind is None:
        if not held.kind and not trials:
            yield Trouble(where, "was left half made; the call that makes it completes it")
        return  # else another program's
    if held.lacks(required_fields(kind)):
        yield Trouble(where, "lacks some of what it was made of; without a trial the call that makes it completes it")
    slots: dict[int, list[FrozenTrial]] = defaultdict(list)
    for trial in trials:
        number = HeldTrial(trial).slot
        if number is not None:
            slots[number].append(trial)
    for number, several in sorted(slots.items()):
        if len(several) > 1:
            each = ", ".join(f"{one.number} ({one.state.name.lower()})" for one in several)
            yield Trouble(where, f"slot {number} was planned {len(several)} times: trials {each}; the first one counts")
    # slots of an ablation are numbered by seed, cell and try, and which of them are due its runs decide
    planned_in_order = kind != "ablation"
    if planned_in_order and (missing := sorted(set(range(max(slots, default=-1) + 1)) - set(slots))):
        yield Trouble(where, f"slot {missing[0]} was never planned, though later ones were")
    dead = [one for one in trials if one.state == TrialState.RUNNING and Watchdog().is_dead(one)]
    for at, trial in enumerate(dead):
        mend = partial(_given_back, storage, study) if at == 0 else lambda: "with the one before"
        yield Trouble(f"{where}, trial {trial.number}", "is held by a worker that is dead", mend)


def _given_back(storage: Storage, study: optuna.Study) -> str:
    count = requeue_dead(storage, study, Watchdog())
    return f"{count} of {study.study_name} wait{'s' if count == 1 else ''} again"


def _trial(study: optuna.Study, trial: FrozenTrial, runs_dir: Path, bad: set[str]) -> Iterator[Trouble]:
    held = HeldTrial(trial)
    if trial.state != TrialState.COMPLETE or held.slot is None:
        return
    where = f"study {study.study_name}, trial {trial.number}"
    run = held.run
    if run is None or held.spec is None or held.run_id is None:
        yield Trouble(where, "is counted and carries no run")
        return
    if run.result.get("run_id") != held.run_id or run.result.get("seed") != held.seed:
        yield Trouble(where, f"says the run {held.run_id} with seed {held.seed}, and its record another one")
    names = study.metric_names or HeldStudy(study).attrs.get(HeldStudy.metrics.key, ())
    for metric, value in zip(names, trial.values or (), strict=False):
        kept = [one.metric(metric) for one in held.runs]
        numbers = [one for one in kept if isinstance(one, (int, float))]
        said = fmean(numbers) if len(numbers) == len(kept) else None
        if said is not None and not math.isclose(said, value, rel_tol=1e-9):
            yield Trouble(where, f"counts {metric} {value!r}, and its record says {said!r}")
    for one in held.runs:
        folder = runs_dir / one.run_id
        if str(folder) not in bad and (folder / "result.json").exists():
            yield from _against_files(where, one, folder)


def _against_files(where: str, run: HeldRun, folder: Path) -> Iterator[Trouble]:
    """Compare what a trial carries with the files of its run."""
    there = RunDirectory(folder).result()
    for name, value in {} if there is None else there.metrics.items():
        said = run.metric(name)
        if said is not None and value is not None and not math.isclose(said, value, rel_tol=1e-9):
            yield Trouble(where, f"its record says {name} {said!r}, {folder}/result.json {value!r}")
            return
