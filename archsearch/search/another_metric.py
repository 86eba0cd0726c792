"""A search's finalists by another metric than it was made for: of the predictions that their runs keep.

by = by_another(study, "f1_macro", Path("runs"))
report_on(study, storage, by)               # its confirmation is by test macro F1

The trials of the search stay in the order of its objective: it was made by that. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import optuna

from archsearch.errors import UsageError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.kinds import kind_of_held
from archsearch.kinds.asked_metric import not_told
from archsearch.metrics import (
    Direction,
    OwnMetric,
    bare_name,
    is_own,
    own_metric,
    part_of,
    title_of,
    usual_direction,
)
from archsearch.stats.effect import Family
from archsearch.study.held import HeldRun, HeldStudy
from archsearch.task import Task
from archsearch.train.measures import metrics_kept


@dataclass(frozen=True, slots=True)
class ByAnother:
    """A metric on the test data, and how it is had of a run; `note` says that it was chosen afterwards."""

    family: Family
    task: Task
    runs_dir: Path
    note: str
    own: tuple[OwnMetric, ...] = ()  # the metric, where it is a function of somebody's file

    @property
    def decided(self) -> tuple[Family, str, str]:
        """Give what finalists are compared by, the same on validation data, and what is to be said of it."""
        return self.family, f"val_{bare_name(self.family.metric)}", self.note

    def values(self, run: HeldRun) -> Mapping[str, float | None]:
        """Give the metric of a run on test and validation data; None where it has none."""
        wanted = [self.family.metric, self.decided[1]]
        found = {name: run.metric(name) for name in wanted}
        missing = [name for name, value in found.items() if value is None]
        kept = metrics_kept(self.runs_dir / run.run_id, self.task, run.spec, missing, self.own) if missing else {}
        if kept and kept.get(self.family.metric, 0.0) is None and not (self.runs_dir / run.run_id).exists():
            raise UsageError(f"the run {run.run_id} is not in {self.runs_dir}; --runs-dir says where the runs lie")
        return found | kept


def by_another(opened: optuna.Study, metric: str, runs_dir: Path, direction: Direction | None = None) -> ByAnother:
    """Find the metric; raise `UsageError` for one that the search's networks do not have.

    `direction` where the name of a function of somebody's file does not tell.
    """
    held = HeldStudy(opened)
    kind = kind_of_held(held.base)
    spec = kind.read(held.base)
    plan = kind.plan(spec)
    if not isinstance(plan, ExperimentPlan):
        raise UsageError(f"{opened.study_name} is a search of programs, which keep no predictions; confirm it anew")
    bare = bare_name(metric)
    names = [bare_name(name) for name in kind.compared(spec) if part_of(name) == "test"]
    own = (own_metric(bare, Path()),) if is_own(bare) else ()
    if own and direction is None and usual_direction(bare.rpartition(":")[2]) is None:
        raise UsageError(f"whether more of {bare} is better is not known; say --minimize {bare}, or --maximize")
    if part_of(metric) == "train" or (bare not in names and not own):
        raise UsageError(not_told(metric, names))
    name = f"test_{bare}"
    row = kind.metric(spec, name)
    was = " and ".join(title_of(one) for one in held.metrics)
    return ByAnother(
        family=Family(metric=name, direction=direction or row.direction, margin=row.margin, unit=row.unit),
        task=plan.task,
        runs_dir=runs_dir,
        note=f" {title_of(name)} was chosen afterwards: the search, and its finalists, were made for {was}."
        + "".join(f" {one.said}." for one in own),
        own=own,
    )
