"""The figures about a search, in the order of the report.

    for figure in search_figures(record):          # Figure, or Missing with the reason
        ...

A new figure is a data function, a draw function, and a line in `SEARCH_FIGURES`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from archsearch.report.figures import confirmed, importances, parallel, progress, slices, times, tradeoff
from archsearch.report.figures.figure import Figure, Missing

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.record import SearchRecord


class SearchFigure(NamedTuple):
    """A figure: `data` gives what is drawn, with `says` and `table`, or a sentence that says why there is none."""

    key: str
    title: str
    data: Callable[[SearchRecord], Any]
    draw: Callable[[Any], go.Figure]


SEARCH_FIGURES: tuple[SearchFigure, ...] = (
    SearchFigure("history", "How did the search go?", progress.history_data, progress.draw_history),
    SearchFigure("confirmed", "Are the winners real?", confirmed.confirmed_data, confirmed.draw_confirmed),
    SearchFigure("importances", "Which values matter?", importances.importances_data, importances.draw_importances),
    SearchFigure("parallel", "What do good networks share?", parallel.parallel_data, parallel.draw_parallel),
    SearchFigure("slices", "The two values that matter most", slices.slices_data, slices.draw_slices),
    SearchFigure("cells", "Two values together", slices.cells_data, slices.draw_cells),
    SearchFigure("pareto", "What can be had at once?", tradeoff.pareto_data, tradeoff.draw_pareto),
    SearchFigure("parameters", "Value against parameters", tradeoff.parameters_data, tradeoff.draw_against),
    SearchFigure("macs", "Value against multiply-accumulates", tradeoff.macs_data, tradeoff.draw_against),
    SearchFigure("curves", "Learning curves", progress.curves_data, progress.draw_curves),
    SearchFigure(
        "distribution", "How good is a typical trial?", progress.distribution_data, progress.draw_distribution
    ),
    SearchFigure("durations", "How long did trials take?", times.durations_data, times.draw_durations),
    SearchFigure("timeline", "Who trained what when?", times.timeline_data, times.draw_timeline),
)


def search_figures(record: SearchRecord) -> list[Figure | Missing]:
    """Make every figure about a search."""
    return [_made(entry, record) for entry in SEARCH_FIGURES]


def _made(entry: SearchFigure, record: SearchRecord) -> Figure | Missing:
    data = entry.data(record)
    key = f"search-{entry.key}"
    if isinstance(data, str):
        return Missing(key, entry.title, data)
    return Figure(key, entry.title, data.says, data.table, partial(entry.draw, data))
