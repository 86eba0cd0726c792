"""A process that is asked to die at a point does so there, the time that it is asked for, and else nowhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from archsearch.crash import crash_at, crash_point

PASSES = """
from archsearch.crash import crash_point
for number in range(3):
    print(number, flush=True)
    crash_point("claimed")
"""


@pytest.mark.parametrize(
    ("wanted", "code", "seen"),
    [("claimed", -signal.SIGKILL, 1), ("claimed:2", -signal.SIGKILL, 2), ("told", 0, 3), ("", 0, 3)],
)
def test_a_process_dies_where_it_is_asked_to(wanted: str, code: int, seen: int) -> None:
    environment = os.environ | {"ARCHSEARCH_CRASH": wanted, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PASSES], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stdout.split())) == (code, seen)


def test_a_point_that_is_not_asked_for_does_nothing() -> None:
    crash_at("told:5")
    try:
        crash_point("claimed")
        crash_point("told")
    finally:
        crash_at("")
