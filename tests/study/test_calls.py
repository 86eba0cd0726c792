"""Storage calls: made again while the storage is away, given up with a sentence, never made twice where that counts."""

from __future__ import annotations

import sqlite3

import optuna
import psycopg
import pytest
import sqlalchemy
from optuna.distributions import IntDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState

from archsearch.errors import DamagedFileError, UnavailableError, UsageError
from archsearch.study.alive import Watchdog
from archsearch.study.calls import Calls, most_seconds
from archsearch.study.held import HeldStudy, HeldTrial
from archsearch.study.queue import (
    Slot,
    add_slots,
    count_slots,
    finish,
    give_back,
    let_go,
    refill,
    requeue_dead,
    slots_of,
    take,
)
from archsearch.study.steady import Storage
from archsearch.study.taken import REPORT_SECONDS
from archsearch.study.transaction import make_study, replace_attr, write_down


def failure(code: str = "SQLITE_BUSY", text: str = "database is locked") -> sqlalchemy.exc.OperationalError:
    """What SQLAlchemy makes of an error of sqlite3."""
    error = sqlite3.OperationalError(text)
    error.sqlite_errorname = code
    return sqlalchemy.exc.OperationalError("SELECT 1", {}, error)


def of_server(text: str, kind: type[psycopg.Error] = psycopg.OperationalError) -> sqlalchemy.exc.DBAPIError:
    """What SQLAlchemy makes of an error of psycopg."""
    return sqlalchemy.exc.OperationalError("SELECT 1", {}, kind(text))


class Clocked(Calls):
    """Calls whose time passes only while they sleep, and whose chance is always 1."""

    def __init__(self, seconds: float = 600.0) -> None:
        self.now, self.waits, self.said = 0.0, [], []
        super().__init__(seconds, clock=lambda: self.now, sleep=self._pass, draw=lambda: 1.0, say=self.said.append)

    def _pass(self, seconds: float) -> None:
        self.waits.append(round(seconds, 6))
        self.now += seconds


def failing(times: int, error: Exception):
    """A call that fails a number of times and then gives 7."""
    left = [times]

    def call() -> int:
        left[0] -= 1
        if left[0] >= 0:
            raise error
        return 7

    return call


def test_a_call_is_made_again_after_ever_longer_waits_and_one_line_says_why() -> None:
    calls = Clocked()
    assert calls(failing(9, of_server("connection refused"))) == 7
    assert calls.waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert calls.said == ["the storage does not answer (connection refused); trying for up to 600 s"]


def test_waits_are_spread_by_chance_between_half_and_all() -> None:
    calls = Clocked()
    calls.draw = lambda: 0.0
    assert calls(failing(2, failure())) == 7
    assert calls.waits == [0.05, 0.1]


def test_a_call_is_given_up_when_its_time_is_over_and_not_before() -> None:
    calls = Clocked(3.0)
    with pytest.raises(UnavailableError, match=r"^the storage does not answer: database is locked$"):
        calls(failing(10**6, failure()))
    assert calls.now == 3.0
    assert calls(failing(3, failure())) == 7, "the time is that of one call"
    with pytest.raises(UnavailableError, match=r"^the storage does not answer"):
        calls.once(failing(1, failure()))


def test_a_lost_answer_is_found_before_the_call_is_made_again() -> None:
    calls = Clocked()
    made = []

    def make() -> int:
        made.append(1)
        raise failure()

    assert calls(make, done=lambda: 5 if made else None) == 5
    assert made == [1]


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (failure("SQLITE_FULL", "database or disk is full"), UnavailableError, r"cannot be used: database or disk is"),
        (failure("SQLITE_READONLY", "attempt to write a readonly database"), UnavailableError, r"a readonly database$"),
        (failure("SQLITE_CORRUPT", "database disk image is malformed"), DamagedFileError, r"^the storage is damaged"),
        (failure("SQLITE_ERROR", "no such table: trials"), DamagedFileError, r"^the storage was emptied \(no such tab"),
        (of_server('password authentication failed for user "x"'), UnavailableError, r"cannot be used: password auth"),
        (of_server('invalid sslmode value: "requrie"'), UnavailableError, r"cannot be used: invalid sslmode value"),
        (
            of_server("cannot execute INSERT in a read-only transaction", psycopg.errors.ReadOnlySqlTransaction),
            UnavailableError,
            r"cannot be used: cannot execute INSERT",
        ),
        (of_server("x", psycopg.errors.UndefinedTable), DamagedFileError, r"^the storage was emptied"),
        (of_server("x", psycopg.errors.SyntaxError), sqlalchemy.exc.OperationalError, r"SyntaxError"),
    ],
)
def test_what_waiting_does_not_mend_is_told_at_once(error, kind, message) -> None:
    calls = Clocked()
    with pytest.raises(kind, match=message):
        calls(failing(10**6, error))
    assert calls.waits == []


