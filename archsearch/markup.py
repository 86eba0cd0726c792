"""How a text that somebody wrote stands in a form of ours without becoming more than text.

    visible("a\\x1b[2Jb")          # a␛[2Jb: no character that commands a terminal or turns a line around
    markdown_text("<b> a_b")      # &lt;b&gt; a\\_b
    latex_text("a_b & c")         # a\\_b \\& c
    csv_cell("=1+1")              # '=1+1

Names, summaries, paths, classes and messages come from files, storages and programs of other people. Each form escapes
what means something in it. Stands below everything.
"""

from __future__ import annotations

import html
import re
from typing import TypeVar

T = TypeVar("T")

_C0 = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
_UNSEEN = (
    *range(0x80, 0xA0),  # C1: some terminals take them for escapes
    *(0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)),  # they turn around what follows
    *(0x2028, 0x2029, 0xFEFF, *range(0xFFF9, 0xFFFC)),  # line ends to some readers, marks
    *(0xE0001, *range(0xE0020, 0xE0080)),  # tags: text that nobody sees
    *range(0xD800, 0xE000),  # halves of a pair, which no encoding can write
)
_SHOWN: dict[int, int] = _C0 | dict.fromkeys(_UNSEEN, 0xFFFD)
_IN_JSON = re.compile(f"[{''.join(re.escape(chr(code)) for code in (0x7F, *_UNSEEN))}]")


def visible(text: str) -> str:
    """Show characters that command a terminal or turn text around, one for one; line ends and tabs stay.

    >>> visible("a\\x1b[31mb\\r\\n"), visible("x\\u202ecod.exe")
    ('a␛[31mb␍\\n', 'x�cod.exe')
    """
    return text if text.isprintable() else text.translate(_SHOWN)


def one_line(text: str) -> str:
    """Write a text as one line: what separates words in it, line ends too, is one space."""
    return visible(" ".join(text.split()))


def visible_json(text: str) -> str:
    """Escape in a JSON document what JSON lets pass and a terminal does not; the values stay what they are.

    >>> visible_json('"a\\u202eb\\U000e0041"')
    '"a\\\\u202eb\\\\udb40\\\\udc41"'
    """

    def escape(found: re.Match[str]) -> str:
        code = ord(found[0])
        if code < 0x10000:
            return f"\\u{code:04x}"
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"

    return text if text.isascii() and "\x7f" not in text else _IN_JSON.sub(escape, text)


def markdown_text(text: str) -> str:
    """Escape what Markdown and the HTML in it would read as more than text; the text becomes one line.

    >>> markdown_text("a_b <i>\\n![x](y)")
    'a\\\\_b &lt;i&gt; \\\\!\\\\[x\\\\](y)'
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return one_line(re.sub(r"([\\`*_{}\[\]|!#~])", r"\\\1", text))


def markdown_row(*cells: object) -> str:
    """Write a row of a table in Markdown; every cell is text."""
    return f"| {' | '.join(markdown_text(str(cell)) for cell in cells)} |"


def markdown_code(text: str) -> str:
    """Write a text as code within a line of Markdown."""
    return f"`{one_line(text).replace('`', '')}`"


def html_text(text: str) -> str:
    """Escape what HTML would read as more than text, also within an attribute."""
    return html.escape(visible(text), quote=True)


_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "^": r"\textasciicircum{}",
    "_": r"\_", "~": r"\textasciitilde{}", "%": r"\%", "≠": r"$\neq$", "±": r"$\pm$", "·": r"$\cdot$", "…": r"\ldots{}",
}  # fmt: skip


def latex_text(text: str) -> str:
    """Escape what LaTeX would read as more than text; the text becomes one line."""
    return "".join(_TEX.get(character, character) for character in one_line(text))


# what begins a formula in a spreadsheet; also the full-width forms, which some take for the others
_FORMULA = "=+-@＝＋－＠"


def csv_cell(cell: T) -> T | str:
    """Keep a spreadsheet from computing a text or beginning a row with it; numbers stay what they are.

    >>> csv_cell("=1+1"), csv_cell("a\\r=1+1"), csv_cell(-1.5)
    ("'=1+1", 'a =1+1', -1.5)
    """
    if not isinstance(cell, str):
        return cell
    text = visible(re.sub(r"[\r\n\t]+", " ", cell))
    return f"'{text}" if text[:1] in tuple(_FORMULA) or cell[:1] in ("\t", "\r", "\n") else text
