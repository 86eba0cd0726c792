"""Where MLflow keeps its runs, and its client: what reading from it and writing to it have in common.

    client = mlflow_client(mlflow_uri(), "mlflow:demo")

MLflow is an extra and imported here only. Nothing is made where nothing is: a store that is only read must be there.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from archsearch.errors import ArchsearchError, UnavailableError, UsageError
from archsearch.study.storage_url import shown_url, without_secrets

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

URI_VARIABLE = "MLFLOW_TRACKING_URI"
FOLDER = "mlruns"
DATABASE = "mlflow.db"


def mlflow_uri() -> str:
    """Give the store that MLflow would use here: MLFLOW_TRACKING_URI, else ./mlruns with runs, else ./mlflow.db."""
    if told := os.environ.get(URI_VARIABLE):
        return told
    has_runs = any(Path(FOLDER).glob("*/meta.yaml"))
    return str(Path(FOLDER).resolve()) if has_runs else f"sqlite:///{DATABASE}"


def local_path(uri: str) -> Path | None:
    """Give the file or the folder of a store on this machine; None for a server."""
    if uri.startswith("sqlite:///"):
        return Path(unquote(uri.removeprefix("sqlite:///")).partition("?")[0])
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(uri) if not parts.scheme or "://" not in uri else None


def mlflow_client(uri: str, source: str) -> MlflowClient:
    """Open a store; `source` is what an error calls it.

    Raises `UsageError` without the extra, `UnavailableError` where the store cannot be opened.
    """
    # What is set here is for this process: no usage statistics go out, and the folders that MLflow kept runs in before
    # it took to databases can be read.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # its default waits for minutes
    with mlflow_errors(source, uri):
        try:
            from mlflow.tracking import MlflowClient
        except ImportError:
            raise UsageError(
                f"{source}: MLflow is an extra; install it with pip install 'archsearch[mlflow]'"
            ) from None
        for name in ("mlflow", "alembic"):  # after the import, which sets them
            logging.getLogger(name).setLevel(logging.ERROR)
        return MlflowClient(tracking_uri=_absolute(uri))


def _absolute(uri: str) -> str:
    """Name a database by its whole path: MLflow keeps what it has opened by its URI, whatever the folder is by then."""
    before, mark, options = uri.partition("?")
    path = before.removeprefix("sqlite:///")
    return f"sqlite:///{Path(path).absolute()}{mark}{options}" if path not in (before, "", ":memory:") else uri


@contextmanager
def mlflow_errors(source: str, uri: str) -> Iterator[None]:
    """Keep MLflow's warnings (of its own libraries) quiet, and say its errors in a line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except ArchsearchError:
            raise
        except Exception as error:  # its own, SQLAlchemy's, requests'
            first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise UnavailableError(
                f"{source}: the MLflow store {shown_url(uri)}: {without_secrets(first, uri)[:300]}"
            ) from None
