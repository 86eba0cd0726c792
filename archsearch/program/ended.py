"""From the end of a program to its result: did it complete, what does it give, what is said where it did not."""

from __future__ import annotations

import os
import platform
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from archsearch import __version__
from archsearch.program.experiment import ProgramExperiment, Resolved, program_run_id
from archsearch.program.follow import Following
from archsearch.program.measure import Places, read_metrics
from archsearch.program.output import last_lines, versions_in
from archsearch.program.process import ProgramEnd
from archsearch.program.program_result import ProgramResult
from archsearch.train.processor import processor

_LINES = 12
_MOST_OUTPUTS = 200


@dataclass(slots=True)
class Attempt:
    """One try of a run; `ended_badly` says that it came to an exit code or a signal, which may pass."""

    experiment: ProgramExperiment
    seed: int
    resolved: Resolved
    ended: ProgramEnd | None
    following: Following
    places: Places
    began: datetime
    tries: int
    ended_badly: bool = False
    result: ProgramResult = field(init=False)


def judged(attempt: Attempt, *, timed_out: bool, void: bool, failure: str | None, wrote: Sequence[str]) -> Attempt:
    """Read the metrics of a program that has ended, and make the result of it."""
    ended, spec, places = attempt.ended, attempt.experiment.spec, attempt.places
    reason, metrics = failure, {}
    if reason is None and ended is not None:
        reason = _why(ended, timed_out, spec.program.timeout)
        attempt.ended_badly = reason is not None and not timed_out
    if reason is None and ended is not None:
        found = read_metrics(spec, places, ended.seconds, ended.peak_memory)
        problems = [*found.problems, *([attempt.following.problem] if attempt.following.problem else [])]
        metrics, reason = found.metrics, "; ".join(problems) or None
    attempt.result = ProgramResult(
        **facts_of(attempt.experiment, attempt.seed, attempt.began, versions_in(places.stdout, places.stderr)),
        status="void" if void else "completed" if reason is None else "failed",
        reason=reason,
        metrics=metrics,
        history=tuple(attempt.following.rows),
        command=attempt.resolved.argv,
        exit_code=ended.code if ended is not None else None,
        signal_number=ended.signal_number if ended is not None else None,
        tries=attempt.tries,
        seconds=ended.seconds if ended is not None else 0.0,
        peak_memory=ended.peak_memory if ended is not None else 0,
        left_behind=ended.left if ended is not None else 0,
        outputs=_outputs(places),
        wrote=tuple(wrote),
        last_lines=() if reason is None else _last(places),
    )
    return attempt


def facts_of(
    experiment: ProgramExperiment, seed: int, began: datetime, versions: dict[str, str] | None = None
) -> dict[str, Any]:
    """Give the fields of a result that do not depend on how it ended."""
    return {
        "run_id": program_run_id(experiment, seed),
        "name": experiment.name,
        "seed": seed,
        "spec": experiment.written,
        "files": experiment.files,
        "started": began.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": machine() | ({"versions": versions} if versions else {}),
    }


@lru_cache(maxsize=1)
def machine() -> dict[str, Any]:
    """Say which machine this is."""
    return {
        "archsearch": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "hostname": socket.gethostname(),
    }


def _why(ended: ProgramEnd, timed_out: bool, timeout: float | None) -> str | None:
    """Say why a program that has ended did not complete; None where it did."""
    if timed_out:
        return f"it ran longer than {timeout:g} seconds, its timeout, and was ended"
    if ended.signal_number is not None:
        name = signal.Signals(ended.signal_number).name
        guess = ", as the system does where memory runs out" if name == "SIGKILL" else ""
        return f"it was ended by {name}{guess}"
    return None if ended.code == 0 else f"it ended with exit code {ended.code}"


def _last(places: Places) -> tuple[str, ...]:
    """Give the last lines of both outputs: those of the errors last, as they say most."""
    errors = last_lines(places.stderr, _LINES)
    return (*last_lines(places.stdout, max(3, _LINES - len(errors))), *errors)


def _outputs(places: Places) -> tuple[str, ...]:
    found = (path for path in places.run_dir.rglob("*") if path.is_file())
    return tuple(sorted(path.relative_to(places.run_dir).as_posix() for path in found)[:_MOST_OUTPUTS])
