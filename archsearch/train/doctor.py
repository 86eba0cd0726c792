"""What `archsearch doctor` looks at: each finding is a name, a value, and what to do if it is not well."""

from __future__ import annotations

import os
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import torch

from archsearch import __version__
from archsearch.data.library import import_torchvision
from archsearch.data.location import data_dir as locate_data
from archsearch.errors import UnavailableError
from archsearch.native.library import load_library as load_native
from archsearch.native.library import why_missing as missing_native
from archsearch.train.compute import resolve_device
from archsearch.train.processor import processor

_PACKAGES = (
    "torch", "torchvision", "optuna", "pydantic", "numpy", "scipy", "plotly", "optuna-dashboard", "psycopg", "polars",
)  # fmt: skip
_OPTIONAL = ("optuna-dashboard", "psycopg", "polars")


class MachineFact(NamedTuple):
    """One line of the report; `advice` is empty where all is well."""

    name: str
    value: str
    advice: str = ""


def examine_machine(*, runs_dir: Path, data_dir: Path | None = None) -> list[MachineFact]:
    """Look at everything a run needs; takes a second or two, for the matrix product."""
    return [
        MachineFact("archsearch", __version__),
        MachineFact("python", sys.version.split()[0]),
        *(_package(name) for name in _PACKAGES),
        _torchvision(),
        MachineFact("processor", f"{processor()}, {os.cpu_count()} cores"),
        MachineFact("device", _device()),
        MachineFact("threads", str(torch.get_num_threads())),
        _native(),
        MachineFact("matrix product", f"{matrix_product_rate():.0f} GFLOP/s (1024 x 1024, float32, CPU)"),
        _folder("data folder", locate_data(data_dir), "--data-dir or ARCHSEARCH_DATA"),
        _folder("runs folder", runs_dir.absolute(), "--runs-dir or ARCHSEARCH_RUNS"),
    ]


def _package(name: str) -> MachineFact:
    try:
        return MachineFact(name, version(name))
    except PackageNotFoundError:
        extra = {"optuna-dashboard": "dashboard", "psycopg": "postgres", "polars": "tables"}.get(name)
        advice = "" if name in _OPTIONAL else "install archsearch again"
        return MachineFact(name, f"not installed (extra: {extra})" if extra else "missing", advice)


def _torchvision() -> MachineFact:
    try:
        import_torchvision()
    except UnavailableError as error:
        return MachineFact("torchvision works", "no", str(error))
    return MachineFact("torchvision works", "yes")


def _native() -> MachineFact:
    library = load_native()
    if library is None:
        return MachineFact("native engine", "none, everything runs on torch", missing_native())
    return MachineFact("native engine", f"{library.variant} ({library.lanes} images side by side)")


def _device() -> str:
    device = resolve_device("auto")
    return f"cuda ({torch.cuda.get_device_name()})" if device == "cuda" else device


def matrix_product_rate(size: int = 1024, repeats: int = 20) -> float:
    """Measure the rate of a float32 matrix product on CPU in GFLOP/s: the best of some repeats."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


def _folder(name: str, path: Path, how: str) -> MachineFact:
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    advice = "" if os.access(there, os.W_OK) else f"{there} cannot be written; choose another with {how}"
    return MachineFact(name, str(path), advice)
