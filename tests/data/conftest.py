"""Small data sets on disk for the tests of `data/`, and a network that is not there."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from archsearch.data import registry, vision
from archsearch.data.registry import DIGITS, Contents, Downloaded
from archsearch.errors import UnavailableError


def idx(values: NDArray[np.uint8]) -> bytes:
    """The idx format by hand: two zeros, type 8 (uint8), number of axes, the sizes big-endian, the values."""
    return struct.pack(f">4B{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("ARCHSEARCH_DATA", str(folder))
    return folder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(source: Downloaded, folder: Path) -> None:
        raise UnavailableError("<urlopen error: no route>")

    monkeypatch.setattr(vision, "download", download)
    monkeypatch.setenv("PATH", "")


@pytest.fixture
def tiny_mnist(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Replace the registry's mnist by 40 + 20 random images of 6x5 with their own pins; gives the raw files."""
    draw = np.random.default_rng(0)
    arrays = [
        draw.integers(0, 256, (40, 6, 5), dtype=np.uint8),
        np.arange(40, dtype=np.uint8) % 10,
        draw.integers(0, 256, (20, 6, 5), dtype=np.uint8),
        np.arange(20, dtype=np.uint8) % 10,
    ]
    entry = registry.DATASETS["mnist"]
    assert isinstance(entry, Downloaded)
    contents = [idx(array) for array in arrays]
    files = tuple(
        replace(file, digest=f"sha256:{hashlib.sha256(content).hexdigest()}")
        for file, content in zip(entry.files, contents, strict=True)
    )
    small = replace(entry, files=files, contents=Contents((1, 6, 5), DIGITS, 40, 20, (4,) * 10, (2,) * 10))
    monkeypatch.setitem(registry.DATASETS, "mnist", small)
    return {file.name: content for file, content in zip(files, contents, strict=True)}


@pytest.fixture
def raw_folder(tiny_mnist: dict[str, bytes], data_folder: Path) -> Path:
    """The data folder, with the tiny mnist's raw files in it; gives MNIST/raw."""
    raw = data_folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in tiny_mnist.items():
        (raw / name).write_bytes(content)
    return raw
