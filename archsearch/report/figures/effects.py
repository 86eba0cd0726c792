"""Effects of an ablation: the forest with its intervals and verdicts, every pair, and the prices of flaws.

    data = forest_data(report)            # or a sentence: why there is none
    draw_forest(data)

Differences are level - baseline; of accuracies in percentage points, else in the metric's own unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from archsearch.metrics import title_of
from archsearch.report.figures.figure import Column, ColumnKind, Table, interval_columns
from archsearch.report.figures.style import GREY, MARKS, layout, mark, plain_text
from archsearch.stats.sentence import NO_VERDICT, alike, common_form, verdict_of
from archsearch.wording import count_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.ablate.record import AblationReport
    from archsearch.stats.effect import Effect

VERDICTS = ("better", "worse", "equivalent", "inconclusive")


class ForestRow(NamedTuple):
    """One comparison as it is drawn."""

    name: str
    difference: float
    interval: tuple[float, float] | None
    verdict: str
    differences: tuple[float, ...]
    seeds: tuple[int | str, ...]


class Forest(NamedTuple):
    """Comparisons in the order of the sentences; `margin` is the difference too small to matter."""

    rows: tuple[ForestRow, ...]
    margin: float
    scale: float  # 100 where differences are fractions, drawn as percentage points
    unit: str
    says: str
    table: Table


def along(words: str, unit: str) -> str:
    """Write the title of an axis: in short, since a phone is narrow."""
    return f"{words} ({unit.removeprefix('percentage ')})"


def scale_of(report: AblationReport) -> tuple[float, str, ColumnKind]:
    """Give what differences are multiplied by, their unit, and the kind of a table's column."""
    if report.family.unit == "points":
        return 100.0, "percentage points", "points"
    return 1.0, metric_said(report), "difference"


def metric_said(report: AblationReport) -> str:
    """Name the metric as people say it; a program's is its own, whatever the table has by its name."""
    return report.family.metric if report.kind == "program" else title_of(report.family.metric)


def is_claim(report: AblationReport, effect: Effect) -> bool:
    """Say whether a comparison gets a verdict: neither a screen nor a control."""
    return report.kind_of(effect.variant) not in ("screen", "control")


def in_order(report: AblationReport) -> list[Effect]:
    """Give the comparisons as a report says them: the clear verdicts first, what is only screened at the end."""
    claims = [effect for effect in report.effects if is_claim(report, effect)]
    others = [effect for effect in report.effects if not is_claim(report, effect)]
    return [*sorted(claims, key=lambda effect: VERDICTS.index(effect.verdict)), *others]


def forest_data(report: AblationReport) -> Forest | str:
    """Gather every comparison that has a difference, with its interval and its verdict."""
    return _forest(report, in_order(report))


def _forest(report: AblationReport, effects: Sequence[Effect]) -> Forest | str:
    with_value = [effect for effect in effects if effect.mean_difference is not None]
    if not with_value:
        return "no pair of runs has completed yet"
    scale, unit, _ = scale_of(report)
    rows = tuple(
        ForestRow(
            effect.variant,
            effect.mean_difference or 0.0,
            effect.ci95,
            verdict_of(effect),
            effect.differences,
            effect.seeds,
        )
        for effect in with_value
    )
    return Forest(rows, report.family.margin, scale, unit, _says(report, effects), forest_table(report, effects))


def forest_table(report: AblationReport, effects: Sequence[Effect]) -> Table:
    """Give every number of every comparison, those without a pair too."""
    _, _, kind = scale_of(report)
    columns = (
        Column("comparison"),
        Column("verdict"),
        Column("pairs", "count"),
        Column("difference", kind),
        *interval_columns(kind),
        Column("p", "p"),
        Column("p adjusted", "p"),
        *interval_columns(kind, "BCa from", "BCa to", "BCa interval"),
        Column("d_z", "number"),
        Column(f"{report.family.pairs}s won", "percent"),
        Column("against"),
    )
    rows = tuple(
        (
            effect.variant,
            verdict_of(effect),
            effect.n,
            effect.mean_difference,
            *(effect.ci95 or (None, None)),
            effect.p,
            effect.p_adjusted,
            *(effect.bca95 or (None, None)),
            effect.d_z,
            effect.wins,
            effect.against,
        )
        for effect in effects
    )
    return Table(columns, rows)


