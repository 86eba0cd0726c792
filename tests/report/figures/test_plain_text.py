"""Texts from outside inside a drawing."""

from __future__ import annotations

import math

import plotly.graph_objects as go
import pytest

from archsearch.report.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    even_ticks,
    layout,
    log_ticks,
    of_fractions,
    plain_text,
    shade,
)


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


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (6_100, 6_900, ["6k", "6.5k", "7k"]),  # no 1, 2 or 5 lies between
        (61_706, 61_706, ["61k", "62k"]),
        (2_000, 4_900, ["2k", "3k", "4k", "5k"]),
        (0.31, 0.38, ["0.32", "0.34", "0.36", "0.38"]),
    ],
)
def test_every_log_axis_has_ticks_and_holds_its_values(low, high, shown):
    axis = log_ticks(low, high)
    assert len(axis["tickvals"]) >= 3
    assert set(shown) <= set(axis["ticktext"])
    first, last = axis["range"]
    assert first <= math.log10(low) < math.log10(high * 1.001) <= last
    assert all(first - 1e-9 <= math.log10(tick) <= last + 1e-9 for tick in axis["tickvals"])
    assert len(set(axis["ticktext"])) == len(axis["ticktext"])


def test_even_ticks_are_round_and_inside():
    assert even_ticks(93.2, 100.0) == [94, 96, 98, 100]
    assert even_ticks(-0.4, 1.1) == [0, 0.5, 1]


def test_axis_in_per_cent_ends_at_100_and_its_marks_stay_whole():
    figure = go.Figure(layout=layout(x="accuracy", x_format=".2~%", y="loss"))
    figure.add_scatter(x=[0.97, 1.0], y=[0.1, 0.2])
    of_fractions(figure)
    assert figure.layout.xaxis.autorangeoptions.to_plotly_json() == {"clipmin": 0, "clipmax": 1}
    assert figure.layout.yaxis.autorangeoptions.to_plotly_json() == {}
    assert figure.data[0].cliponaxis is False
