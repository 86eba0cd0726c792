"""Tables on a terminal of any width: what has no room is listed below, and no number is ever cut."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from archsearch.cli.console.base import TableColumn, print_table

COLUMNS = (
    TableColumn("variant", words=True),
    TableColumn("n", 1),
    TableColumn("difference"),
    TableColumn("interval", 2),
    TableColumn("d_z", 3),
    TableColumn("verdict", words=True),
)
ROWS = (
    ("relu", "12", "+0.2512", "+0.2012 to +0.3012", "3.1415", Text("better", style="green")),
    ("wide", "9", "-0.0512", "-0.1012 to -0.0012", "", Text("inconclusive")),
)


def printed(width: int) -> list[str]:
    stream = io.StringIO()
    print_table(Console(file=stream, width=width, highlight=False), COLUMNS, ROWS)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_table_that_fits_is_one_table() -> None:
    assert printed(80) == [
        "variant   n  difference            interval     d_z  verdict",
        "relu     12     +0.2512  +0.2012 to +0.3012  3.1415  better",
        "wide      9     -0.0512  -0.1012 to -0.0012          inconclusive",
    ]


def test_columns_without_room_are_listed_below_by_row_the_highest_rank_first() -> None:
    assert printed(60) == [
        "variant   n  difference            interval  verdict",
        "relu     12     +0.2512  +0.2012 to +0.3012  better",
        "wide      9     -0.0512  -0.1012 to -0.0012  inconclusive",
        "",
        "relu: d_z 3.1415",
    ]
    assert printed(40) == [
        "variant   n  difference  verdict",
        "relu     12     +0.2512  better",
        "wide      9     -0.0512  inconclusive",
        "",
        "relu: interval +0.2012 to +0.3012,",
        "  d_z 3.1415",
        "wide: interval -0.1012 to -0.0012",
    ]


def test_terminal_too_narrow_for_any_table_gets_a_list() -> None:
    assert printed(30) == [
        "relu: n 12,",
        "  difference +0.2512,",
        "  interval +0.2012 to +0.3012,",
        "  d_z 3.1415, verdict better",
        "wide: n 9, difference -0.0512,",
        "  interval -0.1012 to -0.0012,",
        "  verdict inconclusive",
    ]


@pytest.mark.parametrize("width", range(1, 90))
def test_no_width_cuts_a_number(width: int) -> None:
    text = "\n".join(printed(width))
    for cell in ("12", "+0.2512", "+0.2012 to +0.3012", "-0.1012 to -0.0012", "3.1415", "inconclusive"):
        assert cell in text
    assert "…" not in text


def test_long_words_are_broken_into_lines_before_a_column_goes() -> None:
    stream = io.StringIO()
    columns = (TableColumn("variant", words=True), TableColumn("n", 1))
    print_table(Console(file=stream, width=20, highlight=False), columns, [("a name of several words", "12345")])
    assert [line.rstrip() for line in stream.getvalue().splitlines()] == [
        "variant            n",
        "a name of      12345",
        "several words",
    ]
