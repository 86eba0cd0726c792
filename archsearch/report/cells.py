"""Write the cells of a table as people read them; whatever a table is written as, a number looks the same.

cell_text(0.9731, Column("test accuracy", "percent"))      # "97.31 %"
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from archsearch.report.figures.figure import Column, Table, TableCell
from archsearch.stats.sentence import alike, common_form, p_text
from archsearch.wording import number_text, percent


def cell_text(cell: TableCell, column: Column, form: str = ".3g") -> str:
    """Write one cell, a difference in the form given; "" where there is nothing."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return cell
    if not math.isfinite(cell):
        return str(cell)
    if column.kind == "percent":
        return percent(cell)
    if column.kind == "points":
        return f"{round(100 * cell, 2) + 0.0:+.2f}"  # + 0.0: no "-0.00"
    if column.kind == "difference":
        return alike([cell], form)[0]
    if column.kind == "p":
        return p_text(cell)
    if column.kind == "seconds":
        return f"{cell:,.1f}" if cell >= 0.1 or cell == 0 else f"{cell:.2g}"
    if column.kind == "count":
        return f"{cell:,.0f}"
    return number_text(cell)


def heading_text(column: Column) -> str:
    """Write a column's heading with its unit, where the cells do not say it."""
    unit = {"points": "points", "seconds": "s"}.get(column.kind)
    return f"{column.title} ({unit})" if unit else column.title


def is_number(column: Column) -> bool:
    """Say whether a column's cells stand to the right."""
    return column.kind != "text"


class Heading(NamedTuple):
    """What stands above a column as people read it."""

    text: str
    number: bool


def headings(table: Table) -> tuple[Heading, ...]:
    """Give the headings of a table, one for two columns that are read as one."""
    return tuple(
        Heading(heading_text(Column(one.joined, one.kind) if one.joins else one), is_number(one))
        for one, _ in _read_together(table)
    )


def written_rows(table: Table) -> Iterator[tuple[str, ...]]:
    """Yield each row as people read it: 94.10 ± 0.42 %, -0.10 to +0.30."""
    places = _read_together(table)
    for row in table.rows:
        form = _difference_form(row, table)
        yield tuple(
            _joined(row[place], row[place + 1], one, table.columns[place + 1], form)
            if one.joins
            else cell_text(row[place], one, form)
            for one, place in places
        )


def _difference_form(row: tuple[TableCell, ...], table: Table) -> str:
    """Give a difference and its intervals one number of decimals, that of the difference and the first interval."""
    cells = [
        cell for cell, column in zip(row, table.columns, strict=True)
        if column.kind == "difference" and isinstance(cell, (int, float))
    ]  # fmt: skip
    return common_form(cells[:3]) if len(cells) > 2 else ".3g"


def _read_together(table: Table) -> list[tuple[Column, int]]:
    """Give the columns with their places, without those that are read with the one before, or that hold nothing."""
    held = [any(row[place] not in (None, "") for row in table.rows) for place in range(len(table.columns))]
    return [
        (column, place) for place, column in enumerate(table.columns)
        if not (place and table.columns[place - 1].joins) and (held[place] or not place or not table.rows)
    ]  # fmt: skip


def _joined(first: TableCell, second: TableCell, one: Column, other: Column, form: str) -> str:
    if first is None or second is None:
        return cell_text(first, one, form)
    if one.joins == "±" and one.kind == "number" and isinstance(second, float) and 0 < second < math.inf:
        digits = max(0, 1 - math.floor(math.log10(second)))  # as many as two of the spread's
        return f"{first:,.{digits}f} ± {second:,.{digits}f}"
    texts = cell_text(first, one, form), cell_text(second, other, form)
    unit = " %" if all(text.endswith(" %") for text in texts) else ""
    return f"{texts[0].removesuffix(unit)} {one.joins} {texts[1]}"
