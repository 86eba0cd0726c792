"""Are the files of the runs in a folder what was written, and do they belong to their run?

count, findings = check_runs(Path("runs"))

What is being written at this moment is left alone. Nothing is changed before a finding's `mend` is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from archsearch.errors import ArchsearchError, DamagedFileError
from archsearch.experiment_plan import plan_experiment
from archsearch.files import is_locked, read_plain, read_sealed, sha256, sync_folder, write_sealed
from archsearch.program.program_directory import BEGUN as PROGRAM_BEGUN
from archsearch.program.program_directory import OUTCOME, ProgramDirectory
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.network import Limits
from archsearch.study.finding import Trouble, put_aside
from archsearch.study.program_runner import REPEATS
from archsearch.train.compute import ENGINES, Compute
from archsearch.train.directory import RunDirectory
from archsearch.train.identity import identity, run_id
from archsearch.train.result import RunResult
from archsearch.train.run_files import BEGUN, CHECKPOINT, RESULT

_ID = re.compile(r"[0-9a-f]{16}")
_ANY_SIZE = Limits(parameters=2**62, activation_bytes=2**62, layers=2**31)
_AGAIN = "the next call that needs the run makes it again"


def run_folders(runs_dir: Path) -> list[Path]:
    """Give the folders of runs, those of repeats too; what a link leads to is another folder's."""
    found = []
    for parent in (runs_dir, runs_dir / REPEATS):
        entries = sorted(parent.iterdir()) if parent.is_dir() else []
        found += [one for one in entries if one.is_dir() and any((one / name).exists() for name in _MARKS)]
    return found


_MARKS = (BEGUN, RESULT, PROGRAM_BEGUN, OUTCOME)


def check_runs(runs_dir: Path) -> tuple[int, list[Trouble]]:
    """Check every run that nobody is at work on; give how many there are, and what is wrong."""
    folders = run_folders(runs_dir)
    findings = []
    for folder in folders:
        if not is_locked(folder / ".lock"):
            of_program = any((folder / name).exists() for name in (PROGRAM_BEGUN, OUTCOME))
            findings += list(_program(runs_dir, folder) if of_program else _network(runs_dir, folder))
    return len(folders), findings


def _network(runs_dir: Path, folder: Path) -> Iterator[Trouble]:
    where = str(folder)
    result, broken = _result(folder)
    if broken is not None:
        yield Trouble(where, broken, _aside(runs_dir, folder))
        return
    try:
        held = read_sealed(folder / BEGUN)
    except ArchsearchError as error:
        rebuilt = None if result is None else _rebuilt(result)
        if rebuilt is None:
            yield Trouble(where, str(error), _aside(runs_dir, folder))
            return
        yield Trouble(where, str(error), partial(_written_anew, folder, rebuilt))
        held = rebuilt
    id_ = run_id(held)
    if result is not None and result.run_id != id_:
        yield Trouble(where, f"{RESULT} is of the run {result.run_id}, {BEGUN} of {id_}", _aside(runs_dir, folder))
        return
    if _ID.fullmatch(folder.name) and folder.name != id_:
        yield Trouble(where, f"holds the run {id_}: it was renamed or copied", _called_back(runs_dir, folder, id_))
        return
    if result is not None:
        yield from _altered(runs_dir, folder)
    elif (wrong := _checkpoint(folder)) is not None:
        yield Trouble(where, wrong, partial(_removed, folder / CHECKPOINT))


def _result(folder: Path) -> tuple[RunResult | None, str | None]:
    """Read the result alone, None where there is none; or say why it cannot be."""
    path = folder / RESULT
    if not path.exists():
        return None, None
    try:
        return RunResult.model_validate(read_sealed(path)["result"]), None
    except ArchsearchError as error:
        return None, str(error)
    except (ValidationError, KeyError):
        return None, f"{path} holds no result"


def _altered(runs_dir: Path, folder: Path) -> Iterator[Trouble]:
    """Yield the files that are not what the result says; those that were deleted are no fault."""
    files = read_sealed(folder / RESULT).get("files", {})
    for name, seal in files.items():
        path = folder / name
        try:
            whole = not path.exists() or sha256(read_plain(path)) == seal
        except ArchsearchError:
            whole = False
        if not whole:
            mend = partial(put_aside, runs_dir, path)
            yield Trouble(str(folder), f"{name} is not what was written when the run finished", mend)


def _checkpoint(folder: Path) -> str | None:
    try:
        RunDirectory(folder).progress("cpu")
    except DamagedFileError as error:
        return str(error)
    return None


def _rebuilt(result: RunResult) -> dict[str, object] | None:
    """Make run.json again from a result; what is made is right if its hash is the run's id, and else not given."""
    try:
        plan = plan_experiment(ExperimentSpec.model_validate(result.spec), limits=_ANY_SIZE)
    except (ArchsearchError, ValidationError):
        return None
    for device in ("cpu", "cuda", "mps"):
        for engine in ENGINES:
            compute = Compute(device, engine, "", "contiguous_format", plan.spec.train.precision, 1)
            made = identity(plan, result.seed, result.data_fingerprint, compute)
            if run_id(made) == result.run_id:
                return made
    return None


def _program(runs_dir: Path, folder: Path) -> Iterator[Trouble]:
    if not (folder / OUTCOME).exists():
        return  # begins anew, whatever lies there
    try:
        id_ = str(read_sealed(folder / OUTCOME)["result"]["run_id"])
    except (ArchsearchError, KeyError, TypeError) as error:
        said = str(error) if isinstance(error, ArchsearchError) else f"{folder / OUTCOME} holds no result"
        yield Trouble(str(folder), said, _aside(runs_dir, folder))
        return
    if _ID.fullmatch(folder.name) and folder.name != id_:
        problem = f"holds the run {id_}: it was renamed or copied"
        yield Trouble(str(folder), problem, _called_back(runs_dir, folder, id_))
        return
    try:
        ProgramDirectory(folder).result()
    except ArchsearchError as error:
        yield Trouble(str(folder), str(error), _aside(runs_dir, folder))


# -- what mends --------------------------------------------------------------------------------------------------------


def _aside(runs_dir: Path, folder: Path) -> Callable[[], str]:
    return lambda: f"{put_aside(runs_dir, folder)}; {_AGAIN}"


def _written_anew(folder: Path, held: dict[str, object]) -> str:
    write_sealed(folder / BEGUN, held)
    return f"{BEGUN} written anew from the result: its hash is the run's id"


def _called_back(runs_dir: Path, folder: Path, id_: str) -> Callable[[], str]:
    def mend() -> str:
        to = folder.with_name(id_)
        if to.exists():
            return put_aside(runs_dir, folder)
        folder.rename(to)
        sync_folder(to.parent)
        return f"called {id_} again"

    return mend


def _removed(path: Path) -> str:
    path.unlink(missing_ok=True)
    return f"{path.name} removed: the run begins anew"
