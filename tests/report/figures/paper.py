"""What a figure's SVG holds, read from the file; the oracle is the page's drawing."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from archsearch.report.document import Diagram, Gallery
from archsearch.report.figures.figure import Figure
from archsearch.report.figures.static import _style, canvas, write_static

SVG = "{http://www.w3.org/2000/svg}"


def check_svg(figure: Figure, folder: Path, width: float = 3.5) -> None:
    """Write a figure as SVG and compare it with the page's drawing: its size, its words, its points and its bars."""
    path = folder / f"{figure.key}.svg"
    write_static(figure, path, width)
    root = ElementTree.parse(
        path, ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    ).getroot()
    drawing = figure.draw().to_plotly_json()
    assert root.attrib["width"] == f"{72 * width:g}pt"
    there = squeezed(" ".join(texts(root)))
    for words in said(drawing):
        assert squeezed(words) in there, words
    # points of their own colours may be written out one by one, without a symbol that is used again
    alone = list(inside(root, "path", within="PathCollection"))
    assert len(list(inside(root, "use"))) + len(alone) == points(drawing)
    assert len(list(inside(root, "path", within="patch_"))) == patches(drawing)


def read_svg(path: Path) -> ElementTree.Element:
    """Parse a file, with its comments."""
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    return ElementTree.parse(path, parser).getroot()


def texts(root: ElementTree.Element) -> list[str]:
    """Give every line of text: matplotlib writes it as a comment before its outlines."""
    return [html.unescape(node.text or "") for node in root.iter() if node.tag is ElementTree.Comment]


def squeezed(text: str) -> str:
    """Leave out blanks and tags: lines are broken as the width needs it."""
    return re.sub(r"\s+", "", html.unescape(re.sub(r"</?[a-z]+>", "", text))).replace("−", "-")


def inside(root: ElementTree.Element, tag: str, within: str = "", group: str = "") -> Iterator[ElementTree.Element]:
    """Yield the elements of panels that are no tick, no text, no legend."""
    name = root.attrib.get("id", group) if root.tag == f"{SVG}g" else group
    if re.match(r"matplotlib\.axis|text_|legend_", name) or root.tag == f"{SVG}defs":
        return
    for child in root:
        if child.tag == f"{SVG}{tag}" and name.startswith(within):
            yield child
        yield from inside(child, tag, within, name)


def said(drawing: dict[str, Any]) -> Iterator[str]:
    """Yield the words that must stand in a figure: legend, titles and named ticks of axes, texts inside."""
    layout = drawing["layout"]
    for trace in drawing["data"]:
        if layout.get("showlegend") and trace.get("showlegend", True) and trace.get("name"):
            yield trace["name"]
        if "text" in trace.get("mode", "") or trace["type"] == "waterfall":
            yield from trace["text"]
    for name, axis in layout.items():
        if re.match(r"[xy]axis", name) and axis.get("visible", True):
            yield (axis.get("title") or {}).get("text") or ""
            yield from axis.get("ticktext") or () if axis.get("type") != "log" else ()
    yield from (note["text"] for note in layout.get("annotations", ()))


def points(drawing: dict[str, Any]) -> int:
    """Count what is drawn as a marker: points, and the two ends of every error bar."""
    count = 0
    for trace in drawing["data"]:
        places = [(x, y) for x, y in zip(trace["x"], trace["y"], strict=True) if x is not None and y is not None]
        marked = trace["type"] == "scatter" and "markers" in trace["mode"]
        assert not any(isinstance(value, float) and math.isnan(value) for place in places for value in place)
        bars = sum(bool(trace.get(f"error_{side}")) for side in "xy")
        count += len(places) * (marked + 2 * bars)
    return count


def patches(drawing: dict[str, Any]) -> int:
    """Count bars, rectangles, the whole's background, and each panel's with its two lines."""
    layout = drawing["layout"]
    bars = sum(len(trace["x"]) for trace in drawing["data"] if trace["type"] in ("bar", "waterfall"))
    rectangles = sum(shape["type"] == "rect" for shape in layout.get("shapes", ()))
    panels = [name for name in layout if re.match(r"xaxis", name)]
    hidden = sum(layout[name].get("visible") is False for name in layout if re.match(r"[xy]axis", name))
    return bars + rectangles + 1 + 3 * len(panels) - hidden


def cut_texts(part: Figure | Gallery | Diagram, width: float) -> list[str]:
    """Give the texts that are not whole inside the figure, by matplotlib's own boxes."""
    from matplotlib.text import Text

    with _style("x"):
        made = canvas(part, width)
        made.draw_without_rendering()
        room = made.bbox.padded(1.0)
        unseen = set(map(id, _unseen(made)))
        shown = [text for text in made.findobj(Text) if text.get_text() and text.get_visible()]
        boxes = [(text.get_text(), text.get_window_extent()) for text in shown if id(text) not in unseen]
    return [text for text, box in boxes if box.x0 < room.x0 or box.x1 > room.x1 or box.y0 < room.y0 or box.y1 > room.y1]


def _unseen(made: Any) -> Iterator[Any]:
    """Yield the labels of hidden axes and of ticks beyond the ends, which are never drawn."""
    for axes in made.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.majorTicks, *axis.minorTicks):
                if not (axis.get_visible() and low <= tick.get_loc() <= high and axes.axison):
                    yield from (tick.label1, tick.label2)
