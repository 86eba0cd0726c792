"""Files of finished runs in a place that many machines reach: a folder, s3://..., gs://..., any that fsspec knows.

    put_run(Path("runs/0123abcd"), "s3://bucket/studies")            # as s3://bucket/studies/0123abcd/
    fetch_run("0123abcd", "s3://bucket/studies", Path("runs"))       # back among the runs here, checked

fsspec is an extra and imported here only; Optuna's artifact store has fewer places and files each artifact under a
random name, where here a run's folder keeps its own. `result.json` (of a program `outcome.json`) is written last, and
says what the others must be: a run whose copying was cut short is not there. A place is a URL and shown as one.
"""

from __future__ import annotations

import posixpath
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.errors import ArchsearchError, DamagedFileError, UnavailableError, UsageError
from archsearch.program.program_directory import OUTCOME
from archsearch.study.storage_url import shown_url, without_secrets
from archsearch.train.directory import RunDirectory
from archsearch.train.run_files import BEGUN, CHECKPOINT, FILES, RESULT, WEIGHTS

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_LAST = (RESULT, OUTCOME)
_FETCHED = (BEGUN, *FILES, RESULT)


def put_run(run_dir: Path, place: str) -> str:
    """Copy the files of a finished run to a place, and give where they are; what is there already is not sent again.

    Raises `UsageError` without the extra or for a place of no kind that is known, `UnavailableError` where the place
    cannot be written.
    """
    with _errors(place):
        system, root = _opened(place)
        target = posixpath.join(root, run_dir.name)
        paths = [path for path in sorted(run_dir.rglob("*")) if path.is_file() and _is_of_run(path)]
        last = [path for path in paths if path.name in _LAST and path.parent == run_dir]
        if last and all(_same(system, posixpath.join(target, path.name), path) for path in last):
            return _joined(place, run_dir.name)
        for path in (*(path for path in paths if path not in last), *last):
            name = posixpath.join(target, path.relative_to(run_dir).as_posix())
            system.makedirs(posixpath.dirname(name), exist_ok=True)
            system.put_file(str(path), name)
    return _joined(place, run_dir.name)


def fetch_run(run_id: str, place: str, runs_dir: Path, *, weights: bool = True) -> Path | None:
    """Bring a network's run from a place among the runs here, whole or not at all; None where it is not there.

    `weights=False` leaves these out, which a report does not read; of a finished run that is here only what it lacks is
    brought. Raises `DamagedFileError` for files that are not that run's, and as `put_run`.
    """
    target = runs_dir / run_id
    aside = runs_dir / f".{run_id}-{uuid.uuid4().hex[:12]}"
    try:
        with _errors(place):
            system, root = _opened(place)
            source = posixpath.join(root, run_id)
            if not system.exists(posixpath.join(source, RESULT)):
                return None
            aside.mkdir(parents=True)
            for name in _FETCHED if weights else (one for one in _FETCHED if one != WEIGHTS):
                if system.exists(posixpath.join(source, name)):
                    system.get_file(posixpath.join(source, name), str(aside / name))
        _check(RunDirectory(aside), run_id, _joined(place, run_id))
        if not target.exists():
            aside.replace(target)
        elif (target / RESULT).exists():
            for name in FILES:
                if (aside / name).exists() and not (target / name).exists():
                    (aside / name).replace(target / name)
        return target
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _check(directory: RunDirectory, run_id: str, where: str) -> None:
    try:
        result = directory.result()
    except DamagedFileError:
        result = None
    if result is None or result.run_id != run_id:
        raise DamagedFileError(f"the files in {shown_url(where)} were truncated or altered, or are another run's")


def _is_of_run(path: Path) -> bool:
    return not path.name.startswith(".") and path.name != CHECKPOINT


def _same(system: AbstractFileSystem, name: str, path: Path) -> bool:
    return bool(system.exists(name) and system.cat_file(name) == path.read_bytes())


def _joined(place: str, name: str) -> str:
    return f"{place.rstrip('/')}/{name}"


def _opened(place: str) -> tuple[AbstractFileSystem, str]:
    from fsspec.core import url_to_fs

    found: tuple[Any, str] = url_to_fs(place)
    return found[0], found[1]


@contextmanager
def _errors(place: str) -> Iterator[None]:
    """Say what goes wrong with a place in a line: each kind of place has exceptions of its own."""
    shown = shown_url(place) if "://" in place else place
    try:
        import fsspec  # noqa: F401  # here for its absence
    except ImportError:
        raise UsageError(
            f"--artifacts {shown}: fsspec is an extra; install it with pip install 'archsearch[artifacts]'"
        ) from None
    try:
        yield
    except ArchsearchError:
        raise
    except ImportError as error:
        raise UsageError(f"--artifacts {shown}: {error}") from None
    except ValueError as error:
        raise UsageError(f"--artifacts {shown}: {without_secrets(str(error), place)}") from None
    except Exception as error:  # OSError, botocore's, google's
        first = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise UnavailableError(f"--artifacts {shown} cannot be used: {without_secrets(first, place)}") from None
