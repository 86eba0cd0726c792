"""Verdicts on paired comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from archsearch.cli.console.base import (
    cells,
    count_of,
    note,
    out,
)

if TYPE_CHECKING:
    from archsearch.stats.effect import Effect, Family, Verdicts


VERDICT_STYLES = {"better": "green", "worse": "red", "equivalent": "cyan", "inconclusive": "yellow"}


def print_verdicts(verdicts: Verdicts) -> None:
    """Print the sentences, the table behind them, and every run that is in no pair."""
    print_effects(verdicts.effects, verdicts.family)
    for one in verdicts.exclusions:
        note(f"in no pair: {one.variant} seed {one.seed}: {one.reason}")


def print_effects(effects: Sequence[Effect], family: Family) -> None:
    """Print the sentences, and the table behind them."""
    from archsearch.stats.sentence import number, verdict_of

    to = out()
    for effect in effects:
        to.print(Text(effect.sentence, style=VERDICT_STYLES[effect.verdict]), soft_wrap=True)
        for remark in effect.notes:
            to.print(Text(f"  {remark}", style="dim"), soft_wrap=True)
        if (whole := effect.with_failures) is not None:
            counted = f"{number(whole.mean_difference, family)} over {count_of(whole.n, 'pair')}"
            p = "" if whole.p is None else f", p {whole.p:.3g}"
            to.print(Text(f"  with the failed runs counted as {family.failed_value:g}: {counted}{p}", style="dim"))
    unit = "points" if family.unit == "points" else "own unit"
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("variant", no_wrap=True, style="bold")
    for column in ("n", f"difference ({unit})", "95 % t", "95 % BCa", "p", "p adjusted", "d_z", "wins", "more seeds"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for effect in effects:
        ranges = (
            "" if ends is None else f"{number(ends[0], family)} to {number(ends[1], family)}"
            for ends in (effect.ci95, effect.bca95)
        )
        difference = "" if effect.mean_difference is None else number(effect.mean_difference, family)
        numbers = (_or_nothing(value, ".3g") for value in (effect.p, effect.p_adjusted))
        others = (_or_nothing(effect.d_z, "+.2f"), _or_nothing(effect.wins, ".0%"), _or_nothing(effect.further_seeds))
        texts = cells(effect.variant, str(effect.n), difference, *ranges, *numbers, *others)
        table.add_row(*texts, Text(verdict_of(effect), style=VERDICT_STYLES[effect.verdict]))
    to.print()
    to.print(table)


def _or_nothing(value: float | None, form: str = "") -> str:
    return "" if value is None else format(value, form)
