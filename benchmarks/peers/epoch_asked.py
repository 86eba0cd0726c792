"""What an epoch's peer is given, and what it answers; knows no peer.

learned = plain(EpochAsked(...))        # a function of `peers/epoch_*.py`
learned.seconds, learned.loss, learned.accuracy
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from archsearch.spec.network import PlannedLayer


@dataclass(frozen=True)
class EpochAsked:
    """A network with its initial weights, its planned rows, and images in memory.

    x is float32 (N, channels, height, width), y int64 (N,); `x_held` and `y_held` are what nobody trains on. `raw` is
    the folder of MNIST's files, for the loop that reads them itself.
    """

    model: nn.Sequential
    rows: Sequence[PlannedLayer]
    x: Tensor
    y: Tensor
    x_held: Tensor
    y_held: Tensor
    batch: int
    lr: float
    raw: Path

    @property
    def sizes(self) -> list[int]:
        """The sizes of the batches of an epoch that differ: what a compiler sees."""
        rest = len(self.x) % self.batch
        return [min(self.batch, len(self.x)), *([rest] if rest and len(self.x) > self.batch else [])]


@dataclass(frozen=True)
class Learned:
    """Seconds of the epoch's training and of compiling before it, mean training loss, accuracy on what was held out."""

    seconds: float
    loss: float
    accuracy: float
    compiling: float = 0.0
