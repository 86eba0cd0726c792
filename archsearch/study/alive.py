"""Who is alive: the name of a process that another one can judge, and a watch over hearts that beat elsewhere.

    owner = {**this_process(), "claim": "5f"}
    Watchdog().is_dead(trial)

A process of this machine is looked up by its number and its start; one on another machine is dead when its heartbeat
has not changed for `GRACE_SECONDS`, by the clock of who looks: clocks of machines may differ.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from archsearch.study.held import HeldTrial

BEAT_SECONDS = 10.0
GRACE_SECONDS = 90.0  # a worker on another machine that does not beat for so long is dead
UNOWNED_SECONDS = 15.0  # a slot of version 0.1.0 that was taken by a worker which died before it could sign

# what this process has taken and not yet ended; a slot that is signed by it and not among these is nobody's any more
CLAIMS: set[str] = set()


def this_process() -> dict[str, Any]:
    """Name this process so that another one can tell whether it is alive."""
    return {"host": _host(), "pid": os.getpid(), "started": _started(os.getpid())}


def _host() -> str:
    """Name the machine since its last start, and whose processes it numbers: those of a container are its own."""
    boot, numbers = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    try:
        return f"{socket.gethostname()}/{boot.read_text().strip()}/{numbers.readlink()}"
    except OSError:
        return f"{socket.gethostname()}/"


def _started(pid: int) -> str:
    """Give when a process began, in the system's own ticks; "" where it is gone or the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]  # a zombie has a number still, and does nothing
    except (OSError, IndexError):
        return ""


def _dead_here(owner: Mapping[str, Any]) -> bool | None:
    """Say whether an owner on this machine is dead; None if it is on another one."""
    if owner["host"] != _host():
        return None
    if {**this_process(), "claim": owner.get("claim")} == owner:
        return owner["claim"] not in CLAIMS
    if owner["started"]:
        return bool(_started(owner["pid"]) != owner["started"])
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


class Watchdog:
    """Remembers when a slot's heartbeat last changed, by this process's own clock: machines' clocks may differ."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.seen: dict[int, tuple[Any, float]] = {}

    def is_dead(self, trial: FrozenTrial) -> bool:
        """Say whether the worker of a RUNNING slot is dead."""
        held = HeldTrial(trial)
        owner = held.owner
        if owner is not None and (dead := _dead_here(owner)) is not None:
            return dead
        pulse = (owner, held.beat)
        before, since = self.seen.get(trial.number, (None, 0.0))
        if before != pulse:
            self.seen[trial.number] = (pulse, self.clock())
            return False
        return self.clock() - since > (GRACE_SECONDS if owner is not None else UNOWNED_SECONDS)
