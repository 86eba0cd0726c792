"""The runner of networks: trains each assignment by itself, or takes the run that is there already.

NetworkRunner("never", goes_on=True).run([assignment], place, watch)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from archsearch.data.folds import in_fold
from archsearch.data.prepare import Dataset, load
from archsearch.errors import BusyError, DamagedFileError, SpecError, UnavailableError, UsageError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.metrics import OwnMetric, is_learned
from archsearch.study.calls import say_beside
from archsearch.study.compute import Keeper, cell_key, data_key
from archsearch.study.runner import IDLE_SECONDS, Assignment, CannotKeepError, Outcome, RefusedError, Workplace
from archsearch.train.compute import Compute, decide, resolve_device
from archsearch.train.identity import identity, run_id
from archsearch.train.loop import ReadTest
from archsearch.train.measures import metrics_kept
from archsearch.train.run import FinishedRun, run
from archsearch.train.stacked import why_not_stacked
from archsearch.train.watch import Watch


class NetworkRunner:
    """Trains networks, and keeps the data sets that it has loaded.

    `goes_on` says what a run is that is refused before it trains: a slot that fails, or the end of the study. `wanted`
    are the metrics that a trial shall carry, of them `followed` is known after every epoch; `own` are functions of
    people's files among them.
    """

    def __init__(
        self,
        read_test: ReadTest,
        *,
        goes_on: bool,
        wanted: Sequence[str] = (),
        followed: str | None = None,
        own: Sequence[OwnMetric] = (),
    ) -> None:
        self.read_test = read_test
        self.goes_on = goes_on
        self.wanted = tuple(wanted)
        self.followed = followed
        self.own = tuple(own)
        self.datasets: dict[str, Dataset] = {}
        self.keeper: Keeper | None = None

    def run(
        self, assignments: Sequence[Assignment], place: Workplace, watch: Callable[[Assignment], Watch]
    ) -> Sequence[Outcome]:
        """Train each assignment's network with what the study has fixed: stacked what can be, the rest one by one."""
        if self.keeper is None:
            self.keeper = Keeper(place.storage, place.study)
        there = self._stacked(assignments, place, watch) if len(assignments) > 1 else {}
        return [self._outcome(one, there.get(one.seed) or self._train(one, place, watch)) for one in assignments]

    def _outcome(self, assignment: Assignment, finished: FinishedRun) -> Outcome:
        """Give a finished run with the metrics that are wanted of it: what it did not compute, of its predictions."""
        outcome = outcome_of(finished)
        missing = [name for name in self.wanted if outcome.metrics.get(name) is None and is_learned(name)]
        if not missing or outcome.failure is not None:
            return outcome
        task, spec = plan_of(assignment).task, finished.result.spec
        found = metrics_kept(finished.run_dir, task, spec, missing, self.own)
        return replace(outcome, metrics={**outcome.metrics, **found}, record={**outcome.record, **found})

    def key(self, assignment: Assignment) -> str:
        """Give all that decides the run but the version of the data, which is known once they are loaded."""
        plan = plan_of(assignment)
        return run_id(identity(plan, assignment.seed, "", self._compute(plan)))

    def together(self, one: Assignment, other: Assignment) -> bool:
        """Say whether two are seeds of one recipe on a device where small networks are stacked."""
        plan = plan_of(one)
        if self._device(plan) != "cuda" or cell_key(plan) != cell_key(plan_of(other)):
            return False
        try:
            return not why_not_stacked(plan, self._compute(plan))
        except (SpecError, UsageError, CannotKeepError):  # said when it is run
            return False

    def _device(self, plan: ExperimentPlan) -> str:
        """Give what a plan is computed on, as far as that is known without deciding on all else."""
        fixed = None if self.keeper is None else self.keeper.fixed
        named = plan.spec.train.device
        return named if named != "auto" else resolve_device(named) if fixed is None else fixed.device

    def _stacked(
        self, assignments: Sequence[Assignment], place: Workplace, watch: Callable[[Assignment], Watch]
    ) -> dict[int, FinishedRun]:
        """Train seeds of one recipe at once; give the runs that are finished, by seed."""
        first = assignments[0]
        if not all(self.together(first, other) for other in assignments):
            return {}
        from torch import OutOfMemoryError

        from archsearch.train.run_stacked import run_stacked

        plan = plan_of(first)
        try:
            return run_stacked(
                plan,
                {one.seed: watch(one) for one in assignments},
                runs_dir=place.runs_dir,
                dataset=self._dataset(plan, place),
                compute=self._compute(plan),
                read_test=self.read_test,
                keep_seconds=place.checkpoint_seconds,
                also=() if self.followed is None else (self.followed,),
            )
        except OutOfMemoryError:  # one by one there may be room
            return {}

    def _compute(self, plan: ExperimentPlan) -> Compute:
        return decide(plan) if self.keeper is None else self.keeper.compute(plan)

    def _train(self, assignment: Assignment, place: Workplace, watch: Callable[[Assignment], Watch]) -> FinishedRun:
        """Train a run; where another worker is at the very same one, wait for its result."""
        from torch import OutOfMemoryError

        plan = plan_of(assignment)
        try:
            dataset = self._dataset(plan, place)
            while True:
                try:
                    return run(
                        plan,
                        seed=assignment.seed,
                        runs_dir=place.runs_dir,
                        dataset=dataset,
                        compute=self._compute(plan),
                        read_test=self.read_test,
                        watch=watch(assignment),
                        also=() if self.followed is None else (self.followed,),
                        keep_seconds=place.checkpoint_seconds,
                        say=say_beside,
                    )
                except BusyError:
                    time.sleep(IDLE_SECONDS)
                except (SpecError, UsageError) as error:
                    if self.goes_on:
                        raise RefusedError(str(error)) from None
                    raise
        except OutOfMemoryError as error:
            raise MemoryError(str(error)) from None

    def _dataset(self, plan: ExperimentPlan, place: Workplace) -> Dataset:
        """Load a data set once for all runs that use it (memory-mapped, so processes share it); folds are cut of it."""
        key = data_key(plan.spec.data)
        if key not in self.datasets:
            try:
                self.datasets[key] = load(plan.spec.data.whole, data_dir=place.data_dir)
            except (SpecError, UsageError, UnavailableError, DamagedFileError) as error:
                if place.part == "visitor":  # where the study was begun they are there
                    raise CannotKeepError(f"its data cannot be had here: {error}") from None
                raise
        if self.keeper is not None:
            self.keeper.check_data(plan.spec.data, self.datasets[key])
        return in_fold(self.datasets[key], plan.spec.data)


def plan_of(assignment: Assignment) -> ExperimentPlan:
    """Give the network that an assignment is about."""
    if not isinstance(assignment.experiment, ExperimentPlan):
        raise TypeError(f"{assignment.experiment.name} is no network")
    return assignment.experiment


def outcome_of(finished: FinishedRun) -> Outcome:
    """Give a finished run as what a trial carries: its spec stands beside it."""
    result = finished.result
    return Outcome(
        run_id=result.run_id,
        metrics=dict(result.metrics),
        record=result.model_dump(mode="json", exclude={"spec"}),
        files=finished.run_dir,
        cached=finished.cached,
        failure=(result.reason or "diverged") if result.status == "diverged" else None,
    )
