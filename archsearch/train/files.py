"""Write files whole or not at all, and notice when one was altered."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from archsearch.errors import DamagedFileError, UnavailableError


def write_whole(path: Path, content: bytes) -> None:
    """Write to a temporary file beside, sync, and rename; a reader sees the old file or the new one.

    Raises `UnavailableError` where the disk is full or the folder cannot be written; nothing is left behind then.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UnavailableError(f"{path} cannot be written: {error.strerror}") from None


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(content: bytes) -> str:
    """Give the SHA-256 as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def canonical_json(value: object) -> str:
    """Write JSON in one way only: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def write_sealed(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON object with its own SHA-256 under the key `sha256`."""
    seal = sha256(canonical_json(value).encode())
    write_whole(path, (json.dumps(value | {"sha256": seal}, indent=1, ensure_ascii=False) + "\n").encode())


def read_sealed(path: Path) -> dict[str, Any]:
    """Read what `write_sealed` wrote; raise `DamagedFileError` if it is not that any more."""
    try:
        value = json.loads(path.read_bytes())
        seal = value.pop("sha256")
        if seal == sha256(canonical_json(value).encode()):
            return dict(value)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        pass
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}") from None
    raise damaged(path)


def damaged(path: Path) -> DamagedFileError:
    """Give the error for a file of a run that was truncated or altered."""
    return DamagedFileError(
        f"{path} was truncated or altered and is not used; train again with --fresh, or delete {path.parent}"
    )
