"""The effects of an ablation as a table for a paper: Markdown, LaTeX or CSV.

    print(effects_table(report, "md"))

Markdown and LaTeX are for reading: percentage points, two decimals. CSV has all digits, in the metric's own unit.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Literal

from archsearch.ablate.record import AblationReport
from archsearch.stats.effect import Effect, Family, Interval
from archsearch.stats.sentence import number, verdict_of

_FIELDS = (
    "variant", "against", "n", "mean", "baseline_mean", "mean_difference", "ci95", "bca95", "p", "p_adjusted",
    "d_z", "wins", "verdict", "sentence",
)  # fmt: skip
_TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    c: "\\" + c for c in "&%$#_{}"
}


def effects_table(report: AblationReport, form: Literal["md", "tex", "csv"] | str) -> str:
    """Write the effects; the sentences follow in Markdown."""
    if form == "csv":
        return _csv(report.effects)
    unit = "points" if report.family.unit == "points" else report.family.metric
    head = ["variant", "n", f"difference ({unit})", "95 % CI", "p", "p adjusted", "d_z", "wins", "verdict"]
    rows = [_row(effect, report.family) for effect in report.effects]
    if form == "tex":
        return _tex(head, rows)
    lines = [_md(head), _md(["---", *["---:"] * 7, "---"]), *map(_md, rows), ""]
    return "\n".join([*lines, *(f"- {_md_text(effect.sentence)}" for effect in report.effects)]) + "\n"


def _row(effect: Effect, family: Family) -> list[str]:
    def shown(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    return [
        effect.variant,
        str(effect.n),
        "" if effect.mean_difference is None else number(effect.mean_difference, family),
        _range(effect.ci95, family),
        shown(effect.p, ".3g"),
        shown(effect.p_adjusted, ".3g"),
        shown(effect.d_z, "+.2f"),
        shown(effect.wins, ".0%"),
        verdict_of(effect),
    ]


def _range(ends: Interval | None, family: Family) -> str:
    return "" if ends is None else f"{number(ends[0], family)} to {number(ends[1], family)}"


def _md(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_md_text(cell) for cell in cells)} |"


def _md_text(text: str) -> str:
    return text.replace("|", "\\|")


def _tex(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return " & ".join("".join(_TEX.get(c, c) for c in cell) for cell in cells) + r" \\"

    columns = "l" + "r" * (len(head) - 2) + "l"
    body = [line(head), r"\hline", *map(line, rows)]
    return "\n".join([rf"\begin{{tabular}}{{{columns}}}", *body, r"\end{tabular}"]) + "\n"


def _csv(effects: Sequence[Effect]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [name if not name.endswith("95") else f"{name}_{end}" for name in _FIELDS for end in _ends(name)]
    writer.writerow(names)
    for effect in effects:
        cells: list[object] = []
        for name in _FIELDS:
            value = getattr(effect, name)
            cells += list(value or (None, None)) if name.endswith("95") else [value]
        writer.writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue()


def _ends(name: str) -> tuple[str, ...]:
    return ("low", "high") if name.endswith("95") else ("",)
