"""Whatever can be run for a seed goes through queue, worker, pruning, retry and judging: no network, no torch."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.errors import BusyError, SpecError
from archsearch.experiment_plan import plan_experiment
from archsearch.spec.experiment import ExperimentSpec
from archsearch.stats.effect import Family
from archsearch.stats.verdict import Contrast, judge_contrasts
from archsearch.study import network_runner
from archsearch.study.held import HeldCell, HeldRun, HeldTrial
from archsearch.study.network_runner import NetworkRunner, plan_of
from archsearch.study.queue import Slot, add_slots, slots_of
from archsearch.study.runner import Assignment, Outcome, PrunedError, RefusedError, Workplace
from archsearch.study.worker import work
from archsearch.train.result import EpochRecord
from archsearch.train.run import FinishedRun
from archsearch.train.watch import Silent, Watch

SEEDS = range(10)


@dataclass(frozen=True)
class Recipe:
    """A stand-in for a program: what it adds to a number of the seed."""

    name: str
    adds: float

    @property
    def written(self) -> dict[str, Any]:
        return {"adds": str(self.adds)}

    @property
    def sizes(self) -> Mapping[str, int]:
        return {}


@dataclass
class RecipeRunner:
    """Gives 0.5, a number of the seed, and what the recipe adds; `broken` are refused, as without their program."""

    broken: set[tuple[str, int]] = field(default_factory=set)
    ran: list[str] = field(default_factory=list)

    def run(
        self, assignments: Sequence[Assignment], place: Workplace, watch: Callable[[Assignment], Watch]
    ) -> Sequence[Outcome]:
        return [self._run(one, watch(one)) for one in assignments]

    def _run(self, assignment: Assignment, watch: Watch) -> Outcome:
        recipe = assignment.experiment
        if (recipe.name, assignment.seed) in self.broken:
            raise RefusedError(f"{recipe.name} is not installed")
        value = 0.5 + (assignment.seed * 7 % 10) / 100 + recipe.adds
        seen = value if math.isfinite(value) else None
        watch.epoch(EpochRecord(epoch=1, train_loss=None, train_accuracy=None, val_accuracy=seen, lr=0.0, seconds=0.0))
        self.ran.append(self.key(assignment))
        record = {"environment": {"host": "here"}, "data_fingerprint": "", "test_reads": 0, "seconds": 0.0}
        failure = "it gave no number" if value > 1 else None
        return Outcome(self.key(assignment), {"score": value}, record, failure=failure)

    def key(self, assignment: Assignment) -> str:
        return f"{assignment.experiment.written}-{assignment.seed}"

    def together(self, one: Assignment, other: Assignment) -> bool:
        return False


class Stops(Silent):
    """Stops what is weak after its first epoch."""

    def epoch(self, record: EpochRecord) -> None:
        if record.val_accuracy is not None and record.val_accuracy < 0.4:
            raise PrunedError


class RecipeJob:
    """A slot is a recipe with a seed; what was refused is tried again by `retry`."""

    def __init__(self, recipes: Sequence[Recipe], runner: RecipeRunner) -> None:
        self.recipes = {recipe.name: recipe for recipe in recipes}
        self.runner = runner
        self.study: optuna.Study | None = None

    def plan_ahead(self, storage) -> None:
        slots = [self._slot(name, seed, 0) for seed in SEEDS for name in self.recipes]
        add_slots(storage, self.study, slots)

    def _slot(self, name: str, seed: int, retry: int) -> Slot:
        number = retry * 1000 + seed * len(self.recipes) + list(self.recipes).index(name)
        return Slot(number, held=HeldCell(cell=name, pair=seed, run_seed=seed, retry=retry))

    def retry(self, storage, trials) -> int:
        lost = [HeldTrial(trial) for trial in trials if trial.state == TrialState.FAIL]
        return add_slots(storage, self.study, [self._slot(one.cell, one.pair, one.retry + 1) for one in lost])

    def assignment(self, trial: optuna.Trial) -> Assignment:
        held = HeldTrial(trial)
        return Assignment(self.recipes[held.cell], held.run_seed)

    def watch(self, trial: optuna.Trial) -> Watch:
        return Stops()

    def values(self, assignment: Assignment, outcome: Outcome) -> Sequence[float | None]:
        return [outcome.metrics["score"]]


@pytest.fixture
def place(url, tmp_path) -> Workplace:
    from archsearch.study.storage import open_storage

    storage = open_storage(url)
    return Workplace(storage, optuna.create_study(study_name="s", storage=storage, direction="maximize"), tmp_path)


def work_on(place: Workplace, *recipes: Recipe, broken: set[tuple[str, int]] | None = None) -> RecipeJob:
    job = RecipeJob(recipes, RecipeRunner(broken or set()))
    job.study = place.study
    work(place, job)
    return job


PLAIN, GOOD, WEAK = Recipe("plain", 0.0), Recipe("good", 0.02), Recipe("weak", -0.5)


def values_of(place: Workplace) -> dict[str, dict[int, float | None]]:
    found: dict[str, dict[int, float | None]] = {}
    for trial in place.study.get_trials():
        held = HeldTrial(trial)
        if trial.state == TrialState.COMPLETE:
            found.setdefault(held.cell, {})[held.pair] = trial.values[0]
    return found


def test_recipes_are_run_stopped_tried_again_and_judged(place) -> None:
    job = work_on(place, PLAIN, GOOD, WEAK, broken={("good", 3)})
    first = list(slots_of(place.study).values())
    assert [trial.state.name for trial in first].count("COMPLETE") == 19
    weak = [HeldTrial(trial) for trial in first if HeldTrial(trial).cell == "weak"]
    assert {(held.outcome, held.run) for held in weak} == {("pruned", None)}
    (lost,) = [HeldTrial(trial) for trial in first if trial.state == TrialState.FAIL]
    assert (lost.cell, lost.pair, lost.failure) == ("good", 3, "good is not installed")

    job.runner.broken.clear()
    assert job.retry(place.storage, first) == 1
    work(place, job)
    values = values_of(place)
    assert values["plain"] == {seed: 0.5 + (seed * 7 % 10) / 100 for seed in SEEDS}
    assert len(job.runner.ran) == 20
    assert {one.retry for one in map(HeldTrial, place.study.get_trials()) if (one.cell, one.pair) == ("good", 3)} == {
        0,
        1,
    }

    [effect] = judge_contrasts(values, [Contrast("good", "plain", "good", {"good": 1, "plain": -1})], Family())
    assert effect.verdict == "better"
    assert effect.mean_difference == pytest.approx(0.02)
    assert effect.p == pytest.approx(2 / 2**10)  # ten differences of one sign


def test_a_trial_carries_the_experiment_and_its_record(place) -> None:
    work_on(place, GOOD)
    trial = slots_of(place.study)[4]
    held, run = HeldTrial(trial), HeldRun(trial)
    assert (held.spec, held.seed, held.parameters, held.outcome) == ({"adds": "0.02"}, 4, None, "completed")
    assert (run.run_id, run.environment, run.test_reads) == ("{'adds': '0.02'}-4", {"host": "here"}, 0)


@pytest.mark.parametrize(
    ("recipe", "failure"),
    [(Recipe("huge", 1.0), "it gave no number"), (Recipe("nan", float("nan")), "a metric is not finite")],
)
def test_an_outcome_without_a_value_is_a_diverged_trial(place, recipe, failure) -> None:
    work_on(place, recipe)
    trials = list(slots_of(place.study).values())
    assert {(t.state.name, HeldTrial(t).outcome, HeldTrial(t).failure) for t in trials} == {
        ("FAIL", "diverged", failure)
    }


def test_queue_worker_and_runner_import_no_torch() -> None:
    code = "import sys, archsearch.study.worker, archsearch.study.lifecycle; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# -- the runner of networks --------------------------------------------------------------------------------------------

TINY: dict[str, Any] = {
    "name": "tiny",
    "data": {"name": "digits", "limit": 20, "validation": 40},
    "network": ["flatten", {"linear": {"out_features": "classes"}}],
    "train": {"epochs": 1, "batch_size": 50, "device": "cpu"},
}


def tiny(seed: int = 0, **changes: object) -> Assignment:
    return Assignment(plan_experiment(ExperimentSpec.model_validate({**TINY, **changes})), seed)


def test_two_assignments_are_one_run_whatever_they_are_called() -> None:
    runner = NetworkRunner("never", goes_on=True)
    assert runner.key(tiny()) == runner.key(tiny(name="other", summary="The same."))
    other = [tiny(1), tiny(train={"epochs": 2, "batch_size": 50, "device": "cpu"}), tiny(data={"name": "digits"})]
    assert len({runner.key(one) for one in (tiny(), *other)}) == 4
    assert not runner.together(tiny(0), tiny(1))
    with pytest.raises(TypeError, match=r"^plain is no network"):
        plan_of(Assignment(PLAIN, 0))


def test_networks_are_trained_and_the_run_of_another_worker_is_waited_for(place, data_dir, monkeypatch) -> None:
    place.data_dir = data_dir
    real, busy = network_runner.run, [True, True]

    def run(*arguments: Any, **settings: Any) -> FinishedRun:
        if busy:
            busy.pop()
            raise BusyError("another process is at it")
        return real(*arguments, **settings)

    monkeypatch.setattr(network_runner, "run", run)
    monkeypatch.setattr(network_runner, "IDLE_SECONDS", 0.0)
    runner = NetworkRunner("end", goes_on=True)
    one, two = runner.run([tiny(), tiny(1)], place, lambda _: Silent())
    [again] = runner.run([tiny(name="other")], place, lambda _: Silent())
    assert busy == []
    assert (one.cached, two.cached, again.cached, again.run_id) == (False, False, True, one.run_id)
    assert one.run_id != two.run_id
    assert one.metrics["test_accuracy"] == one.record["test_accuracy"] > 0
    assert (one.record["test_reads"], len(one.record["history"]), "spec" in one.record) == (1, 1, False)
    assert one.files == Path(place.runs_dir) / one.run_id
    assert len(runner.datasets) == 1


@pytest.mark.parametrize(("goes_on", "raised"), [(True, RefusedError), (False, SpecError)])
def test_a_network_that_is_refused_fails_alone_or_ends_the_study(place, data_dir, monkeypatch, goes_on, raised) -> None:
    place.data_dir = data_dir

    def run(*arguments: object, **settings: object) -> FinishedRun:
        raise SpecError("it does not fit")

    monkeypatch.setattr(network_runner, "run", run)
    with pytest.raises(raised, match=r"^it does not fit$"):
        NetworkRunner("never", goes_on=goes_on).run([tiny()], place, lambda _: Silent())
