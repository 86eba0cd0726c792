"""The runs of an MLflow experiment.

    runs = mlflow_runs("demo")                                # of MLFLOW_TRACKING_URI, else ./mlruns, else ./mlflow.db
    runs = mlflow_runs("sqlite:///other.db#demo")             # of a store that is named; a folder, a server alike

Settings are the parameters, the tags that people set, and the git commit. Deleted runs are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.ablate.tracked.runs import GIT_COMMIT, MetricSummary, Take, TrackedRun
from archsearch.errors import Problem, SpecError
from archsearch.spec.text.sentences import short, unknown
from archsearch.study.mlflow_store import URI_VARIABLE, local_path, mlflow_client, mlflow_errors, mlflow_uri
from archsearch.study.storage_url import shown_url

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run
    from mlflow.tracking import MlflowClient

_PAGE = 1000
_TAGS_OF_PROGRAMS = ("mlflow.", "archsearch.")  # what people set is all else


def mlflow_runs(place: str) -> list[TrackedRun]:
    """Read an experiment; without a name the only one that has runs.

    Raises `SpecError` where there is no such store or experiment, `UnavailableError` where it cannot be read.
    """
    uri, name = split_place(place)
    before, mark, after = place.partition("#")
    shown = shown_url(before) if "://" in before else before  # it stands in errors and in reports
    source = f"mlflow:{shown}{mark}{after}".removesuffix(":")
    path = local_path(uri)
    if path is not None and not path.exists():
        raise SpecError(
            Problem(source, f"there is no MLflow store {path}; name one with {URI_VARIABLE} or mlflow:URI#EXPERIMENT")
        )
    client = mlflow_client(uri, source)
    with mlflow_errors(source, uri):
        experiment = _experiment(client, name, source)
        histories = _Histories(client, source, uri)
        return [_tracked(run, histories) for run in _runs(client, experiment.experiment_id)]


def split_place(place: str) -> tuple[str, str]:
    """Give the store's URI and the experiment's name, "" where none is named.

    >>> split_place("sqlite:///a.db#demo")
    ('sqlite:///a.db', 'demo')
    """
    before, mark, after = place.partition("#")
    uri, name = (before, after) if mark or "://" in place else ("", place)
    if "://" not in uri and Path(uri).is_file():  # a database; MLflow itself takes a path for a folder
        uri = f"sqlite:///{uri}"
    return uri or mlflow_uri(), name


def _experiment(client: MlflowClient, name: str, source: str) -> Experiment:
    there = list(_pages(lambda token: client.search_experiments(max_results=_PAGE, page_token=token)))
    found = [one for one in there if name in (one.name, one.experiment_id)]
    if not name:
        found = [one for one in there if client.search_runs([one.experiment_id], max_results=1)]
        if len(found) != 1:
            names = ", ".join(short(one.name) for one in found or there)
            words = "no experiment has runs" if not found else "several experiments have runs"
            raise SpecError(Problem(source, f"{words}; name one of {names}"))
    if not found:
        raise SpecError(Problem(source, unknown("experiment", name, [one.name for one in there])))
    return found[0]


def _runs(client: MlflowClient, experiment_id: str) -> Iterator[Run]:
    yield from _pages(lambda token: client.search_runs([experiment_id], max_results=_PAGE, page_token=token))


def _pages(page: Any) -> Iterator[Any]:
    token = None
    while True:
        found = page(token)
        yield from found
        token = found.token
        if not token:
            return


@dataclass(frozen=True, slots=True)
class _Histories:
    """Where the values of a metric are read when they are asked for."""

    client: MlflowClient
    source: str
    uri: str

    def taken(self, run_id: str, name: str, latest: float, take: Take) -> float | None:
        """Take the value of the highest step, which MLflow keeps; for the largest or smallest its history is read."""
        if take == "last":
            return latest
        summary = MetricSummary()
        with mlflow_errors(self.source, self.uri):
            for one in self.client.get_metric_history(run_id, name):
                summary.add(one.step, one.value)
        return summary.take(take)


def _tracked(run: Run, histories: _Histories) -> TrackedRun:
    tags = run.data.tags
    settings = {name: value for name, value in tags.items() if not name.startswith(_TAGS_OF_PROGRAMS)}
    if commit := tags.get("mlflow.source.git.commit"):
        settings[GIT_COMMIT] = commit
    settings |= run.data.params
    status = run.info.status.lower()
    return TrackedRun(
        name=run.info.run_name or run.info.run_id,
        settings={name: value.strip() for name, value in settings.items()},
        metrics={name: partial(histories.taken, run.info.run_id, name, v) for name, v in run.data.metrics.items()},
        status="" if status == "finished" else status,
        started=(run.info.start_time or 0) / 1000,
    )
