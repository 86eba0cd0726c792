"""A finished ablation on another metric, without training: of what its trials carry, else of its runs' predictions.

    again = judge_again(study, "f1_macro", Path("runs"))
    report_on(study, Path("runs"), again)               # the same report, on macro F1

Each run keeps outputs and targets of its test data, and of validation data where some are held out, so that any metric
of them is known at any time. A metric that is chosen when the runs are seen proves less than one that was named before:
the report says which of the two it is. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from archsearch.ablate.jobs import held_ablation, latest
from archsearch.ablate.planned import Ablation
from archsearch.ablate.schedule import Runs
from archsearch.errors import SpecError, UsageError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.kinds.asked_metric import not_told
from archsearch.metrics import Direction, is_learned, is_own, own_metric, title_of, usual_direction
from archsearch.stats.effect import Seed
from archsearch.study.held import HeldRun
from archsearch.study.storage import Study
from archsearch.task import Task
from archsearch.train.measures import metrics_kept
from archsearch.train.run_files import PREDICTIONS
from archsearch.wording import count_of


@dataclass(frozen=True, slots=True)
class Again:
    """An ablation as if its metric were another one, and the values of its runs, None for one that has none.

    `without` are runs whose predictions are not there; `note` says when the metric was chosen.
    """

    ablation: Ablation
    values: Mapping[str, float | None]
    without: frozenset[str]
    where: Path
    note: str

    @property
    def why_without(self) -> str:
        """Say why a run has no value."""
        kept = "predictions are" if is_learned(self.ablation.family.metric) else "weights are"
        return f"its {kept} not in {self.where}"

    @property
    def said(self) -> str:
        """Say what is to be known beside the values of a metric that was chosen afterwards."""
        return self.ablation.kind.said_of(self.ablation.family.metric) if self.note else ""

    @property
    def valueless(self) -> tuple[str, ...]:
        """Say of how many runs the metric does not exist, as of a network that gives one value for everything."""
        count = sum(value is None for value in self.values.values())
        if not count:
            return ()
        return (f"{count_of(count, 'run')} in no pair: {title_of(self.ablation.family.metric)} does not exist there",)

    def lacking(self, count: int) -> str:
        """Say that so many runs are in no pair, and why."""
        return f"{count_of(count, 'run')} in no pair: {self.why_without}"

    def runs(
        self, runs: Runs, trials: Mapping[tuple[str, int], FrozenTrial]
    ) -> tuple[dict[str, dict[Seed, float | None]], set[tuple[str, int]]]:
        """Give the values of the metric in the place of those of the study's, and the runs of which it is not known."""
        if self.ablation.family.pairs == "repeat" and not self.note:  # which were measured run by run
            return {cell: dict(of) for cell, of in runs.items()}, set()
        found: dict[str, dict[Seed, float | None]] = {}
        lacking = set()
        for cell, of in runs.items():
            found[cell] = {}
            asked = self.ablation.cell(cell).seeds  # of what no seed changes the first one only
            for seed, value in ((seed, value) for seed, value in of.items() if seed in asked):
                trial = trials[cell, int(seed)]
                if value is None or trial.state != TrialState.COMPLETE:
                    found[cell][seed] = None
                elif (id_ := HeldRun(trial).run_id) in self.values:
                    found[cell][seed] = self.values[id_]
                else:
                    lacking.add((cell, int(seed)))
        return found, lacking


def judge_again(opened: Study, metric: str, runs_dir: Path, direction: Direction | None = None) -> Again:
    """Give what an ablation's runs are worth by another metric; `direction` where its name does not tell.

    Raises `UsageError` for a metric that the runs do not have, and where no run's predictions are there.
    """
    ablation = held_ablation(opened)
    if is_own(metric) and not any(one.name == metric for one in ablation.own):
        ablation = ablation.model_copy(update={"own": (*ablation.own, own_metric(metric, Path()))})
        if direction is None and usual_direction(metric.rpartition(":")[2]) is None:
            raise UsageError(f"whether more of {metric} is better is not known; say --minimize {metric}, or --maximize")
    name = metric_named(ablation, metric)
    if ablation.family.pairs == "repeat" and name != ablation.family.metric and _spreads(ablation, name):
        raise UsageError(
            f"{opened.study_name} measures one run of each cell again and again: by {title_of(name)} its pairs are one "
            "and the same"
        )
    found, without = values_again(opened, ablation, [name], runs_dir)
    values = found[name]
    if without and not any(value is not None for value in values.values()):
        kept = "predictions" if is_learned(name) else "weights"
        raise UsageError(
            f"{opened.study_name}: no run keeps its {kept} in {runs_dir}, so {title_of(name)} is not known of them; "
            "--runs-dir says where the runs lie"
        )
    return Again(
        ablation=with_metric(ablation, name, direction),
        values=values,
        without=without,
        where=runs_dir,
        note=_when(ablation, name),
    )


