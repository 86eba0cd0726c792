"""Your own arrays: `x_train`, `y_train`, `x_test` and `y_test` in one .npz file.

    contents(Path("signals.npz")).shape      # reads the headers and the labels, nothing else

The rule that says what the axes of x mean (N samples):

    (N, F)                 F flat features
    (N, H, W) uint8        grey images          -> (1, H, W)
    (N, C, L) float        signals with C channels and L steps
    (N, C, H, W)           images; if axis 1 is not 1, 3 or 4 and the last one is, (N, H, W, C) -> (C, H, W)
    more axes              as they are

uint8 always means value / 255; floats are taken as they are, as float32. Labels are whole numbers 0..k-1, each of them
in y_train. Knows no options; must not import torch when it only describes.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from archsearch.data.registry import Contents
from archsearch.errors import DamagedFileError, SpecError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from archsearch.data.samples import Part

NAMES = ("x_train", "y_train", "x_test", "y_test")
CHANNELS = (1, 3, 4)


def contents(path: Path) -> Contents:
    """Describe the file at `path`; SpecError: arrays that are not data; DamagedFileError: a broken file."""
    import numpy as np

    with _opened(path) as archive:
        present = [name.removesuffix(".npy") for name in archive.namelist()]
        missing = [name for name in NAMES if name not in present]
        if missing:
            raise _error(path, f"holds {', '.join(present) or 'nothing'}; {', '.join(missing)} is missing")
        headers = {name: _header(archive, name) for name in NAMES}
        labels = {name: _labels(path, archive, name, *headers[name]) for name in ("y_train", "y_test")}
    shape = _sample_shape(path, "x_train", *headers["x_train"])
    other = _sample_shape(path, "x_test", *headers["x_test"])
    if shape != other or (headers["x_train"][1] == "uint8") != (headers["x_test"][1] == "uint8"):
        kinds = [f"{name} {headers[name][1]} {headers[name][0]}" for name in ("x_train", "x_test")]
        raise _error(path, f"{' and '.join(kinds)} are not samples of one kind")
    for part in ("train", "test"):
        samples, found = headers[f"x_{part}"][0][0], len(labels[f"y_{part}"])
        if samples != found:
            raise _error(path, f"x_{part} has {samples} samples and y_{part} {found} labels")
    train, test = labels["y_train"], labels["y_test"]
    classes = int(train.max()) + 1
    _check_labels(path, train, test, classes)
    per_class = [tuple(int(n) for n in np.bincount(y, minlength=classes)) for y in (train, test)]
    return Contents(
        shape=shape,
        class_names=tuple(str(label) for label in range(classes)),
        train=len(train),
        test=len(test),
        train_per_class=per_class[0],
        test_per_class=per_class[1],
        dtype="uint8" if headers["x_train"][1] == "uint8" else "float32",
    )


def parts(path: Path) -> tuple[Part, Part]:
    """Read train and test; raises SpecError if a value is not finite."""
    import numpy as np
    import torch

    from archsearch.data.samples import in_memory

    found = []
    for part in ("train", "test"):
        with _damage(path), np.load(path, allow_pickle=False) as archive:
            x: NDArray[Any] = archive[f"x_{part}"]
            y = archive[f"y_{part}"].astype(np.int64)
        if x.dtype != np.uint8:
            with np.errstate(over="ignore"):
                x = x.astype(np.float32)
            wrong = x.size - int(np.isfinite(x).sum())
            if wrong:
                raise _error(path, f"x_{part} has {wrong} values that are not finite as float32; replace them")
        if x.dtype == np.uint8 and x.ndim == 3:
            x = x[:, None]
        elif _channels_last(x.shape):
            x = x.transpose(0, 3, 1, 2)
        found.append(in_memory(torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(y)))
    return found[0], found[1]


def _sample_shape(path: Path, name: str, shape: tuple[int, ...], dtype: str) -> tuple[int, ...]:
    if dtype not in ("uint8", "float16", "float32", "float64"):
        raise _error(path, f"{name} is {dtype}; convert it to uint8 (meaning value / 255) or float32")
    if len(shape) < 2 or math.prod(shape) == 0:
        raise _error(path, f"{name} has the shape {shape}; samples along the first axis and at least one value each")
    if dtype == "uint8" and len(shape) == 3:
        return (1, *shape[1:])
    if _channels_last(shape):
        return (shape[3], shape[1], shape[2])
    return shape[1:]


def _channels_last(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and shape[1] not in CHANNELS and shape[3] in CHANNELS


def _labels(path: Path, archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: str) -> NDArray[np.int64]:
    import numpy as np

    if len(shape) != 1 or not dtype.startswith(("int", "uint")):
        raise _error(path, f"{name} is {dtype} {shape}; labels are whole numbers, one per sample: int64 (N,)")
    if shape[0] == 0:
        raise _error(path, f"{name} is empty")
    with archive.open(f"{name}.npy") as file:
        values: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return values.astype(np.int64)


def _check_labels(path: Path, train: NDArray[np.int64], test: NDArray[np.int64], classes: int) -> None:
    low, high = min(int(train.min()), int(test.min())), max(int(train.max()), int(test.max()))
    if low < 0 or classes > len(train):
        raise _error(path, f"labels run from {low} to {high}; they must be 0..k-1 for k classes")
    absent = sorted(set(range(classes)) - {int(label) for label in train})
    if absent:
        raise _error(path, f"y_train has no sample of class {absent[0]}; labels must be 0..k-1, each of them present")
    if high >= classes:
        raise _error(path, f"y_test has the label {high}, which y_train does not have")


def _header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], str]:
    """Read shape and type of an array inside the archive without its values."""
    import numpy as np

    with archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        read = _HEADER_READERS.get(version)
        if read is None:
            raise ValueError(f"{name}.npy has the format version {version}")
        shape, _, dtype = getattr(np.lib.format, read)(file)
        held = archive.getinfo(f"{name}.npy").file_size - file.tell()
    if not dtype.hasobject and held != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name}.npy holds {held} bytes, its header {shape} {dtype} asks for others")
    return tuple(int(n) for n in shape), str(dtype.name)


# All that numpy, zipfile and zlib raise for files that were cut, altered, encrypted or pickled.
_READING_FAILED = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, KeyError, RuntimeError, struct.error)
_HEADER_READERS = {(1, 0): "read_array_header_1_0", (2, 0): "read_array_header_2_0"}


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    if not path.is_file():
        state = "is a folder" if path.is_dir() else "does not exist"
        raise _error(path, f"{state}; expected an .npz file with {', '.join(NAMES)}")
    with _damage(path):
        file: IO[bytes] = path.open("rb")
        with file, zipfile.ZipFile(file) as archive:
            yield archive


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Turn what numpy and zipfile say about a broken or pickled file into DamagedFileError."""
    try:
        yield
    except _READING_FAILED as problem:
        raise DamagedFileError(
            f"{path} cannot be read as .npz ({problem}) and was not used. Write it again with numpy.savez; "
            "arrays of Python objects are not read."
        ) from problem


def _error(path: Path, message: str) -> SpecError:
    return SpecError(f"{path}: {message}.", ("data", "path"))
