"""torchvision's downloads and its readers of raw files.

    train, test = parts(DATASETS["mnist"], folder)

Knows registry entries and folders; must not know specs.
"""

from __future__ import annotations

import contextlib
import io
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.data.library import import_torchvision
from archsearch.data.registry import Downloaded
from archsearch.errors import DamagedFileError, UnavailableError

if TYPE_CHECKING:
    from torch import Tensor

    from archsearch.data.samples import SourcePart

SECONDS_WITHOUT_AN_ANSWER = 15.0


def download(source: Downloaded, folder: Path) -> None:
    """Let torchvision download `source` below `folder`; raises UnavailableError with a short reason."""
    with _time_out(SECONDS_WITHOUT_AN_ANSWER), _quiet():
        try:
            for arguments in (source.train_arguments, source.test_arguments):
                _dataset_class(source)(root=str(folder), download=True, **arguments)
        except UnavailableError:
            raise
        except Exception as problem:  # networks, archives and readers raise anything
            lines = [line for line in str(problem).splitlines() if line.strip()]
            raise UnavailableError(lines[-1].strip() if lines else type(problem).__name__) from problem


def parts(source: Downloaded, folder: Path) -> tuple[SourcePart, SourcePart]:
    """Read the raw files below `folder` as train and test: images uint8 (N, C, H, W), labels int64."""
    from archsearch.data.samples import in_memory

    try:
        pairs = _idx(source, folder) if source.layout == "idx" else _arrays(source, folder)
        found = [in_memory(_channels_first(x, source.transposed), y) for x, y in pairs]
    except (AssertionError, RuntimeError, ValueError, IndexError, TypeError, EOFError, OSError, KeyError) as problem:
        raise DamagedFileError(
            f"The files {', '.join(file.path for file in source.files)} in {folder} cannot be read "
            f"({type(problem).__name__}: {problem}) and were not used. Delete them and get them again."
        ) from problem
    return found[0], found[1]


def _idx(source: Downloaded, folder: Path) -> Iterator[tuple[Tensor, Tensor]]:
    read = import_torchvision("torchvision.datasets.mnist").read_sn3_pascalvincent_tensor
    train_x, train_y, test_x, test_y = (str(folder / file.path) for file in source.files)
    for images, labels in ((train_x, train_y), (test_x, test_y)):
        y: Tensor = read(labels).long()
        yield read(images), y[:, 0] if y.ndim == 2 else y  # qmnist: the first of eight columns is the class


def _arrays(source: Downloaded, folder: Path) -> Iterator[tuple[Tensor, Tensor]]:
    import numpy as np
    import torch

    for arguments in (source.train_arguments, source.test_arguments):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's about what the CIFAR pickles hold; nothing a user could change
            dataset = _dataset_class(source)(root=str(folder), download=False, **arguments)
        labels = dataset.labels if hasattr(dataset, "labels") else dataset.targets
        yield torch.from_numpy(np.ascontiguousarray(dataset.data)), torch.as_tensor(np.asarray(labels, dtype=np.int64))


def _channels_first(x: Tensor, transposed: bool) -> Tensor:
    if x.ndim == 3:
        x = x[:, None]
    elif x.shape[-1] == 3 and x.shape[1] != 3:
        x = x.permute(0, 3, 1, 2)
    return x.transpose(2, 3) if transposed else x


def _dataset_class(source: Downloaded) -> Any:
    return getattr(import_torchvision("torchvision.datasets"), source.torchvision)


@contextlib.contextmanager
def _time_out(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
