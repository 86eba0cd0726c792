"""Are the winners real? Finalists on fresh seeds against the values the search selected them by.

    data = confirmed_data(record)          # or a sentence: why there is none
    draw_confirmed(data)

The values on the test set with fresh seeds are the only ones that no choice was made by.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

from archsearch.metrics import title_of
from archsearch.report.figures.figure import Column, ColumnKind, Table, interval_columns
from archsearch.report.figures.style import BLUE, GREEN, GREY, ORANGE, layout, plain_text
from archsearch.report.figures.trials import many, to_six_digits
from archsearch.search.confirm import metric_words
from archsearch.stats.effect import Family
from archsearch.stats.sentence import amount
from archsearch.wording import capital

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.confirm import Confirmed
    from archsearch.search.record import SearchRecord


class Finalist(NamedTuple):
    """A candidate: what the search saw, and what fresh seeds say."""

    name: str
    search: float | None
    validation: float | None  # mean on fresh seeds
    test: float | None  # mean on fresh seeds
    interval: tuple[float, float] | None
    seeds: tuple[float, ...]
    baseline: bool


class Finalists(NamedTuple):
    """The finalists, best test mean first, the baseline at the end."""

    finalists: tuple[Finalist, ...]
    says: str
    table: Table
    family: Family


def confirmed_kinds(family: Family) -> tuple[ColumnKind, ColumnKind]:
    """Give the kinds of column of a confirmation's values and of their differences."""
    return ("percent", "points") if family.unit == "points" else ("number", "difference")


def confirmed_data(record: SearchRecord) -> Finalists | str:
    """Compare the finalists' search values with what fresh seeds say."""
    confirmed = record.report.confirmed
    if confirmed is None:
        return "nothing was confirmed on fresh seeds (yet, or with --confirm 0)"
    if not any(row.trial is not None and row.mean is not None for row in confirmed.candidates):
        return "the confirmation has begun, and no finalist is through"
    family = confirmed.family
    sign = -1.0 if family.direction == "maximize" else 1.0

    def place(row: Confirmed) -> tuple[bool, bool, float, str]:
        return row.candidate == "baseline", row.mean is None, sign * (row.mean or 0.0), row.candidate

    rows = sorted(confirmed.candidates, key=place)
    base = record.trial(record.baseline)
    finalists = []
    for row in rows:
        is_base = row.candidate == "baseline"
        search = row.search_value
        if (
            is_base
            and base is not None
            and record.metric.name.removeprefix("val_") == family.metric.removeprefix("test_")
        ):
            search = record.value(base)
        validation = None
        if row.search_value is not None and row.shrinkage is not None:
            validation = row.search_value - row.shrinkage
        seeds = tuple(row.test_values.values())
        finalists.append(Finalist(row.candidate, search, validation, row.mean, row.ci95, seeds, is_base))
    says = capital(confirmed.sentence)
    shrunk = [row.shrinkage for row in rows if row.shrinkage is not None]
    if shrunk:
        mean = statistics.fmean(shrunk)
        word = "higher" if mean >= 0 else "lower"
        says += f" The search's values were on average {amount(abs(mean), family)} {word} than the same networks' "
        says += (
            f"validation {metric_words(family).removeprefix('test ')} on {many(len(confirmed.seeds), 'fresh seed')}."
        )
    value, difference = confirmed_kinds(family)
    columns = (
        Column("candidate"),
        Column("search value", value),
        Column("validation, fresh seeds", value),
        Column("shrinkage", difference),
        Column("test mean", value),
        *interval_columns(value, "95 % interval from", "to"),
        Column("from baseline", difference),
        Column("seeds", "count"),
    )
    table = tuple(
        (
            row.candidate,
            one.search,
            one.validation,
            row.shrinkage,
            row.mean,
            row.ci95[0] if row.ci95 else None,
            row.ci95[1] if row.ci95 else None,
            row.gain,
            len(row.test_values),
        )
        for row, one in zip(rows, finalists, strict=True)
    )
    return Finalists(tuple(finalists), says, Table(columns, table), family)


def draw_confirmed(data: Finalists) -> go.Figure:
    """Draw a row for each finalist: search value, validation and test means on fresh seeds, each seed's test value."""
    import plotly.graph_objects as go

    name = title_of(data.family.metric.removeprefix("test_"))
    form = ".2~%" if data.family.unit == "points" else ".6~g"
    figure = go.Figure(layout=layout(x=name, x_format=form, height=150 + 64 * len(data.finalists)))
    rows = list(enumerate(data.finalists))
    for place, one in rows:
        if one.search is not None and one.validation is not None:
            figure.add_shape(
                type="line",
                x0=to_six_digits(one.search),
                x1=to_six_digits(one.validation),
                y0=place - 0.18,
                y1=place - 0.18,
                line={"color": GREY, "width": 2},
                layer="below",
            )
    figure.add_scatter(
        x=[to_six_digits(value) for _, one in rows for value in one.seeds],
        y=[place + 0.18 for place, one in rows for _ in one.seeds],
        mode="markers",
        marker={"color": GREY, "symbol": "line-ns-open", "size": 11, "line": {"width": 1.5}},
        name="test, each seed",
        hoverinfo="x",
    )
    parts = (
        ("search value", "circle-open", ORANGE, -0.18, [one.search for one in data.finalists]),
        ("validation mean, fresh seeds", "circle", BLUE, -0.18, [one.validation for one in data.finalists]),
    )
    for name, symbol, colour, shift, values in parts:
        there = [(value, place + shift) for place, value in enumerate(values) if value is not None]
        if there:
            figure.add_scatter(
                x=[to_six_digits(value) for value, _ in there],
                y=[place for _, place in there],
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2, "color": colour}},
                name=name,
                hoverinfo="x",
            )
    tested = [(place, one) for place, one in rows if one.test is not None]
    reach = [((one.interval or (one.test,) * 2), one.test or 0.0) for _, one in tested]
    figure.add_scatter(
        x=[to_six_digits(one.test) for _, one in tested],
        y=[place + 0.18 for place, _ in tested],
        mode="markers",
        marker={"color": GREEN, "symbol": "diamond", "size": 11},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [to_six_digits((bounds[1] or 0.0) - mean) for bounds, mean in reach],
            "arrayminus": [to_six_digits(mean - (bounds[0] or 0.0)) for bounds, mean in reach],
            "color": GREEN,
        },
        name="test mean with 95 % interval",
        hoverinfo="x",
    )
    names = [plain_text(one.name, 40) for one in data.finalists]
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False
    )
    return figure
