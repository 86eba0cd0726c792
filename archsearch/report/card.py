"""From a report to a card: the verdict sentence, the forest plot behind it, and n, as one picture.

write_card_of(document, Path("card.png"))
"""

from __future__ import annotations

from pathlib import Path

from archsearch.errors import UsageError
from archsearch.report.document import Document
from archsearch.report.figures.figure import Figure
from archsearch.report.figures.static import STATIC_FORMATS
from archsearch.report.figures.static_card import CardTexts, write_card

FORESTS = ("ablation-forest", "comparison-forest", "search-confirmed", "runs-means")
_MOST_SENTENCES = 2
# Of the numbers of a report's first screen, those that say what a verdict rests on.
_OF_INTEREST = ("Pairs of seeds per comparison", "Comparisons in the family", "alpha", "Margin", "Runs", "Trials",
                "Reads of the test set")  # fmt: skip


def write_card_of(document: Document, path: Path) -> None:
    """Write the card of a document; raise `UsageError` for another format, and where there is nothing to draw."""
    form = path.suffix.removeprefix(".").lower()
    if form not in STATIC_FORMATS:
        raise UsageError(f"-o {path}: a card is written as {', '.join(STATIC_FORMATS)}; end the file's name with one")
    figure = next((one for one in document.figures() if one.key in FORESTS), None)
    if figure is None:
        raise UsageError(f"{document.title}: there is no forest plot to draw. {document.answer[0]}")
    write_card(figure, card_texts(document, figure), path)


def card_texts(document: Document, figure: Figure) -> CardTexts:
    """Give what stands around the figure of a card."""
    notes = [
        f"{number.label}: {number.value}{f' ({number.note})' if number.note else ''}"
        for number in document.numbers
        if number.label in _OF_INTEREST
    ]
    foot = f"{figure.says} {'; '.join(notes)}. {document.made}"
    several = document.kind == "ablation" and len(figure.table.rows) > 1  # the first of their sentences is no verdict
    return CardTexts(document.title, document.answer[: 1 if several else _MOST_SENTENCES], foot)
