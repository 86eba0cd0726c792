"""Texts of others stand in every form as text: no character commands a terminal, begins a row, a link or a formula."""

from __future__ import annotations

import csv
import io
import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from archsearch.markup import csv_cell, html_text, latex_text, markdown_row, markdown_text, visible, visible_json

TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # Unicode's Bidi_Control


def commands(text: str, allowed: str = "\n\t") -> list[str]:
    """Find what a terminal may obey: control characters and what turns text around, by Unicode's own tables."""
    return [
        c for c in text if c not in allowed and (unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in TURNING)
    ]


def test_turning_characters_are_those_that_unicode_calls_so():
    told = {chr(code) for code in range(0x10FFFF) if unicodedata.bidirectional(chr(code)) in
            ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")}  # fmt: skip
    assert told <= set(TURNING)
    assert visible(TURNING) == "\ufffd" * len(TURNING)


@given(st.text(max_size=60))
def test_no_command_passes_and_all_else_stays_where_it_is(text):
    shown = visible(text)
    assert commands(shown) == []
    assert len(shown) == len(text)
    assert all(new == old for new, old in zip(shown, text, strict=True) if not commands(old) and old.isprintable())


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_json_holds_the_same_values_without_a_command(text):
    made = visible_json(json.dumps({"a": text}, ensure_ascii=False, indent=2))
    assert json.loads(made) == {"a": text}
    assert commands(made) == []


@given(st.text(max_size=60), st.text(max_size=20))
def test_cell_is_one_cell_of_one_row_and_no_formula(one, other):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([csv_cell(one), csv_cell(other), 1.5])
    text = out.getvalue()
    [row] = csv.reader(io.StringIO(text))
    assert len(row) == 3
    assert row[2] == "1.5"
    assert text.count("\n") == 1
    assert not any(
        cell.lstrip()[:1] in tuple("=+-@")
        for cell in row[:2]
        if cell[:1] not in (" ", "\u00a0", "\u3000") and cell.strip()
    )
    assert commands(text, "\n") == []


@given(st.text(max_size=60))
def test_other_forms_are_one_line_without_markup(text):
    for made in (markdown_text(text), latex_text(text), markdown_row(text, text)):
        assert "\n" not in made
        assert commands(made) == []
    assert "<" not in markdown_text(text)
    assert not {"<", ">", '"', "'"} & set(html_text(text))


def test_written_out():
    assert visible("\x1b]0;owned\x07\x9b31m") == "␛]0;owned␇\ufffd31m"
    assert csv_cell("\r=1+1") == "' =1+1"
    assert csv_cell("a\r=1+1") == "a =1+1"
    assert csv_cell("＝1+1") == "'＝1+1"
    assert csv_cell(-2) == -2
    assert latex_text("50 % of a_b\\") == r"50 \% of a\_b\textbackslash{}"
    assert markdown_row("a|b", 1) == "| a\\|b | 1 |"
