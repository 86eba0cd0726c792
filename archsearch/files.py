"""Write files whole or not at all, and notice when one was altered.

    write_whole(path, content)            # the old file or the new one, never half of it
    with whole_file(path) as file: ...    # the same for what is written piece by piece
    write_sealed(path, {"a": 1})          # a JSON object with its own SHA-256
    read_sealed(path)                     # DamagedFileError if it is not that any more
    with locked(path): ...                # one process at a time

Knows nothing of what is in the files.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from archsearch.crash import crash_point
from archsearch.errors import BusyError, DamagedFileError, UnavailableError, UsageError


def must_be_free(path: Path, force: bool) -> None:
    """Raise `UsageError` where a command's `-o` names a folder, or a file that is there, unless by `force`."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; -o names a file")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; --force overwrites it, -o names another file")


def write_whole(path: Path, content: bytes, *, synced: bool = True) -> None:
    """Write to a temporary file beside, sync, and rename; a reader sees the old file or the new one.

    Without `synced` a machine that fails in the next moment may lose it: for what is made anew without it.
    Raises `UnavailableError` where the disk is full or the folder cannot be written; nothing is left behind then.
    """
    with whole_file(path, synced=synced) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path, *, synced: bool = True) -> Iterator[BinaryIO]:
    """Give a file to write to, for what does not fit in memory: it is at `path` when the block ends without an error.

    Else nothing is left behind. Raises `UnavailableError` as `write_whole`.
    """
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex[:12]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            crash_point("file begun")
            yield file
            if synced:
                file.flush()
                sync(file.fileno())
        crash_point("file written")
        temporary.replace(path)
        crash_point("file renamed")
        if synced:
            sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):  # where its folder is a file there is nothing to take away
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UnavailableError(f"{path} cannot be written: {error.strerror}") from None
        raise


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


@contextmanager
def locked(path: Path, busy: str | None = None) -> Iterator[None]:
    """Hold the lock of a file, which is made where there is none; the system lets go of it when the process ends.

    Waits for another process that holds it, or, with a sentence `busy`, raises `BusyError` with that. Windows has no
    such lock: there nothing is held. Raises `UnavailableError` where the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UnavailableError(f"{path.parent} cannot be written: {error.strerror}") from None
    try:
        if os.name == "posix":
            import fcntl

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy is not None else 0))
            except OSError:
                raise BusyError(busy) from None
        yield
    finally:
        os.close(handle)


def sha256(content: bytes) -> str:
    """Give the SHA-256 as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def canonical_json(value: object) -> str:
    """Write JSON in one way only: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def seal(value: object) -> str:
    """Give the SHA-256 of a value's canonical JSON."""
    return sha256(canonical_json(value).encode())


def write_json(path: Path, value: object) -> None:
    """Write a value as indented JSON, whole or not at all."""
    write_whole(path, _json_text(value))


def _json_text(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def sealed_text(value: dict[str, Any]) -> bytes:
    """Give a JSON object with its own SHA-256 under the key `sha256`, as it stands in a file."""
    return _json_text(value | {"sha256": seal(value)})


def write_sealed(path: Path, value: dict[str, Any], *, synced: bool = True) -> None:
    """Write a JSON object with its own SHA-256, whole or not at all; `synced` as in `write_whole`."""
    write_whole(path, sealed_text(value), synced=synced)


def read_sealed(path: Path) -> dict[str, Any]:
    """Read what `write_sealed` wrote; raise `DamagedFileError` if it is not that any more."""
    try:
        value = unsealed(path.read_bytes())
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}") from None
    if value is None:
        raise damaged(path)
    return value


def unsealed(content: bytes) -> dict[str, Any] | None:
    """Read what `sealed_text` gave; None if it is not that any more."""
    try:
        value = json.loads(content)
        # the text too: a digit beyond a number's precision can change without changing the number
        if value.pop("sha256") == seal(value) and sealed_text(value) == content:
            return dict(value)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        pass
    return None


def damaged(path: Path) -> DamagedFileError:
    """Give the error for a file of a run that was truncated or altered."""
    return DamagedFileError(
        f"{path} was truncated or altered and is not used; train again with --fresh, or delete {path.parent}"
    )
