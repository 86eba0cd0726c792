"""The one table of a comparison as papers have it: mean ± SD, difference, interval, p and verdict, seven columns.

    results_part(report)                                   # of an ablation
    results_table(family, effects, spreads, baseline)      # of any family of comparisons

Numbers are those of the verdicts; nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archsearch.ablate.record import AblationReport
from archsearch.report.document import Tabled
from archsearch.report.figures.effects import in_order
from archsearch.report.figures.figure import Column, ColumnKind, Table, TableCell, interval_columns, mean_and_sd
from archsearch.stats.effect import Effect, Family
from archsearch.stats.sentence import amount, verdict_of


class Level(NamedTuple):
    """A variant by itself: how many runs it has, their mean and their standard deviation, in the metric's unit."""

    name: str
    n: int
    mean: float | None
    sd: float | None


def results_part(report: AblationReport) -> Tabled:
    """Make the table of an ablation, its rows in the order of the sentences."""
    cells = {
        cell.name: Level(cell.name, sum(value is not None for value in cell.values.values()), cell.mean, cell.sd)
        for cell in report.cells
    }
    levels = {}
    for question in report.questions:
        added = [name for name, weight in question.weights.items() if weight > 0]
        if len(added) == 1 and added[0] in cells:
            levels[question.name] = cells[added[0]]
    effects = in_order(report)
    base = cells.get("baseline")
    if base is not None:
        base = base._replace(name=report.baseline)
    return Tabled(
        "results", "Results", says(report.family, effects, sequential=looked_p(report)),
        results_table(report.family, effects, levels, base), for_papers=True,
    )  # fmt: skip


def looked_p(report: AblationReport) -> str:
    """Say what p and interval are where a comparison stops at its first decision; "" of a fixed number of seeds."""
    if report.looks:
        looks = ", ".join(map(str, report.looks))
        return f"p is the group-sequential sign-flip test's with looks after {looks} seeds, the interval holds at each"
    return "p is 1/e of a sequential test, and as the interval always valid" if report.sequential else ""


def says(family: Family, effects: Sequence[Effect], *, sequential: str = "") -> str:
    """Say how the numbers of the table are made, as a caption has to; `sequential` is what p is of such a design."""
    pair = family.pairs
    spread = f"Means over {pair}s with standard deviations"
    sign = f"level minus partner, over runs with the same {pair}"
    if family.screen or not effects:
        return f"{spread}; differences are {sign}. A screen has no p and no verdict."
    test = sequential or "p is the exact sign-flip test's"
    if family.overlap:
        test = "p is the corrected resampled t test's (Nadeau & Bengio 2003)"
    within = f", margin {amount(family.margin, family)}" if family.margin else ""
    return (
        f"{spread}; differences are {sign}, with their 95 % interval. {test}, "
        f"adjusted by Holm over {effects[0].comparisons}; alpha {family.alpha:g}{within}."
    )


def results_table(
    family: Family, effects: Sequence[Effect], levels: Mapping[str, Level], baseline: Level | None
) -> Table:
    """Make the table: the baseline, then each comparison.

    `levels` gives the spread of those comparisons that are of one variant; an average over several has none.
    """
    value: ColumnKind = "percent" if family.unit == "points" else "number"
    difference: ColumnKind = "points" if family.unit == "points" else "difference"
    columns = (
        Column("comparison"), Column("n", "count"), *mean_and_sd(family.metric, value),
        Column("difference", difference), *interval_columns(difference), Column("p (Holm)", "p"), Column("verdict"),
    )  # fmt: skip
    rows: list[tuple[TableCell, ...]] = []
    if baseline is not None:
        rows.append((f"{baseline.name} (baseline)", baseline.n, baseline.mean, baseline.sd, None, None, None, None, ""))
    for effect in effects:
        own = levels.get(effect.variant)
        against = "" if baseline is None or effect.against == baseline.name else f" against {effect.against}"
        low, high = effect.ci95 or (None, None)
        rows.append(
            (f"{effect.variant}{against}", effect.n, effect.mean, own.sd if own else None, effect.mean_difference,
             low, high, effect.p_adjusted, verdict_of(effect))
        )  # fmt: skip
    return Table(columns, tuple(rows))
