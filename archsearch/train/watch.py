"""What follows a run while it trains, and the one that says nothing. Imports no torch.

run(spec, seed=3, watch=Silent())
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from archsearch.train.result import EpochRecord


class Watch(Protocol):
    """What follows a run while it trains: a progress bar, a study, a test."""

    def start(self, epochs: int, history: Sequence[EpochRecord], samples: int) -> None:
        """The run begins, or goes on after the epochs of `history`; an epoch has `samples` samples."""

    def batch(self, epoch: int, samples: int, loss: float) -> None:
        """So many samples of the epoch are done, with this mean loss so far."""

    def epoch(self, record: EpochRecord) -> None:
        """An epoch is complete and kept; what is raised here leaves the loop, and the checkpoint has this epoch."""


class Silent:
    """A watch that says nothing."""

    def start(self, epochs: int, history: Sequence[EpochRecord], samples: int) -> None:
        """Nothing to say."""

    def batch(self, epoch: int, samples: int, loss: float) -> None:
        """Nothing to say."""

    def epoch(self, record: EpochRecord) -> None:
        """Nothing to say."""
