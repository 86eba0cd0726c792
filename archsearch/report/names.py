"""What a name on the command line means: a study of the storage, a run by id or folder, or a spec that was run.

    found = find(["digits"], Path("runs"), None)       # found.study or found.runs

A name that is both a study and a spec means the study, and says so. An unknown one is an error that names what there
is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from archsearch.errors import ArchsearchError, DamagedFileError, UsageError
from archsearch.experiment_plan import load_plan
from archsearch.kinds import PROGRAM, kind_of_reference
from archsearch.program.experiment import program_key
from archsearch.program.program_directory import BEGUN as PROGRAM_BEGUN
from archsearch.program.program_directory import ProgramDirectory, kept_programs, unreadable_programs
from archsearch.program.program_result import ProgramResult
from archsearch.report.experiments import KnownRun, key_of_spec
from archsearch.spec.catalog import catalog
from archsearch.study.lifecycle import kind_of_study, study_names
from archsearch.study.storage import default_url, open_storage
from archsearch.train.directory import RunDirectory
from archsearch.train.identity import experiment_key, experiment_key_of
from archsearch.train.kept import begun, unreadable
from archsearch.train.run_files import BEGUN, RESULT

_RUN_ID = re.compile(r"[0-9a-f]{4,16}")
_FILES = (".yaml", ".yml")
MOST_NAMED = 12
KINDS = ("search", "ablation")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that was begun and has no result."""

    name: str
    seed: int
    directory: Path


@dataclass(frozen=True, slots=True)
class DamagedRun:
    """A run that is meant, or may be, and cannot be used as its files are damaged."""

    directory: Path
    why: str


