"""The figures about a search and about an ablation, in the order of the report.

    for figure in search_figures(record):          # Figure, or Missing with the reason
        ...
    for figure in ablation_figures(report):
        ...

A new figure is a data function, a draw function, and a line in `SEARCH_FIGURES` or `ABLATION_FIGURES`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsearch.report.figures import (
    confirmed,
    distribution,
    effects,
    groups,
    history,
    importances,
    interactions,
    learning,
    parallel,
    parts,
    power,
    ranks,
    sizes,
    slices,
    times,
    tradeoff,
)
from archsearch.report.figures.figure import Figure, FigureEntry, Missing

if TYPE_CHECKING:
    from archsearch.ablate.record import AblationReport
    from archsearch.search.record import SearchRecord


SEARCH_FIGURES: tuple[FigureEntry[SearchRecord], ...] = (
    FigureEntry("history", "How did the search go?", history.history_data, history.draw_history),
    FigureEntry("confirmed", "Are the winners real?", confirmed.confirmed_data, confirmed.draw_confirmed),
    FigureEntry("importances", "Which values matter?", importances.importances_data, importances.draw_importances),
    FigureEntry("parallel", "What do good networks share?", parallel.parallel_data, parallel.draw_parallel),
    FigureEntry("slices", "The two values that matter most", slices.slices_data, slices.draw_slices),
    FigureEntry("cells", "Two values together", slices.cells_data, slices.draw_cells),
    FigureEntry("pareto", "What can be had at once?", tradeoff.pareto_data, tradeoff.draw_pareto),
    FigureEntry("parameters", "Value against parameters", tradeoff.parameters_data, tradeoff.draw_against),
    FigureEntry("macs", "Value against multiply-accumulates", tradeoff.macs_data, tradeoff.draw_against),
    FigureEntry("curves", "Learning curves", learning.learning_data, learning.draw_learning),
    FigureEntry(
        "distribution", "How good is a typical trial?", distribution.distribution_data, distribution.draw_distribution
    ),
    FigureEntry("durations", "How long did trials take?", times.durations_data, times.draw_durations),
    FigureEntry("timeline", "Who trained what when?", times.timeline_data, times.draw_timeline),
)

ABLATION_FIGURES: tuple[FigureEntry[AblationReport], ...] = (
    FigureEntry("forest", "Which change mattered?", effects.forest_data, effects.draw_forest),
    FigureEntry("pairs", "What did each seed say?", effects.pairs_data, effects.draw_pairs),
    FigureEntry("waterfall", "What did each step add?", parts.waterfall_data, parts.draw_waterfall),
    FigureEntry("shapley", "Which factor carries the difference?", parts.shapley_data, parts.draw_shapley),
    FigureEntry(
        "interactions",
        "Do factors depend on each other?",
        interactions.interactions_data,
        interactions.draw_interactions,
    ),
    FigureEntry("prices", "What do the flaws cost?", effects.prices_data, effects.draw_prices),
    FigureEntry("ranks", "Who is ahead over the data sets?", ranks.ranks_data, ranks.draw_ranks),
    FigureEntry("sizes", "Who is ahead with how many training samples?", sizes.sizes_data, sizes.draw_sizes),
    FigureEntry("groups", "Does it hold for every group?", groups.groups_data, groups.draw_groups),
    FigureEntry("power", "What could so many seeds find?", power.power_data, power.draw_power),
)


def search_figures(record: SearchRecord) -> list[Figure | Missing]:
    """Make every figure about a search."""
    return [entry.made("search", record) for entry in SEARCH_FIGURES]


def ablation_figures(report: AblationReport) -> list[Figure | Missing]:
    """Make every figure about an ablation."""
    return [entry.made("ablation", report) for entry in ABLATION_FIGURES]
