"""Write a document to files: the page, its tables in another form, each figure as a file of its own.

write(document, Path("runs/digits/report.html"), "html")
write_figures(document, Path("figures"), say=print)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from archsearch.errors import UnavailableError, UsageError
from archsearch.files import write_whole
from archsearch.report import tables
from archsearch.report.document import Diagram, Document, Gallery
from archsearch.report.figures.drawing import can_write_png, write_png
from archsearch.report.figures.figure import Figure
from archsearch.report.page import page

FORMATS = ("html", "md", "tex", "csv", "json")
_TEXTS = {"html": page, "md": tables.markdown, "tex": tables.latex, "json": tables.json_document}


def write(document: Document, path: Path, form: str) -> list[Path]:
    """Write a document in one of FORMATS; csv makes a folder with a file for each table. Gives what was written."""
    if form in _TEXTS:
        if path.is_dir():
            raise UsageError(f"-o {path}: this is a folder; name a file")
        write_whole(path, _TEXTS[form](document).encode())
        return [path]
    if path.is_file():
        raise UsageError(f"-o {path}: --format csv writes a file for each table; name a folder")
    written = []
    for name, text in tables.comma_separated(document).items():
        write_whole(path / name, text.encode())
        written.append(path / name)
    return written


def write_figures(document: Document, folder: Path, say: Callable[[str], None]) -> list[Path]:
    """Write each figure as an HTML file that needs nothing else, diagrams as SVG too, and PNG where it is possible."""
    if folder.is_file():
        raise UsageError(f"--figures {folder}: this is a file; name a folder")
    written = []
    for section in document.sections:
        for part in section.parts:
            if isinstance(part, (Figure, Gallery, Diagram)):
                path = folder / f"{part.key}.html"
                alone = dataclasses.replace(
                    document,
                    numbers=(),
                    answer=(document.answer[0],),
                    sections=(dataclasses.replace(section, parts=(part,)),),
                )
                write_whole(path, page(alone).encode())
                written.append(path)
            if isinstance(part, Diagram):
                write_whole(folder / f"{part.key}.svg", part.svg.encode())
                written.append(folder / f"{part.key}.svg")
    return written + _pictures(document, folder, say)


def _pictures(document: Document, folder: Path, say: Callable[[str], None]) -> list[Path]:
    """Write PNG files; without the extra, or without a browser for it, say so once and go on."""
    if not can_write_png():
        say("no PNG files: they are an extra, pip install 'archsearch[png]'")
        return []
    written = []
    for figure in document.figures():
        try:
            write_png(figure, folder / f"{figure.key}.png")
        except UnavailableError as problem:
            say(f"no more PNG files: {problem}")
            break
        written.append(folder / f"{figure.key}.png")
    return written
