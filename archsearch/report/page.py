"""One HTML file that needs nothing else: plotly.js, the data and our script are in it, and it may fetch nothing.

    html = page(document)

The Content-Security-Policy allows the two scripts and the style sheets in the file, by their hashes, and pictures that
are part of it: whatever a spec smuggled into a text, no browser would run or load it. Besides, every text is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from archsearch.markup import visible
from archsearch.report.cells import headings, written_rows
from archsearch.report.document import Diagram, Document, Folded, Gallery, Picture, Tabled, TextToCopy
from archsearch.report.figures.drawing import drawing, plotly_script
from archsearch.report.figures.figure import Figure, Missing, Table

# Plotly puts its rules into a style element of this content, through the style sheet's own interface.
_PLOTLY_STYLE = "/* plotly */"
_FOLD_FROM = 200  # a table of more rows is shown in part, with the rest in --format csv
_OPEN_UP_TO = 24  # rows of a table that stands open without being asked for


def page(document: Document) -> str:
    """Write a document as one HTML page."""
    drawings = {figure.key: drawing(figure) for figure in document.figures()}
    scripts = [_asset("page.js")]
    if drawings:
        scripts.insert(0, plotly_script())
    styles = [_asset("page.css"), _PLOTLY_STYLE, _paper_style(document)]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            document=document,
            policy=policy(scripts, styles),
            scripts=[Markup(script) for script in scripts],
            style=Markup(styles[0]),
            plotly_style=Markup(styles[1]),
            paper_style=Markup(styles[2]),
            unwanted_styles=_map_styles() if drawings else [],
            drawings={key: embedded_json(text) for key, text in drawings.items()},
        )
    )


def _paper_style(document: Document) -> str:
    """Give what stands at the foot of every printed page: the title, when it was written, the page's number."""
    title = document.title if len(document.title) <= 60 else f"{document.title[:59]}…"
    return (
        f"@page {{ @bottom-left {{ content: {_css_string(title)}; }} @bottom-center {{ content: "
        f'{_css_string(document.made)}; }} @bottom-right {{ content: counter(page) " / " counter(pages); }} }}'
    )


def _css_string(text: str) -> str:
    """Write a text as a string of CSS in which nothing but letters, digits and blanks stands for itself."""
    plain = " ".join(text.split())
    return '"' + "".join(c if c.isascii() and (c.isalnum() or c == " ") else f"\\{ord(c):x} " for c in plain) + '"'


@cache
def _map_styles() -> list[str]:
    """Give the ids of style sheets that plotly.js makes for maps, unless an element of that id is there already."""
    return re.findall(r'getElementById\("([0-9a-f]{64})"\)', plotly_script())


def policy(scripts: list[str], styles: list[str]) -> str:
    """Give the Content-Security-Policy for a page with these scripts and style sheets and no others."""
    rules = {
        "default-src": ["'none'"],
        "script-src": [_hash(text) for text in scripts],
        # the empty one: plotly makes an empty style element for each of its menus
        "style-src": [_hash(text) for text in (*styles, "")],
        "img-src": ["data:", "blob:"],  # blob: the button that saves a figure as a picture
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(values)}" for name, values in rules.items())


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def embedded_json(text: str) -> Markup:
    """Give JSON that can stand inside a script element: nothing in it ends the element or begins a comment."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@cache
def _asset(name: str) -> str:
    return (files("archsearch.report") / "template" / name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=lambda value: visible(value) if type(value) is str else value,
    )  # fmt: skip
    environment.filters |= {"headings": headings, "written_rows": _shown_rows, "data_uri": _data_uri}
    environment.tests |= {
        "figure": lambda part: isinstance(part, Figure),
        "gallery": lambda part: isinstance(part, Gallery),
        "diagram": lambda part: isinstance(part, Diagram),
        "tabled": lambda part: isinstance(part, Tabled),
        "folded": lambda part: isinstance(part, Folded),
        "text_to_copy": lambda part: isinstance(part, TextToCopy),
        "missing": lambda part: isinstance(part, Missing),
    }
    environment.filters["kept_together"] = _kept_together
    environment.globals["most_rows"] = _FOLD_FROM
    environment.globals["open_rows"] = _OPEN_UP_TO
    environment.filters["trusted_svg"] = lambda svg: Markup(visible(svg))
    return environment


def _kept_together(text: str) -> str:
    """Keep a number and its unit on one line."""
    return re.sub(r"(?<=\d) (?=(?:%|points?|seeds?|s|[kMG])(?!\w))", "\u00a0", text)


def _shown_rows(table: Table) -> list[tuple[str, ...]]:
    """Give the rows that a page shows, as people read them."""
    return list(written_rows(Table(table.columns, table.rows[:_FOLD_FROM])))


def _data_uri(picture: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.png).decode()
