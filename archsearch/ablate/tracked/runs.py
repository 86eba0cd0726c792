"""A run that a tracker kept: its settings, how it ended, and each metric as one number.

    summary = MetricSummary()
    summary.add(0, 0.91), summary.add(1, 0.93)
    summary.take("last"), summary.take("min")         # 0.93, 0.91

A log is read once, from its beginning to its end: of a metric its last, largest and smallest value are kept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from archsearch.errors import UsageError

Take = Literal["last", "max", "min"]
TAKES: dict[str, Take] = {"last": "last", "max": "max", "min": "min"}
GIT_COMMIT = "git commit"  # the setting that is the state of the code


class MetricSummary:
    """The last, the largest and the smallest value of a metric in a log; last is that of the highest step."""

    __slots__ = ("largest", "last", "smallest", "step")

    def __init__(self) -> None:
        self.step = -math.inf
        self.last: float | None = None
        self.largest: float | None = None
        self.smallest: float | None = None

    def add(self, step: float, value: float) -> None:
        """Count a value; of two at one step the later one in the log is the last."""
        if step >= self.step:
            self.step, self.last = step, value
        if math.isfinite(value):
            self.largest = value if self.largest is None else max(self.largest, value)
            self.smallest = value if self.smallest is None else min(self.smallest, value)

    def take(self, take: Take) -> float | None:
        """Give the value that stands for the run. The largest and the smallest are of the finite values."""
        return {"last": self.last, "max": self.largest, "min": self.smallest}[take]


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """One run. `status` is "" where it ended well, else how it ended; `started` orders runs (seconds since 1970).

    `metrics` give the value that stands for the run, None where there is none, by the metric's name. `steps` are the
    last ones of metrics, where a tracker does not say whether a run ended.
    """

    name: str
    settings: Mapping[str, str]
    metrics: Mapping[str, Callable[[Take], float | None]]
    status: str = ""
    started: float = 0.0
    steps: Mapping[str, float] = field(default_factory=dict)


def missing_extra(source: str, extra: str, library: str) -> NoReturn:
    """Raise `UsageError` with what to install."""
    raise UsageError(
        f"{source}: reading it needs {library}; install it with pip install 'archsearch[{extra}]'"
    ) from None


def setting_text(value: Any) -> str:
    """Write a setting as one text: a whole number without a decimal point, a list as JSON."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value) if isinstance(value, (bool, int, float)) or value is None else json.dumps(value, sort_keys=True)


def flat_settings(tree: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Give nested settings with dots in their names: {"opt": {"lr": 0.1}} has the setting opt.lr."""
    for key, value in tree.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and value:
            yield from flat_settings(value, f"{name}.")
        else:
            yield name, setting_text(value)
