"""End this process at a named point, as kill -9 or a power cut would: for tests of what is found afterwards.

    ARCHSEARCH_CRASH=claimed:2 archsearch study digits      # dies when it passes the point `claimed` a second time
    crash_point("claimed")                                  # where a process may die; costs a comparison

Where the variable is not set no point does anything.
"""

from __future__ import annotations

import os
import signal

# each point, and what is half done there
CRASH_POINTS = {
    "tables made": "a new database has its tables and is not at its place yet",
    "study begun": "a new study has its row and its direction, and none of its attributes",
    "study half": "a new study has its attributes, and not the names of its metrics",
    "study made": "a new study is there, and nothing of what it is computed with",
    "computed with": "what it is computed with is fixed, and no slot is planned",
    "slot planned": "of the slots that are planned together some are written",
    "slots planned": "slots wait, and nobody works",
    "claiming": "a slot is taken in a transaction that is not committed",
    "claimed": "a slot is taken, and what it stands for is not noted",
    "noted": "what a slot stands for is noted, and nothing is run",
    "mid-epoch": "some batches of an epoch are learned",
    "epoch kept": "an epoch is kept, in its checkpoint or in memory, and not reported",
    "reported": "an epoch is reported, and the next one not begun",
    "file begun": "a temporary file is there and empty",
    "file written": "a temporary file is whole, and not at its place",
    "file renamed": "a file is at its place, and its folder not flushed",
    "result written": "a run is finished and its checkpoint still there",
    "ran": "a run is finished, and its slot told nothing",
    "telling": "values are written in a transaction that is not committed",
    "told": "a slot is told, and nothing else done",
    "burying": "a dead worker's slot is released in a transaction that is not committed",
    "buried": "a dead worker's slot waits again, and the next dead one's does not",
    "given back": "an interrupted slot waits again, and the process is still there",
    "confirmation made": "the study of a confirmation is there without slots",
    "confirmed": "finalists are trained, and the winner is not written down",
    "report made": "a report is made, and not written",
}


def _wanted(text: str) -> tuple[str, int]:
    name, _, count = text.partition(":")
    return name, int(count or 1)


_point, _passes = _wanted(os.environ.get("ARCHSEARCH_CRASH", ""))


def crash_at(text: str) -> None:
    """Ask this process to die at a point, `name` or `name:count`, as the variable does for one that begins."""
    global _point, _passes
    _point, _passes = _wanted(text)


def crash_point(name: str) -> None:
    """Die here if a test has asked for it."""
    if name == _point:
        _pass()


def _pass() -> None:
    global _passes
    _passes -= 1
    if _passes == 0:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
