"""Effects as a table for a paper: Markdown, LaTeX or CSV.

    print(effects_table(report, "md"))           # of an ablation, or of the verdicts on a file of numbers

Markdown and LaTeX are for reading: percentage points, two decimals. CSV has all digits, in the metric's own unit.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Literal

from archsearch.ablate.design.cell import BASELINE
from archsearch.ablate.questions import OF_MANY_CELLS
from archsearch.ablate.record import AblationReport
from archsearch.markup import csv_cell, latex_text, markdown_row, markdown_text
from archsearch.stats.effect import Effect, Family, Spread, Verdicts
from archsearch.stats.sentence import estimate, p_text, verdict_of
from archsearch.stats.spread import spread_heading, spread_text

_FIELDS = (
    "variant", "against", "n", "mean", "baseline_mean", "mean_difference", "ci95", "bca95", "p", "p_adjusted",
    "d_z", "wins", "pair_correlation", "pair_correlation95", "seeds_saved", "verdict", "sentence",
)  # fmt: skip


def effects_table(of: AblationReport | Verdicts, form: Literal["md", "tex", "csv"] | str) -> str:
    """Write the effects: at most seven columns in LaTeX; in Markdown more, and the sentences below."""
    family = of.family
    spreads = {one.variant: one for one in of.spreads} if isinstance(of, Verdicts) else _of_cells(of)
    if form == "csv":
        return _csv(of.effects, spreads if isinstance(of, Verdicts) else {})
    unit = "points" if family.unit == "points" else family.metric
    head = ["variant", "n", f"difference ({unit})", "95 % CI", "p adjusted", "verdict"]
    rows = [_row(effect, family) for effect in of.effects]
    if form == "md":
        head[4:5] = ["p", "p adjusted", "d_z", "wins"]
        rows = [[*row[:4], *_more(effect), *row[5:]] for row, effect in zip(rows, of.effects, strict=True)]
    if spreads:
        head.insert(2, spread_heading(family))
        for row, effect in zip(rows, of.effects, strict=True):
            row.insert(2, spread_text(spreads[effect.variant], family) if effect.variant in spreads else "")
        alone = [one for name, one in spreads.items() if name not in {effect.variant for effect in of.effects}]
        empty = [""] * (len(head) - 3)
        rows = [[one.variant, str(one.n), spread_text(one, family), *empty] for one in alone] + rows
    if form == "tex":
        return _tex(head, rows)
    rule = f"| {' | '.join(['---', *['---:'] * (len(head) - 2), '---'])} |"
    lines = [markdown_row(*head), rule, *(markdown_row(*row) for row in rows), ""]
    return "\n".join([*lines, *(f"- {markdown_text(effect.sentence)}" for effect in of.effects)]) + "\n"


def _of_cells(report: AblationReport) -> dict[str, Spread]:
    """Give the baseline, and each comparison whose level is one cell, by itself; effects of a factorial are no cell."""
    cells = {cell.name: cell for cell in report.cells}
    names = {}
    for question in report.questions:
        level = [cell for cell, weight in question.weights.items() if weight > 0]
        if len(level) == 1 and question.kind not in OF_MANY_CELLS:
            names[question.name] = level[0]
    if names and BASELINE.name in cells:
        names = {report.baseline: BASELINE.name} | names
    return {
        name: Spread(
            variant=name,
            n=(n := sum(value is not None for value in cells[cell].values.values())),
            failed=len(cells[cell].values) - n,
            mean=cells[cell].mean,
            sd=cells[cell].sd,
        )
        for name, cell in names.items()
        if cell in cells
    }


def _row(effect: Effect, family: Family) -> list[str]:
    return [
        effect.variant,
        str(effect.n),
        *estimate(effect.mean_difference, effect.ci95, family=family),
        p_text(effect.p_adjusted),
        verdict_of(effect),
    ]


def _more(effect: Effect) -> list[str]:
    """Give the columns that Markdown has room for: both p values, effect size, seeds won."""
    d_z = "" if effect.d_z is None else f"{effect.d_z:+.2f}"
    wins = "" if effect.wins is None else f"{effect.wins:.0%}"
    return [p_text(effect.p), p_text(effect.p_adjusted), d_z, wins]


def _tex(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return " & ".join(map(latex_text, cells)) + r" \\"

    columns = "l" + "r" * (len(head) - 2) + "l"
    body = [line(head), r"\hline", *map(line, rows)]
    return "\n".join([rf"\begin{{tabular}}{{{columns}}}", *body, r"\end{tabular}"]) + "\n"


def _csv(effects: Sequence[Effect], spreads: Mapping[str, Spread]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [name if not name.endswith("95") else f"{name}_{end}" for name in _FIELDS for end in _ends(name)]
    alone = ["runs", "mean_of_runs", "sd_of_runs"] if spreads else []
    writer.writerow([*names, *alone])
    effect_of = {effect.variant: effect for effect in effects}
    for one in spreads.values():
        if one.variant not in effect_of:  # the baseline, or a cell of a factorial
            blank = [""] * (len(names) - 1)
            own_numbers = ("" if x is None else x for x in (one.mean, one.sd))
            writer.writerow([csv_cell(one.variant), *blank, one.n, *own_numbers])
    for effect in effects:
        cells: list[object] = []
        for name in _FIELDS:
            value = getattr(effect, name)
            cells += list(value or (None, None)) if name.endswith("95") else [value]
        if spreads:
            own = spreads.get(effect.variant)
            cells += [None] * 3 if own is None else [own.n, own.mean, own.sd]
        writer.writerow(["" if cell is None else csv_cell(cell) for cell in cells])
    return text.getvalue()


def _ends(name: str) -> tuple[str, ...]:
    return ("low", "high") if name.endswith("95") else ("",)
