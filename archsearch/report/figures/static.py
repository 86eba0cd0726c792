"""Figures for papers and theses: SVG, PDF and PNG by matplotlib, without a browser, from the page's own drawings.

    write_static(figure, Path("figures/search-history.pdf"), width=3.5)       # inches

A figure is described once, as a plotly drawing; the few kinds of traces that ours are made of are drawn here once more
(`static_traces.py`), at the size they are printed in: text of 8 points, whatever the width. matplotlib is the extra
`figures`, and is imported late. Text is drawn as outlines in SVG, so that it looks the same everywhere, and with its
fonts embedded in PDF; the same figure gives the same bytes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archsearch.errors import UsageError
from archsearch.files import write_whole
from archsearch.report.document import Diagram, Gallery
from archsearch.report.figures.drawing import drawn
from archsearch.report.figures.figure import Figure
from archsearch.report.figures.style import GREY

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

StaticFormat = Literal["svg", "pdf", "png"]
STATIC_FORMATS: tuple[StaticFormat, ...] = ("svg", "pdf", "png")
PAGE = 7.0  # inches: both columns of a page; one has about 3.5
TEXT = 8.0  # points
INK = "#1b1f24"
_STYLE: dict[str, Any] = {
    "font.size": TEXT,
    "text.parse_math": False,  # names and class names are no formulas
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.titlesize": TEXT,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "grid.color": "#808080",
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.6,
    "legend.fontsize": TEXT,
    "svg.fonttype": "path",
    "pdf.fonttype": 42,  # TrueType: journals refuse Type 3
    "savefig.facecolor": "white",
}


def static_extra() -> None:
    """Raise `UsageError` without the extra `figures`."""
    if find_spec("matplotlib") is None:
        raise UsageError("figures as svg, pdf or png are an extra: pip install 'archsearch[figures]'")


def write_static(part: Figure | Gallery | Diagram, path: Path, width: float = PAGE) -> None:
    """Write a figure in the format that the path ends with, `width` inches wide.

    Raise `UsageError` without the extra. Two networks side by side are as wide as their words need.
    """
    static_extra()
    write_finished(part, path, width, lambda made: made)


def write_finished(
    part: Figure | Gallery | Diagram, path: Path, width: float, finish: Callable[[Canvas], Canvas]
) -> None:
    """Draw a part, let `finish` add to it, and write the file whole."""
    form = path.suffix.removeprefix(".").lower()
    with _style(part.key):
        content = io.BytesIO()
        made = finish(canvas(part, width))
        made.savefig(content, format=form, dpi=300, metadata=_metadata(part, form))
    write_whole(path, content.getvalue())


def canvas(part: Figure | Gallery | Diagram, width: float) -> Canvas:
    """Draw a figure, pictures or networks with matplotlib, in its current style."""
    from archsearch.report.figures.static_axes import draw_panels
    from archsearch.report.figures.static_pictures import draw_diagram, draw_gallery

    if isinstance(part, Gallery):
        return draw_gallery(part, width)
    if isinstance(part, Diagram):
        return draw_diagram(part, width)
    return draw_panels(drawn(part).to_plotly_json(), width)


@contextmanager
def _style(key: str) -> Iterator[None]:
    """Draw in our style, whatever the user's is; a letter that no font has is drawn as a box, without a warning."""
    import matplotlib

    style: Any = {**_STYLE, "svg.hashsalt": key}
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style)
        yield


def _metadata(part: Figure | Gallery | Diagram, form: str) -> dict[str, Any]:
    """Name the figure inside the file, with what it says; no time, so that the same figure gives the same bytes."""
    if form == "svg":
        return {"Title": part.title, "Description": part.says, "Date": None, "Creator": "archsearch"}
    if form == "pdf":
        return {"Title": part.title, "Subject": part.says, "CreationDate": None, "Creator": "archsearch"}
    return {"Title": part.title, "Description": part.says, "Software": "archsearch"}
