"""Which sign separates the cells of a text: comma, semicolon, tab or bar.

    separator_of("a;b;c\\n1,5;2;3\\n")       # ';'
    says_separator(("sep=;",))             # True: the first line that spreadsheets write

Knows lines, no table.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

SEPARATORS = (",", ";", "\t", "|")


def says_separator(words: Sequence[str]) -> bool:
    """Say whether this is the first line that spreadsheets write: sep=;"""
    return words[0].lower().startswith("sep=")


def separator_of(text: str) -> str:
    """Take the sign that parts the header into the most columns; lines that begin with # are passed over."""
    for line in io.StringIO(text, newline=""):
        plain = line.strip()
        if plain.lower().startswith("sep=") and len(plain) == 5 and plain[4] in SEPARATORS:
            return plain[4]
        if plain and not plain.startswith("#"):
            try:
                return max(SEPARATORS, key=lambda sign: len(next(csv.reader([line], delimiter=sign), [])))
            except csv.Error:
                return ","  # the reader says where and why
    return ","