def _says(report: AblationReport, effects: Sequence[Effect]) -> str:
    if not report.complete:
        done, planned = report.runs.completed, report.runs.planned
        return f"Differences from {done} of {planned} runs; there are no verdicts before all are done."
    words = [effect.verdict for effect in effects if effect.p is not None]
    counted = ", ".join(f"{words.count(word)} {word}" for word in VERDICTS if word in words)
    pairs = sorted({effect.n for effect in effects})
    n = str(pairs[0]) if len(pairs) == 1 else f"{pairs[0]} to {pairs[-1]}"
    exploratory = len(effects) - len(words)
    screens = f" {exploratory} without a verdict: exploratory, or no pair completed." if exploratory else ""
    interval = "repeated 95 %" if report.looks else "always-valid" if report.sequential else "95 %"
    verdicts = f"{count_of(len(words), 'comparison')}: {counted}." if words else "No verdicts."
    of = "pair" if n == "1" else "pairs"
    return f"Mean paired differences with {interval} intervals, {n} {of} of {report.family.pairs}s. {verdicts}{screens}"


def draw_forest(data: Forest) -> go.Figure:
    """Draw a row for each comparison: interval, mean, verdict by colour and symbol, the margin as a band."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(x=along("difference", data.unit), height=140 + 40 * len(data.rows)))
    margin = data.margin * data.scale
    if margin:
        figure.add_vrect(x0=-margin, x1=margin, fillcolor=GREY, opacity=0.18, line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    for verdict in (*VERDICTS, NO_VERDICT):
        mine = [(place, row) for place, row in enumerate(data.rows) if row.verdict == verdict]
        if mine:
            figure.add_scatter(
                x=[data.scale * row.difference for _, row in mine],
                y=[place for place, _ in mine],
                mode="markers",
                marker=mark(verdict, 11),
                error_x=_reach([row for _, row in mine], data.scale, MARKS[verdict][0]),
                name=verdict,
                hovertext=[_hover(row, data) for _, row in mine],
                hoverinfo="text",
            )
    _name_rows(figure, [row.name for row in data.rows])
    return figure


def _hover(row: ForestRow, data: Forest) -> str:
    """Say a comparison in its own unit: a loss has no percentage points."""
    texts = [shown(row.difference, data)]
    if row.interval and data.scale == 1:
        values = (row.difference, *row.interval)
        texts = alike(values, common_form(values))
    elif row.interval:
        texts += [shown(end, data) for end in row.interval]
    unit = data.unit.removeprefix("percentage ")
    between = f" ({texts[1]} to {texts[2]})" if row.interval else ""
    return f"{plain_text(row.name, 44)}: {texts[0]} {unit}{between}, {row.verdict}"


def shown(value: float, data: Forest | SeedPairs, *, unit: bool = False) -> str:
    """Write a difference as it is drawn."""
    points = data.scale == 100
    text = f"{round(data.scale * value, 2) + 0.0:+.2f}" if points else f"{value:+.3g}"
    return f"{text} {data.unit.removeprefix('percentage ') if points else data.unit}" if unit else text


def _reach(rows: Sequence[ForestRow], scale: float, colour: str) -> dict[str, Any]:
    ends = [row.interval or (row.difference, row.difference) for row in rows]
    return {
        "type": "data",
        "symmetric": False,
        "array": [scale * (high - row.difference) for row, (_, high) in zip(rows, ends, strict=True)],
        "arrayminus": [scale * (row.difference - low) for row, (low, _) in zip(rows, ends, strict=True)],
        "color": colour,
        "thickness": 2,
    }


def _name_rows(figure: go.Figure, names: Sequence[str]) -> None:
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[plain_text(name, 44) for name in names],
        range=[len(names) - 0.4, -0.6],
        showgrid=False,
    )


# -- every pair --------------------------------------------------------------------------------------------------------


class SeedPairs(NamedTuple):
    """The difference of every pair, by comparison."""

    rows: tuple[ForestRow, ...]
    scale: float
    unit: str
    says: str
    table: Table
    title: str
    word: str  # what makes a pair: seed, fold, random part


def pairs_data(report: AblationReport) -> SeedPairs | str:
    """Gather every pair of every comparison: nothing is averaged away."""
    forest = forest_data(report)
    if isinstance(forest, str):
        return forest
    _, _, kind = scale_of(report)
    table = tuple(
        (row.name, seed, value) for row in forest.rows for seed, value in zip(row.seeds, row.differences, strict=True)
    )
    split = [row.name for row in forest.rows if min(row.differences) < 0 < max(row.differences)]
    word = report.family.pairs
    says = f"Each mark is one {word}: the level's run minus its partner's, {count_of(len(table), 'pair')} in all."
    says += " Colours and symbols are the verdicts'."
    if split:
        of = f"{len(split)} of {count_of(len(forest.rows), 'comparison')}"
        says += f" {word.capitalize()}s disagree about the sign in {of}."
    columns = (Column("comparison"), Column(word), Column("difference", kind))
    title = f"What did each {word} say?"
    return SeedPairs(forest.rows, forest.scale, forest.unit, says, Table(columns, table), title, word)


def draw_pairs(data: SeedPairs) -> go.Figure:
    """Draw a strip of marks for each comparison, seeds from top to bottom within a row, and the mean as a line."""
    import plotly.graph_objects as go

    height = 140 + 46 * len(data.rows)
    figure = go.Figure(layout=layout(x=along("difference", data.unit), height=height, legend=False))
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    for place, row in enumerate(data.rows):
        n = len(row.differences)
        spread = [place - 0.3 + 0.6 * (i + 0.5) / n for i in range(n)]
        figure.add_scatter(
            x=[data.scale * value for value in row.differences],
            y=spread,
            mode="markers",
            marker=mark(row.verdict, 7),
            hovertext=[
                f"{plain_text(row.name, 44)}, {data.word} {plain_text(seed, 20)}: {shown(value, data, unit=True)}"
                for seed, value in zip(row.seeds, row.differences, strict=True)
            ],
            hoverinfo="text",
        )
        mean = data.scale * row.difference
        colour = MARKS[row.verdict][0]
        figure.add_scatter(
            x=[mean, mean], y=[place - 0.38, place + 0.38], mode="lines", line={"color": colour}, hoverinfo="skip"
        )
    _name_rows(figure, [row.name for row in data.rows])
    return figure


# -- prices ------------------------------------------------------------------------------------------------------------


class Prices(NamedTuple):
    """What mending each finding of lint changes."""

    forest: Forest
    says: str
    table: Table


def prices_data(report: AblationReport) -> Prices | str:
    """Read the prices of an ablation that `archsearch lint --price` made."""
    if not report.effects or not all(report.kind_of(effect.variant) == "price" for effect in report.effects):
        return "this ablation prices no findings of lint (archsearch lint --price does)"
    forest = _forest(report, report.effects)
    if isinstance(forest, str):
        return forest
    _, _, kind = scale_of(report)
    value: ColumnKind = "percent" if kind == "points" else "number"
    columns = (
        Column("finding"),
        Column("as it is", value),
        Column("mended", value),
        Column("mended - as it is", kind),
        Column("pairs", "count"),
        Column("verdict"),
    )
    rows = tuple(
        (
            report.moved(effect.variant)[0],
            effect.baseline_mean,
            effect.mean,
            effect.mean_difference,
            effect.n,
            verdict_of(effect),
        )
        for effect in report.effects
    )
    costly = [report.moved(effect.variant)[0] for effect in report.effects if effect.verdict == "better"]
    says = f"{report.baseline} as it is against each finding mended, on the same seeds."
    says += f" Mending {', '.join(costly)} makes it better." if costly else " No fix is shown to make it better."
    return Prices(forest, says, Table(columns, rows))


def draw_prices(data: Prices) -> go.Figure:
    """Draw the prices as a forest: to the right is what the flaw costs."""
    figure = draw_forest(data.forest)
    figure.update_xaxes(title={"text": along("mended - as it is", data.forest.unit)})
    return figure
