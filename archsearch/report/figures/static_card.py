"""A card: one picture with a verdict, the figure that it rests on, and n; to paste into a message or a slide.

    write_card(figure, CardTexts("digits", ("Of 4 changes, 1 is better.",), "10 pairs of seeds"), Path("card.png"))

The figure is the report's own drawing (`static.py`); around it stands text. matplotlib is the extra `figures`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from archsearch.report.figures.figure import Figure
from archsearch.report.figures.static import INK, static_extra, write_finished
from archsearch.report.figures.style import GREY

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

WIDTH = 7.0  # inches
_POINT = 1 / 72
_MARGIN = 0.14
_GAP = 0.05  # inches between a legend and the panel below it
_LETTER = 0.52  # of the size: the mean width of a letter


class CardTexts(NamedTuple):
    """What stands around the figure: what it is about, the sentences (the first is the verdict), and n."""

    title: str
    sentences: tuple[str, ...]
    foot: str


class _Line(NamedTuple):
    text: str
    size: float
    weight: str
    colour: str


def write_card(figure: Figure, texts: CardTexts, path: Path) -> None:
    """Write a card in the format that the path ends with (png, svg, pdf); raise `UsageError` without the extra."""
    static_extra()

    def draw(made: Canvas) -> Canvas:
        return _around(made, texts)

    write_finished(figure, path, WIDTH, draw)


def _around(made: Canvas, texts: CardTexts) -> Canvas:
    """Make room above and below a drawn figure, and write the texts there."""
    width, height = made.get_size_inches()
    first, *others = texts.sentences
    above = _broken(texts.title, 8.0, "normal", GREY, width) + _broken(first, 11.0, "bold", INK, width)
    for sentence in others:
        above += _broken(sentence, 9.0, "normal", INK, width)
    below = _broken(texts.foot, 7.0, "normal", GREY, width)
    head, foot = (_height(lines) + 2 * _MARGIN for lines in (above, below))
    legends = sum(legend.get_window_extent().height / made.dpi + _GAP for legend in made.legends)
    whole = head + height + foot
    made.set_size_inches(width, whole)
    engine = made.get_layout_engine()
    assert engine is not None
    # the panels leave the legend its room: the engine does so at a figure's edge only
    engine.set(rect=(0.0, foot / whole, 1.0, (height - legends) / whole))  # type: ignore[call-arg]
    for legend in made.legends:
        legend.set_bbox_to_anchor((0.0, foot / whole, 1.0, height / whole), transform=made.transFigure)
    _write(made, above, whole - _MARGIN, whole, width)
    _write(made, below, foot - _MARGIN, whole, width)
    return made


def _broken(text: str, size: float, weight: str, colour: str, width: float) -> list[_Line]:
    letters = int((width - 2 * _MARGIN) / (size * _POINT * (_LETTER if weight == "normal" else 1.12 * _LETTER)))
    return [_Line(line, size, weight, colour) for line in textwrap.wrap(text, letters)]


def _height(lines: Sequence[_Line]) -> float:
    return sum(1.35 * line.size * _POINT for line in lines)


def _write(made: Canvas, lines: Sequence[_Line], top: float, whole: float, width: float) -> None:
    for line in lines:
        top -= 1.35 * line.size * _POINT
        made.text(
            _MARGIN / width, (top + 0.3 * line.size * _POINT) / whole, line.text, fontsize=line.size,
            fontweight=line.weight, color=line.colour, ha="left", va="baseline",
        )  # fmt: skip
