"""A search as frozen data: everything that a report needs, from the storage alone, as JSON both ways.

    record = search_record(existing_study("lenet", storage), storage)
    record.trials[0].outcome, record.report.confirmed, record.missing

Run directories are not asked for; what the storage does not hold is named in `missing`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field

from archsearch.errors import SpecError
from archsearch.kinds import kind_of_held
from archsearch.kinds.kind import ExperimentKind
from archsearch.metrics import Metric, NamedMetric, Written
from archsearch.plain import Plain
from archsearch.search.folds import FoldValues, fold_values, mean_of
from archsearch.search.importance import Importances, OpenValue, TrialSample, importances
from archsearch.search.jobs import held_search
from archsearch.search.reached import reported
from archsearch.search.search import StudyReport, baseline_trial, report_on
from archsearch.search.space.domains import Value
from archsearch.study.held import HeldStudy, HeldTrial
from archsearch.study.queue import slots_of
from archsearch.study.storage import Storage
from archsearch.train.result import EpochRecord
from archsearch.wording import epochs_text

TrialOutcome = Literal["completed", "repeated", "pruned", "diverged", "failed", "running", "waiting"]


class MetricRecord(Plain):
    """An objective: its name and its direction; of a program, too, how its file says that it is called and written."""

    name: str
    direction: Literal["maximize", "minimize"]
    title: str | None = None
    written: Written | None = None

    @property
    def said(self) -> NamedMetric:
        """Give what the words of `metrics` are asked with."""
        if self.title is None or self.written is None:
            return self.name
        return Metric(self.name, self.title, self.direction, self.written, "training", given_by="program")

    def better(self, one: float, other: float) -> bool:
        """Say whether one value is better than another."""
        return one > other if self.direction == "maximize" else one < other


class TrialRecord(Plain):
    """One slot of a search. `learned` is the learned metric after each epoch, also of trials that were stopped, and
    before them after those parts of the first one (0.125 is an eighth) at which the pruner looked; `history` is the
    whole record of an epoch, which only finished runs leave. Times are UTC.

    With folds the values and `learned` are means over them, `spec` is what was sampled, `run_id` and `history` are of
    the first fold's run, and `folds` has the learned objective on each.
    """

    number: int
    slot: int
    outcome: TrialOutcome
    values: Annotated[tuple[float, ...] | None, Field(strict=False)] = None
    params: dict[str, Value]
    network: str | None = None
    line: str = ""
    parameters: int | None = None
    macs: int | None = None
    infeasible: int = 0
    seed: int | None = None
    spec: dict[str, Any] | None = None
    run_id: str | None = None
    learned: Annotated[tuple[tuple[int | float, float], ...], Field(strict=False)] = ()
    history: Annotated[tuple[EpochRecord, ...], Field(strict=False)] = ()
    started: str | None = None
    finished: str | None = None
    seconds: float | None = None
    worker: str | None = None
    attempts: int = 1
    failure: str | None = None
    engine: str | None = None
    folds: FoldValues | None = None


class SearchRecord(Plain):
    """A search. `main` is the objective that trials are ranked by, `baseline` the trial of the base itself."""

    name: str
    text: str
    base: dict[str, Any]
    metrics: tuple[MetricRecord, ...]
    main: int
    sampler: str
    seed: int
    planned: int
    most_parameters: int | None
    most_macs: int | None
    pruner: str | None
    space: tuple[OpenValue, ...]
    trials: tuple[TrialRecord, ...]
    baseline: int | None
    importances: tuple[Importances, ...]
    report: StudyReport
    missing: tuple[str, ...]

    @property
    def metric(self) -> MetricRecord:
        """The objective that trials are ranked by."""
        return self.metrics[self.main]

    def value(self, trial: TrialRecord) -> float | None:
        """Give a trial's value of the main objective, None if it has none."""
        return trial.values[self.main] if trial.values is not None else None

    def trial(self, number: int | None) -> TrialRecord | None:
        """Give the trial of a number, None if it is none of the slots."""
        return next((trial for trial in self.trials if trial.number == number), None)


