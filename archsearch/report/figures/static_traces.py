"""The traces of our plotly drawings, drawn with matplotlib: scatter, bar, waterfall, heat map.

    handle = draw_trace(panel, trace, number, beside)     # what the legend shows for it, or None

A kind of trace that is not here is a `ValueError`, so that a new figure cannot lose a part of itself unseen.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archsearch.report.figures.style import CYCLE

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.text import Text

POINT = 8 / 13  # points for a pixel: the page's text has 13 pixels, a paper's 8 points
_DASHES = {"solid": "-", "dash": (0, (4, 2.5)), "dot": (0, (1, 1.5)), "dashdot": "-."}
_STEPS = {"linear": "default", "hv": "steps-post", "vh": "steps-pre"}
_MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "triangle-down": "v", "cross": "P",
            "star": "*", "x": "X", "line-ew": "_", "line-ns": "|"}  # fmt: skip
_LARGER = {"*": 1.3, "D": 0.85}  # the same area to the eye
_HATCHES = {"": "", "/": "/////", "x": "xxxxx", ".": "....."}
_ACROSS = {"left": ("right", -1), "center": ("center", 0), "right": ("left", 1)}
_UP = {"top": ("bottom", 1), "middle": ("center", 0), "bottom": ("top", -1)}


@dataclass
class StaticPanel:
    """One pair of axes. `words` are the values of an axis of words, each at the place of its number."""

    ax: Axes
    x_words: list[str] = field(default_factory=list)
    y_words: list[str] = field(default_factory=list)
    cells: list[Text] = field(default_factory=list)  # texts inside, which must not lie over each other
    counts: bool = True  # all that is drawn stands at whole numbers across: epochs, trials

    def xs(self, values: Sequence[Any] | None) -> list[float]:
        """Give places across: words their number, None a gap."""
        places = [_place(value, self.x_words) for value in values or ()]
        self.counts = self.counts and all(math.isnan(place) or place.is_integer() for place in places)
        return places

    def ys(self, values: Sequence[Any] | None) -> list[float]:
        """Give places upwards."""
        return [_place(value, self.y_words) for value in values or ()]


def _place(value: Any, words: list[str]) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, str):
        return float(value)
    if value not in words:
        words.append(value)
    return float(words.index(value))


def plain(text: str) -> str:
    """Give a text without the tags and entities that plotly reads: `<br>` ends a line."""
    return html.unescape(re.sub(r"</?[a-z]+>", "", text.replace("<br>", "\n")))


def broken(text: str, most: int) -> str:
    """Break a long text into lines, at blanks, else after a sign that addresses have (. _ = + , /)."""
    lines = []
    for line in text.split("\n"):
        rest = line
        while len(rest) > most:
            ends = [found.end() for found in re.finditer(r"\s+|[._=+,/-]", rest[: most + 1]) if found.end() <= most]
            at = next((end for end in reversed(ends) if end > most // 3), most)
            lines.append(rest[:at].rstrip())
            rest = rest[at:].lstrip()
        lines.append(rest.rstrip())
    return "\n".join(lines)


def weight(text: str) -> str:
    """Say how bold a text is written."""
    return "bold" if "<b>" in text else "normal"


def colour_of(text: str) -> Any:
    """Read a colour as plotly writes it: #RRGGBB or rgba(r,g,b,a)."""
    found = re.fullmatch(r"rgba\(([^)]*)\)", text)
    if found is None:
        return text
    red, green, blue, opacity = (float(part) for part in found[1].split(","))
    return red / 255, green / 255, blue / 255, opacity


