"""What the slots of a simulated study stand for, and what runs them.

    plan = Plan.drawn(dice)
    job = job_of(plan, study, workshop)

The jobs are those of searches, ablations and confirmations, with what they ask of a space or a design put aside: how
they plan slots and how they report is the real code. A run takes simulated time, keeps its record in the folder of its
machine as a real one does, and gives the value that its slot's number says.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal

import optuna
from optuna.distributions import IntDistribution
from optuna.pruners import BasePruner
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial

from archsearch.ablate.jobs import AblateJob
from archsearch.errors import UnavailableError
from archsearch.search.jobs import SearchJob
from archsearch.study.compute import Keeper
from archsearch.study.held import Assigned, HeldTrial
from archsearch.study.optuna_private import frozen
from archsearch.study.planned import Planned
from archsearch.study.queue import Slot, add_slots
from archsearch.study.runner import Assignment, CannotKeepError, Outcome, RefusedError, Workplace
from archsearch.train.watch import Silent, Watch
from tests.simulation.gate import Scene
from tests.simulation.world import Process

Kind = Literal["search", "ablation", "confirm"]
Fate = Literal["COMPLETE", "PRUNED", "FAIL", "deadly"]
METRIC = "score"


@dataclass(frozen=True, slots=True)
class Plan:
    """A study: its slots, what becomes of each, and how long a run takes.

    `only_on` are the slots that the first machine alone can run. A slot that is `deadly` kills its worker.
    """

    kind: Kind
    fates: tuple[Fate, ...]
    epochs: int
    seconds: float
    only_on: frozenset[int]

    @classmethod
    def drawn(cls, dice: random.Random) -> Plan:
        """Draw a small study: what goes wrong goes wrong with few slots."""
        count = dice.choice((1, 1, 2, 2, 3, 4))
        fates: list[Fate] = []
        kind: Kind = dice.choice(("search", "search", "ablation", "confirm"))
        for _ in range(count):
            fates.append(dice.choices(("COMPLETE", "PRUNED" if kind == "search" else "COMPLETE", "FAIL"), (8, 1, 1))[0])
        if dice.random() < 0.05:
            fates[dice.randrange(count)] = "deadly"
        only_on = frozenset({dice.randrange(count)} if dice.random() < 0.1 else ())
        return cls(kind, tuple(fates), dice.choice((1, 1, 2)), dice.choice((0.1, 5.0, 40.0)), only_on)

    @property
    def most_deaths(self) -> int:
        """How many workers a slot may kill: a few where one does, so that it comes to that."""
        return 3 if "deadly" in self.fates else 20

    def value(self, slot: int) -> float:
        """Give the value of a slot's run."""
        return 0.5 + slot / 64


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is run."""

    name: str

    @property
    def written(self) -> dict[str, Any]:
        """The experiment as JSON."""
        return {"name": self.name}

    @property
    def sizes(self) -> Mapping[str, int]:
        """It has none."""
        return {}


@dataclass(slots=True)
class Workshop:
    """What runs on a machine share: the records that were kept, and who is at which run."""

    scene: Scene
    plan: Plan
    first: bool
    kept: set[str] = field(default_factory=set)
    busy: dict[str, Process] = field(default_factory=dict)


_DATA = [SimpleNamespace(name=name, model_dump=lambda name=name, **keys: {"name": name}) for name in ("one", "two")]
_DATASET = SimpleNamespace(fingerprint="f" * 64)


class SimulatedRunner:
    """Lets time pass for a run, and reports its epochs."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.keeper: Keeper | None = None

    def run(
        self, assignments: Sequence[Assignment], place: Workplace, watch: Callable[[Assignment], Watch]
    ) -> Sequence[Outcome]:
        """Run each assignment, or take the record that is there."""
        return [self._run(one, place, watch(one)) for one in assignments]

    def _run(self, assignment: Assignment, place: Workplace, watch: Watch) -> Outcome:
        workshop, plan, slot = self.workshop, self.workshop.plan, assignment.seed
        world = workshop.scene.world
        process, key = world.here, self.key(assignment)
        if self.keeper is None:
            self.keeper = Keeper(place.storage, place.study)
        self.keeper.check_data(_DATA[slot % 2], _DATASET)  # type: ignore[arg-type]
        if slot in plan.only_on and not workshop.first:
            raise CannotKeepError("its device is not here")
        if plan.fates[slot] == "FAIL":
            raise RefusedError(f"{slot} is refused")
        while (other := workshop.busy.get(key)) is not None and other.alive and other is not process:
            world.sleep(1.0)
        cached = key in workshop.kept
        if not cached:
            workshop.busy[key] = process
            try:
                for epoch in range(1, plan.epochs + 1):
                    world.sleep(plan.seconds * world.dice.uniform(0.5, 1.5))
                    if plan.fates[slot] == "deadly":
                        workshop.scene.kills += 1
                        world.die()
                    if process.held.pop("full", False):
                        raise UnavailableError("the disk is full")
                    watch.epoch(SimpleNamespace(epoch=epoch, metrics={METRIC: plan.value(slot)}))  # type: ignore[arg-type]
                    if (interruption := process.held.get("interruption")) is not None:
                        interruption.check("the last whole epoch is kept")
            finally:
                if workshop.busy.get(key) is process:
                    del workshop.busy[key]
            workshop.kept.add(key)
        record = {"environment": {}, "data_fingerprint": "", "test_reads": 0, "seconds": 1.0, "run_id": key}
        return Outcome(key, {METRIC: plan.value(slot)}, record, cached=cached)

    def key(self, assignment: Assignment) -> str:
        """Name the run."""
        return f"run-{assignment.seed}"

    def together(self, one: Assignment, other: Assignment) -> bool:
        """Runs are made one by one."""
        return False


