"""Cells as people read them."""

from __future__ import annotations

import math

import pytest

from archsearch.report.cells import cell_text, heading_text, headings, written_rows
from archsearch.report.figures.figure import Column, Table, interval_columns, mean_and_sd
from archsearch.wording import short_number


@pytest.mark.parametrize(
    ("cell", "kind", "text"),
    [
        (0.97312, "percent", "97.31 %"),
        (0.0094, "points", "+0.94"),
        (-0.0094, "points", "-0.94"),
        (61706, "count", "61,706"),
        (12.345, "seconds", "12.3"),
        (0.0123, "seconds", "0.012"),
        (0, "seconds", "0.0"),
        (0.001, "number", "0.001"),
        (3.0, "number", "3"),
        (2.718281828, "number", "2.7183"),
        (-0.00001, "points", "+0.00"),
        (-0.05083, "difference", "-0.0508"),
        (0.00312, "p", "0.0031"),
        (0.05, "p", "0.050"),
        (0.00002, "p", "< 0.0001"),
        (True, "text", "yes"),
        (False, "text", "no"),
        (None, "percent", ""),
        (math.inf, "number", "inf"),
        ("<b>", "text", "<b>"),
    ],
)
def test_cell_is_written_by_its_columns_kind(cell, kind, text):
    assert cell_text(cell, Column("x", kind)) == text


def test_heading_has_the_unit_that_the_cells_do_not_say():
    kinds = ("text", "count", "number", "percent", "points", "seconds")
    assert [heading_text(Column("x", kind)) for kind in kinds] == ["x", "x", "x", "x", "x (points)", "x (s)"]


def test_short_number_has_three_digits_and_a_unit():
    assert [short_number(n) for n in (999, 416_520, 1_234_567, 5 * 10**9)] == ["999", "417 k", "1.23 M", "5 G"]


def test_what_is_one_thing_to_people_stands_in_one_column():
    columns = (
        Column("x"),
        *mean_and_sd("accuracy", "percent"),
        *interval_columns("points"),
        *mean_and_sd("loss", "number"),
    )
    table = Table(columns, (("a", 0.941, 0.0042, -0.001, 0.003, 0.28113, 0.01234), ("b", 0.9, *[None] * 5)))
    assert [tuple(one) for one in headings(table)] == [
        ("x", False), ("accuracy ± SD", True), ("95 % interval (points)", True), ("loss ± SD", True),
    ]  # fmt: skip
    assert list(written_rows(table)) == [
        ("a", "94.10 ± 0.42 %", "-0.10 to +0.30", "0.281 ± 0.012"),
        ("b", "90.00 %", "", ""),
    ]


def test_column_that_holds_nothing_has_no_heading():
    table = Table((Column("x"), Column("shrinkage", "points"), Column("remarks")), (("a", None, ""), ("b", None, "")))
    assert [one.text for one in headings(table)] == ["x"]
    assert list(written_rows(table)) == [("a",), ("b",)]


def test_difference_and_its_intervals_have_the_same_number_of_decimals():
    columns = (
        Column("difference", "difference"),
        *interval_columns("difference"),
        *interval_columns("difference", "BCa from"),
    )
    rows = ((1.9, 1.878, 1.931, 1.88, 1.925), (-1.97, -2.0, -1.93, -2.0, -1.9), (0.5, None, None, None, None))
    assert list(written_rows(Table(columns, rows))) == [
        ("+1.90", "+1.88 to +1.93", "+1.88 to +1.93"),
        ("-1.97", "-2.00 to -1.93", "-2.00 to -1.90"),
        ("+0.5", "", ""),
    ]
