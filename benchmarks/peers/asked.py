"""What a study's peer is asked for, and its answer, as JSON files; knows no peer.

asked = read_asked()              # of the file that the command line names
x, y = asked.arrays()             # (N, 1, 32, 32) uint8 and (N,) int64; the last `validation` are for validation
asked.answer([Trial(...), ...])
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Trial:
    """What came of a network: mean training loss of the last epoch, accuracy, when its training began and ended.

    `process` and `spent` (processor seconds so far) are of a worker that nobody waits for, whose time is lost else.
    """

    loss: float
    accuracy: float
    began: float
    ended: float
    process: int = 0
    spent: float = 0.0


@dataclass(frozen=True)
class Asked:
    """Networks to be trained, and how; folders of the ready arrays (`data`) and of MNIST's raw files (`raw`)."""

    networks: list[dict[str, Any]]
    epochs: int
    batch: int
    lr: float
    samples: int
    validation: int
    data: str
    raw: str
    answers: str
    workers: int
    loop: str = "ready"

    @property
    def train(self) -> int:
        return self.samples - self.validation

    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Read the images, resized already, and their labels."""
        folder = Path(self.data)
        return np.load(folder / "x.npy"), np.load(folder / "y.npy")

    def answer(self, trials: list[Trial]) -> None:
        """Write what came out."""
        Path(self.answers).write_text(json.dumps([asdict(one) for one in trials]))


def read_asked() -> Asked:
    """Read the file that the command line names."""
    return Asked(**json.loads(Path(sys.argv[1]).read_text()))
