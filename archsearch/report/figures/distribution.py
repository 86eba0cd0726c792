"""How good a typical trial of a search is: the empirical distribution of the values.

data = distribution_data(record)    # or a sentence: why there is none
draw_distribution(data)
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

from archsearch.metrics import NamedMetric, format_of, kind_of, title_of, written
from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.style import ORANGE, layout, nth
from archsearch.report.figures.trials import edge_of, from_edge, many, target_values, to_six_digits
from archsearch.wording import epochs_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.search.record import SearchRecord


class Steps(NamedTuple):
    """Sorted values of one target; the fraction of trials up to each is its place over n."""

    target: str
    values: tuple[float, ...]


class Distribution(NamedTuple):
    """The empirical distribution of the values, for each target, and the baseline's final value.

    The axis is drawn from `edge`, if there is one: few trials lie beyond it.
    """

    metric: NamedMetric
    steps: tuple[Steps, ...]
    edge: float | None
    baseline: float | None
    says: str
    table: Table


def distribution_data(record: SearchRecord) -> Distribution | str:
    """Say which fraction of the trials came how far."""
    metric = record.metric
    final = sorted(value for trial in record.trials if (value := record.value(trial)) is not None)
    if len(final) < 2:
        return f"{many(len(final), 'trial')} with a final value: there is no distribution"
    steps = [Steps("final value", tuple(final))]
    for found in record.importances:
        if found.epoch is not None:
            early = target_values(record, found.epoch).values()
            steps.append(Steps(f"after {epochs_text(found.epoch)}, also of pruned trials", tuple(sorted(early))))
    base = record.trial(record.baseline)
    baseline = record.value(base) if base is not None else None
    says = f"{many(len(final), 'trial')} with a final value, median {written(metric.said, statistics.median(final))}."
    if baseline is not None:
        better = sum(metric.better(value, baseline) for value in final)
        says += f" {better:,} of them are better than the baseline ({written(metric.said, baseline)})."
    if len(steps) > 1:
        says += f" The second line is the value {steps[1].target}: {many(len(steps[1].values), 'trial')}."
    columns = (Column("of"), Column("trials up to it", "percent"), Column(title_of(metric.said), kind_of(metric.said)))
    rows = tuple((s.target, (i + 1) / len(s.values), v) for s in steps for i, v in enumerate(s.values))
    edge = edge_of(metric, [value for one in steps for value in one.values], baseline)
    beyond = sum(edge is not None and metric.better(edge, value) for one in steps for value in one.values)
    says += f" The axis leaves out {beyond} values worse than {written(metric.said, edge)}." if beyond else ""
    return Distribution(metric.said, tuple(steps), edge, baseline, says, Table(columns, rows))


def draw_distribution(data: Distribution) -> go.Figure:
    """Draw the fraction of trials up to each value as steps."""
    import plotly.graph_objects as go

    figure = go.Figure(
        layout=layout(x=title_of(data.metric), y="trials up to it", x_format=format_of(data.metric), y_format=".0%")
    )
    for i, steps in enumerate(data.steps):
        colour, _ = nth(2 * i)
        n = len(steps.values)
        figure.add_scatter(
            x=[to_six_digits(value) for value in (steps.values[0], *steps.values)],
            y=[to_six_digits(place / n) for place in range(n + 1)],
            mode="lines",
            line={"shape": "hv", "color": colour, "width": 2.5 - 0.5 * i, "dash": ("solid", "dot")[i % 2]},
            name=f"{steps.target} (n = {n:,})",
            hoverinfo="x+y",
        )
    if data.baseline is not None:
        figure.add_scatter(
            x=[to_six_digits(data.baseline)] * 2,
            y=[0, 1],
            mode="lines",
            line={"dash": "dash", "color": ORANGE, "width": 2},
            name="baseline",
            hoverinfo="skip",
        )
    if data.edge is not None:
        figure.update_xaxes(range=from_edge(data.edge, [value for steps in data.steps for value in steps.values]))
    return figure
