"""What a report says, as plain data: the answer first, then sections of figures, tables, pictures and networks.

    Document(kind="search", title="digits", answer=("No network ...",), numbers=(...), command="...")

Made by `answers/`, written down by `page.py` (HTML) and `tables.py` (Markdown, LaTeX, CSV, JSON). Texts are as they
come, from specs and storages too: whoever writes a document down escapes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archsearch.report.figures.figure import Figure, Missing, Table

Answers = Literal["search", "runs", "ablation"]


@dataclass(frozen=True, slots=True)
class Source:
    """What a report says of itself and where it looks for files beside the storage.

    `command` rebuilds the report; run directories and data sets are used where they are there.
    """

    command: str
    made: str
    runs_dir: Path = Path("runs")
    data_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """One number of the first screen; the note says what it counts, with n."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tabled:
    """A table that needs no drawing; one `for_papers` is narrow enough to stand in one, at most seven columns."""

    key: str
    title: str
    says: str
    table: Table
    for_papers: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture, as PNG; `alt` says in words what it shows."""

    png: bytes
    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Small pictures side by side."""

    key: str
    title: str
    says: str
    pictures: tuple[Picture, ...]
    table: Table


@dataclass(frozen=True, slots=True)
class Diagram:
    """A drawing of networks; `svg` is made by `diagram.py`, which escapes what it writes."""

    key: str
    title: str
    says: str
    svg: str
    table: Table
    narrow: bool = False  # two stand side by side where there is room


@dataclass(frozen=True, slots=True)
class Folded:
    """A long text that is folded away: a spec as YAML."""

    key: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class TextToCopy:
    """A text that is taken into another document: it stands open, with a button that copies it."""

    key: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """A question of the checklist, by its number, and what the study says to it."""

    number: int
    question: str
    answer: tuple[str, ...]


SectionPart = Figure | Gallery | Diagram | Tabled | Folded | TextToCopy | Missing


@dataclass(frozen=True, slots=True)
class Section:
    """Parts with a heading; the introduction is a sentence for each paragraph."""

    key: str
    title: str
    intro: tuple[str, ...]
    parts: tuple[SectionPart, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A report. The first sentence of `answer` is the short one; `made` is when and by which version it was written.

    `checklist` is what a study says to the questions of a conference; a section shows it too.
    """

    kind: Answers
    title: str
    subtitle: str
    answer: tuple[str, ...]
    numbers: tuple[KeyNumber, ...]
    command: str
    made: str
    sections: tuple[Section, ...]
    checklist: tuple[ChecklistItem, ...] = ()

    def tabled(self) -> Iterator[tuple[Section, Figure | Gallery | Diagram | Tabled]]:
        """Yield every part that has a table, with its section."""
        for section in self.sections:
            for part in section.parts:
                if isinstance(part, (Figure, Gallery, Diagram, Tabled)):
                    yield section, part

    def figures(self) -> Iterator[Figure]:
        """Yield every figure that is drawn by a program."""
        for section in self.sections:
            yield from (part for part in section.parts if isinstance(part, Figure))


def slug(text: str) -> str:
    """Make a word for links and file names: lower case, letters, digits, hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "x"
