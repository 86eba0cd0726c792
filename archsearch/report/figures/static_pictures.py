"""Pictures and networks on paper: a report's galleries and layer diagrams, drawn with matplotlib.

    draw_gallery(gallery, width=3.5), draw_diagram(diagram, width=3.5)      # matplotlib figures

A layer diagram is read from its own SVG, of rectangles and texts, so that there is one drawing of it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from archsearch.report.document import Diagram, Gallery
from archsearch.report.figures.static_traces import broken

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_SVG = "{http://www.w3.org/2000/svg}"
_CAPTION = 6.0  # points
_LEAST = 6 / 12  # points for a pixel: 6 points where the page has 12 pixels; a wider diagram makes a wider file
_MOST = 8 / 12
_NARROW = 0.88  # the page's fonts are narrower than ours, and a diagram leaves so much room for its words


def draw_gallery(gallery: Gallery, width: float) -> Canvas:
    """Draw small pictures side by side, each with its caption."""
    import numpy as np
    from matplotlib.figure import Figure as Canvas
    from PIL import Image

    longest = max(len(picture.caption) for picture in gallery.pictures)
    columns = max(1, min(len(gallery.pictures), int(width / (0.85 if longest > 12 else 0.55))))
    rows = -(-len(gallery.pictures) // columns)
    letters = int(72 * width / columns / (0.6 * _CAPTION))
    captions = [broken(picture.caption, letters) for picture in gallery.pictures]
    lines = max(caption.count("\n") + 1 for caption in captions)
    side = 0.8 * width / columns
    height = rows * (side + lines * _CAPTION * 1.3 / 72 + 0.06)
    made = Canvas(figsize=(width, height), dpi=300)
    for number, (picture, caption) in enumerate(zip(gallery.pictures, captions, strict=True)):
        row, column = divmod(number, columns)
        tall = height / rows
        left, top = (column + 0.1) * width / columns, height - row * tall - 0.02
        ax = made.add_axes((left / width, (top - side) / height, side / width, side / height))
        pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))
        ax.imshow(pixels, interpolation="nearest")
        ax.set_axis_off()
        made.text(
            (column + 0.5) / columns, (top - side - 0.02) / height, caption, fontsize=_CAPTION, ha="center", va="top"
        )
    return made


def draw_diagram(diagram: Diagram, width: float) -> Canvas:
    """Draw the rectangles and texts of a layer diagram; texts have 6 to 8 points, whatever the width."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.patches import FancyBboxPatch

    svg = ElementTree.fromstring(diagram.svg)
    wide, tall = float(svg.attrib["width"]), float(svg.attrib["height"])
    point = min(_MOST, max(_LEAST, 72 * width / wide))
    made = Canvas(figsize=(wide * point / 72, tall * point / 72), dpi=300)
    ax = made.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, wide), ylim=(tall, 0))
    ax.set_axis_off()
    for element in svg:
        if element.tag == f"{_SVG}rect":
            x, y, w, h = (float(element.attrib[name]) for name in ("x", "y", "width", "height"))
            style = f"round,pad=0,rounding_size={element.attrib['rx']}" if "rx" in element.attrib else "square,pad=0"
            ax.add_patch(FancyBboxPatch((x, y), w, h, boxstyle=style, **_paint(element.attrib, point)))
        elif element.tag == f"{_SVG}text":
            _write(made, ax, element, point)
    return made


def _paint(given: dict[str, str], point: float) -> dict[str, Any]:
    return {
        "facecolor": given.get("fill", "none"),
        "edgecolor": given.get("stroke", "none"),
        "linewidth": point * float(given.get("stroke-width", "0")),
        "alpha": float(given["fill-opacity"]) if "fill-opacity" in given else None,
    }


def _write(made: Canvas, ax: Any, element: ElementTree.Element, point: float) -> None:
    """Write a text and the parts in it, one after the other."""
    x, y = float(element.attrib["x"]), float(element.attrib["y"])
    for part in (element, *element):
        words = part.text or ""
        if not words.strip():
            continue
        size = float(part.attrib.get("font-size", element.attrib.get("font-size", "12")))
        gap = 0.5 * size if words.startswith(" ") else 0.0
        text = ax.text(
            x + gap, y, words.strip(), fontsize=_NARROW * size * point,
            fontweight="bold" if "font-weight" in part.attrib else "normal",
            alpha=float(part.attrib.get("fill-opacity", "1")), va="baseline",
        )  # fmt: skip
        x = float(ax.transData.inverted().transform((text.get_window_extent().x1, 0))[0])
