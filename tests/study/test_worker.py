"""A worker whose storage goes away, or that is asked to stop meanwhile: its slot waits again, nobody waits twice."""

from __future__ import annotations

import signal

import optuna
import pytest

from archsearch.errors import Interrupted, UnavailableError
from archsearch.study.held import HeldTrial
from archsearch.study.queue import slots_of
from archsearch.study.runner import Workplace
from archsearch.study.steady import Storage
from archsearch.study.storage import open_storage
from archsearch.study.worker import LEAVE_SECONDS, work
from tests.study.test_calls import Clocked, failure
from tests.study.test_runner import PLAIN, RecipeJob, RecipeRunner


class Away(Clocked):
    """Calls of a storage that does not answer for so many tries from the moment on when `away` is set."""

    away = 0
    stopped = False  # whoever waits is asked to stop

    def attempt(self, call):
        if self.away > 0:
            self.away -= 1
            raise failure()
        return call()

    def _pass(self, seconds: float) -> None:
        if self.stopped:
            raise Interrupted("stopped", signal.SIGTERM)
        super()._pass(seconds)


@pytest.fixture
def place(url, tmp_path) -> Workplace:
    storage = Storage(open_storage(url).database, Away())
    return Workplace(storage, optuna.create_study(study_name="s", storage=storage, direction="maximize"), tmp_path)


class Told(RecipeRunner):
    """Takes the storage away when a run is over, and its result not yet told."""

    def __init__(self, calls: Away) -> None:
        super().__init__()
        self.calls = calls

    def _run(self, *given):
        outcome = super()._run(*given)
        self.calls.away, self.calls.stopped = 1, True
        return outcome


class Noted(RecipeJob):
    """Takes the storage away for good before a worker can note what its slot stands for."""

    def assignment(self, trial):
        assigned = super().assignment(trial)
        self.study._storage.calls.away = 10**6
        return assigned


def states(place: Workplace) -> list[tuple[str, object, int]]:
    return [(t.state.name, HeldTrial(t).owner, HeldTrial(t).deaths) for t in slots_of(place.study).values()]


def test_a_signal_while_a_result_waits_to_be_told_gives_the_slot_back(place) -> None:
    job = RecipeJob([PLAIN], Told(place.storage.calls))
    job.study = place.study
    with pytest.raises(Interrupted, match=r"^stopped$"):
        work(place, job)
    assert len(job.runner.ran) == 1
    assert states(place) == [("WAITING", None, 0)] * 10


def test_a_worker_that_ends_as_the_storage_stays_away_does_not_wait_for_it_again(place) -> None:
    job = Noted([PLAIN], RecipeRunner())
    job.study = place.study
    with pytest.raises(UnavailableError, match=r"^the storage does not answer: database is locked$"):
        work(place, job)
    calls = place.storage.calls
    assert calls.now == pytest.approx(calls.seconds + LEAVE_SECONDS)
