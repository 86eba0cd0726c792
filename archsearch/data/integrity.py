"""Is a data file what it was: digests, the state of one file, and what is left of a killed process.

    digest_of(path, "sha256")        # 'sha256:ba89...'

Knows files, not data sets.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archsearch.errors import UnavailableError

LEFTOVER_SECONDS = 24 * 3600  # a temporary folder older than this has no process any more


@dataclass(frozen=True, slots=True)
class FileCheck:
    """The state of one file; `detail` says what is wrong and what to do, "" for a file that is ok."""

    path: Path
    state: Literal["ok", "damaged", "missing"]
    detail: str = ""


def digest_of(path: Path, algorithm: str = "sha256") -> str:
    """Hash a file: `sha256:...` or `md5:...`."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return f"{algorithm}:{found.hexdigest()}"


def matches(path: Path, expected: str) -> tuple[bool, str]:
    """Compare a file with a digest; also gives the beginnings of both, for a message."""
    algorithm = expected.partition(":")[0]
    found = digest_of(path, algorithm)
    return found == expected, f"{shorten(found)} instead of {shorten(expected)}"


def shorten(digest: str) -> str:
    """`sha256:ba891046e650...` -> `SHA-256 ba891046e650`."""
    algorithm, _, value = digest.partition(":")
    return f"{'SHA-256' if algorithm == 'sha256' else algorithm.upper()} {value[:12]}"


def remove_leftovers(parent: Path, pattern: str) -> None:
    """Remove temporary folders that processes left behind when they were killed."""
    for entry in parent.glob(pattern):
        with suppress(FileNotFoundError):  # another process was faster
            if entry.is_dir() and time.time() - entry.stat().st_mtime > LEFTOVER_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn a full disk or a folder without permission into UnavailableError that names the folder."""
    try:
        yield
    except OSError as problem:
        full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
        raise UnavailableError(
            f"{folder} cannot be written: {problem.strerror or problem}. "
            + ("Make room" if full else "Give yourself the right to write there")
            + ", or choose another folder with --data-dir or ARCHSEARCH_DATA."
        ) from problem
