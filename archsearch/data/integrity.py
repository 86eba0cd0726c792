"""Is a file what it was: digests, the state of one file, and files that appear whole or not at all.

    digest_of(path, "sha256")        # 'sha256:ba89...'

Knows files, not data sets.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
import uuid
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


def digest_of_json(value: object) -> str:
    """Hash a value by its canonical JSON; 64 hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write_json(path: Path, value: object) -> None:
    """Write a JSON file that is there whole or not at all."""
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex[:12]}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(value, file, indent=2, sort_keys=True)
            file.write("\n")
            sync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sync(descriptor: int) -> None:
    """Flush to disk, where the file system can."""
    try:
        os.fsync(descriptor)
    except OSError as problem:
        if problem.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk; Windows has no such thing."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


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
