"""Room for everything: labels that would touch are thinned out or turned, texts inside panels made smaller.

    settle(made, panels)          # once all is drawn

Works on a matplotlib figure whose sizes are known; knows nothing of what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from archsearch.report.figures.static_traces import StaticPanel, broken

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure as Canvas
    from matplotlib.text import Text

LETTER = 4.7  # points, the mean width of a letter of 8 points
SMALLEST = 4.5  # points; texts inside panels that would have to be smaller are left out: colours and table stay


def settle(made: Canvas, panels: Iterable[StaticPanel]) -> None:
    """Move what lies over something else out of its way, now that all have their size."""
    made.draw_without_rendering()
    long = [_broken_titles(panel) for panel in panels]
    if any(long):
        made.draw_without_rendering()
    for panel in panels:
        _part_labels(made, panel.ax.xaxis, panel.counts)
    for panel in panels:
        _part_cells(panel.cells)


def _broken_titles(panel: StaticPanel) -> bool:
    """Break titles that are longer than their panel is wide or high; say whether there was any."""
    long = False
    sides = panel.ax.get_window_extent()
    for text, dots in ((panel.ax.xaxis.label, sides.width), (panel.ax.yaxis.label, sides.height)):
        most = max(8, int(72 * dots / _dpi(panel.ax) / LETTER))
        shorter = broken(text.get_text(), most)
        long = long or shorter != text.get_text()
        text.set_text(shorter)
    return long


def _dpi(part: Artist) -> float:
    """Give the dots of an inch."""
    figure = part.get_figure()
    return figure.dpi if figure is not None else 72.0


def _lie_over(texts: Sequence[Text]) -> bool:
    """Say whether neighbours in a row of labels touch."""
    boxes = sorted((text.get_window_extent() for text in texts if text.get_text()), key=lambda box: box.x0)
    return any(one.x1 + 4 > other.x0 for one, other in pairwise(boxes))


def _part_labels(made: Canvas, axis: Axis, whole: bool) -> None:
    """Thin out numbers, turn words: until no label of an axis across touches the next."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    if not axis.get_visible():
        return
    low, high = sorted(axis.get_view_interval())

    def labels() -> list[Text]:
        pairs = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
        return [text for place, text in pairs if low <= place <= high]

    if not isinstance(axis.get_major_locator(), FixedLocator):
        for most in (6, 5, 4, 3, 2):
            if not _lie_over(labels()) or axis.get_scale() == "log":
                return
            axis.set_major_locator(MaxNLocator(most, integer=whole))
            made.draw_without_rendering()
        return
    if axis.get_scale() == "log" and _lie_over(labels()):
        places, texts = list(axis.get_majorticklocs()), [label.get_text() for label in axis.get_majorticklabels()]
        tens = [i for i, text in enumerate(texts) if text.startswith("1")]
        kept = tens if len(tens) > 1 else list(range(0, len(texts), 2))
        axis.set_ticks([places[i] for i in kept], labels=[texts[i] for i in kept])
        made.draw_without_rendering()
    for degrees in (35, 90):
        if not _lie_over(labels()) if degrees == 35 else not _too_close(axis, degrees=35):
            return
        turned = {"rotation": degrees, "ha": "right", "va": "center" if degrees == 90 else "top"}
        for label in axis.get_majorticklabels():
            label.set(**turned, rotation_mode="anchor")
        made.draw_without_rendering()


def _too_close(axis: Axis, degrees: int) -> bool:
    """Say whether turned labels are nearer to each other than a line is high."""
    places = sorted(float(label.get_window_extent().x1) for label in axis.get_majorticklabels())
    heights = [label.get_text().count("\n") + 1 for label in axis.get_majorticklabels()]
    need = max(heights, default=1) * 10 * _dpi(axis) / 72 / math.sin(math.radians(degrees))
    return any(other - one < need for one, other in pairwise(places))


def _part_cells(texts: Sequence[Text]) -> None:
    """Make the texts inside a panel smaller until none lies over another; leave them out where none could be read."""
    size = 8.0
    while size >= SMALLEST:
        for text in texts:
            text.set_fontsize(size)
        if not _any_over(texts):
            return
        size -= 0.5
    for text in texts:
        text.set_visible(False)


def _any_over(texts: Sequence[Text]) -> bool:
    import numpy as np

    if len(texts) < 2:
        return False
    ends = np.array([text.get_window_extent().extents for text in texts])
    x0, y0, x1, y1 = (ends[:, i] for i in range(4))
    across = (x0[:, None] < x1[None]) & (x0[None] < x1[:, None])
    upwards = (y0[:, None] < y1[None]) & (y0[None] < y1[:, None])
    return bool((across & upwards & ~np.eye(len(texts), dtype=bool)).any())
