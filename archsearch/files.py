"""Write files whole or not at all, and notice when one was altered.

    write_whole(path, content)            # the old file or the new one, never half of it
    with whole_file(path) as file: ...    # the same for what is written piece by piece
    write_sealed(path, {"a": 1})          # a JSON object with its own SHA-256
    read_sealed(path)                     # DamagedFileError if it is not that any more
    read_plain(path)                      # what is no plain file is refused: reading a pipe would never end
    with locked(path): ...                # one process at a time

Knows nothing of what is in the files.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from archsearch.crash import crash_point
from archsearch.errors import BusyError, DamagedFileError, SpecError, UnavailableError, UsageError

_MOST_SHOWN = 100  # characters of a path
_TEMPORARY = re.compile(r"\..{0,60}-[0-9a-f]{12}", re.DOTALL)


def temporary_beside(path: Path) -> Path:
    """Name a file or folder to write before it is renamed to `path`; `is_temporary` knows it again."""
    return path.with_name(f".{path.name[:60]}-{uuid.uuid4().hex[:12]}")  # a name may be of 255 bytes


def is_temporary(name: str) -> bool:
    """Say whether a name is one of those that are renamed when all is written: left behind by a process that died."""
    return _TEMPORARY.fullmatch(name) is not None


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

    Else nothing is left behind. A device or a pipe (`/dev/null`) is written to, not replaced. Raises `UnavailableError`
    as `write_whole`.
    """
    temporary = temporary_beside(path)
    try:
        if _is_stream(path):
            with path.open("wb") as file:
                yield file
            return
        make_folder(path.parent, synced=synced)
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


def _is_stream(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def make_folder(path: Path, *, synced: bool = True) -> None:
    """Make a folder with those above it; `synced`, so that a machine that fails does not lose the names of new ones."""
    new = []
    while not path.is_dir() and path != path.parent:
        new.append(path)
        path = path.parent
    for folder in reversed(new):
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
        folder.mkdir(exist_ok=True)
        if synced:
            sync_folder(folder.parent)


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
        make_folder(path.parent, synced=False)
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


def is_locked(path: Path) -> bool:
    """Say whether a process holds the lock of a file; nothing is written, also where the file is not there."""
    if os.name != "posix":
        return False
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def read_plain(path: Path) -> bytes:
    """Read a file; raise `UnavailableError` where it cannot be read, or is a pipe, a device or a socket."""
    try:
        # without O_NONBLOCK, opening a pipe that nobody writes to waits for ever
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            kind = file_type(os.fstat(descriptor).st_mode)
            if kind != "file":
                raise UnavailableError(f"{path} cannot be read: it is a {kind}, no file")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}") from None


def file_type(mode: int) -> str:
    """Say what an `st_mode` is of: file, folder, pipe, socket or device."""
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
    return kinds.get(stat.S_IFMT(mode), "device")


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
    """Read what `write_sealed` wrote.

    Raises `DamagedFileError` if it is not that any more, `UnavailableError` as `read_plain`.
    """
    value = unsealed(read_plain(path))
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


def expanded(path: Path | str, loc: tuple[str | int, ...] | None = None) -> Path:
    """Give a path with `~` and `~ada` as the folders that they stand for.

    Raises `UsageError` where no such folder is known; `SpecError` for a path that a file says, `loc` is where.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        message = f"{path}: no home folder is known for that; write the whole path, or ./{path} for a folder called so"
        raise (UsageError(message) if loc is None else SpecError(message, loc)) from None


def of_system(problem: OSError) -> UsageError | UnavailableError:
    """Give what the system says of a path as an error of ours: of a name that is too long it is the caller's."""
    name = str(problem.filename or "")
    where = f"{name if len(name) <= _MOST_SHOWN else name[:_MOST_SHOWN] + '...'}: " if name else ""
    kind = UsageError if problem.errno == errno.ENAMETOOLONG else UnavailableError
    return kind(f"{where}{problem.strerror or problem}")


def damaged(path: Path) -> DamagedFileError:
    """Give the error for a file of a run that was truncated or altered."""
    return DamagedFileError(
        f"{path} was truncated or altered and is not used; train again with --fresh, or delete {path.parent}"
    )


def renamed(folder: Path, run_id: str) -> DamagedFileError:
    """Give the error for a folder of a run that bears another run's id."""
    return DamagedFileError(
        f"{folder} holds files of the run {run_id}, so it was renamed or copied, and it is not used; call the folder "
        f"{run_id}, or move it away"
    )
