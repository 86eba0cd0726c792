"""Write the cells of a table as people read them; whatever a table is written as, a number looks the same.

cell_text(0.9731, Column("test accuracy", "percent"))      # "97.31 %"
"""

from __future__ import annotations

import math

from archsearch.report.figures.figure import Cell, Column
from archsearch.stats.sentence import p_text
from archsearch.wording import number_text, percent


def cell_text(cell: Cell, column: Column) -> str:
    """Write one cell; "" where there is nothing."""
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
        return f"{100 * cell:+.2f}"
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
