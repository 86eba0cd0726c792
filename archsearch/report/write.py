"""Write a document to files: the page, its tables in another form, each figure as a file of its own.

write(document, Path("runs/digits/report.html"), "html")
write_figures(document, Path("figures"), ["svg", "pdf"], width=3.5)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from archsearch.crash import crash_point
from archsearch.errors import UsageError
from archsearch.files import write_whole
from archsearch.report import tables
from archsearch.report.document import Diagram, Document, Gallery, Section, SectionPart
from archsearch.report.figures.figure import Figure
from archsearch.report.figures.static import PAGE, STATIC_FORMATS, static_extra, write_static
from archsearch.report.page import page
from archsearch.report.pull_request import pull_request

FORMATS = ("html", "md", "pr", "tex", "csv", "json")
_TEXTS = {"html": page, "md": tables.markdown, "pr": pull_request, "tex": tables.latex, "json": tables.json_document}


def one_text(document: Document, form: str) -> str:
    """Give a document as one text; raise `UsageError` for csv, which is several."""
    if form not in _TEXTS:
        raise UsageError("-o - prints one text; --format csv writes a file for each table, into a folder")
    return _TEXTS[form](document)


def write(document: Document, path: Path, form: str) -> list[Path]:
    """Write a document in one of FORMATS; csv makes a folder with a file for each table. Gives what was written."""
    if form in _TEXTS:
        if path.is_dir():
            raise UsageError(f"-o {path}: this is a folder; name a file")
        content = _TEXTS[form](document).encode()
        crash_point("report made")
        write_whole(path, content)
        return [path]
    if path.is_file():
        raise UsageError(f"-o {path}: --format csv writes a file for each table; name a folder")
    written = []
    for name, text in tables.comma_separated(document).items():
        write_whole(path / name, text.encode())
        written.append(path / name)
    return written


def figure_formats(wanted: Sequence[str], folder: Path | None) -> tuple[str, ...]:
    """Give the formats to write figures in, html where none is wanted; raise `UsageError` before anything is written.

    That is for formats without a folder, a folder that is a file, and formats whose extra is not there.
    """
    if folder is None and wanted:
        raise UsageError(f"--figure-format {wanted[0]}: say where figures are written, with --figures DIR")
    if folder is not None and folder.is_file():
        raise UsageError(f"--figures {folder}: this is a file; name a folder")
    if set(wanted) & set(STATIC_FORMATS):
        static_extra()
    return tuple(dict.fromkeys(wanted)) or ("html",)


def write_figures(document: Document, folder: Path, formats: Sequence[str], width: float = PAGE) -> list[Path]:
    """Write each figure as a file of its own for each format; `width` is that of svg, pdf and png, in inches.

    HTML files need nothing else, and diagrams of networks stand beside theirs as SVG.
    """
    written = []
    for section in document.sections:
        for part in section.parts:
            if not isinstance(part, (Figure, Gallery, Diagram)):
                continue
            for form in formats:
                path = folder / f"{part.key}.{form}"
                if form == "html":
                    write_whole(path, page(_alone(document, section, part)).encode())
                else:
                    write_static(part, path, width)
                written.append(path)
            if isinstance(part, Diagram) and "svg" not in formats and "html" in formats:
                write_whole(folder / f"{part.key}.svg", part.svg.encode())
                written.append(folder / f"{part.key}.svg")
    return written


def _alone(document: Document, section: Section, part: SectionPart) -> Document:
    """Give a document of one figure."""
    only = dataclasses.replace(section, parts=(part,))
    return dataclasses.replace(document, numbers=(), answer=(document.answer[0],), sections=(only,))
