"""Read the arrays of an .npz that a stranger gave, in memory: plain numbers of the size that the file has, or nothing.

    arrays_of(content)["test_outputs"].shape

numpy's own reader trusts a header: one of 100 bytes may ask for more memory than there is.
"""

from __future__ import annotations

import io
import math
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_ARRAYS = 100


def numbers_of(content: bytes, *, weights: bool) -> dict[str, NDArray[Any]] | None:
    """Give the arrays of a run's weights or predictions by name, None for what is no such file."""
    if not weights:
        return arrays_of(content)
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return dict(load(content))
    except (SafetensorError, KeyError, ValueError, TypeError):
        return None


def arrays_of(content: bytes) -> dict[str, NDArray[Any]] | None:
    """Give the arrays by name, None for what is no .npz of numbers as `numpy.savez` writes it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            stored = all(one.compress_type == zipfile.ZIP_STORED for one in members)
            if len(members) > _MOST_ARRAYS or not stored or sum(one.file_size for one in members) > len(content):
                return None
            found = {one.filename.removesuffix(".npy"): _array(archive.read(one)) for one in members}
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError, SyntaxError, OSError):
        return None
    return found


def _array(content: bytes) -> NDArray[Any]:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, columns_first, kind = read(file)
    if kind.hasobject or math.prod(shape) * kind.itemsize != len(content) - file.tell():
        raise ValueError("its header asks for another size than the file has")
    flat = np.frombuffer(content, dtype=kind, offset=file.tell())
    return flat.reshape(shape, order="F" if columns_first else "C")
