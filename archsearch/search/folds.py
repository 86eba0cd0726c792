"""Folds in a search: what a trial trains, and what its runs come to together.

    FoldsRunner(runner).run([Assignment(folds[0], seed, parts=folds)], place, watch)     # one outcome: the mean
    fold_experiments(kind, experiment, SplitSpec(folds=5))

A fold is the validation part of a run; the test part stays what it is, and is not read. Each fold is a run of its own
with an id of its own, so that a worker that takes the slot again goes on with the folds that are there. What is
confirmed is the network as it was sampled, without folds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from archsearch.errors import Problem, SpecError
from archsearch.experiment import Experiment
from archsearch.kinds.kind import AnySpec, ExperimentKind
from archsearch.plain import Plain
from archsearch.spec.folds import Fold, SplitSpec
from archsearch.study.held import HeldTrial
from archsearch.study.runner import Assignment, Outcome, RefusedError, Runner, Workplace

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from archsearch.train.watch import Watch


class FoldValues(Plain):
    """An objective on each fold of a trial, in the order of the split, and the standard deviation over them."""

    values: Annotated[tuple[float, ...], Field(strict=False)]
    deviation: float

    @property
    def said(self) -> str:
        """Say what the value of the trial is: mean of 5 folds, standard deviation 0.0123."""
        return self.said_with(f"{self.deviation:.3g}")

    def said_with(self, deviation: str) -> str:
        """Say the same with the deviation as it is written for people."""
        return f"mean of {len(self.values)} folds, standard deviation {deviation}"


class FoldsRunner:
    """Runs the parts of an assignment one after the other, each as the run that it is; stops at one without a value."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    def run(
        self, assignments: Sequence[Assignment], place: Workplace, watch: Callable[[Assignment], Watch]
    ) -> Sequence[Outcome]:
        """Give for each assignment the outcome of its first fold with the means over all, and those of each."""
        return [self._mean(one, place, watch) for one in assignments]

    def key(self, assignment: Assignment) -> str:
        """Name the runs by the first of them: what is sampled and the split decide the others."""
        return self.runner.key(assignment)

    def together(self, one: Assignment, other: Assignment) -> bool:
        """Trials are run one by one."""
        return False

    def _mean(self, assignment: Assignment, place: Workplace, watch: Callable[[Assignment], Watch]) -> Outcome:
        done: list[Outcome] = []
        for number, experiment in enumerate(assignment.parts, start=1):
            part = replace(assignment, experiment=experiment, parts=())
            said = f"fold {number} of {len(assignment.parts)}"
            try:
                [outcome] = self.runner.run([part], place, watch)
            except RefusedError as error:
                raise RefusedError(f"{said}: {error}") from None
            done.append(outcome)
            if outcome.failure is not None:
                return replace(done[0], failure=f"{said}: {outcome.failure}", parts=tuple(done))
        means = {name: mean_of([one.metrics.get(name) for one in done]) for name in done[0].metrics}
        return replace(done[0], metrics=means, cached=all(one.cached for one in done), parts=tuple(done))


def mean_of(values: Sequence[float | None]) -> float | None:
    """Give the mean; None where one is missing."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def fold_experiments(kind: ExperimentKind, experiment: Experiment, split: SplitSpec) -> tuple[Experiment, ...]:
    """Give an experiment on each fold; raise `SpecError` for samples that cannot be divided so."""
    return tuple(kind.plan(_on(kind.spec_of(experiment), fold)) for fold in split.parts("validation"))


def _on(spec: AnySpec, fold: Fold) -> AnySpec:
    return spec.model_copy(update={"data": spec.data.model_copy(update={"fold": fold, "validation": 0})})


def check_split(kind: ExperimentKind, spec: AnySpec, split: SplitSpec, where: str) -> None:
    """Refuse a split that cannot be of this base: its place is `where`, as in `file:line:column`."""
    if kind.name == "program":
        said = "folds divide the data of networks; a program reads its own: give it a value for that"
        raise SpecError(Problem(where, f"split: {said}"))
    if spec.data.fold is not None:
        said = f"{spec.name} is on {spec.data.fold.said} only; take data.fold out of it"
        raise SpecError(Problem(where, f"split: {said}"))
    try:
        parts = split.parts("validation")[: split.folds or 1]  # the others are as large
        for fold in parts:
            kind.plan(_on(spec, fold))
    except SpecError as error:
        raise SpecError([Problem(where, f"split: {one.message}") for one in error.problems]) from None


def split_said(held: Mapping[str, Any] | None) -> str:
    """Say what an identity holds of a split."""
    return "none" if held is None else SplitSpec.model_validate(dict(held)).said_of("validation")


def fold_values(trial: FrozenTrial, metric: str) -> FoldValues | None:
    """Give what a completed trial's folds have of a metric that is learned; None of a trial without folds."""
    held = HeldTrial(trial)
    values = [run.metric(metric) for run in held.runs] if held.folds else []
    known = [float(value) for value in values if value is not None]
    if len(known) < 2 or len(known) < len(held.folds):
        return None
    return FoldValues(values=tuple(known), deviation=statistics.stdev(known))
