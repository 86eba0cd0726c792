"""What a run of a program leaves behind, as frozen data that goes to JSON and back without loss."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from archsearch.plain import Plain
from archsearch.program.section import FilesDigest

ProgramStatus = Literal["completed", "failed", "void"]


class HistoryRow(Plain):
    """A row of the table that is followed: the step it counts, and the values that stand in it."""

    epoch: int
    metrics: dict[str, float]


class ProgramResult(Plain):
    """A run that has ended: completed, failed with the reason, or void, as a file of the program changed meanwhile.

    `seconds` is wall time from start to end, `peak_memory` bytes of the largest process. `outputs` are the files that
    it wrote in its own folder, `wrote` those that it wrote in the folder it ran in.
    """

    run_id: str
    name: str
    seed: int
    status: ProgramStatus
    reason: str | None = None
    spec: dict[str, Any]
    files: FilesDigest
    metrics: dict[str, float]
    history: Annotated[tuple[HistoryRow, ...], Field(strict=False)] = ()
    command: Annotated[tuple[str, ...], Field(strict=False)]
    exit_code: int | None = None
    signal_number: int | None = None
    tries: int = 1
    seconds: float
    peak_memory: int
    left_behind: int = 0
    started: str
    finished: str
    environment: dict[str, Any]
    outputs: Annotated[tuple[str, ...], Field(strict=False)] = ()
    wrote: Annotated[tuple[str, ...], Field(strict=False)] = ()
    last_lines: Annotated[tuple[str, ...], Field(strict=False)] = ()

    def complaint(self) -> str:
        """Say why a run that did not complete did not, with the last lines of its output."""
        lines = "".join(f"\n  | {line}" for line in self.last_lines)
        return f"{self.reason or self.status}{'; its last lines:' + lines if lines else ''}"