def search_record(study: optuna.Study, storage: Storage) -> SearchRecord:
    """Read a search from its storage."""
    held = HeldStudy(study)
    kind = kind_of_held(held.base)
    rows = [kind.metric_held(held.base, name) for name in held.metrics] if kind.name == "program" else []
    metrics = tuple(
        MetricRecord(
            name=name,
            direction="maximize" if direction.name == "MAXIMIZE" else "minimize",
            title=rows[place].title if rows else None,
            written=rows[place].written if rows else None,
        )
        for place, (name, direction) in enumerate(zip(held.metrics, study.directions, strict=True))
    )
    main = kind.main([metric.name for metric in metrics])
    found = sorted(slots_of(study).items())
    trials = tuple(_trial(slot, trial, kind, kind.learned(held.metrics)) for slot, trial in found)
    baseline = baseline_trial(trial for _, trial in found)
    space = _space([trial for _, trial in found], held.identity["space"])
    report = report_on(study, storage)
    pruner = _pruner(held)
    limits = held.identity["limits"]
    return SearchRecord(
        name=study.study_name,
        text=held.text,
        base=held.base,
        metrics=metrics,
        main=main,
        sampler=held.sampler,
        seed=held.seed,
        planned=report.trials,
        most_parameters=limits.get("parameters"),
        most_macs=limits.get("macs"),
        pruner=pruner,
        space=space,
        trials=trials,
        baseline=baseline,
        importances=importances_of(space, trials, main, metrics[main].name),
        report=report,
        missing=_missing(trials, baseline, report, pruner),
    )


def _trial(slot: int, trial: FrozenTrial, kind: ExperimentKind, metric: str | None) -> TrialRecord:
    held = HeldTrial(trial)
    run, spec, seconds = held.run, held.spec, held.seconds
    rows = run.history if run is not None else ()
    history = tuple(EpochRecord.model_validate(row) for row in rows) if kind.name == "network" else ()
    started, finished = _utc(trial.datetime_start), _utc(trial.datetime_complete)
    if seconds is None and trial.duration is not None:
        seconds = trial.duration.total_seconds()
    return TrialRecord(
        number=trial.number,
        slot=slot,
        outcome=_outcome(trial),
        values=tuple(trial.values) if trial.state == TrialState.COMPLETE else None,
        params=dict(trial.params),
        network=held.network,
        line=kind.line(spec) if spec is not None else "",
        parameters=held.parameters,
        macs=held.macs,
        infeasible=held.infeasible,
        seed=held.seed,
        spec=held.sampled_spec or spec,
        run_id=held.run_id,
        learned=_learned(trial, [one.history for one in held.runs], metric),
        history=history,
        started=started if trial.state != TrialState.WAITING else None,
        finished=finished,
        seconds=seconds,
        worker=_worker(held.owner),
        attempts=held.deaths + 1,
        failure=held.failure,
        engine=run.environment.get("engine") if run is not None else None,
        folds=None if metric is None else fold_values(trial, metric),
    )


def _outcome(trial: FrozenTrial) -> TrialOutcome:
    if not trial.state.is_finished():
        return "running" if trial.state == TrialState.RUNNING else "waiting"
    told: TrialOutcome | None = HeldTrial(trial).outcome
    if told is not None:
        return told
    return {TrialState.COMPLETE: "completed", TrialState.PRUNED: "pruned"}.get(trial.state, "failed")  # type: ignore[return-value]


def _learned(
    trial: FrozenTrial, histories: Sequence[Sequence[Mapping[str, Any]]], metric: str | None
) -> tuple[tuple[int | float, float], ...]:
    """Give the learned metric by parts of the first epoch, as noted then, and by epoch.

    The latter is that of a finished run's history, else what was reported on the way.
    Of folds it is the mean, as far as all of them were trained.
    """
    if metric is None:
        return ()
    curve: list[tuple[int | float, float | None]] = list(reported(trial).items())
    if any(histories):
        curves = [{int(row["epoch"]): row.get(metric) for row in history} for history in histories]
        whole = [(epoch, mean_of([one.get(epoch) for one in curves])) for epoch in curves[0]]
        curve = [*((part, value) for part, value in curve if part < 1), *whole]
    return tuple((epoch, value) for epoch, value in curve if value is not None and math.isfinite(value))


