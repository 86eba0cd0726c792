"""What follows a run while it trains, and the one that says nothing. Imports no torch.

run(spec, seed=3, watch=Silent())
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from archsearch.train.result import EpochRecord


class Watch(Protocol):
    """What follows a run while it trains: a progress bar, a study, a test."""

    def start(self, epochs: int, history: Sequence[EpochRecord], samples: int) -> None:
        """The run begins, or goes on after the epochs of `history`; an epoch has `samples` samples."""

    def batch(self, epoch: int, samples: int, loss: float) -> None:
        """So many samples of the epoch are done, with this mean loss so far."""

    def looks(self) -> Sequence[float]:
        """Give the parts of the first epoch after which `look` is called: 0.125 is an eighth of its steps."""

    def look(self, part: float, metrics: Mapping[str, float | None]) -> None:
        """So much of the first epoch is over, with these metrics on some of the validation data.

        What is raised here leaves the loop, and nothing of the epoch is kept. Of a run that goes on after a whole epoch
        it is not called any more.
        """

    def epoch(self, record: EpochRecord) -> None:
        """An epoch is complete and kept; what is raised here leaves the loop, and the checkpoint has this epoch."""


class Silent:
    """A watch that says nothing."""

    def start(self, epochs: int, history: Sequence[EpochRecord], samples: int) -> None:
        """Nothing to say."""

    def batch(self, epoch: int, samples: int, loss: float) -> None:
        """Nothing to say."""

    def looks(self) -> Sequence[float]:
        """Ask for nothing."""
        return ()

    def look(self, part: float, metrics: Mapping[str, float | None]) -> None:
        """Nothing to say."""

    def epoch(self, record: EpochRecord) -> None:
        """Nothing to say."""
