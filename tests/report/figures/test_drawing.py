"""From a figure to JSON and HTML."""

from __future__ import annotations

import json

import plotly.graph_objects as go
import pytest

from archsearch.report.figures.drawing import WEBGL, drawing, drawn, plotly_script
from archsearch.report.figures.figure import Column, Figure, Table
from archsearch.report.figures.style import CYCLE


def figure(*traces: object) -> Figure:
    return Figure("key", "Title", "Says.", Table((Column("n"),), ()), lambda: go.Figure(traces))


def test_drawing_is_data_and_layout_with_our_small_template():
    made = json.loads(drawing(figure(go.Scatter(x=[1, 2], y=[3, 4], name="a"))))
    assert made["data"] == [{"type": "scatter", "x": [1, 2], "y": [3, 4], "name": "a"}]
    assert made["layout"]["template"]["layout"]["colorway"] == list(CYCLE)
    assert len(json.dumps(made["layout"])) < 3000


def test_drawing_keeps_tags_that_shape_a_text_and_no_others():
    name = "<b>x</b><br>1 < 2 <a href='https://evil.example'>y</a>"
    made = json.loads(drawing(figure(go.Scatter(x=[1], y=[1], name=name, hovertemplate="%{x}<extra></extra>"))))
    assert made["data"][0]["name"] == "<b>x</b><br>1 &lt; 2 &lt;a href='https://evil.example'>y&lt;/a>"
    assert made["data"][0]["hovertemplate"] == "%{x}<extra></extra>"


@pytest.mark.parametrize("trace", [go.Scattergl(), go.Parcoords(), go.Splom()], ids=lambda trace: trace.type)
def test_traces_that_need_webgl_are_refused(trace):
    assert trace.type in WEBGL
    with pytest.raises(ValueError, match=f"key: {trace.type} needs WebGL, which a report does not allow"):
        drawn(figure(trace))


def test_plotly_script_can_stand_in_a_script_element():
    script = plotly_script()
    assert "</script" not in script.lower()
    assert "<!--" not in script
    assert "\r" not in script