def metric_named(ablation: Ablation, metric: str) -> str:
    """Give a metric's name with its part: `f1_macro` is meant on the test data. Raises `UsageError` for none."""
    names = ablation.kind.compared(ablation.cells[0].spec)
    for name in (metric, f"test_{metric}"):
        if name in names or any(name == f"{part}_{one.name}" for part in ("test", "val") for one in ablation.own):
            return name
    bare = [name.removeprefix("test_") for name in names if not name.startswith("val_")]
    raise UsageError(not_told(metric, bare))


def with_metric(ablation: Ablation, name: str, direction: Direction | None = None) -> Ablation:
    """Give an ablation with the family of another metric: its direction, unit and margin."""
    row = ablation.kind.metric(ablation.cells[0].spec, name)
    if name == ablation.family.metric:
        return ablation
    family = ablation.family.model_copy(
        update={
            "metric": name,
            "direction": direction or row.direction,
            "margin": row.margin,
            "unit": row.unit,
            "failed_value": ablation.kind.guessing(ablation.kind.plan(ablation.cells[0].spec), name),
        }
    )
    other = ablation.model_copy(update={"family": family, "plan": None})
    return other if _spreads(ablation, name) else _of_one_run(other)


def _spreads(ablation: Ablation, name: str) -> bool:
    """Say whether a metric varies over runs of one cell: else one of them is all, and nothing is tested."""
    return ablation.kind.spreads_over(ablation.cells[0].spec, name) != "nothing"


def _of_one_run(ablation: Ablation) -> Ablation:
    """Give an ablation with the first run of each cell only."""
    family = ablation.family.model_copy(update={"screen": True, "pairs": "network"})
    cells = [one.model_copy(update={"seeds": one.seeds[:1], "run_seeds": one.run_seeds[:1]}) for one in ablation.cells]
    changes = {"family": family, "cells": tuple(cells), "seeds": ablation.seeds[:1], "purpose": "screen"}
    return ablation.model_copy(update=changes | {"sequential": False, "looks": ()})


def _when(ablation: Ablation, name: str) -> str:
    """Say whether a metric was chosen before the runs or afterwards."""
    if name == ablation.family.metric:
        return ""
    if not _spreads(ablation, name):
        return f"{title_of(name)}: the same with every seed, so it is told and not tested"
    was = title_of(ablation.family.metric)
    if name in ablation.also:
        return f"{title_of(name)} was named in the file beside {was}, before anything ran: a second family of claims"
    return (
        f"{title_of(name)} was chosen afterwards, the ablation was made for {was}: of many metrics one shows something "
        "by chance (name it in the file before new seeds are run, as `metric:` or under `also:`)"
    )


def values_again(
    opened: Study, ablation: Ablation, names: Sequence[str], runs_dir: Path
) -> tuple[dict[str, dict[str, float | None]], frozenset[str]]:
    """Give metrics of every completed run by name and id, and the runs that keep nothing to compute them of."""
    values: dict[str, dict[str, float | None]] = {name: {} for name in names}
    without: set[str] = set()
    task: Task | None = None
    done = (HeldRun(trial) for trial in latest(opened).values() if trial.state == TrialState.COMPLETE)
    for run in {one.run_id: one for one in done}.values():
        found: dict[str, float | None] = {name: value for name in names if (value := run.metric(name)) is not None}
        missing, folder = [name for name in names if name not in found], runs_dir / run.run_id
        for name in (name for name in missing if not is_learned(name)):
            if (value := ablation.kind.value_kept(run, folder, name)) is not None:
                found[name] = value
        if learned := [name for name in missing if is_learned(name)]:
            task = task or task_of_cells(ablation)
            if task is not None and (folder / PREDICTIONS).exists():
                found |= metrics_kept(folder, task, run.spec, learned, ablation.own)
        if any(name not in found for name in names):
            without.add(run.run_id)
        for name, value in found.items():
            values[name][run.run_id] = value
    return values, frozenset(without)


def task_of_cells(ablation: Ablation) -> Task | None:
    """Give the task of the cells, which is one; None of programs, which keep numbers only."""
    try:
        plan = ablation.kind.plan(ablation.cells[0].spec)
    except SpecError:
        return None
    return plan.task if isinstance(plan, ExperimentPlan) else None
