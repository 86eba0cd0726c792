"""What a report says of itself, and where it looks for files beside the storage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """`command` rebuilds the report; run directories and data sets are used where they are there."""

    command: str
    made: str
    runs_dir: Path = Path("runs")
    data_dir: Path | None = None
