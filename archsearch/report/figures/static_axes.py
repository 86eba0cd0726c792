"""Panels, axes, legend and what surrounds the traces of a plotly drawing, drawn with matplotlib at a width in inches.

    draw_panels({"data": [...], "layout": {...}}, width=3.5)     # a matplotlib figure

Nothing is cut: long names are broken into lines, the legend has as many columns as fit, and `static_room.py` parts what
would lie over each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from archsearch.report.figures.static_room import LETTER, settle
from archsearch.report.figures.static_traces import (
    POINT,
    StaticPanel,
    broken,
    colour_of,
    draw_trace,
    plain,
    text_at,
    weight,
)
from archsearch.report.figures.style import in_short

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import Formatter

INCHES = 0.0068  # for a pixel of a drawing's height: 2.9 inches for the usual 420
LINE = 0.15  # inches for a line of the legend


def draw_panels(drawing: dict[str, Any], width: float) -> Canvas:
    """Draw a plotly figure's data and layout, `width` inches wide."""
    from matplotlib.figure import Figure as Canvas

    layout = drawing["layout"]
    made = Canvas(figsize=(width, INCHES * layout.get("height", 420)), dpi=300, layout="constrained")
    panels = _panels(made, layout)
    handles = _traces(panels, drawing)
    for shape in layout.get("shapes", ()):
        _shape(panels[_key(shape)], shape)
    for note in layout.get("annotations", ()):
        _note(panels, layout, note)
    for (x, y), panel in panels.items():
        _axis(panel, "x", layout.get(_full(x), {}), width)
        _axis(panel, "y", layout.get(_full(y), {}), width)
    if layout.get("showlegend", True):
        _legend(made, handles, width)
    settle(made, list(panels.values()))
    return made


def _full(axis: str) -> str:
    """Write x2 as plotly's layout does: xaxis2."""
    return f"{axis[0]}axis{axis[1:]}"


def _key(part: dict[str, Any]) -> tuple[str, str]:
    """Give the axes that a shape or a note stands on."""
    x, y = (str(part.get(f"{side}ref", side)).removesuffix(" domain") for side in ("x", "y"))
    return x, y


def _panels(made: Canvas, layout: dict[str, Any]) -> dict[tuple[str, str], StaticPanel]:
    """Make the panels at the rows and columns that their domains stand in, the uppermost first."""
    xs = [name.replace("axis", "") for name in layout if re.fullmatch(r"xaxis\d*", name)]
    pairs = [(x, layout[_full(x)].get("anchor", "y" + x[1:])) for x in xs]
    left = [tuple(layout[_full(x)].get("domain", (0, 1))) for x, _ in pairs]
    low = [tuple(layout.get(_full(y), {}).get("domain", (0, 1))) for _, y in pairs]
    columns, rows = sorted(set(left)), sorted(set(low), reverse=True)
    grid = made.add_gridspec(len(rows), len(columns))
    places = zip(pairs, left, low, strict=True)
    return {pair: StaticPanel(made.add_subplot(grid[rows.index(b), columns.index(a)])) for pair, a, b in places}


def _traces(panels: dict[tuple[str, str], StaticPanel], drawing: dict[str, Any]) -> list[tuple[Artist, str]]:
    """Draw all traces in their order; give those that stand in the legend, with their names."""
    layout, traces = drawing["layout"], drawing["data"]
    grouped = layout.get("barmode", "group") == "group"
    bars = [number for number, trace in enumerate(traces) if trace.get("type") == "bar"] if grouped else []
    gap = layout.get("bargap", 0.2)
    handles = []
    for number, trace in enumerate(traces):
        beside = (bars.index(number), len(bars), gap) if number in bars else (0, 1, gap)
        if trace.get("fill") == "tonexty":
            trace["before"] = traces[number - 1]
        panel = panels[trace.get("xaxis", "x"), trace.get("yaxis", "y")]
        handle = draw_trace(panel, trace, number, beside)
        if handle is not None and trace.get("name") and trace.get("showlegend", True):
            handles.append((handle, plain(trace["name"])))
    return handles


def _shape(panel: StaticPanel, shape: dict[str, Any]) -> None:
    """Draw a line or a rectangle, over the whole height or width where it says so."""
    from matplotlib.patches import Rectangle

    ax = panel.ax
    whole = "y" if "domain" in shape.get("yref", "") else "x" if "domain" in shape.get("xref", "") else ""
    over = {"y": ax.get_xaxis_transform, "x": ax.get_yaxis_transform, "": lambda: ax.transData}[whole]()
    line = shape.get("line", {})
    x0, x1, y0, y1 = (shape[name] for name in ("x0", "x1", "y0", "y1"))
    order = 0.5 if shape.get("layer") == "below" else 1.5
    looks: dict[str, Any] = {"alpha": shape.get("opacity"), "transform": over, "zorder": order}
    if shape["type"] == "line":
        dash = {"dash": "--", "dot": ":"}.get(line.get("dash", ""), "-")
        ax.plot(
            [x0, x1], [y0, y1], color=line["color"], linewidth=POINT * line.get("width", 2), linestyle=dash, **looks
        )
        return
    edge = POINT * line.get("width", 2)
    colour = colour_of(shape["fillcolor"])
    ax.add_patch(
        Rectangle((x0, y0), x1 - x0, y1 - y0, facecolor=colour, linewidth=edge,
                  edgecolor=line.get("color", colour) if edge else "none", **looks)
    )  # fmt: skip


