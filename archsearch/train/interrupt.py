"""Stop politely: the first SIGINT or SIGTERM is remembered, the second stops at once.

with interruptible() as interruption:
    ...
    interruption.check("the last whole epoch is kept")

A signal that the block did not act on, because it came after the last check, is raised again when the block ends: it
reaches the block around this one, or the process. A signal that is ignored (by nohup, by a worker) stays ignored.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from archsearch.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_open: list[Interruption] = []  # of the blocks that the main thread is in, the innermost last


class Interruption:
    """Remembers the signal that asked for a stop."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.acted = False

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Remember the first signal; raise `Interrupted` at the second."""
        if self.signal_number is not None:
            self.acted = True
            raise Interrupted("stopped at once", number)
        self.signal_number = number

    def check(self, kept: str) -> None:
        """Raise `Interrupted` if a signal came; `kept` says what is safe."""
        if self.signal_number is not None:
            self.acted = True
            raise Interrupted(f"interrupted; {kept}", self.signal_number)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Catch the signals for a while (in the main thread only: elsewhere Python allows no handler)."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    heard = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, interruption.receive) for number in heard}
    _open.append(interruption)
    try:
        yield interruption
    finally:
        _open.remove(interruption)
        for number, handler in before.items():
            signal.signal(number, handler)
        if interruption.signal_number is not None and not interruption.acted:
            signal.raise_signal(interruption.signal_number)


def check_interrupted(kept: str) -> None:
    """Raise `Interrupted` if a signal came in the block that the main thread is in: for who waits deep inside it."""
    if _open:
        _open[-1].check(kept)