@pytest.mark.parametrize(
    "kind",
    [
        psycopg.errors.AdminShutdown,
        psycopg.errors.CannotConnectNow,
        psycopg.errors.TooManyConnections,
        psycopg.errors.SerializationFailure,
        psycopg.errors.DeadlockDetected,
        psycopg.errors.IdleInTransactionSessionTimeout,
        psycopg.errors.ConnectionTimeout,
        psycopg.InterfaceError,
    ],
)
def test_what_a_server_says_for_a_while_is_waited_for(kind) -> None:
    assert Clocked()(failing(2, of_server("x", kind))) == 7
    wrapped = optuna.exceptions.StorageInternalError("an exception is raised during the commit")
    wrapped.__cause__ = of_server("x", kind)
    assert Clocked()(failing(2, wrapped)) == 7


class OfPsycopg2(Exception):
    """What psycopg2 raises: a server's code is called otherwise there than with psycopg."""

    def __init__(self, code: str) -> None:
        self.pgcode = code
        super().__init__("x")


def test_the_code_of_an_error_is_read_as_each_driver_calls_it() -> None:
    shut_down, no_table = (sqlalchemy.exc.OperationalError("", {}, OfPsycopg2(code)) for code in ("57P01", "42P01"))
    assert Clocked()(failing(2, shut_down)) == 7
    with pytest.raises(DamagedFileError, match=r"^the storage was emptied"):
        Clocked()(failing(1, no_table))


def test_the_time_is_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHSEARCH_STORAGE_SECONDS", raising=False)
    assert most_seconds() == 600.0
    monkeypatch.setenv("ARCHSEARCH_STORAGE_SECONDS", "2.5")
    assert Calls().seconds == 2.5
    monkeypatch.setenv("ARCHSEARCH_STORAGE_SECONDS", "soon")
    with pytest.raises(UsageError, match=r"^ARCHSEARCH_STORAGE_SECONDS: 'soon' is no number of seconds"):
        Calls()


# -- every operation of the queue, when an answer is lost --------------------------------------------------------------


class Losing(Clocked):
    """Loses the answer of one try: before it reached the storage, or after that had committed."""

    def __init__(self) -> None:
        super().__init__()
        self.tries, self.at, self.after = 0, -1, False

    def lose(self, at: int, *, after: bool) -> None:
        self.tries, self.at, self.after = 0, at, after

    def attempt(self, call):
        self.tries += 1
        if self.tries - 1 != self.at:
            return call()
        if self.after:
            call()
        raise failure()


def story(storage: Storage, name: str) -> list[object]:
    """All that a study goes through, and what there is of it in the end."""
    make_study(storage, name, [StudyDirection.MAXIMIZE], ["val_accuracy"], {"kind": "search"})
    study = optuna.load_study(study_name=name, storage=storage, sampler=optuna.samplers.RandomSampler())
    assert replace_attr(storage, study, "compute", None, "cpu")
    add_slots(storage, study, [Slot(0, {"x": 3}), Slot(1)])
    refill(storage, study, 4, Slot)
    first, second, third = (take(storage, study) for _ in range(3))
    assert None not in (first, second, third)
    write_down(storage, first, {"seed": 0}, {"x": (IntDistribution(0, 5), 3)})
    first.report(0.5, 1)  # stored with the end
    storage.calls.now += 2 * REPORT_SECONDS
    first.report(0.6, 2)  # stored at once
    counted = finish(storage, first, TrialState.COMPLETE, [0.97], {"outcome": "completed"})
    give_back(storage, second)
    let_go(third)
    requeue_dead(storage, study, Watchdog())
    late = finish(storage, third, TrialState.COMPLETE, [0.1], {"outcome": "completed"})
    slots = [
        (trial.number, trial.state.name, trial.values, trial.params, trial.intermediate_values, HeldTrial(trial).deaths)
        for trial in slots_of(study).values()
    ]
    aside = [one["values"] for trial in slots_of(study).values() for one in HeldTrial(trial).late]
    return [counted, late, aside, slots, count_slots(storage, study), HeldStudy(study).attrs]


TOLD = [
    True,
    False,
    [[0.1]],
    [
        (0, "COMPLETE", [0.97], {"x": 3}, {1: 0.5, 2: 0.6}, 0),
        (1, "WAITING", None, {}, {}, 0),
        (2, "WAITING", None, {}, {}, 1),
        (3, "WAITING", None, {}, {}, 0),
    ],
    (4, 3, 1),
    {"kind": "search", "compute": "cpu"},
]


def test_a_lost_answer_anywhere_changes_nothing_that_is_stored(opened) -> None:
    _, whole, _ = opened
    calls = Losing()
    storage = Storage(whole.database, calls)
    name = whole.get_all_studies()[0].study_name
    assert story(storage, f"{name}-kept") == TOLD
    tries = calls.tries
    assert tries > 25
    for at in range(tries):
        # of a server only the harder half: what was not done is the same for both
        for after in (False, True) if storage.engine.dialect.name == "sqlite" else (True,):
            calls.lose(at, after=after)
            assert story(storage, f"{name}-{at}-{after}") == TOLD, (at, after)
            assert calls.tries > tries, "an answer was lost"