def _note(panels: dict[tuple[str, str], StaticPanel], layout: dict[str, Any], note: dict[str, Any]) -> None:
    """Write a note at its place in the data, or, of the whole drawing, as the title of the panel below it."""
    if note.get("xref", "x") != "paper":
        panel = panels[_key(note)]
        place = panel.xs([note["x"]])[0], panel.ys([note["y"]])[0]
        panel.cells.append(text_at(panel.ax, place, note["text"]))
        return
    for (x, y), panel in panels.items():
        left, right = layout[_full(x)].get("domain", (0, 1))
        _, top = layout.get(_full(y), {}).get("domain", (0, 1))
        if abs((left + right) / 2 - note["x"]) < 1e-6 and abs(top - note["y"]) < 1e-6:
            panel.ax.set_title(plain(note["text"]), fontweight=weight(note["text"]))
            return
    raise ValueError(f"the note {note['text']!r} stands above no panel")


# -- axes --------------------------------------------------------------------------------------------------------------


def _axis(panel: StaticPanel, side: str, spec: dict[str, Any], width: float) -> None:
    """Give an axis its title, range, ticks and grid."""
    axis: Axis = getattr(panel.ax, f"{side}axis")
    words = panel.x_words if side == "x" else panel.y_words
    if spec.get("visible") is False:
        axis.set_visible(False)
        panel.ax.spines["left" if side == "y" else "bottom"].set_visible(False)
        return
    most = int(72 * width / LETTER)
    axis.set_label_text(plain((spec.get("title") or {}).get("text") or ""))
    _scale(panel, side, spec)
    labels = max(10, int(0.38 * most)) if side == "y" else 24
    if spec.get("ticktext"):
        axis.set_ticks(list(spec["tickvals"]), labels=[broken(plain(text), labels) for text in spec["ticktext"]])
    elif words:
        axis.set_ticks(range(len(words)), labels=[broken(plain(word), labels) for word in words])
    else:
        _numbers(axis, spec, whole=side == "x" and panel.counts)
        if spec.get("tickvals"):
            axis.set_ticks(list(spec["tickvals"]))
    if spec.get("showticklabels") is False:
        panel.ax.tick_params(axis=side, labelleft=False, labelbottom=False)  # type: ignore[arg-type]
    if spec.get("showgrid", True):
        axis.grid(True)


def _scale(panel: StaticPanel, side: str, spec: dict[str, Any]) -> None:
    """Set scale, range and direction; words have half a place at both ends."""
    from matplotlib.ticker import NullLocator

    ax = panel.ax
    words = panel.x_words if side == "x" else panel.y_words
    set_limits = ax.set_xlim if side == "x" else ax.set_ylim
    log = spec.get("type") == "log"
    if log:
        (ax.set_xscale if side == "x" else ax.set_yscale)("log")
        (ax.xaxis if side == "x" else ax.yaxis).set_minor_locator(NullLocator())  # its labels would be formulas
    if spec.get("range") is not None:
        low, high = (10**end if log else end for end in spec["range"])
        set_limits(low, high)
    elif words:
        set_limits(-0.5, len(words) - 0.5)
    elif spec.get("rangemode") == "tozero":
        set_limits(0, None)
    if spec.get("autorange") == "reversed":
        (ax.invert_xaxis if side == "x" else ax.invert_yaxis)()


def _numbers(axis: Axis, spec: dict[str, Any], whole: bool) -> None:
    """Set the ticks of numbers: whole ones for epochs and trials, 1, 2 and 5 times powers of ten on a log axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    if spec.get("type") == "log":
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: in_short(value)))
        return
    if whole:
        axis.set_major_locator(MaxNLocator("auto", integer=True))
    if spec.get("tickformat"):
        axis.set_major_formatter(_formatter(spec["tickformat"]))


def _formatter(form: str) -> Formatter:
    """Write numbers in plotly's (d3's) format, with more decimals where two ticks would look the same."""
    from matplotlib.ticker import Formatter

    class Written(Formatter):
        more = 0

        def __call__(self, value: float, pos: int | None = None) -> str:
            return in_format(value, form, self.more)

        def format_ticks(self, values: Sequence[float]) -> list[str]:
            for self.more in range(5):
                found = [self(value) for value in values]
                if len(set(found)) == len(found):
                    break
            return found

    return Written()


def in_format(value: float, form: str, more: int = 0) -> str:
    """Write a number in one of d3's formats that our axes have: `.1%`, `~s`, `.3g`; `more` digits than it says."""
    found = re.fullmatch(r"(?:\.(\d))?~?([%sg])", form)
    if found is None:
        raise ValueError(f"axes in the format {form!r} cannot be drawn as SVG, PDF or PNG yet: add it to in_format")
    digits, kind = int(found[1] or 3) + more, found[2]
    if kind == "%":
        return f"{100 * value:.{digits}f}%".replace("-", "−")
    return (in_short(value) if kind == "s" else f"{value:.{max(1, digits)}g}").replace("-", "−")


# -- texts and legend --------------------------------------------------------------------------------------------------


def _legend(made: Canvas, handles: list[tuple[Artist, str]], width: float) -> None:
    """Write the legend above the panels, in as many columns as fit; the figure grows by its lines."""
    if not handles:
        return
    most = int((72 * width - 30) / LETTER)
    drawn = [handle for handle, _ in handles]
    names = [broken(name, most) for _, name in handles]
    room = made.bbox.width
    for columns in range(len(handles), 0, -1):
        legend = made.legend(
            drawn, names, loc="outside upper left", ncols=columns, frameon=False, handlelength=1.6,
            columnspacing=1.2, handletextpad=0.5, borderpad=0.2, labelspacing=0.3,
        )  # fmt: skip
        if columns == 1 or legend.get_window_extent().width <= 0.98 * room:
            break
        legend.remove()
    lines = -(-len(handles) // columns) + sum(name.count("\n") for name in names)
    inches = made.get_size_inches()
    made.set_size_inches(inches[0], inches[1] + LINE * lines)
