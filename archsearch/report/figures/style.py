"""How figures look: colours that colour-blind people tell apart, a symbol beside every colour, quiet axes.

    figure = go.Figure(layout=layout(x="epoch", y="validation accuracy", y_format=".1%"))
    figure.add_scatter(x=..., y=..., marker=mark("completed"))

Backgrounds are transparent and nothing is pure black or white, so one drawing serves light and dark pages; the page
sets the colour of text and grid.
"""

from __future__ import annotations

import math
import unicodedata
from typing import Any

# Okabe and Ito (2008), "Color Universal Design"; black and yellow are left out, they vanish on one of the backgrounds.
BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
VERMILION = "#D55E00"
SKY = "#56B4E9"
PURPLE = "#CC79A7"
GREY = "#8A8F98"
CYCLE = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)
LEAST_TICKS = 3
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")

# How a trial ended, a candidate's part, or a verdict: always the same colour and symbol.
MARKS: dict[str, tuple[str, str]] = {
    "completed": (BLUE, "circle"),
    "repeated": (SKY, "circle-open"),
    "pruned": (GREY, "line-ew-open"),
    "diverged": (VERMILION, "x"),
    "failed": (VERMILION, "x-open"),
    "baseline": (ORANGE, "square"),
    "best": (GREEN, "star"),
    "better": (GREEN, "triangle-up"),
    "worse": (VERMILION, "triangle-down"),
    "equivalent": (BLUE, "diamond"),
    "inconclusive": (GREY, "circle-open"),
    "no verdict": (GREY, "circle-open-dot"),
}


def mark(name: str, size: int = 8) -> dict[str, Any]:
    """Give the marker of a named part."""
    colour, symbol = MARKS[name]
    return {"color": colour, "symbol": symbol, "size": size, "line": {"width": 1.5, "color": colour}}


def nth(number: int) -> tuple[str, str]:
    """Give colour and symbol of the n-th of several series that have no name of their own."""
    return CYCLE[number % len(CYCLE)], SYMBOLS[number % len(SYMBOLS)]


def log_ticks(low: float, high: float) -> dict[str, Any]:
    """Give the ticks of a logarithmic axis: 1, 2 and 5 times the powers of ten, written 200, 5k, 1M.

    Where fewer than LEAST_TICKS of them lie between, they are closer: every digit, then even steps, so that no axis is
    without a number. The range reaches a little beyond both ends.
    """
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    close = min(1.2, max((high / low) ** 0.05, 1.02))
    there: list[float] = []
    for digits, room in (((1,), 1.2), ((1, 2, 5), 1.2), (tuple(range(1, 10)), close)):
        if digits == (1,) and high / low <= 1e4:
            continue
        there = [digit * 10.0**power for power in powers for digit in digits]
        there = [tick for tick in there if low / room <= tick <= high * room]
        if len(there) >= LEAST_TICKS:
            break
    else:
        there = even_ticks(low / close, high * close)
    ends = min(low / close, *there), max(high * close, *there)
    return {
        "type": "log", "tickvals": there, "ticktext": [in_short(tick) for tick in there],
        "range": [math.log10(end) for end in ends],
    }  # fmt: skip


def even_ticks(first: float, last: float) -> list[float]:
    """Give three to eight round numbers at even steps between two, 1, 2 or 5 times a power of ten apart."""
    power = 10.0 ** math.floor(math.log10(last - first))
    steps = (digit * size for size in (power, power / 10) for digit in (5, 2, 1))
    for step in steps:
        there = [step * place for place in range(math.ceil(first / step - 1e-9), math.floor(last / step + 1e-9) + 1)]
        if len(there) >= LEAST_TICKS:
            return [float(f"{tick:.12g}") for tick in there]
    return [first, last]


def of_fractions(figure: Any) -> None:
    """Keep axes in per cent between 0 and 100 %, and marks at their ends whole; a range that is set stays."""
    axes = [
        axis for axis in (*figure.select_xaxes(), *figure.select_yaxes())
        if str(axis.tickformat or "").endswith("%") and axis.range is None
    ]  # fmt: skip
    for axis in axes:
        axis.autorangeoptions = {"clipmin": 0, "clipmax": 1}
    if axes:
        for trace in figure.select_traces({"type": "scatter"}):
            trace.cliponaxis = False


def in_short(number: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.6g}{letter}"
    return f"{number:g}"


def shade(fraction: float) -> str:
    """Give the colour of a value between weak (0, orange) and strong (1, blue), by way of grey."""
    fraction = min(1.0, max(0.0, fraction))
    first, second, part = (ORANGE, GREY, 2 * fraction) if fraction < 0.5 else (GREY, BLUE, 2 * fraction - 1)
    mixed = (round(int(first[i : i + 2], 16) * (1 - part) + int(second[i : i + 2], 16) * part) for i in (1, 3, 5))
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def plain_text(text: object, most: int = 200) -> str:
    """Make any text safe to stand in a drawing: plotly reads `<b>`, `<a href>`, `<br>` and entities in every text.

    Control and direction characters become blanks, and what is longer than `most` characters is cut. Every text that
    comes from a spec, a study or an error goes through here.
    """
    shown = "".join(" " if unicodedata.category(letter).startswith("C") else letter for letter in str(text))
    if len(shown) > most:
        shown = shown[: most - 1] + "…"
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def layout(
    *, x: str = "", y: str = "", x_format: str = "", y_format: str = "", height: int = 420, legend: bool = True
) -> dict[str, Any]:
    """Give a layout with axis titles and d3 number formats; the title is the page's, not the drawing's."""
    axis = {"automargin": True, "zeroline": False, "gridcolor": "rgba(128,128,128,0.25)", "linecolor": GREY}
    return {
        "height": height,
        "margin": {"l": 56, "r": 16, "t": 16, "b": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": GREY},
        "hoverlabel": {"align": "left"},
        "showlegend": legend,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "xaxis": {**axis, "title": {"text": x}, "tickformat": x_format},
        "yaxis": {**axis, "title": {"text": y}, "tickformat": y_format},
    }
