"""Slots of one experiment that are run in one call: each counted, pruned, refused and given back as one by one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.errors import Interrupted, SpecError, UnavailableError
from archsearch.study import alive
from archsearch.study.alike import take_alike
from archsearch.study.alive import Watchdog
from archsearch.study.held import HeldTrial
from archsearch.study.queue import Slot, add_slots, requeue_dead, slots_of, take
from archsearch.study.runner import Assignment, Outcome, Workplace
from archsearch.study.storage import open_storage
from archsearch.study.worker import MOST_TOGETHER, work
from tests.study.test_runner import GOOD, PLAIN, SEEDS, WEAK, Recipe, RecipeJob, RecipeRunner, values_of


class Calls(RecipeRunner):
    """Runs seeds of one recipe in a call, and keeps what it was called with; `raises` is raised where two share it."""

    def __init__(self, broken: set[tuple[str, int]] | None = None, raises: BaseException | None = None) -> None:
        super().__init__(broken or set())
        self.raises = raises
        self.calls: list[list[tuple[str, int]]] = []
        self.hearts = 0

    def run(self, assignments: Sequence[Assignment], place, watch) -> Sequence[Outcome]:
        self.calls.append([(one.experiment.name, one.seed) for one in assignments])
        self.hearts = max(self.hearts, sum(thread.name == "heartbeat" for thread in threading.enumerate()))
        if self.raises is not None and len(assignments) > 1:
            raise self.raises
        return super().run(assignments, place, watch)

    def together(self, one: Assignment, other: Assignment) -> bool:
        return one.experiment == other.experiment


@pytest.fixture
def place(url, tmp_path) -> Workplace:
    storage = open_storage(url)
    return Workplace(storage, optuna.create_study(study_name="s", storage=storage, direction="maximize"), tmp_path)


def work_on(place: Workplace, runner: Calls, *recipes: Recipe) -> Calls:
    job = RecipeJob(recipes, runner)
    job.study = place.study
    work(place, job)
    return runner


def states(place: Workplace) -> list[str]:
    return [trial.state.name for trial in slots_of(place.study).values()]


def test_seeds_of_one_experiment_share_a_call(place) -> None:
    before = sum(thread.name == "heartbeat" for thread in threading.enumerate())
    runner = work_on(place, Calls(), PLAIN, GOOD)
    assert runner.calls == [[("plain", seed) for seed in SEEDS], [("good", seed) for seed in SEEDS]]
    assert runner.hearts - before == len(SEEDS)  # each slot shows that its worker lives
    assert sum(thread.name == "heartbeat" for thread in threading.enumerate()) == before
    expected = {seed: 0.5 + (seed * 7 % 10) / 100 for seed in SEEDS}
    assert values_of(place)["plain"] == expected
    assert values_of(place)["good"] == {seed: value + 0.02 for seed, value in expected.items()}
    assert {HeldTrial(trial).outcome for trial in slots_of(place.study).values()} == {"completed"}
    assert len(SEEDS) < MOST_TOGETHER


def test_who_may_take_a_few_shares_with_no_more(place) -> None:
    place.most = 4
    job = RecipeJob([PLAIN], runner := Calls())
    job.study = place.study
    assert work(place, job) == 4
    assert [len(call) for call in runner.calls] == [4]
    assert states(place).count("WAITING") == 6


def test_what_is_wrong_with_one_is_said_of_that_one(place) -> None:
    runner = work_on(place, Calls(broken={("good", 3)}), GOOD)
    assert [len(call) for call in runner.calls] == [10, *[1] * 10]  # together, and then each alone
    failed = [HeldTrial(trial) for trial in slots_of(place.study).values() if trial.state == TrialState.FAIL]
    assert [(held.pair, held.failure) for held in failed] == [(3, "good is not installed")]
    assert sorted(values_of(place)["good"]) == [seed for seed in SEEDS if seed != 3]


def test_a_run_that_is_stopped_is_pruned_and_no_other(place) -> None:
    work_on(place, Calls(), WEAK)
    assert states(place) == ["PRUNED"] * 10


def test_all_slots_wait_again_where_the_worker_is_asked_to_stop(place) -> None:
    stopped = Interrupted("interrupted; all is kept", signal.SIGTERM)
    with pytest.raises(Interrupted, match=r"^interrupted; all is kept$"):
        work_on(place, Calls(raises=stopped), PLAIN)
    assert states(place) == ["WAITING"] * 10
    assert {(held.owner, held.deaths) for held in map(HeldTrial, slots_of(place.study).values())} == {(None, 0)}
    assert work_on(place, Calls(), PLAIN).calls == [[("plain", seed) for seed in SEEDS]]


class Ends(Calls):
    """Ends the worker where a seed is run by itself."""

    def _run(self, assignment, watch):
        if assignment.seed == 2:
            raise SpecError("nobody can run this")
        return super()._run(assignment, watch)


def test_the_others_wait_again_where_one_ends_the_worker(place) -> None:
    with pytest.raises(SpecError, match=r"^nobody can run this$"):
        work_on(place, Ends(), PLAIN)
    assert states(place) == ["COMPLETE", "COMPLETE", "FAIL", *["WAITING"] * 7]


def test_a_call_that_ends_as_the_disk_is_full_is_made_alone_and_says_so(place) -> None:
    class Full(Calls):
        def run(self, assignments, place, watch):
            super().run(assignments, place, watch)
            raise UnavailableError("the disk is full")

    with pytest.raises(UnavailableError, match=r"^the disk is full$"):
        work_on(place, runner := Full(), PLAIN)
    assert [len(call) for call in runner.calls] == [10, 1]
    assert states(place)[0] == "WAITING"


def test_a_slot_that_another_worker_has_meanwhile_does_not_count(place, monkeypatch) -> None:
    class Late(Calls):
        def run(self, assignments, place, watch):
            outcomes = super().run(assignments, place, watch)
            if len(self.calls) == 1:
                with monkeypatch.context() as patch:
                    patch.setattr(alive, "_dead_here", lambda owner: True)
                    requeue_dead(place.storage, place.study, Watchdog())
            return outcomes

    runner = work_on(place, Late(), PLAIN)
    assert [len(call) for call in runner.calls] == [10, 10]
    trials = slots_of(place.study).values()
    assert [(trial.state.name, HeldTrial(trial).deaths) for trial in trials] == [("COMPLETE", 1)] * 10
    assert [len(HeldTrial(trial).late) for trial in trials] == [1] * 10


def test_samples_of_a_search_are_not_alike(place) -> None:
    add_slots(place.storage, place.study, [Slot(0, {"x": 1}), Slot(1, {"x": 1})])
    taken = take(place.storage, place.study)
    assert taken is not None
    assert list(take_alike(place.storage, place.study, taken, 8)) == []
