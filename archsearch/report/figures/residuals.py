"""How far are predicted numbers from true ones? Predicted against true with a band, and the residuals.

predicted_figure("fit", "diabetes", "progression", residual_data(outputs, targets), "test", 1)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from archsearch.report.figures.figure import Column, Figure, Table, TableCell, interval_columns
from archsearch.report.figures.style import BLUE, GREY, layout
from archsearch.stats.residuals import Residuals, TargetScores


def predicted_figure(key: str, label: str, target: str, data: Residuals, part: str, runs: int) -> Figure:
    """Make the figure of predicted against true values."""
    says = (
        f"{data.total:,} {part} predictions of {target} ({_runs(runs)}). On the line they would be right; the band, "
        f"± {data.half:.4g}, holds 95 % of them."
    )
    return Figure(key, f"Predicted against true, {label}", says, _points(data), lambda: draw_predicted(data, target))


def residuals_figure(key: str, label: str, target: str, data: Residuals, part: str, runs: int) -> Figure:
    """Make the figure of residuals over what was predicted."""
    says = (
        f"Predicted minus true {target} of {data.total:,} {part} predictions ({_runs(runs)}), over what was predicted. "
        "A slope or a bend is something that the network did not learn; a funnel, errors that grow with the value."
    )
    return Figure(key, f"Residuals, {label}", says, _points(data), lambda: draw_residuals(data, target))


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs together"


def _points(data: Residuals) -> Table:
    columns = (Column("true", "number"), Column("predicted", "number"), Column("residual", "number"))
    pairs = zip(data.true, data.predicted, strict=True)
    return Table(columns, tuple((true, predicted, predicted - true) for true, predicted in pairs))


def draw_predicted(data: Residuals, target: str) -> go.Figure:
    """Draw a point for each sample, the line where they would be right, and the band around it."""
    low, high = min(*data.true, *data.predicted), max(*data.true, *data.predicted)
    figure = go.Figure(layout=layout(x=f"true {target}", y=f"predicted {target}"))
    figure.add_scatter(x=[low, high], y=[low, high], mode="lines", line={"color": GREY}, name="right", hoverinfo="skip")
    for sign, name, shown in ((1, "95 % of the residuals", True), (-1, "95 %, below", False)):
        figure.add_scatter(
            x=[low, high], y=[low + sign * data.half, high + sign * data.half], mode="lines", name=name,
            line={"dash": "dash", "color": GREY, "width": 1}, hoverinfo="skip", showlegend=shown,
        )  # fmt: skip
    _scatter(figure, data.true, data.predicted, "true %{x:.4g}, predicted %{y:.4g}<extra></extra>")
    return figure


def draw_residuals(data: Residuals, target: str) -> go.Figure:
    """Draw a point for each sample around the line at 0."""
    residuals = (np.array(data.predicted) - np.array(data.true)).tolist()
    figure = go.Figure(layout=layout(x=f"predicted {target}", y="predicted - true"))
    ends = [min(data.predicted), max(data.predicted)]
    figure.add_scatter(x=ends, y=[0, 0], mode="lines", line={"color": GREY}, name="right", hoverinfo="skip")
    _scatter(figure, data.predicted, residuals, "predicted %{x:.4g}, residual %{y:+.4g}<extra></extra>")
    return figure


def _scatter(figure: go.Figure, x: Sequence[float], y: Sequence[float], hover: str) -> None:
    figure.add_scatter(
        x=list(x), y=list(y), mode="markers", name="samples", marker={"color": BLUE, "size": 5, "opacity": 0.6},
        hovertemplate=hover,
    )  # fmt: skip


def targets_table(scores: Sequence[TargetScores]) -> Table:
    """Give the errors of every target."""
    columns = (
        Column("target"), Column("samples", "count"), Column("RMSE", "number"), Column("MAE", "number"),
        Column("R2", "number"), Column("mean residual", "number"), *interval_columns("number"),
        Column("95 % within", "number"),
    )  # fmt: skip
    rows: list[tuple[TableCell, ...]] = []
    for one in scores:
        low, high = one.bias95 or (None, None)
        rows.append((one.name, one.samples, one.rmse, one.mae, one.r2, one.bias, low, high, one.half))
    return Table(columns, tuple(rows))
