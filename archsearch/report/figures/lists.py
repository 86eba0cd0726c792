"""The figures about a search, in the order of the report.

    for figure in search_figures(record):          # Figure, or Missing with the reason
        ...

A new figure is a data function, a draw function, and a line in `SEARCH_FIGURES`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsearch.report.figures import confirmed, importances, parallel, progress, slices, times, tradeoff
from archsearch.report.figures.figure import Entry, Figure, Missing

if TYPE_CHECKING:
    from archsearch.search.record import SearchRecord


SEARCH_FIGURES: tuple[Entry[SearchRecord], ...] = (
    Entry("history", "How did the search go?", progress.history_data, progress.draw_history),
    Entry("confirmed", "Are the winners real?", confirmed.confirmed_data, confirmed.draw_confirmed),
    Entry("importances", "Which values matter?", importances.importances_data, importances.draw_importances),
    Entry("parallel", "What do good networks share?", parallel.parallel_data, parallel.draw_parallel),
    Entry("slices", "The two values that matter most", slices.slices_data, slices.draw_slices),
    Entry("cells", "Two values together", slices.cells_data, slices.draw_cells),
    Entry("pareto", "What can be had at once?", tradeoff.pareto_data, tradeoff.draw_pareto),
    Entry("parameters", "Value against parameters", tradeoff.parameters_data, tradeoff.draw_against),
    Entry("macs", "Value against multiply-accumulates", tradeoff.macs_data, tradeoff.draw_against),
    Entry("curves", "Learning curves", progress.curves_data, progress.draw_curves),
    Entry("distribution", "How good is a typical trial?", progress.distribution_data, progress.draw_distribution),
    Entry("durations", "How long did trials take?", times.durations_data, times.draw_durations),
    Entry("timeline", "Who trained what when?", times.timeline_data, times.draw_timeline),
)


def search_figures(record: SearchRecord) -> list[Figure | Missing]:
    """Make every figure about a search."""
    return [entry.made("search", record) for entry in SEARCH_FIGURES]
