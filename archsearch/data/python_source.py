"""Data that a Python function of your own gives: called once for each version of its file, kept as arrays.

    made(DataSpec(name="python", path="my_data.py", function="load"))      # the .npz with what it gave

The file is code: it is executed only where it was allowed (`archsearch trust my_data.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import archsearch
from archsearch.data.integrity import digest_of, remove_leftovers, writing
from archsearch.data.location import data_dir
from archsearch.errors import DamagedFileError, SpecError, UsageError
from archsearch.files import seal
from archsearch.spec.dataset import DataSpec
from archsearch.trust import must_be_trusted, python_file

_FUNCTION = ("data", "function")


def made(spec: DataSpec) -> Path:
    """Give the file with the arrays of the function, calling it if its file is new or changed.

    Raises `UntrustedError` for a file that was not allowed, `SpecError` where the function raises or gives no arrays.
    """
    path = Path(spec.path or "").expanduser().absolute()
    if spec.function is None:
        raise SpecError(f"say which function of {path.name} gives the data: data.function", _FUNCTION)
    try:
        subject = python_file(path)
    except UsageError as error:
        raise SpecError(f"{error}; expected a Python file", ("data", "path")) from None
    target = data_dir() / "made" / f"{path.stem}-{seal([subject.digest, str(path), spec.function])[:16]}.npz"
    if not target.exists():
        must_be_trusted(subject)
        _make(path, spec.function, target)
    return target


def source_text(spec: DataSpec) -> str:
    """Name the source as people do: my_data.py:load."""
    return f"{Path(spec.path or '').name}:{spec.function}"


def said_of_function(spec: DataSpec) -> list[str]:
    """Say when the function was called, and when it will be again."""
    from datetime import UTC, datetime

    target = made(spec)
    when = datetime.fromtimestamp(target.stat().st_mtime, UTC)
    return [
        f"{source_text(spec)} was called on {when:%Y-%m-%d %H:%M} UTC, and is again when its file changes; what else "
        f"it reads is not watched: delete {target} to call it anew"
    ]


def made_digest(spec: DataSpec) -> str:
    """Give the digest of what the function gave."""
    return digest_of(made(spec))


def in_words_of(spec: DataSpec, error: SpecError | DamagedFileError) -> SpecError:
    """Say of the function what was said of the file with its arrays."""
    return SpecError(str(error).replace(str(made(spec)), source_text(spec)), ("data", "function"))


def _make(path: Path, function: str, target: Path) -> None:
    temporary = target.with_name(f".{target.stem}-{uuid.uuid4().hex[:12]}.npz")
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target.parent, ".*-*")
    package = str(Path(archsearch.__file__).parents[1])
    paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        done = subprocess.run(
            [sys.executable, "-m", "archsearch.data.call_function", str(path), function, str(temporary)],
            cwd=path.parent,
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            why = done.stdout.strip() or f"{path}:{function} ended its process with {done.returncode}"
            raise SpecError(f"{why}.".replace("..", "."), _FUNCTION)
        with writing(target.parent):
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
