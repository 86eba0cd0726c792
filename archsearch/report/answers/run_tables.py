"""The tables of a report on runs: every run, and how experiments differ.

every_run(groups), table_of_verdicts(verdicts)
"""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.metrics import kind_of, title_of, told_by
from archsearch.report.document import Tabled
from archsearch.report.experiments import RunGroup
from archsearch.report.figures.figure import Column, ColumnKind, Table, TableCell, interval_columns
from archsearch.stats.effect import Verdicts
from archsearch.stats.sentence import amount
from archsearch.wording import capital


def every_run(groups: Sequence[RunGroup]) -> Tabled:
    """Give a row for every run: what it is told by, its epochs, time and reads of the test part."""
    told = told_by(name for group in groups for run in group.runs for name in run.result.metrics)
    measured = [f"{part}_{name}" for name in told for part in ("test", "val")]
    columns = (
        Column("experiment"), Column("seed"), Column("run"), Column("status"),
        *(Column(title_of(name), kind_of(name)) for name in measured),
        Column("epochs", "count"), Column("kept epoch", "count"), Column("time", "seconds"),
        Column("reads of test", "count"),
    )  # fmt: skip
    rows: list[tuple[TableCell, ...]] = []
    for group in groups:
        for run in group.runs:
            r = run.result
            values = (r.metrics.get(name) for name in measured)
            cells: tuple[TableCell, ...] = (*values, r.epochs, r.best_epoch, r.seconds, r.test_reads)
            rows.append((group.label, str(r.seed), r.run_id, r.status, *cells))
    return Tabled("seeds", "Every run", "", Table(columns, tuple(rows)))


def table_of_verdicts(verdicts: Verdicts) -> Tabled:
    """Give each experiment's difference from the first, with the rule that judged it."""
    family = verdicts.family
    kind: ColumnKind = "points" if family.unit == "points" else "difference"
    columns = (
        Column("experiment"), Column("pairs", "count"), Column("difference", kind), *interval_columns(kind),
        Column("p, adjusted", "p"), Column("verdict"),
    )  # fmt: skip
    rows: list[tuple[TableCell, ...]] = []
    for effect in verdicts.effects:
        low, high = effect.ci95 or (None, None)
        rows.append((effect.variant, effect.n, effect.mean_difference, low, high, effect.p_adjusted, effect.verdict))
    margin = f"margin {amount(family.margin, family)}" if family.margin else "without a margin"
    says = (
        f"{capital(title_of(family.metric))}, each minus {verdicts.baseline}, over runs with the same seed: exact "
        f"sign-flip test, Holm over {len(verdicts.effects)}, {margin}. "
        "Looked at after the fact: for a claim, plan the seeds first."
    )
    return Tabled("differences", "Differences", says, Table(columns, tuple(rows)))
