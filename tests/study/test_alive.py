"""Who is alive: processes of this machine by their number and start, those elsewhere by their heart."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from archsearch.study import alive
from archsearch.study.alive import CLAIMS, Watchdog, this_process
from archsearch.study.queue import Slot, add_slots, let_go, requeue_dead, take


def owned(storage, study, owner):
    """A RUNNING slot that is signed by some process."""
    add_slots(storage, study, [Slot(0)])
    trial = take(storage, study)
    trial.set_user_attr("owner", owner)
    return study.get_trials(deepcopy=False)[0]


def test_a_process_of_this_machine_is_judged_by_its_number_and_start(opened) -> None:
    _, storage, study = opened
    child = subprocess.Popen(["sleep", "60"])
    started = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
    owner = {**this_process(), "pid": child.pid, "started": started, "claim": "c"}
    trial = owned(storage, study, owner)
    assert not Watchdog().is_dead(trial)
    child.kill()
    while not Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].startswith(" Z"):
        time.sleep(0.01)
    assert Watchdog().is_dead(trial), "a zombie has its number still"
    child.wait()
    assert Watchdog().is_dead(trial)


def test_a_slot_that_this_process_has_let_go_is_nobodys(opened) -> None:
    _, storage, study = opened
    add_slots(storage, study, [Slot(0)])
    trial = take(storage, study)
    assert trial.owner["claim"] in CLAIMS
    assert requeue_dead(storage, study, Watchdog()) == 0
    let_go(trial)
    assert requeue_dead(storage, study, Watchdog()) == 1
    again = take(storage, study)
    assert again.number == 0
    let_go(again)


@pytest.mark.parametrize("owner", [None, {"host": "elsewhere/boot/pid:[1]", "pid": 1, "started": "5", "claim": "c"}])
def test_a_worker_elsewhere_is_given_time_by_the_clock_of_who_looks(opened, owner) -> None:
    _, storage, study = opened
    trial = owned(storage, study, owner)
    clock = [50.0]
    watchdog = Watchdog(lambda: clock[0])
    grace = alive.UNOWNED_SECONDS if owner is None else alive.GRACE_SECONDS
    assert not watchdog.is_dead(trial)
    clock[0] += grace
    assert not watchdog.is_dead(trial)
    clock[0] += 0.5
    assert watchdog.is_dead(trial)
