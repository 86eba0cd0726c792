"""What befalls processes and storage: what a seed allows, and what each storage call draws.

    faults = Faults.drawn(dice)
    faults.draw(dice, now)          # "": nothing; "kill_after", "lost_before", ...

Every seed allows a few kinds of faults only, each at its own rate: many rare mistakes show only where one kind of fault
comes often and another one not at all.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

import sqlalchemy
from optuna.exceptions import StorageInternalError

Drawn = Literal["", "kill_before", "kill_after", "stop_before", "stop_after", "lost_before", "lost_after", "slow"]
KINDS: dict[Drawn, tuple[Drawn, ...]] = {
    "kill_before": ("kill_before", "kill_after"),
    "stop_before": ("stop_before", "stop_after"),
    "lost_before": ("lost_before",),
    "lost_after": ("lost_after",),
    "slow": ("slow",),
}


@dataclass(slots=True)
class Faults:
    """The faults of a seed: chances of a storage call, and how many of each there may be at most.

    `server` says that the storage is a server, which can be restarted and whose answers can be lost; else it is a file,
    which at most is busy. After `calm` seconds nothing befalls anybody any more.
    """

    server: bool
    chances: dict[Drawn, float]
    most: int
    calm: float
    points: random.Random  # dice of their own, so that a further point in the code leaves most seeds as they are
    count: int = 0

    @classmethod
    def drawn(cls, dice: random.Random) -> Faults:
        """Draw what a seed allows."""
        points = random.Random(repr(dice.getstate()[1][:4]))
        server = dice.random() < 0.7
        allowed = [kind for kind in KINDS if dice.random() < 0.5 and (server or kind != "lost_after")]
        chances: dict[Drawn, float] = {}
        for kind in allowed:
            rate = dice.choice((0.02, 0.05, 0.15))
            for one in KINDS[kind]:
                chances[one] = rate / len(KINDS[kind])
        return cls(server, chances, dice.choice((1, 2, 4, 8)), dice.choice((30.0, 100.0, 300.0)), points)

    def draw(self, dice: random.Random, now: float) -> Drawn:
        """Draw what befalls a storage call that is made now."""
        if now > self.calm or self.count >= self.most or not self.chances:
            return ""
        chance = dice.random()
        for kind, rate in self.chances.items():
            chance -= rate
            if chance < 0:
                self.count += 1
                return kind
        return ""

    def draw_kill(self, now: float) -> bool:
        """Draw whether a process is killed at a named point of its code."""
        rate = self.chances.get("kill_before", 0.0)
        if now > self.calm or self.count >= self.most or self.points.random() >= rate:
            return False
        self.count += 1
        return True


class OperationalError(Exception):
    """What the driver of a server raises, as psycopg names it; `sqlstate` is None where the connection is gone."""

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class BusyError(Exception):
    """What SQLite's driver raises where another process has the database for too long."""

    sqlite_errorname = "SQLITE_BUSY"


LOST = OperationalError("server closed the connection unexpectedly")
DOWN = OperationalError('connection to server at "db", port 5432 failed: Connection refused')
STARTING = OperationalError("the database system is starting up", "57P03")
STOPPED = OperationalError("terminating connection due to administrator command", "57P01")
DEADLOCK = OperationalError("deadlock detected", "40P01")
BUSY = BusyError("database is locked")


def as_sqlalchemy(error: Exception) -> sqlalchemy.exc.OperationalError:
    """Give what SQLAlchemy makes of an error of the driver."""
    return sqlalchemy.exc.OperationalError("(a statement)", None, error)


def as_optuna(error: Exception) -> StorageInternalError:
    """Give what Optuna makes of it, with the cause that it names."""
    made = StorageInternalError("An exception is raised during the commit.")
    made.__cause__ = as_sqlalchemy(error)
    return made
