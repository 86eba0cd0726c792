"""Make storage calls: again with back-off while the storage is away, a sentence where it does not come back.

    calls = Calls(seconds=600)
    calls(lambda: storage.get_trial(7))                    # a call that may be made twice
    calls(lambda: taken.pop(), done=lambda: found or None)  # one that may not: what a lost answer said

The one place that decides what is tried again. A call is given up after `seconds` on the clock, counted from its first
failure, as `UnavailableError` (exit 75); what waiting cannot mend (a full disk, a damaged file, tables that are gone)
is told at once. Clock, sleep and chance are given, so that tests can be their master; knows no table of a storage.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn, TypeVar

import optuna
import sqlalchemy

from archsearch.errors import DamagedFileError, UnavailableError
from archsearch.markup import visible
from archsearch.plain import seconds_said
from archsearch.train.interrupt import check_interrupted

T = TypeVar("T")
MOST_SECONDS = 600.0  # a call is tried for so long, unless ARCHSEARCH_STORAGE_SECONDS says otherwise
_FIRST_WAIT, _MOST_WAIT = 0.1, 10.0  # seconds between two tries: doubled each time, and half of it left to chance
_TOLD_AFTER = 2.0  # seconds after which a person is told why nothing happens
_SLICE = 0.2  # seconds of sleep after which a signal is looked for

# what SQLAlchemy and Optuna raise where a database refuses, and what a driver raises where it has no connection
StorageErrors = (optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError)

# what a server says of a wrong address, user or database (SQLSTATE class 28 and 3D, and libpq, which gives no code)
_WRONG_ADDRESS = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "no pg_hba.conf entry",
    "invalid port",
    "invalid connection option",
    "invalid integer value",
    " value: ",  # invalid sslmode value: "requrie"
    "not permitted to log in",
)


def most_seconds() -> float:
    """Give how long a call is tried, in seconds; raise `UsageError` where the variable says no number."""
    return seconds_said("ARCHSEARCH_STORAGE_SECONDS", MOST_SECONDS)


def say_beside(message: str) -> None:
    """Say a line on stderr, from processes that a command has started too; what a database says may hold anything."""
    print(visible(message), file=sys.stderr)


def _sleep(seconds: float) -> None:
    """Sleep, but end with `Interrupted` where a signal asks for it: nobody else looks while a call is tried again."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if threading.current_thread() is threading.main_thread():
            check_interrupted("finished trials are kept, the same call goes on")
        time.sleep(min(left, _SLICE))


class Calls:
    """Makes calls of a storage, each until it is answered.

    `clock` gives seconds, `sleep` waits for some, `draw` gives a number in [0, 1), `say` tells a person.
    """

    def __init__(
        self,
        seconds: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = _sleep,
        draw: Callable[[], float] = random.random,
        say: Callable[[str], None] = say_beside,
    ) -> None:
        self.seconds = most_seconds() if seconds is None else seconds
        self.clock, self.sleep, self.draw, self.say = clock, sleep, draw, say

    def __call__(self, call: Callable[[], T], *, done: Callable[[], T | None] | None = None) -> T:
        """Make a call until it is answered; `done` finds the answer of a try that may have been lost, None if none was.

        Without `done` the call must come to the same however often it is made. Raises `UnavailableError` when the time
        is over, `DamagedFileError` where the storage is not whole.
        """
        since: float | None = None
        wait, told = _FIRST_WAIT, False
        while True:
            try:
                if since is not None and done is not None and (answer := self.attempt(done)) is not None:
                    return answer
                return self.attempt(call)
            except StorageErrors as error:
                now = self.clock()
                since = now if since is None else since
                if not _may_pass(error):
                    _give_up(error)
                if now - since >= self.seconds:
                    raise UnavailableError(f"the storage does not answer: {said_by(error)}") from None
                if now - since >= _TOLD_AFTER and not told:
                    self.say(f"the storage does not answer ({said_by(error)}); trying for up to {self.seconds:g} s")
                    told = True
            self.sleep(min(wait * (0.5 + 0.5 * self.draw()), max(0.0, since + self.seconds - self.clock())))
            wait = min(2 * wait, _MOST_WAIT)

    def once(self, call: Callable[[], T]) -> T:
        """Make a call that is not made again: raise `UnavailableError` at the first failure."""
        try:
            return self.attempt(call)
        except StorageErrors as error:
            if not _may_pass(error):
                _give_up(error)
            raise UnavailableError(f"the storage does not answer: {said_by(error)}") from None

    def attempt(self, call: Callable[[], T]) -> T:
        """Make one try of a call: whatever is asked of a storage goes through here."""
        return call()


def said_by(error: Exception) -> str:
    """Give what a database said, in a line."""
    cause = getattr(error, "orig", None) or error.__cause__ or error
    cause = getattr(cause, "orig", None) or cause
    return str(cause).strip().split("\n")[0]


def _driver_error(error: Exception) -> BaseException | None:
    """Give what the database's driver raised, under what Optuna and SQLAlchemy made of it."""
    if isinstance(error, optuna.exceptions.StorageInternalError):
        error = error.__cause__ if isinstance(error.__cause__, Exception) else error
    return getattr(error, "orig", None)


def _may_pass(error: Exception) -> bool:
    """Say whether an error may be gone when the call is made again."""
    driver = _driver_error(error)
    if driver is None:  # no connection of the pool became free
        return any(isinstance(one, sqlalchemy.exc.TimeoutError) for one in (error, error.__cause__))
    name = getattr(driver, "sqlite_errorname", None)
    if name is not None:
        return str(name).startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"))
    if type(driver).__module__.startswith("sqlite3"):
        return False
    state = _sqlstate(driver)
    if not state:  # no connection, or lost
        return type(driver).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout") and not any(
            words in str(driver) for words in _WRONG_ADDRESS
        )
    # no connection, rolled back for another one, out of resources, shut down or starting, a failing disk
    return state[:2] in ("08", "40", "53", "57", "58") or state in ("25P02", "25P03", "55P03")


def _sqlstate(driver: BaseException | None) -> str:
    """Give a server's code for what is wrong, as psycopg and psycopg2 call it; "" where it gave none."""
    return str(getattr(driver, "sqlstate", None) or getattr(driver, "pgcode", None) or "")


def _give_up(error: Exception) -> NoReturn:
    """Raise what a person is told of an error that waiting does not mend; a bug of ours stays what it is."""
    driver = _driver_error(error)
    said = said_by(error)
    name = str(getattr(driver, "sqlite_errorname", ""))
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        raise DamagedFileError(f"the storage is damaged and not used: {said}; take it from a backup") from None
    state = _sqlstate(driver)
    if "no such table" in said or state == "42P01":
        raise DamagedFileError(
            f"the storage was emptied ({said}); take it from a backup, or begin anew with another --storage"
        ) from None
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        raise UnavailableError(f"the storage cannot be used: {said}") from None
    # a wrong user or database, no right to write, a server that only reads (a standby, or one whose disk is full)
    if driver is not None and (not state or state[:2] in ("28", "3D") or state in ("42501", "25006")) and not name:
        raise UnavailableError(f"the storage cannot be used: {said}") from None
    raise error
