"""Verdicts on paired comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from archsearch.cli.console.base import TableColumn, note, out, print_table, sentences
from archsearch.wording import count_of

if TYPE_CHECKING:
    from archsearch.stats.effect import Effect, Family, Spread, Verdicts
    from archsearch.stats.over_data_sets import OverDataSets


VERDICT_STYLES = {"better": "green", "worse": "red", "equivalent": "cyan", "inconclusive": "yellow"}


def print_verdicts(verdicts: Verdicts) -> None:
    """Print the sentences, the table behind them, and every run that is in no pair."""
    named = {effect.variant for effect in verdicts.effects}
    if any(one.variant in named for one in verdicts.spreads):
        print_effects(verdicts.effects, verdicts.family, verdicts.spreads)
    else:  # effects of several factors: the cells are a table of their own
        print_effects(verdicts.effects, verdicts.family)
        _print_spreads(verdicts.spreads, verdicts.family)
    for one in verdicts.exclusions:
        note(f"in no pair: {one.variant} seed {one.seed}: {one.reason}")


def print_effects(effects: Sequence[Effect], family: Family, spreads: Sequence[Spread] = ()) -> None:
    """Print the sentences, and the table behind them; `spreads` are the variants by themselves, where there are any."""
    from archsearch.stats.adjusted import adjusted_text
    from archsearch.stats.pairing import pairing_text
    from archsearch.stats.sentence import number, p_equals

    to = out()
    for effect in effects:
        sentences(to, effect.sentence, VERDICT_STYLES[effect.verdict])
        for remark in (pairing_text(effect, family.pairs), adjusted_text(effect, family), *effect.notes):
            if remark:
                sentences(to, f"  {remark}", "dim")
        if (whole := effect.with_failures) is not None:
            counted = f"{number(whole.mean_difference, family)} over {count_of(whole.n, 'pair')}"
            p = "" if whole.p is None else f", {p_equals(whole.p)}"
            to.print(Text(f"  with the failed runs counted as {family.failed_value:g}: {counted}{p}", style="dim"))
    to.print()
    _print_table(effects, family, {one.variant: one for one in spreads})


def _print_spreads(spreads: Sequence[Spread], family: Family) -> None:
    from archsearch.stats.spread import spread_heading, spread_text

    columns = (TableColumn("cell", words=True), TableColumn("n"), TableColumn(spread_heading(family)))
    out().print()
    print_table(out(), columns, [(one.variant, str(one.n), spread_text(one, family)) for one in spreads])


def _print_table(effects: Sequence[Effect], family: Family, spreads: Mapping[str, Spread]) -> None:
    from archsearch.stats.spread import spread_heading, spread_text

    columns = [
        TableColumn("variant", words=True),
        TableColumn("n", 1),
        TableColumn("points" if family.unit == "points" else "difference"),
        TableColumn("95 % t" if any(one.t_p is not None for one in effects) else "95 %", 2),
        TableColumn("95 % BCa", 8),
        TableColumn("p", 5),
        TableColumn("p adjusted", 1),
        TableColumn("d_z", 7),
        TableColumn("wins", 6),
        TableColumn("more seeds", 4),
        TableColumn("verdict", words=True),
    ]
    rows = [_row(effect, family) for effect in effects]
    if spreads:
        columns.insert(2, TableColumn(spread_heading(family), 3))
        for row, effect in zip(rows, effects, strict=True):
            row.insert(2, spread_text(spreads[effect.variant], family) if effect.variant in spreads else "")
        empty = [""] * (len(columns) - 3)
        alone = [one for name, one in spreads.items() if name not in {effect.variant for effect in effects}]
        first: list[list[str | Text]] = [[o.variant, str(o.n), spread_text(o, family), *empty] for o in alone]
        rows = first + rows
    print_table(out(), columns, rows)


def _row(effect: Effect, family: Family) -> list[str | Text]:
    from archsearch.stats.sentence import estimate, p_text, verdict_of

    return [
        effect.variant,
        str(effect.n),
        *estimate(effect.mean_difference, effect.ci95, effect.bca95, family=family),
        p_text(effect.p),
        p_text(effect.p_adjusted),
        _or_nothing(effect.d_z, "+.2f"),
        _or_nothing(effect.wins, ".0%"),
        _or_nothing(effect.further_seeds),
        Text(verdict_of(effect), style=VERDICT_STYLES[effect.verdict]),
    ]


def _or_nothing(value: float | None, form: str = "") -> str:
    return "" if value is None else format(value, form)


def print_ranks(found: OverDataSets) -> None:
    """Print the mean ranks over data sets, and how far apart two must be."""
    from archsearch.stats.sentence import p_text

    columns = (
        TableColumn("network", words=True),
        TableColumn("mean rank"),
        TableColumn("95 % over seeds", 3),
        TableColumn("p", 2),
        TableColumn("p adjusted", 1),
    )
    rows = [
        (
            one.name,
            f"{one.mean_rank:.2f}",
            "" if one.rank95 is None else f"{one.rank95[0]:.2f} to {one.rank95[1]:.2f}",
            p_text(one.p),
            p_text(one.p_adjusted),
        )
        for one in found.ranked
    ]
    print_table(out(), columns, rows)
    if found.critical_difference is not None:
        said = f"critical difference of mean ranks (Nemenyi, alpha {found.alpha:g}): {found.critical_difference:.2f}"
        sentences(out(), said, "dim")
    if found.left_out:
        sentences(out(), f"not ranked, as they have no value on some data set: {', '.join(found.left_out)}", "dim")