def _both(panel: StaticPanel, trace: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Give a trace's places; as in plotly, one that has no partner is not drawn."""
    xs, ys = panel.xs(trace.get("x")), panel.ys(trace.get("y"))
    both = min(len(xs), len(ys))
    return xs[:both], ys[:both]


def draw_trace(panel: StaticPanel, trace: dict[str, Any], number: int, beside: tuple[int, int, float]) -> Artist | None:
    """Draw a trace and give its handle in the legend; `beside` is its place among the bars, their number, their gap."""
    kind = trace.get("type", "scatter")
    if kind == "scatter":
        return _scatter(panel, trace, number)
    if kind == "bar":
        return _bars(panel, trace, number, beside)
    if kind == "waterfall":
        _waterfall(panel, trace)
        return None
    if kind == "heatmap":
        _heatmap(panel, trace)
        return None
    raise ValueError(f"a {kind} trace cannot be drawn as SVG, PDF or PNG yet: add it to static_traces.py")


# -- points, lines, texts, bands ---------------------------------------------------------------------------------------


def _scatter(panel: StaticPanel, trace: dict[str, Any], number: int) -> Artist | None:
    from matplotlib.lines import Line2D

    xs, ys = _both(panel, trace)
    mode = trace.get("mode", "lines+markers")
    line, marker = trace.get("line", {}), trace.get("marker", {})
    above = 2 + number / 1000
    first = _single(marker.get("color")) or CYCLE[number % len(CYCLE)]
    looks: dict[str, Any] = {"alpha": trace.get("opacity"), "zorder": above, "linestyle": "none"}
    if "lines" in mode:
        looks |= {
            "color": colour_of(line.get("color", first)),
            "linewidth": POINT * line.get("width", 2),
            "linestyle": _DASHES[line.get("dash", "solid")],
            "drawstyle": _STEPS[line.get("shape", "linear")],
            "solid_capstyle": "butt",
        }
    many = isinstance(marker.get("size"), (list, tuple)) or isinstance(marker.get("color"), (list, tuple))
    pointed = _marker(marker, first) if "markers" in mode else {}
    if trace.get("fill") == "tonexty":
        return _band(panel, trace, xs, ys)
    if trace.get("error_x") or trace.get("error_y"):
        _errors(panel, trace, xs, ys, above)
    if "lines" in mode or (pointed and not many):
        panel.ax.plot(xs, ys, **looks, **({} if many else pointed))
    if pointed and many:
        _many_points(panel, marker, xs, ys, above, first)
    if "text" in mode:
        _texts(panel, trace, xs, ys)
    if not pointed and "lines" not in mode:
        return None
    if looks.get("linewidth") == 0:
        return None
    return Line2D([], [], **{**looks, "alpha": None if pointed else looks["alpha"]}, **pointed)


def _single(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _marker(marker: dict[str, Any], colour: str) -> dict[str, Any]:
    """Give a marker in matplotlib's words: an open one has an edge and no face."""
    from matplotlib.path import Path

    symbol = marker.get("symbol", "circle")
    name = symbol.removesuffix("-dot").removesuffix("-open")
    shape: Any = _MARKERS[name]
    size = marker.get("size", 6)
    size = POINT * (6 if isinstance(size, (list, tuple)) else size) * _LARGER.get(shape, 1)
    if symbol.endswith("-dot"):
        shape = Path.make_compound_path(Path.unit_circle(), Path.circle(radius=0.15))
    edge = marker.get("line", {}).get("width", 0)
    return {
        "marker": shape,
        "markersize": size,
        "markeredgecolor": colour_of(colour),
        "markerfacecolor": "none" if "-open" in symbol else colour_of(colour),
        "markeredgewidth": max(0.8, POINT * edge) if "-open" in symbol or name.startswith("line-") else 0,
    }


def _many_points(
    panel: StaticPanel, marker: dict[str, Any], xs: list[float], ys: list[float], above: float, first: str
) -> None:
    """Draw points that each have a size or a colour of their own."""
    sizes, colours = marker.get("size", 6), marker.get("color", first)
    areas = [(POINT * size) ** 2 for size in (sizes if isinstance(sizes, (list, tuple)) else [sizes] * len(xs))]
    every = colours if isinstance(colours, (list, tuple)) else [colours] * len(xs)
    panel.ax.scatter(xs, ys, s=areas, c=[colour_of(one) for one in every], linewidths=0, zorder=above)


def _band(panel: StaticPanel, trace: dict[str, Any], xs: list[float], ys: list[float]) -> Artist:
    """Fill between a line and the one before it."""
    from matplotlib.patches import Patch

    before = trace["before"]
    colour = colour_of(trace["fillcolor"])
    panel.ax.fill_between(xs, panel.ys(before["y"])[: len(ys)], ys, color=colour, linewidth=0, zorder=1.5)
    return Patch(color=colour, linewidth=0)


def _errors(panel: StaticPanel, trace: dict[str, Any], xs: list[float], ys: list[float], above: float) -> None:
    looks: dict[str, Any] = {}
    for side in ("x", "y"):
        given = trace.get(f"error_{side}")
        if given:
            looks[f"{side}err"] = _reach(given)
            looks["ecolor"] = colour_of(given["color"])
            looks["elinewidth"] = looks["capthick"] = POINT * given.get("thickness", 2)
    panel.ax.errorbar(xs, ys, fmt="none", capsize=2, zorder=above, **looks)


def _reach(given: dict[str, Any]) -> list[list[float]]:
    """Give an interval's reach below and above; a bound that rounding put beyond its mean is at the mean."""
    return [[max(0.0, value or 0.0) for value in given[side]] for side in ("arrayminus", "array")]


def _texts(panel: StaticPanel, trace: dict[str, Any], xs: list[float], ys: list[float]) -> None:
    up, across = trace.get("textposition", "middle center").split()
    for x, y, text in zip(xs, ys, trace["text"], strict=False):
        if text:
            panel.cells.append(text_at(panel.ax, (x, y), text, _ACROSS[across], _UP[up]))


def text_at(
    ax: Axes, place: tuple[float, float], text: str, across: tuple[str, int] = ("center", 0),
    up: tuple[str, int] = ("center", 0),
) -> Text:  # fmt: skip
    """Write at a place of the data, with a gap on the side that the text stands on."""
    return ax.annotate(
        plain(text), place, (4.0 * across[1], 3.0 * up[1]), textcoords="offset points", annotation_clip=False,
        ha=across[0], va=up[0], fontweight=weight(text), zorder=4,
    )  # fmt: skip


# -- bars --------------------------------------------------------------------------------------------------------------


def _bars(panel: StaticPanel, trace: dict[str, Any], number: int, beside: tuple[int, int, float]) -> Artist:
    """Draw bars side by side with those of the other traces, or over them where each has its width."""
    from matplotlib.patches import Patch

    place, count, gap = beside
    lying = trace.get("orientation") == "h"
    xs, ys = _both(panel, trace)
    lengths, places = (xs, ys) if lying else (ys, xs)
    marker = trace.get("marker", {})
    colour = colour_of(marker.get("color", CYCLE[number % len(CYCLE)]))
    shapes = marker.get("pattern", {}).get("shape", "")
    hatches = [_HATCHES[shape] for shape in (shapes if isinstance(shapes, (list, tuple)) else [shapes] * len(xs))]
    thick = trace.get("width", (1 - gap) / count)
    shift = 0.0 if "width" in trace else (place - (count - 1) / 2) * thick
    looks: dict[str, Any] = {"color": colour, "alpha": trace.get("opacity"), "zorder": 2}
    at = [value + shift for value in places]
    base = trace.get("base") or [0.0] * len(at)
    if lying:
        drawn = panel.ax.barh(at, lengths, thick, base, **looks)
    else:
        drawn = panel.ax.bar(at, lengths, thick, base, **looks)
    for patch, hatch in zip(drawn.patches, hatches, strict=True):
        patch.set(hatch=hatch, edgecolor="white" if hatch else colour, linewidth=0.4)
    if trace.get("error_x"):
        _errors(panel, trace, [left + length for left, length in zip(base, lengths, strict=True)], at, 3)
    shown = hatches[0] if len(set(hatches)) == 1 else ""
    return Patch(
        facecolor=colour,
        hatch=shown,
        edgecolor="white" if shown else colour,
        alpha=trace.get("opacity"),
        linewidth=0.4,
    )


def _waterfall(panel: StaticPanel, trace: dict[str, Any]) -> None:
    """Draw bars that each begin where the one before ended, and lines between them."""
    places = panel.xs(trace["x"])
    colours = {part: colour_of(trace[part]["marker"]["color"]) for part in ("increasing", "decreasing", "totals")}
    thin = {"color": trace["connector"]["line"]["color"], "linewidth": POINT * trace["connector"]["line"]["width"]}
    level = 0.0
    for i, (place, how, value) in enumerate(zip(places, trace["measure"], trace["y"], strict=True)):
        begin = level if how == "relative" else 0.0
        end = level + value if how == "relative" else level if how == "total" else value
        part = "totals" if how != "relative" else "increasing" if value >= 0 else "decreasing"
        panel.ax.bar(place, end - begin, 0.8, begin, color=colours[part], zorder=2)
        up = _UP["bottom" if end < begin else "top"]
        panel.cells.append(text_at(panel.ax, (place, end), trace["text"][i], up=up))
        level = end
        if i + 1 < len(places):
            panel.ax.plot([place + 0.4, places[i + 1] - 0.4], [level, level], zorder=2, **thin)


def _heatmap(panel: StaticPanel, trace: dict[str, Any]) -> None:
    """Draw cells with thin gaps; a cell without a value is left empty."""
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap

    values = np.array([[math.nan if value is None else value for value in row] for row in trace["z"]], dtype=float)
    ends = [colour_of(colour) for _, colour in trace["colorscale"]]
    scale = LinearSegmentedColormap.from_list("ours", ends)
    xs, ys = panel.xs(trace["x"]), panel.ys(trace["y"])
    panel.ax.pcolormesh(
        xs, ys, np.ma.masked_invalid(values), cmap=scale, vmin=trace["zmin"], vmax=trace["zmax"],
        edgecolors="white", linewidth=0.6, shading="nearest", zorder=1,
    )  # fmt: skip
