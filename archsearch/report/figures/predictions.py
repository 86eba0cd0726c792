"""What a network got wrong, and whether its probabilities can be believed.

confusion_figure("confusion", "lenet5", confusion_data(labels, predicted, classes), "test", 1)
reliability_figure("reliability", "lenet5", reliability_data(probabilities, labels), "test", 1, meaning)
"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from archsearch.metrics.arithmetic import CALIBRATION_BINS
from archsearch.report.figures.figure import Column, Figure, Table, TableCell, interval_columns
from archsearch.report.figures.style import BLUE, GREY, layout, plain_text
from archsearch.stats.calibration import Reliability
from archsearch.stats.confusion import Confusion

MOST_CLASSES_DRAWN = 30  # above, numbers in the cells cannot be read any more


def confusion_figure(key: str, label: str, data: Confusion, part: str, runs: int) -> Figure:
    """Make the figure: mistakes are coloured, the right ones only counted, or they would drown the mistakes.

    `part` is the part of the data, "" where the label says what was predicted.
    """
    total, right = int(data.counts.sum()), int(np.trace(data.counts))
    off = data.counts - np.diag(np.diag(data.counts))
    says = f"{total - right:,} of {total:,} {_of(part)}predictions are wrong ({_runs(runs)})."
    if off.max() > 0:
        true, predicted = np.unravel_index(int(off.argmax()), off.shape)
        says += (
            f" Most often, {int(off.max()):,} times, {data.classes[true]} is taken for {data.classes[predicted]}. "
            "Colour: the share of a class that is taken for another."
        )
    return Figure(key, f"Confusion matrix, {label}", says, confusion_table(data), lambda: draw_confusion(data))


def _of(part: str) -> str:
    return f"{part} " if part else ""


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs together"


def confusion_table(data: Confusion) -> Table:
    """Give the matrix as it stands, with the share of each class that was right."""
    columns = (
        Column("true class"),
        *(Column(f"as {name}", "count") for name in data.classes),
        Column("right", "percent"),
    )
    rows: list[tuple[TableCell, ...]] = []
    for index, name in enumerate(data.classes):
        total = int(data.counts[index].sum())
        share = int(data.counts[index, index]) / total if total else None
        rows.append((name, *(int(count) for count in data.counts[index]), share))
    return Table(columns, tuple(rows))


def draw_confusion(data: Confusion) -> go.Figure:
    """Draw a heat map of the mistakes with the counts in the cells."""
    totals = np.maximum(data.counts.sum(axis=1, keepdims=True), 1)
    share = data.counts / totals
    shown = [
        [None if i == j else float(share[i, j]) for j in range(len(data.classes))] for i in range(len(data.classes))
    ]
    names = [plain_text(name, 40) for name in data.classes]
    figure = go.Figure(layout=layout(x="predicted class", y="true class", legend=False, height=500))
    # The colours end before they are as dark as the text in the one theme, or as light as in the other.
    figure.add_heatmap(
        z=shown, x=names, y=names, zmin=0, zmax=max((v for row in shown for v in row if v), default=0.01),
        colorscale=[[0, "rgba(213,94,0,0)"], [1, "rgba(213,94,0,0.75)"]], xgap=1, ygap=1,
        showscale=False,  # the counts stand in the cells
        customdata=data.counts.tolist(), hovertemplate="%{y} taken for %{x}: %{customdata} (%{z:.2%})<extra></extra>",
    )  # fmt: skip
    if len(names) <= MOST_CLASSES_DRAWN:
        counts = [
            {"x": predicted, "y": true, "text": f"<b>{count:,}</b>" if i == j else f"{count:,}"}
            for i, true in enumerate(names)
            for j, predicted in enumerate(names)
            if (count := int(data.counts[i, j]))
        ]  # all at once: plotly copies those that are there with every one that is added
        figure.update_layout(annotations=[{**count, "showarrow": False, "font": {"size": 12}} for count in counts])
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure


def reliability_figure(key: str, label: str, data: Reliability, part: str, runs: int, meaning: str) -> Figure:
    """Make the reliability diagram."""
    says = (
        f"Expected calibration error {100 * data.ece:.2f} points over {data.total:,} {_of(part)}predictions "
        f"({_runs(runs)}, {CALIBRATION_BINS} bins of equal width). On the dashed line a network is right as often "
        f"as it says; below it is too sure. Probabilities: {meaning}. Bars: Wilson's 95 % interval."
    )
    return Figure(
        key, f"Reliability of the probabilities, {label}", says, reliability_table(data), lambda: draw_reliability(data)
    )


def reliability_table(data: Reliability) -> Table:
    """Give every bin that holds predictions."""
    columns = (
        *interval_columns("percent", "confidence from", "to", "confidence"), Column("predictions", "count"),
        Column("mean confidence", "percent"), Column("accuracy", "percent"), *interval_columns("percent"),
    )  # fmt: skip
    rows = zip(data.low, data.high, data.counts, data.confidence, data.accuracy, data.interval, strict=True)
    return Table(columns, tuple((low, high, n, m, a, *between) for low, high, n, m, a, between in rows))


def draw_reliability(data: Reliability) -> go.Figure:
    """Draw accuracy over confidence; a point's size tells how many predictions stand behind it."""
    figure = go.Figure(layout=layout(x="confidence", y="accuracy", x_format=".0%", y_format=".0%", height=420))
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"dash": "dash", "color": GREY},
        name="as sure as right",
        hoverinfo="skip",
    )
    largest = max(data.counts)
    figure.add_scatter(
        x=data.confidence, y=data.accuracy, mode="lines+markers", name="predictions",
        line={"width": 1.5, "color": BLUE},
        marker={"color": BLUE, "size": [7 + 15 * (n / largest) ** 0.5 for n in data.counts]},
        error_y={
            "type": "data", "symmetric": False, "thickness": 1.2, "color": BLUE,
            "array": [high - a for a, (_, high) in zip(data.accuracy, data.interval, strict=True)],
            "arrayminus": [a - low for a, (low, _) in zip(data.accuracy, data.interval, strict=True)],
        },
        customdata=data.counts, hovertemplate="confidence %{x:.1%}, right %{y:.1%}, n = %{customdata:,}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(range=[0, 1.03])
    figure.update_yaxes(range=[0, 1.03])
    return figure
