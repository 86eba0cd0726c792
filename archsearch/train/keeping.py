"""When the progress of a run goes to disk: often enough that a kill loses seconds, seldom enough that it costs nothing.

    with Keeping(directory.keep, checkpoint_seconds()) as keep:
        keep(progress)              # after every whole epoch: written, or held in memory if it was written just now

An epoch of a small network takes milliseconds, and so does a file that outlives a power cut. What is held goes to disk
when the block is left by an error, so a signal or a pruner loses no epoch; only a process that is killed, or a machine
that fails, loses what is younger than `seconds`. Knows no files; imports no torch before it has something to hold.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from archsearch.plain import seconds_said

if TYPE_CHECKING:
    from archsearch.train.progress import Progress

CHECKPOINT_SECONDS = 2.0  # writing takes 5 to 20 ms on a local disk: at most a hundredth of the time


def checkpoint_seconds() -> float:
    """Give how many seconds of training may be in memory only; raise `UsageError` where the variable says no number."""
    return seconds_said("ARCHSEARCH_CHECKPOINT_SECONDS", CHECKPOINT_SECONDS, "0 writes after every epoch, ")


class Keeping:
    """Writes a run's progress by `write` where the last writing is `seconds` old or older, on a given clock."""

    def __init__(
        self, write: Callable[[Progress], None], seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._seconds = seconds
        self._clock = clock
        self._written = clock()
        self._held: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self.flush()

    def flush(self) -> None:
        """Write what is held in memory only."""
        if self._held is not None:
            self._write(self._held)
            self._held, self._written = None, self._clock()

    def __call__(self, progress: Progress) -> None:
        """Keep the progress of an epoch that is over; what its tensors become afterwards does not change it."""
        if self._clock() - self._written < self._seconds:
            self._held = copied(progress)
            return
        self._held = progress  # until it is written: of a disk that is full whoever leaves hears again
        self.flush()


def copied(progress: Progress) -> Progress:
    """Copy a progress whose tensors go on being trained; the best epoch's weights are a copy already."""
    return replace(
        progress,
        model=_copied(progress.model),
        optimizer=_copied(progress.optimizer),
        history=list(progress.history),
        mean_model=_copied(progress.mean_model),
        moving_model=_copied(progress.moving_model),
        scaler=_copied(progress.scaler),
    )


def _copied(value: Any) -> Any:
    """Copy the tensors of a state, in the dicts and lists that hold them; the rest of a state never changes."""
    from torch import Tensor

    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value
