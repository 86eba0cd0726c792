"""What an ablation could find: the chance that a true difference of a size gets a verdict, for its number of seeds.

    data = power_data(report)
    draw_power(data)

For the spread over seeds that the baseline's runs have, else the one that was planned with, and for the family's
hardest comparison (alpha / comparisons).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from archsearch.ablate.forecast import LEAST_FOR_SD
from archsearch.report.figures.effects import along, scale_of
from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.style import GREY, layout, nth

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.ablate.record import AblationReport

_POINTS = 21
_FURTHER = (20, 30)


class PowerCurve(NamedTuple):
    """Power over effects for several numbers of seeds, those of the plan first."""

    effects: tuple[float, ...]
    curves: tuple[tuple[int, tuple[float, ...]], ...]
    margin: float
    power: float
    scale: float
    unit: str
    pairs: str
    says: str
    table: Table


def power_data(report: AblationReport) -> PowerCurve | str:
    """Compute the power of the plan's seeds, and of more, over effects from 0 on."""
    from archsearch.stats.power import difference_sd, smallest_effect, verdict_power

    plan = report.plan
    if plan is None or plan.purpose == "screen":
        return "a screen has no verdicts, so there is nothing that it could find"
    if report.sequential:
        return "a sequential design has no fixed number of seeds"
    seed_sd = _seed_sd(report)
    if seed_sd is None or plan.seeds < plan.seeds_to_reach:
        return "the spread over seeds is not known"
    sd, level = difference_sd(seed_sd, plan.correlation), plan.alpha / plan.comparisons
    found = smallest_effect(plan.seeds, sd, plan.alpha, plan.comparisons, plan.power, plan.overlap)
    assert found is not None
    largest = 1.6 * found
    effects = tuple(largest * i / (_POINTS - 1) for i in range(_POINTS))
    counts = (plan.seeds, *(count for count in _FURTHER if count > plan.seeds))
    curves = tuple((n, tuple(verdict_power(n, effect / sd, level, plan.overlap) for effect in effects)) for n in counts)
    scale, unit, kind = scale_of(report)
    word = report.family.pairs
    spread = f"{scale * seed_sd:.3g}"
    says = (
        f"{plan.seeds} pairs find a difference of {scale * found:.3g} {unit} with a chance of "
        f"{plan.power:.0%}, in a family of {plan.comparisons}, the baseline's spread of {spread} over {word}s, "
        "uncorrelated pairs."
    )
    columns = (Column("difference", kind), *(Column(f"{n} {word}s", "percent") for n in counts))
    rows = tuple((effect, *(curve[i] for _, curve in curves)) for i, effect in enumerate(effects))
    table = Table(columns, rows)
    return PowerCurve(effects, curves, report.family.margin, plan.power, scale, unit, word, says, table)


def _seed_sd(report: AblationReport) -> float | None:
    """Give the spread of the baseline's runs, else the one that was planned with; None where neither is known."""
    values = [value for value in report.cells[0].values.values() if value is not None]
    measured = report.cells[0].sd if len(values) >= LEAST_FOR_SD else None
    return measured or (report.plan.seed_sd if report.plan is not None else None)


def draw_power(data: PowerCurve) -> go.Figure:
    """Draw a curve for each number of seeds, the margin and the power that was asked for."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(x=along("true difference", data.unit), y="chance of a verdict", y_format=".0%"))
    for number, (seeds, curve) in enumerate(data.curves):
        colour, symbol = nth(number)
        figure.add_scatter(
            x=[data.scale * effect for effect in data.effects],
            y=list(curve),
            mode="lines+markers",
            line={"color": colour},
            marker={"color": colour, "symbol": symbol, "size": 6},
            name=f"{seeds} {data.pairs}s",
        )
    figure.add_hline(y=data.power, line={"color": GREY, "width": 1, "dash": "dot"})
    if data.margin:
        figure.add_vline(x=data.scale * data.margin, line={"color": GREY, "width": 1, "dash": "dash"})
    figure.update_yaxes(range=[0, 1.02])
    return figure
