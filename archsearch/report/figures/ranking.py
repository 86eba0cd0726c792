"""Do probabilities put what is there before what is not? ROC and precision-recall curves, a line for each label.

roc_figure("roc", "breast_cancer", ranking_data(probabilities, targets, ("benign",)), "test", 1)
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from archsearch.report.figures.figure import Column, Figure, Table
from archsearch.report.figures.style import CYCLE, GREY, layout, plain_text
from archsearch.stats.ranking import Ranking

_MOST_LABELS = 12  # labels; all of them are in the table


def roc_figure(key: str, label: str, data: Sequence[Ranking], part: str, runs: int) -> Figure:
    """Make the ROC curves."""
    mean = sum(one.auroc for one in data) / len(data)
    says = (
        f"{_said(data, part, runs)} Area under the curve {mean:.4f}{' on average' if len(data) > 1 else ''}; on the "
        "dashed line, 0.5, chance would be."
    )
    return Figure(key, f"ROC, {label}", says, ranking_table(data), lambda: draw_roc(data))


def precision_recall_figure(key: str, label: str, data: Sequence[Ranking], part: str, runs: int) -> Figure:
    """Make the precision-recall curves."""
    mean = sum(one.average_precision for one in data) / len(data)
    says = (
        f"{_said(data, part, runs)} Average precision {mean:.4f}{' on average' if len(data) > 1 else ''}; chance would "
        "have the share of samples with the label."
    )
    return Figure(key, f"Precision and recall, {label}", says, ranking_table(data), lambda: draw_precision_recall(data))


def _said(data: Sequence[Ranking], part: str, runs: int) -> str:
    what = (
        f"{data[0].positives:,} of {data[0].total:,}" if len(data) == 1 else f"{len(data)} labels of {data[0].total:,}"
    )
    return f"{what} {part} predictions ({'1 run' if runs == 1 else f'{runs} runs together'})."


def ranking_table(data: Sequence[Ranking]) -> Table:
    """Give the areas of every label."""
    columns = (
        Column("label"), Column("samples with it", "count"), Column("of", "count"),
        Column("area under the ROC curve", "number"), Column("average precision", "number"),
    )  # fmt: skip
    rows = tuple((one.name, one.positives, one.total, one.auroc, one.average_precision) for one in data)
    return Table(columns, rows)


def draw_roc(data: Sequence[Ranking]) -> go.Figure:
    """Draw true over false positive rate."""
    figure = go.Figure(layout=layout(x="false positive rate", y="true positive rate", x_format=".0%", y_format=".0%"))
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dash", "color": GREY}, name="chance", hoverinfo="skip"
    )
    _lines(figure, [(one.name, one.roc) for one in data[:_MOST_LABELS]])
    return figure


def draw_precision_recall(data: Sequence[Ranking]) -> go.Figure:
    """Draw precision over recall."""
    figure = go.Figure(layout=layout(x="recall", y="precision", x_format=".0%", y_format=".0%"))
    _lines(figure, [(one.name, one.precision_recall) for one in data[:_MOST_LABELS]])
    return figure


def _lines(figure: go.Figure, lines: Sequence[tuple[str, list[tuple[float, float]]]]) -> None:
    for number, (name, points) in enumerate(lines):
        figure.add_scatter(
            x=[x for x, _ in points], y=[y for _, y in points], mode="lines", name=plain_text(name, 40),
            line={
                "width": 1.8,
                "color": CYCLE[number % len(CYCLE)],
                "dash": ("solid", "dot")[number // len(CYCLE)],
            },
            hovertemplate="%{x:.1%}, %{y:.1%}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(range=[0, 1.02])
    figure.update_yaxes(range=[0, 1.04])