@dataclass(frozen=True, slots=True)
class Named:
    """Either a study with its kind (search, ablation), or runs."""

    study: str | None
    url: str
    kind: str = ""
    runs: tuple[KnownRun, ...] = ()
    programs: tuple[ProgramResult, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()
    left_out: tuple[DamagedRun, ...] = ()
    notes: tuple[str, ...] = ()


def find_named(names: Sequence[str], runs_dir: Path, storage: str | None) -> Named:
    """Find what is named; raise `UsageError` for an unknown name, or for a study together with anything else."""
    url = storage or default_url(runs_dir)
    there = storage is not None or (runs_dir / "archsearch.db").exists()
    opened = open_storage(url, reading=True) if there else None
    studies = study_names(opened) if opened is not None else []
    wanted = [name for name in names if name in studies]
    if wanted and len(names) > 1:
        raise UsageError(f"a report is on one study or on runs; {wanted[0]} is a study, so name it alone")
    if wanted and opened is not None:
        kind = kind_of_study(wanted[0], opened)
        if kind not in KINDS:
            raise UsageError(f"{wanted[0]} was not made by archsearch: there is no report on it")
        also = wanted[0] in catalog("specs")
        note = f"{wanted[0]} is a study and a spec; this is the study (the spec's runs: specs/{wanted[0]}.yaml)"
        return Named(wanted[0], url, kind, notes=(note,) if also else ())
    runs: list[KnownRun] = []
    unfinished: list[Unfinished] = []
    left_out: list[DamagedRun] = []
    programs = [result for name in names for result in _programs(name, runs_dir, left_out)]
    if programs:
        if others := [name for name in names if not _programs(name, runs_dir, [])]:
            raise UsageError(f"{others[0]} is no program, as {names[0]} is: a report is on runs of one kind")
        once = {result.run_id: result for result in programs}
        return Named(None, url, "program", programs=tuple(once.values()), left_out=_each_once(left_out))
    for name in names:
        done, begun = _runs(name, runs_dir, studies, left_out)
        runs += done
        unfinished += begun
    return Named(None, url, runs=tuple(runs), unfinished=tuple(unfinished), left_out=_each_once(left_out))


def _each_once(left_out: Sequence[DamagedRun]) -> tuple[DamagedRun, ...]:
    return tuple({one.directory: one for one in left_out}.values())


def left_out_words(left_out: Sequence[DamagedRun]) -> tuple[str, ...]:
    """Say which runs a report leaves out, in a sentence each."""
    return tuple(f"Left out, as its files are damaged: {one.directory.name} ({one.why})." for one in left_out)


def named_run(name: str, runs_dir: Path, seed: int | None = None) -> Path:
    """Find the directory of the one finished run that is meant: by id, by folder, or by a spec that was run once.

    `seed` chooses one of a spec's runs. Raises `UsageError` for a study, and for a spec with several runs, naming them;
    `DamagedFileError` where one that is damaged may be meant.
    """
    found = find_named([name], runs_dir, None)
    if found.study is not None:
        raise UsageError(f"{name} is a study; name one of its runs, which archsearch report {name} lists")
    if found.programs:
        raise UsageError(f"{name} is a run of a program: archsearch has no network of it; use the program's own files")
    every = {run.directory: run.result for run in found.runs if run.directory is not None}
    places = {place: result for place, result in every.items() if seed in (None, result.seed)}
    if found.left_out and (seed is None or not places):
        raise DamagedFileError("\n".join(one.why for one in found.left_out))
    each = _some([f"{place.name} (seed {result.seed})" for place, result in (places or every).items()])
    if not places:
        raise UsageError(f"{name} has no finished run with seed {seed}; there is {each}")
    if len(places) > 1:
        raise UsageError(f"{name} has {len(places)} finished runs; name one: {each}")
    return next(iter(places))


def _programs(name: str, runs_dir: Path, left_out: list[DamagedRun]) -> list[ProgramResult]:
    """Find the runs of a program by its file, a folder or the beginning of an id; none where it is no program.

    `left_out` gets those that are damaged.
    """
    path = Path(name)
    if path.is_dir():
        return _program_in(path) if (path / PROGRAM_BEGUN).is_file() else []
    if _RUN_ID.fullmatch(name):
        matching = [one.parent for one in runs_dir.glob(f"{name}*/{PROGRAM_BEGUN}")]
        return _program_in(matching[0]) if len(matching) == 1 else []
    if kind_of_reference(name) is not PROGRAM:
        return []
    wanted = program_key(PROGRAM.load(name))
    kept = [result for _, result in kept_programs(runs_dir)]
    found = [result for result in kept if program_key(PROGRAM.plan(PROGRAM.read(result.spec))) == wanted]
    for directory, spec, why in unreadable_programs(runs_dir):
        if spec is None or _key_of_program(spec) in (None, wanted):
            left_out.append(DamagedRun(directory, why))
    if not found:
        _nothing(f"{name} has no run in {runs_dir}, as it is now", name, left_out)
    return found


def _key_of_program(spec: Mapping[str, Any]) -> str | None:
    try:
        return program_key(PROGRAM.plan(PROGRAM.read(dict(spec))))
    except (ArchsearchError, ValidationError):
        return None


def _nothing(said: str, name: str, left_out: Sequence[DamagedRun]) -> NoReturn:
    """Say that there is no run of this name, and which ones may be: those that are damaged."""
    if left_out:
        raise DamagedFileError("\n".join((f"{said} that is whole", *(one.why for one in left_out))))
    raise UsageError(f"{said}; archsearch run {name} makes one")


def _program_in(directory: Path) -> list[ProgramResult]:
    result = ProgramDirectory(directory).result()
    if result is None:
        raise UsageError(f"{directory} is not finished; archsearch run begins it anew")
    return [result]


def _runs(
    name: str, runs_dir: Path, studies: Sequence[str], left_out: list[DamagedRun]
) -> tuple[list[KnownRun], list[Unfinished]]:
    path = Path(name)
    if path.is_dir():
        return _one(path)
    if _RUN_ID.fullmatch(name):
        matching = sorted(folder for folder in runs_dir.glob(f"{name}*") if _is_of_a_network(folder))
        if len(matching) > 1:
            ids = ", ".join(folder.name for folder in matching[:MOST_NAMED])
            raise UsageError(f"{name} is the beginning of several runs ({ids}); write more of it")
        if matching:
            return _one(matching[0])
    if name in catalog("specs") or name.endswith(_FILES):
        return _of_spec(name, runs_dir, left_out)
    raise UsageError(f"{name} is no study, run or spec here. {_what_there_is(runs_dir, studies)}")


def _what_there_is(runs_dir: Path, studies: Sequence[str]) -> str:
    ids = [path.parent.name for path in sorted(runs_dir.glob("*/result.json"))]
    there = f"Studies: {_some(studies)}. Runs in {runs_dir}: {_some(ids)}."
    return f"{there} Specs by name: archsearch list."


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (", ".join(names[:MOST_NAMED]) + more) or "none"


def _one(directory: Path) -> tuple[list[KnownRun], list[Unfinished]]:
    if not _is_of_a_network(directory):
        raise UsageError(f"{directory} is no run directory: it has no run.json")
    result = _result(directory)
    if result is None:
        raise UsageError(f"{directory} is not finished; archsearch run goes on with it")
    return [result], []


def _result(directory: Path) -> KnownRun | None:
    result = RunDirectory(directory).result()
    return None if result is None else KnownRun(result, directory)


def _is_of_a_network(directory: Path) -> bool:
    return (directory / BEGUN).is_file() or (directory / RESULT).is_file()


def _of_spec(name: str, runs_dir: Path, left_out: list[DamagedRun]) -> tuple[list[KnownRun], list[Unfinished]]:
    """Find the runs of a spec among all: those with its data, network and training, whatever seed and device."""
    plan = load_plan(name)
    wanted = experiment_key(plan)
    runs, unfinished = [], []
    for directory, held in begun(runs_dir):
        if experiment_key_of(held) != wanted:
            continue
        try:
            run = _result(directory)
        except DamagedFileError as error:
            left_out.append(DamagedRun(directory, str(error)))
            continue
        if run is not None:
            runs.append(run)
        else:
            unfinished.append(Unfinished(plan.spec.name, int(held["seed"]), directory))
    for one in unreadable(runs_dir):
        if one.spec is None or key_of_spec(one.spec) in (None, wanted):
            left_out.append(DamagedRun(one.directory, one.why))
    if not runs:
        others = f"; {len(unfinished)} were begun and not finished" if unfinished else ""
        _nothing(f"{name} has no finished run in {runs_dir}{others}", name, left_out)
    return runs, unfinished
