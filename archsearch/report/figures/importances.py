"""Which open values matter, and in which order other figures take them.

    data = importances_data(record)         # or a sentence: why there is none
    draw_importances(data)

Drawn are the larger shares; the table has all, and says why a value has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from archsearch.metrics import is_learned, title_of
from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.style import layout, nth, plain_text
from archsearch.report.figures.trials import (
    many,
    short,
    target_values,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.importance import Importances, OpenValue
    from archsearch.search.record import SearchRecord

MOST_BARS = 15
LEAST_SHARE = 0.01  # smaller ones are in the table only


def main_importances(record: SearchRecord) -> Importances | None:
    """Give the importances to go by: those of the most trials; None if none has any share."""
    with_shares = [found for found in record.importances if any(group.shares for group in found.groups)]
    return max(with_shares, key=lambda found: found.n, default=None)


def most_important(record: SearchRecord) -> tuple[list[OpenValue], str, dict[int, float]]:
    """Give the open values, most important first; what they were judged by; and each trial's value of that.

    Without importances they come in the study's order, and those that all trials have first.
    """
    by_name = {parameter.name: parameter for parameter in record.space}
    found = main_importances(record)
    if found is not None:
        ranked = [by_name[name] for name in found.ranked()]
        return ranked, found.target, target_values(record, found.epoch)
    values = target_values(record, None)
    having = {p.name: sum(p.name in t.params for t in record.trials if t.number in values) for p in record.space}
    ranked = sorted((p for p in record.space if having[p.name]), key=lambda p: -having[p.name])
    return ranked, f"final {record.metric.name}", values


def target_title(target: str) -> str:
    """Write a target as people say it: validation accuracy after epoch 1."""
    return " ".join(title_of(word) if is_learned(word) else word for word in target.split(" "))


class ImportanceBar(NamedTuple):
    """An open value's share of the explained variance, among n trials; `always`: all trials have it."""

    target: str
    name: str
    share: float
    n: int
    always: bool
    explained: float | None


class ImportanceBars(NamedTuple):
    """Shares, most important first, for each target."""

    bars: tuple[ImportanceBar, ...]
    names: tuple[str, ...]  # those that are drawn
    says: str
    table: Table


def importances_data(record: SearchRecord) -> ImportanceBars | str:
    """Say which open values mattered."""
    main = main_importances(record)
    if main is None:
        whys = [f"{found.target}: {group.why_none}" for found in record.importances for group in found.groups[:1]]
        return "; ".join(whys) or "no trial has a value"
    bars, rows = [], []
    for found in sorted(record.importances, key=lambda found: found is not main):
        order = {name: place for place, name in enumerate(found.ranked())}
        ours = [
            ImportanceBar(found.target, share.name, share.share, group.n, group.always, group.explained)
            for group in found.groups
            for share in group.shares
        ]
        bars += sorted(ours, key=lambda bar: order[bar.name])
        for group in found.groups:
            shares: dict[str, float] = {share.name: share.share for share in group.shares}
            of = "all" if group.always else "only those that have it"
            rows += [
                (found.target, name, shares.get(name), of, group.n, group.explained, group.why_none)
                for name in group.names
            ]
    columns = (
        Column("target"),
        Column("open value"),
        Column("share of the explained variance", "percent"),
        Column("among trials"),
        Column("n", "count"),
        Column("R2 of unseen trials", "number"),
        Column("why there is none"),
    )
    first = [bar for bar in bars if bar.target == main.target]
    largest = {bar.name: max(other.share for other in bars if other.name == bar.name) for bar in first}
    names = tuple([bar.name for bar in first if largest[bar.name] >= LEAST_SHARE][:MOST_BARS])
    return ImportanceBars(tuple(bars), names, _importances_say(main, first), Table(columns, tuple(rows)))


def _importances_say(main: Importances, bars: Sequence[ImportanceBar]) -> str:
    leading = [f"{bar.name} ({100 * bar.share:.0f} %{'' if bar.always else f' of n = {bar.n}'})" for bar in bars[:2]]
    says = f"{main.evaluator} of the {target_title(main.target)} over {many(main.n, 'trial')}: "
    says += f"most of what single values explain is {' and '.join(leading)}."
    explained = next((bar.explained for bar in bars if bar.always), None)
    if explained is not None and explained > 0:
        says += f" The forest explains {100 * explained:.0f} % of the variance of trials it has not seen."
    elif explained is not None:
        says += " The forest predicts unseen trials no better than their mean: read nothing into the ranks."
    conditional = sum(not bar.always for bar in bars)
    if conditional:
        says += (
            f" {many(conditional, 'value')} that only some trials have (hatched) {'is' if conditional == 1 else 'are'}"
        )
        says += " judged among those."
    none = [group for group in main.groups if group.why_none is not None]
    if none:
        count = sum(len(group.names) for group in none)
        says += f" {many(count, 'value')} with fewer than {main.least_trials} trials, or no variation, have none."
    return says


def draw_importances(data: ImportanceBars) -> go.Figure:
    """Draw horizontal bars, hatched for values that only some trials have."""
    import plotly.graph_objects as go

    targets = list(dict.fromkeys(bar.target for bar in data.bars))
    height = 130 + (16 + 14 * len(targets)) * len(data.names)
    figure = go.Figure(layout=layout(x="share of the explained variance", x_format=".0%", height=height))
    place = {name: i for i, name in enumerate(data.names)}
    for i, target in enumerate(targets):
        ours = [bar for bar in data.bars if bar.target == target and bar.name in place]
        colour, _ = nth(i)
        whole = next((bar for bar in data.bars if bar.target == target and bar.always), None)
        n, explained = (whole.n, whole.explained) if whole is not None else (0, None)
        figure.add_bar(
            x=[short(bar.share) for bar in ours],
            y=[place[bar.name] for bar in ours],
            orientation="h",
            marker={
                "color": colour,
                "pattern": {"shape": ["" if bar.always else "/" for bar in ours], "fillmode": "overlay"},
                "line": {"color": colour, "width": 1},
            },
            opacity=1.0 if (explained or 0.0) > 0 else 0.4,
            name=f"{target_title(target)} (n = {n:,}, R² {explained or 0.0:.2f})",
            hovertext=[f"{plain_text(bar.name)}: {100 * bar.share:.1f} %, n = {bar.n:,}" for bar in ours],
            hoverinfo="text",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    names = [plain_text(name, 48) for name in data.names]
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, autorange="reversed")
    return figure
