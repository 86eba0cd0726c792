"""Write the runs of a study to MLflow, each once: `ablate --log mlflow`, `study --log mlflow`.

    logged = log_study(study)                          # to the store that MLflow itself would use here
    logged.written, logged.there, logged.experiment, logged.place

An experiment is called as the study. A run has what was moved and its seed as parameters, its metrics, its history by
epoch, and tags by which it is known again, so that writing twice writes nothing twice. What is written is read from the
storage alone, whatever was run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import optuna
from optuna.trial import FrozenTrial, TrialState

from archsearch.spec.folds import Fold
from archsearch.study.held import HeldRun, HeldTrial
from archsearch.study.lifecycle import confirmation_study
from archsearch.study.mlflow_store import mlflow_client, mlflow_errors, mlflow_uri
from archsearch.study.queue import slots_of
from archsearch.study.storage import open_storage
from archsearch.study.storage_url import shown_url

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

T = TypeVar("T")
RUN_TAG, STUDY_TAG, CELL_TAG = "archsearch.run_id", "archsearch.study", "archsearch.cell"
_BATCH = 100  # the most parameters that MLflow takes at once; it takes more metrics
_MOST_NAME = 250
_MOST_TEXT = 500  # characters of a parameter that every version of MLflow takes
_NO_METRICS = ("seed",)


@dataclass(frozen=True, slots=True)
class Logged:
    """How many runs were written, how many were there already, and where: an experiment in a store."""

    experiment: str
    written: int
    there: int
    place: str


def log_study(study: optuna.Study, uri: str | None = None) -> Logged:
    """Write the finished runs of a study that MLflow does not have yet.

    A run whose writing was interrupted is deleted and written again. Raises `UsageError` without the extra,
    `UnavailableError` where the store cannot be written to.
    """
    where = uri or mlflow_uri()
    name = study.study_name
    client = mlflow_client(where, "--log mlflow")
    with mlflow_errors("--log mlflow", where):
        found = client.get_experiment_by_name(name)
        experiment = found.experiment_id if found is not None else client.create_experiment(name)
        there = _written(client, experiment)
        finished = [trial for trial in slots_of(study).values() if trial.state.is_finished() and HeldTrial(trial).run]
        runs = {_key(trial, run): (trial, run) for trial in finished for run in HeldTrial(trial).runs}
        new = {key: one for key, one in runs.items() if key not in there}
        for trial, run in new.values():
            _write(client, experiment, study, trial, run)
    return Logged(name, len(new), len(runs.keys() & there), shown_url(where))


def log_named(name: str, url: str, uri: str | None = None) -> list[Logged]:
    """Write the runs of a study of a storage, and of its confirmation where it has one; raise as `log_study` does."""
    storage = open_storage(url)
    study = optuna.load_study(study_name=name, storage=storage)
    confirmed = confirmation_study(study, storage)
    return [log_study(one, uri) for one in (study, confirmed) if one is not None]


def _key(trial: FrozenTrial, run: HeldRun) -> tuple[str, str]:
    """Name what is written once: a run, in a cell where there are some, as two cells may be the same network."""
    return run.run_id, _cell(trial)


def _cell(trial: FrozenTrial) -> str:
    held = HeldTrial(trial)
    return held.cell if HeldTrial.cell.key in held.attrs else ""


def _written(client: MlflowClient, experiment: str) -> set[tuple[str, str]]:
    """Give what is there whole; what was begun and not ended is deleted."""
    found: set[tuple[str, str]] = set()
    token = None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        for run in page:
            if RUN_TAG not in run.data.tags:
                continue
            if run.info.end_time is None:
                client.delete_run(run.info.run_id)
            else:
                found.add((run.data.tags[RUN_TAG], run.data.tags.get(CELL_TAG, "")))
        token = page.token
        if not token:
            return found


def _write(client: MlflowClient, experiment: str, study: optuna.Study, trial: FrozenTrial, run: HeldRun) -> None:
    from mlflow.entities import Param, RunTag

    held = HeldTrial(trial)
    ended = _milliseconds(trial, "complete")
    params = {**trial.params, "seed": held.seed}
    tags = {RUN_TAG: run.run_id, STUDY_TAG: study.study_name, CELL_TAG: _cell(trial)}
    tags |= {"archsearch.trial": str(trial.number), "archsearch.outcome": held.outcome or ""}
    if "fold" in run.spec.get("data", {}):
        params["fold"] = Fold.model_validate(run.spec["data"]["fold"]).said
    made = client.create_run(
        experiment,
        start_time=_milliseconds(trial, "start"),
        tags={name: text for name, text in tags.items() if text},
        run_name=f"{_cell(trial) or trial.number}, seed {held.seed}",
    ).info.run_id
    for part in _parts(list(params.items()), _BATCH):
        client.log_batch(made, params=[Param(_name(name), str(value)[:_MOST_TEXT]) for name, value in part])
    for measured in _parts(list(_metrics(study, trial, run, ended)), 5 * _BATCH):
        client.log_batch(made, metrics=measured)
    if held.failure:
        client.log_batch(made, tags=[RunTag("archsearch.failure", held.failure[:_MOST_TEXT])])
    status = "FINISHED" if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) else "FAILED"
    client.set_terminated(made, status=status, end_time=ended)


def _metrics(study: optuna.Study, trial: FrozenTrial, run: HeldRun, ended: int) -> Iterator[Any]:
    """Give the history by epoch, and what the run came to: at its last step and later, so that it is the latest."""
    from mlflow.entities import Metric

    last = 0
    for at, record in enumerate(run.history):
        last = int(record.get("epoch", record.get("step", at)))
        for name, value in _numbers(record):
            if name not in ("epoch", "step"):
                yield Metric(_name(name), value, ended - 1, last)
    told = dict(zip(study.metric_names or (), trial.values or (), strict=False))
    inner = run.result.get("metrics")
    nested = dict(_numbers(inner)) if isinstance(inner, Mapping) else {}
    final = {**told, **dict(_numbers(run.result)), **nested}
    for name, value in final.items():
        if name not in _NO_METRICS:
            yield Metric(_name(name), value, ended, last)


def _numbers(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in record.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            yield name, float(value)


def _parts(items: Sequence[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _milliseconds(trial: FrozenTrial, which: Literal["start", "complete"]) -> int:
    """Give when a finished trial began or ended, as MLflow counts time."""
    moment = (trial.datetime_start if which == "start" else None) or trial.datetime_complete
    assert moment is not None, "Optuna notes when a trial ends"
    return int(moment.timestamp() * 1000)


def _name(text: str) -> str:
    """Write a name with the signs that MLflow takes, no longer than it takes."""
    return re.sub(r"[^\w\-. /:]", "_", text)[:_MOST_NAME]
