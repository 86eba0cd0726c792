"""An .npz as a file: opened, the header of an array read without its values, and what is broken in it said.

    with opened_npz(Path("har.npz")) as archive:
        read_header(archive, "x_train")            # ((60000, 28, 28), 'uint8')

Knows no data set.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from archsearch.errors import DamagedFileError, SpecError
from archsearch.files import file_type
from archsearch.wording import bytes_text

# All that numpy, zipfile and zlib raise for files that were cut, altered, encrypted or pickled.
_READING_FAILED = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, KeyError, RuntimeError, struct.error)
_LARGE, _MOST_TIMES_SMALLER = 2**28, 200  # bytes; of an array that large, deflate makes that much of zeros only
_HEADER_READERS = {(1, 0): "read_array_header_1_0", (2, 0): "read_array_header_2_0"}


def wrong_file(path: Path, message: str) -> SpecError:
    """Make the error for a file whose arrays are not what is read."""
    return SpecError(f"{path}: {message}.", ("data", "path"), reason=f"{path}: {message}")


def read_header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], str]:
    """Read shape and type of an array inside the archive without its values."""
    import numpy as np

    with archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        read = _HEADER_READERS.get(version)
        if read is None:
            raise ValueError(f"{name}.npy has the format version {version}")
        shape, _, dtype = getattr(np.lib.format, read)(file)
        member = archive.getinfo(f"{name}.npy")
        held = member.file_size - file.tell()
    if member.file_size > max(_LARGE, _MOST_TIMES_SMALLER * member.compress_size):
        raise ValueError(f"{name} is {bytes_text(member.file_size)} packed into {bytes_text(member.compress_size)}")
    if not dtype.hasobject and held != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name}.npy holds {held} bytes, its header {shape} {dtype} asks for others")
    return tuple(int(n) for n in shape), str(dtype.name)


@contextmanager
def opened_npz(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a file; raise `SpecError` where it is none, `DamagedFileError` where it is broken."""
    if not path.is_file():
        state = f"is a {file_type(path.stat().st_mode)}" if path.exists() else "does not exist"
        raise wrong_file(path, f"{state}; expected an .npz file with x_train, y_train, x_test, y_test")
    with reading_npz(path):
        file: IO[bytes] = path.open("rb")
        with file, zipfile.ZipFile(file) as archive:
            yield archive


@contextmanager
def reading_npz(path: Path) -> Iterator[None]:
    """Turn what numpy and zipfile say about a broken or pickled file into DamagedFileError."""
    try:
        yield
    except _READING_FAILED as problem:
        raise DamagedFileError(
            f"{path} cannot be read as .npz ({problem}) and was not used. Write it again with numpy.savez; "
            "arrays of Python objects are not read."
        ) from problem