def _utc(moment: datetime | None) -> str | None:
    """Write a time of Optuna's, which is local and does not say so, as UTC."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _worker(owner: Mapping[str, Any] | None) -> str | None:
    return None if owner is None else f"{str(owner['host']).partition('/')[0]}:{owner['pid']}"


def _space(trials: Sequence[FrozenTrial], order: Mapping[str, str]) -> tuple[OpenValue, ...]:
    """Give the open values that any trial has, in the order of the study file."""
    found: dict[str, OpenValue] = {}
    for trial in trials:
        for name, has in trial.distributions.items():
            if name in found:
                continue
            if isinstance(has, CategoricalDistribution):
                found[name] = OpenValue(name=name, kind="choice", labels=tuple(has.choices))
            elif isinstance(has, (IntDistribution, FloatDistribution)):
                kind: Literal["int", "float"] = "int" if isinstance(has, IntDistribution) else "float"
                found[name] = OpenValue(name=name, kind=kind, low=has.low, high=has.high, log=has.log, step=has.step)
    places = {name: place for place, name in enumerate(order)}
    return tuple(sorted(found.values(), key=lambda value: (places.get(value.name, len(places)), value.name)))


def _pruner(held: HeldStudy) -> str | None:
    """Write the study's pruner with its settings; None where this version cannot read the study's file any more."""
    try:
        pruner = held_search(held).pruner
    except SpecError:
        return None
    settings = ", ".join(f"{name} {value}" for name, value in pruner.model_dump(exclude={"name"}).items())
    return f"{pruner.kind} ({settings})" if settings else pruner.kind


def importances_of(
    space: Sequence[OpenValue], trials: Sequence[TrialRecord], main: int, metric: str
) -> tuple[Importances, ...]:
    """Give importances for the final value, and, where trials were stopped, for what all had in common.

    Completed trials of a screened search are a selection; the value after the epoch that also the stopped ones reached
    is there for all of them.
    """
    final = [TrialSample(t.number, t.params, t.values[main]) for t in trials if t.values is not None]
    found = [importances(space, final, f"final {metric}")]
    stopped = [trial.learned[-1][0] for trial in trials if trial.outcome == "pruned" and trial.learned]
    if stopped:
        epoch = min(stopped)
        then = [(t, dict(t.learned).get(epoch)) for t in trials]
        early = [TrialSample(t.number, t.params, value) for t, value in then if value is not None]
        found.append(importances(space, early, f"{metric} after {epochs_text(epoch)}", epoch))
    return tuple(found)


def _missing(
    trials: Sequence[TrialRecord], baseline: int | None, report: StudyReport, pruner: str | None
) -> tuple[str, ...]:
    """Say what a report would want and the storage does not hold."""
    gaps = []
    if report.waiting or report.running:
        gaps.append(f"{report.waiting} trials wait and {report.running} run: this is a search on its way")
    if baseline is None:
        gaps.append("the base is no trial: it does not lie in the space, or is larger than the study allows")
    elif next(trial for trial in trials if trial.number == baseline).values is None:
        gaps.append(f"the baseline, trial {baseline}, has no final value")
    if report.best is None:
        gaps.append("no trial has completed")
    if report.confirmed is None:
        gaps.append("nothing was confirmed on fresh seeds: values are those the search selected by, and look too good")
    elif any(row.mean is None for row in report.confirmed.candidates):
        gaps.append("a finalist has no confirmed value")
    if pruner is None:
        gaps.append("the study's file cannot be read by this version: its pruner is not known")
    for outcome in ("diverged", "failed"):
        count = sum(trial.outcome == outcome for trial in trials)
        if count:
            gaps.append(f"{count} trial{'s' * (count != 1)} {outcome}: no value")
    return tuple(gaps)
