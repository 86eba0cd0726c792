"""The figures about an ablation, in the order of the report.

    for figure in ablation_figures(report):        # Figure, or Missing with the reason
        ...

A new figure is a data function, a draw function, and a line in `ABLATION_FIGURES`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsearch.report.figures import effects, parts, power
from archsearch.report.figures.figure import Entry, Figure, Missing
from archsearch.report.figures.interactions import draw_interactions, interactions_data

if TYPE_CHECKING:
    from archsearch.ablate.record import AblationReport


ABLATION_FIGURES: tuple[Entry[AblationReport], ...] = (
    Entry("forest", "Which change mattered?", effects.forest_data, effects.draw_forest),
    Entry("pairs", "What did each seed say?", effects.pairs_data, effects.draw_pairs),
    Entry("waterfall", "What did each step add?", parts.waterfall_data, parts.draw_waterfall),
    Entry("shapley", "Which factor carries the difference?", parts.shapley_data, parts.draw_shapley),
    Entry("interactions", "Do factors depend on each other?", interactions_data, draw_interactions),
    Entry("prices", "What do the flaws cost?", effects.prices_data, effects.draw_prices),
    Entry("power", "What could so many seeds find?", power.power_data, power.draw_power),
)


def ablation_figures(report: AblationReport) -> list[Figure | Missing]:
    """Make every figure about an ablation."""
    return [entry.made("ablation", report) for entry in ABLATION_FIGURES]
