"""A figure is a question, the data that answers it, the same data as a table, and a way to draw it.

    figure = Figure("history", "How did the search go?", says, table, lambda: draw_history(data))
    figure.draw()                       # a plotly figure
    figure.table.rows                   # the same numbers, for whoever cannot or does not want to see them

The functions that make the data are pure and return a NamedTuple; only the `draw_*` functions know plotly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

if TYPE_CHECKING:
    import plotly.graph_objects as go

Columns = tuple["Column", "Column"]
TableCell = str | int | float | bool | None
ColumnKind = Literal["text", "count", "number", "difference", "p", "percent", "points", "seconds"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Percent and points hold fractions and are written times 100; seconds hold seconds; p is a p value. `joins` is what
    people read between this cell and the next one, "to" or "±", where the two are one thing to them; `joined` is the
    heading of both. CSV and JSON keep them apart.
    """

    title: str
    kind: ColumnKind = "text"
    joins: str = ""
    joined: str = ""


def interval_columns(
    kind: ColumnKind, start: str = "95 % from", end: str = "95 % to", joined: str = "95 % interval"
) -> Columns:
    """Give the two columns of an interval."""
    return Column(start, kind, joins="to", joined=joined), Column(end, kind)


def mean_and_sd(title: str, kind: ColumnKind) -> Columns:
    """Give the columns of a mean and its standard deviation."""
    return Column(title, kind, joins="±", joined=f"{title} ± SD"), Column("SD", kind)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain values, as they are: formatting is left to whoever writes the table down."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[TableCell, ...], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a report.

    `key` names it in links and file names (lower case, hyphens). `says` is one or two plain sentences: what is drawn,
    with n, and what to see in it. `draw` is called late, since drawing needs plotly.
    """

    key: str
    title: str
    says: str
    table: Table
    draw: Callable[[], go.Figure]


@dataclass(frozen=True, slots=True)
class Missing:
    """A figure that a report would have, and why this one has not."""

    key: str
    title: str
    why: str


Of = TypeVar("Of")


@dataclass(frozen=True, slots=True)
class FigureEntry(Generic[Of]):
    """A line in a report's list of figures, about a record of the kind `Of`.

    `data` gives what is drawn, with `says` and `table`, and a `title` of its own where this one would be untrue; or a
    sentence that says why there is none.
    """

    key: str
    title: str
    data: Callable[[Of], Any]
    draw: Callable[[Any], go.Figure]

    def made(self, prefix: str, record: Of) -> Figure | Missing:
        """Make the figure; `prefix` says in its key what it is about."""
        data = self.data(record)
        key = f"{prefix}-{self.key}"
        if isinstance(data, str):
            return Missing(key, self.title, data)
        title = getattr(data, "title", "") or self.title
        return Figure(key, title, data.says, data.table, partial(self.draw, data))
