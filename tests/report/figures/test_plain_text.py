"""Texts from outside inside a drawing."""

from __future__ import annotations

import pytest

from archsearch.report.figures.style import BLUE, GREY, ORANGE, log_ticks, plain_text, shade


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("conv1.out_channels", "conv1.out_channels"),
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("a & b", "a &amp; b"),
        ("&lt;", "&amp;lt;"),
        ("one\ntwo\ttab\x00", "one two tab "),
        ("\u202ertl\u200b", " rtl "),
        ("\ud800", " "),
        (3, "3"),
        (None, "None"),
    ],
)
def test_markup_and_control_characters_are_neutralised(given, shown):
    assert plain_text(given) == shown


def test_long_text_is_cut_before_it_is_escaped():
    assert plain_text("<" * 10, 4) == "&lt;&lt;&lt;…"
    assert plain_text("x" * 200) == "x" * 200
    assert plain_text("x" * 201) == "x" * 199 + "…"


def test_shades_go_from_orange_by_grey_to_blue():
    assert [shade(value) for value in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [ORANGE, ORANGE, GREY, BLUE, BLUE]


def test_log_ticks_are_1_2_5_or_powers_over_a_wide_range():
    assert log_ticks(60_000, 400_000)["ticktext"] == ["50k", "100k", "200k"]
    assert log_ticks(1, 1e6)["ticktext"] == ["1", "10", "100", "1k", "10k", "100k", "1M"]
    assert log_ticks(1e-4, 1e-3)["tickvals"] == pytest.approx([1e-4, 2e-4, 5e-4, 1e-3])
