"""Axes for open values of any kind: ranges, logarithmic ones, choices; and the place of a trial that has no such value.

    axis = axis_of(parameter)
    axis.place(64), axis.place(ABSENT)         # 0.61, -0.16
    bins_of(parameter, 5)                      # for cells: "6 to 11", "12 to 22", ...

Knows no trial and no drawing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archsearch.report.figures.figure import TableCell
from archsearch.wording import yaml_word

if TYPE_CHECKING:
    from archsearch.search.importance import OpenValue

ABSENT: Final = object()
ABSENT_PLACE = -0.16
FEW = 6  # a range of so few values is drawn as if they were choices


class Axis(NamedTuple):
    """An open value along 0 to 1, with ticks; `labels` are set where values are few."""

    name: str
    low: float
    high: float
    log: bool
    labels: tuple[Any, ...]

    def place(self, value: object) -> float:
        """Give where a value stands."""
        if value is ABSENT:
            return ABSENT_PLACE
        if self.labels:
            return index_of(self.labels, value) / max(1, len(self.labels) - 1)
        number = float(value)  # type: ignore[arg-type]
        low, high = self.low, self.high
        if self.log:
            number, low, high = math.log(number), math.log(low), math.log(high)
        return (number - low) / (high - low) if high > low else 0.5

    def ticks(self) -> list[tuple[float, str]]:
        """Give places with their labels, lowest first."""
        if self.labels:
            return [(self.place(label), said(label)) for label in self.labels]
        middle = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        return [(0.0, said(self.low)), (self.place(middle), said(_rounded(middle))), (1.0, said(self.high))]


def said(value: object) -> str:
    """Write a value as in the study file."""
    return f"{value:.4g}" if isinstance(value, float) else yaml_word(value)


def index_of(labels: Sequence[object], value: object) -> int:
    """Give the place of a label; 1, 1.0 and true are three."""
    return next((i for i, label in enumerate(labels) if label == value and type(label) is type(value)), 0)


def labels_of(parameter: OpenValue) -> tuple[Any, ...]:
    """Give the values of a choice or a short range, none for a longer one."""
    if parameter.kind == "choice":
        return parameter.labels
    low, high, step = parameter.low, parameter.high, parameter.step
    if low is None or high is None or not step or (high - low) / step >= FEW:
        return ()
    return tuple(low + i * step for i in range(int((high - low) / step + 1e-9) + 1))


def axis_of(parameter: OpenValue) -> Axis:
    """Make the axis of an open value."""
    return Axis(
        parameter.name, float(parameter.low or 0.0), float(parameter.high or 0.0), parameter.log, labels_of(parameter)
    )


class Bins(NamedTuple):
    """Values or ranges of values in order, as cells have them."""

    name: str
    labels: tuple[str, ...]
    edges: tuple[float, ...]  # one more than labels; none where each value is its own
    values: tuple[Any, ...]

    def find(self, value: object) -> int:
        """Give the bin of a value."""
        if self.values:
            return index_of(self.values, value)
        inside = sum(float(value) >= edge for edge in self.edges[1:-1])  # type: ignore[arg-type]
        return min(inside, len(self.labels) - 1)


def bins_of(parameter: OpenValue, most: int) -> Bins:
    """Cut an open value into bins: choices and short ranges as they are, others evenly, on their scale."""
    values = labels_of(parameter)
    if values:
        return Bins(parameter.name, tuple(said(value) for value in values), (), values)
    low, high = float(parameter.low or 0.0), float(parameter.high or 0.0)
    if parameter.log:
        edges = [math.exp(math.log(low) + i / most * (math.log(high) - math.log(low))) for i in range(most + 1)]
    else:
        edges = [low + i / most * (high - low) for i in range(most + 1)]
    if parameter.kind == "int":
        edges = [float(math.ceil(edge - 1e-9)) for edge in edges]
        ends = [*(int(edge) - 1 for edge in edges[1:-1]), int(edges[-1])]
        labels = [f"{int(first)} to {last}" for first, last in zip(edges, ends, strict=False)]
    else:
        labels = [f"{first:.3g} to {last:.3g}" for first, last in pairwise(edges)]
    return Bins(parameter.name, tuple(labels), tuple(edges), ())


def value_in(params: Mapping[str, object], name: str) -> object:
    """Give a trial's value, or ABSENT."""
    return params.get(name, ABSENT)


def cell_of(value: object) -> TableCell:
    """Write a trial's value as a table has it; an absent one is empty."""
    return None if value is ABSENT else value if isinstance(value, (str, int, float, bool)) else said(value)


def _rounded(value: float) -> float | int:
    return round(value) if abs(value) >= 10 else float(f"{value:.2g}")
