"""Learning curves of one experiment: a line for every seed, their mean, and a band from the lowest to the highest.

data = curves_data("accuracy", {0: [...], 1: [...]})
curves_figure(...)
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from archsearch.metrics import PARTS, format_of, kind_of, title_of
from archsearch.report.figures.figure import Column, Figure, Missing, Table, TableCell
from archsearch.report.figures.style import BLUE, GREY, ORANGE, layout
from archsearch.train.result import EpochRecord
from archsearch.wording import capital


class Losses(NamedTuple):
    """What the losses of an experiment are, in words: minimised, and measured (None: by an older version, unknown).

    `scaled`: what is minimised is of scaled targets, so that its heights are of another order.
    """

    trained: str
    measured: str | None
    scaled: bool = False


class Curve(NamedTuple):
    """One quantity over the epochs that all or some seeds reached; `n` counts them at each epoch.

    `by` names the function, where training and the watched part have different ones.
    """

    part: str
    by_seed: dict[int, list[float | None]]
    mean: list[float]
    low: list[float]
    high: list[float]
    n: list[int]
    by: str = ""

    @property
    def label(self) -> str:
        """Give the part, with its function where that must be said."""
        return f"{self.part} ({self.by})" if self.by else self.part


class Curves(NamedTuple):
    """The watched part (validation, else test) and the training part; `apart`: no axis is for both."""

    quantity: str
    watched: Curve | None
    training: Curve
    apart: bool = False

    @property
    def there(self) -> list[Curve]:
        """Give the parts that have values."""
        return [curve for curve in (self.watched, self.training) if curve is not None and curve.mean]


def curves_data(quantity: str, histories: Mapping[int, Sequence[EpochRecord]], losses: Losses | None = None) -> Curves:
    """Gather a quantity per epoch and seed; an epoch that a seed did not reach counts for the others only."""
    has = {part: any(_value(r, part, quantity) is not None for h in histories.values() for r in h) for part in PARTS}
    part = "val" if has["val"] else "test" if has["test"] else None
    other = losses if quantity == "loss" and losses is not None and losses.trained != losses.measured else None
    return Curves(
        quantity,
        None if part is None else _curve(part, quantity, histories)._replace(by=(other and other.measured) or ""),
        _curve("train", quantity, histories)._replace(by=other.trained if other else ""),
        apart=part is not None and other is not None and other.scaled,
    )


def _value(record: EpochRecord, part: str, quantity: str) -> float | None:
    return record.metrics.get(f"{part}_{quantity}")


def _curve(part: str, quantity: str, histories: Mapping[int, Sequence[EpochRecord]]) -> Curve:
    by_seed = {seed: [_value(record, part, quantity) for record in history] for seed, history in histories.items()}
    columns = []
    for epoch in range(max(map(len, by_seed.values()), default=0)):
        there = [values[epoch] for values in by_seed.values() if epoch < len(values)]
        columns.append([value for value in there if value is not None])
    columns = [column for column in columns if column]
    return Curve(
        PARTS[part],
        by_seed,
        [statistics.fmean(column) for column in columns],
        [min(column) for column in columns],
        [max(column) for column in columns],
        [len(column) for column in columns],
    )


def curves_figure(
    key: str,
    label: str,
    quantity: str,
    histories: Mapping[int, Sequence[EpochRecord]],
    losses: Losses | None = None,
) -> Figure | Missing:
    """Make the figure of one experiment's runs; `losses` says what its losses are."""
    name = title_of(quantity)
    title = f"{capital(name)} while training, {label}"
    data = curves_data(quantity, histories, losses)
    shown = data.watched or data.training
    if not shown.mean:
        return Missing(key, title, "the runs hold no epochs")
    n = len(histories)
    seeds = "1 seed" if n == 1 else f"{n} seeds"
    band = "" if n == 1 else "; the thick line is their mean, the band reaches from the lowest to the highest"
    says = f"{shown.part.capitalize()} {name} after each epoch, {seeds}{band}."
    if len(data.there) == 2 and not data.apart:
        says += f" Dashed: training {name}{' (mean)' if n > 1 else ''}, measured while the weights still move."
    if data.watched is not None and shown.by:
        says += (
            f" The {shown.part} loss is {shown.by}, the training loss is {data.training.by}: "
            "two functions, whose heights cannot be compared"
            f"{'; the training loss stands in the table' if data.apart else ''}."
        )
    if quantity == "loss" and losses is not None and losses.measured is None:
        says += " Validation and test loss are left out: the version that ran it measured them by the training loss."
    if shown.part == "test":
        says += " There is no validation data, so the test set was read after each epoch."
    return Figure(key, title, says, curves_table(data), lambda: draw_curves(data))


def curves_table(data: Curves) -> Table:
    """Give every epoch with mean, range and number of seeds."""
    kind = kind_of(data.quantity)
    columns = [Column("epoch", "count")]
    for curve in data.there:
        columns += [Column(f"{curve.label} {word}", kind) for word in ("mean", "lowest", "highest")]
    columns.append(Column("seeds", "count"))
    rows: list[tuple[TableCell, ...]] = []
    for epoch, seeds in enumerate(data.there[-1].n if data.there else ()):
        cells: list[TableCell] = [epoch + 1]
        for curve in data.there:
            cells += [_at(values, epoch) for values in (curve.mean, curve.low, curve.high)]
        rows.append((*cells, seeds))
    return Table(tuple(columns), tuple(rows))


def _at(values: Sequence[float], index: int) -> float | None:
    return values[index] if index < len(values) else None


def draw_curves(data: Curves) -> go.Figure:
    """Draw the watched part with its band, training dashed."""
    shown = data.watched or data.training
    percent = kind_of(data.quantity) == "percent"
    upwards = f"{shown.part} {shown.by or title_of(data.quantity)}"
    figure = go.Figure(layout=layout(x="epoch", y=upwards, y_format=format_of(data.quantity), height=380))
    epochs = list(range(1, len(shown.mean) + 1))
    value = "%{y:.2%}" if percent else "%{y:.6~g}"
    if len(shown.by_seed) > 1:
        band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(x=epochs, y=shown.high, **band)
        figure.add_scatter(
            x=epochs, y=shown.low, fill="tonexty", fillcolor="rgba(0,114,178,0.18)", **band | {"showlegend": True},
            name="lowest to highest",
        )  # fmt: skip
        for seed, values in shown.by_seed.items():
            figure.add_scatter(
                x=epochs, y=values, mode="lines", line={"width": 1, "color": BLUE}, opacity=0.5, name=f"seed {seed}",
                showlegend=False, hovertemplate=f"seed {seed}, epoch %{{x}}: {value}<extra></extra>",
            )  # fmt: skip
    name = "mean" if len(shown.by_seed) > 1 else "seed {}".format(*shown.by_seed)
    figure.add_scatter(
        x=epochs, y=shown.mean, mode="lines+markers", line={"width": 3, "color": BLUE},
        marker={"size": 5, "color": BLUE}, name=f"{shown.label}, {name}",
        hovertemplate=f"{name}, epoch %{{x}}: {value}<extra></extra>",
    )  # fmt: skip
    if len(data.there) == 2 and not data.apart:
        figure.add_scatter(
            x=epochs, y=data.training.mean, mode="lines", line={"width": 2, "dash": "dash", "color": ORANGE},
            name=f"{data.training.label}, {name}", hovertemplate=f"training, epoch %{{x}}: {value}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(showline=True, linecolor=GREY, rangemode="tozero" if len(epochs) == 1 else "normal")
    figure.update_xaxes(dtick=1 if len(epochs) <= 20 else None)  # there is no half epoch
    return figure
