"""What all tests share: small data in a folder of the test session, and real MNIST where it is present."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Server, why_absent

# begun in a shell's background, what tests start would be deaf to Ctrl-C
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that lasts for the session, so that the digits are prepared once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server of the test session; skipped where the binaries or the driver are missing."""
    if why := why_absent():
        pytest.skip(why)
    server = Server()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres(postgres_server: Server) -> str:
    """The URL of a database that the tests of a session share."""
    return postgres_server.url()


@pytest.fixture(autouse=True)
def _no_user_settings(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    data_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Keep the user's folders out of the tests; those marked `mnist` read the user's data folder."""
    storage = ("ARCHSEARCH_STORAGE", "ARCHSEARCH_ARTIFACTS", "ARCHSEARCH_STORAGE_SECONDS")
    for name in (*storage, "ARCHSEARCH_RUNS", "ARCHSEARCH_TRUST", "COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    if request.node.get_closest_marker("mnist") is None:
        monkeypatch.setenv("ARCHSEARCH_DATA", str(data_dir))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, and say why."""
    skip_mnist = pytest.mark.skip(reason="MNIST is not in the data folder: archsearch data get mnist")
    skip_gpu = pytest.mark.skip(reason="no CUDA device")
    for item in items:
        if item.get_closest_marker("mnist") and not _mnist_is_here():
            item.add_marker(skip_mnist)
        if item.get_closest_marker("gpu") and not _cuda_is_here():
            item.add_marker(skip_gpu)


def _mnist_is_here() -> bool:
    from archsearch.data.location import data_dir

    return (data_dir(None) / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file()


def _cuda_is_here() -> bool:
    import torch

    return torch.cuda.is_available()


def pytest_report_header() -> list[str]:
    """Say which data the marked tests will see."""
    return [f"ARCHSEARCH_DATA: {os.environ.get('ARCHSEARCH_DATA', '(user cache)')}, MNIST present: {_mnist_is_here()}"]