class _Pruner(BasePruner):
    """Stops those runs that the plan says."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        slot = HeldTrial(trial).slot
        return slot is not None and self.plan.fates[slot] == "PRUNED"


class _Simulated:
    """What the jobs have in common here."""

    runner: SimulatedRunner
    plan: Plan

    def assignment(self, trial: optuna.Trial) -> Assignment:
        """Read the slot's number from the storage."""
        slot = HeldTrial(frozen(trial)).slot
        assert slot is not None, "a trial that was taken is no slot"
        params = {"x": (IntDistribution(0, 100), slot)}
        return Assignment(Recipe(f"recipe{slot}"), slot, Assigned(network=f"n{slot}", infeasible=0), params)

    def values(self, assignment: Assignment, outcome: Outcome) -> Sequence[float | None]:
        """Give the metric."""
        return [outcome.metrics[METRIC]]


class SimulatedSearch(_Simulated, SearchJob):
    """Plans slots and reports epochs as a search does."""

    def __init__(self, plan: Plan, study: optuna.Study, workshop: Workshop) -> None:
        self.plan, self.study, self.planned = plan, study, Planned()
        self.runner = SimulatedRunner(workshop)
        self.first = {"x": 0}
        self.trials = len(plan.fates)
        self.source = SimpleNamespace(watched=METRIC)  # type: ignore[assignment]
        self.split = None
        study.pruner = _Pruner(plan)


class SimulatedAblation(_Simulated, AblateJob):
    """Plans slots as an ablation does: a cell with as many seeds."""

    def __init__(self, plan: Plan, study: optuna.Study, workshop: Workshop) -> None:
        self.plan, self.study = plan, study
        self.runner = SimulatedRunner(workshop)
        self.seen = -1
        seeds = tuple(range(len(plan.fates)))
        cell = SimpleNamespace(name="baseline", seeds=seeds, run_seeds=seeds, moved=())
        self.ablation = SimpleNamespace(cells=(cell,), cell=lambda name: cell, seeds=seeds, factors=())  # type: ignore[assignment]

    def _wanted(self) -> list[tuple[str, int]]:
        return [("baseline", seed) for seed in self.ablation.seeds]

    def watch(self, trial: optuna.Trial) -> Watch:
        """Follow nothing."""
        return Silent()


class SimulatedConfirmation(_Simulated):
    """Has all its slots from the beginning."""

    def __init__(self, plan: Plan, study: optuna.Study, workshop: Workshop) -> None:
        self.plan, self.study = plan, study
        self.runner = SimulatedRunner(workshop)

    def plan_ahead(self, storage: Any) -> None:
        """All slots are there."""

    def watch(self, trial: optuna.Trial) -> Watch:
        """Follow nothing."""
        return Silent()


def job_of(plan: Plan, storage: Any, study: optuna.Study, workshop: Workshop) -> Any:
    """Make the job of a worker."""
    study.sampler = _SAMPLER
    if plan.kind == "search":
        return SimulatedSearch(plan, study, workshop)
    if plan.kind == "ablation":
        return SimulatedAblation(plan, study, workshop)
    add_slots(storage, study, [Slot(number) for number in range(len(plan.fates))])
    return SimulatedConfirmation(plan, study, workshop)


_SAMPLER = RandomSampler(seed=0)
