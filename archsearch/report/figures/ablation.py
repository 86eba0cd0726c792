"""The figures about an ablation, in the order of the report.

    for figure in ablation_figures(report):        # Figure, or Missing with the reason
        ...

A new figure is a data function, a draw function, and a line in `ABLATION_FIGURES`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from archsearch.report.figures import effects, parts, power
from archsearch.report.figures.figure import Figure, Missing
from archsearch.report.figures.interactions import draw_interactions, interactions_data

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.ablate.outcome import AblationReport


class AblationFigure(NamedTuple):
    """A figure: `data` gives what is drawn, with `says` and `table`, or a sentence that says why there is none."""

    key: str
    title: str
    data: Callable[[AblationReport], Any]
    draw: Callable[[Any], go.Figure]


ABLATION_FIGURES: tuple[AblationFigure, ...] = (
    AblationFigure("forest", "Which change mattered?", effects.forest_data, effects.draw_forest),
    AblationFigure("pairs", "What did each seed say?", effects.pairs_data, effects.draw_pairs),
    AblationFigure("waterfall", "What did each step add?", parts.waterfall_data, parts.draw_waterfall),
    AblationFigure("shapley", "Which factor carries the difference?", parts.shapley_data, parts.draw_shapley),
    AblationFigure("interactions", "Do factors depend on each other?", interactions_data, draw_interactions),
    AblationFigure("prices", "What do the flaws cost?", effects.prices_data, effects.draw_prices),
    AblationFigure("power", "What could so many seeds find?", power.power_data, power.draw_power),
)


def ablation_figures(report: AblationReport) -> list[Figure | Missing]:
    """Make every figure about an ablation."""
    return [_made(entry, report) for entry in ABLATION_FIGURES]


def _made(entry: AblationFigure, report: AblationReport) -> Figure | Missing:
    data = entry.data(report)
    key = f"ablation-{entry.key}"
    if isinstance(data, str):
        return Missing(key, entry.title, data)
    return Figure(key, entry.title, data.says, data.table, partial(entry.draw, data))
