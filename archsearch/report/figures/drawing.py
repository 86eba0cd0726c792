"""From a figure to what a browser draws: its JSON, plotly.js itself, one HTML file.

    drawing(figure)                 # {"data": [...], "layout": {...}} as JSON text, the same for the same input
    plotly_script()                 # plotly.js, to be written into a page once

WebGL traces are refused: plotly draws them with code that it makes while it runs, which the page's policy forbids.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import plotly
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from archsearch.markup import visible
from archsearch.report.figures.figure import Figure
from archsearch.report.figures.style import CYCLE, of_fractions

# Told by name: what they would draw has a cousin without WebGL (scatter for scattergl, lines for parcoords).
WEBGL = frozenset(
    ("scattergl", "splom", "parcoords", "scatterpolargl", "heatmapgl", "pointcloud", "scatter3d", "surface", "mesh3d",
     "cone", "streamtube", "volume", "isosurface")
)  # fmt: skip
_OTHER_TAGS = re.compile(r"<(?!/?(?:b|i|em|sub|sup|br|extra)>)")
_SEQUENTIAL = "Cividis"  # made to look the same to colour-blind people


def drawn(figure: Figure) -> go.Figure:
    """Draw a figure with our own small template instead of plotly's; raise `ValueError` for what needs WebGL."""
    made = figure.draw()
    kinds = {trace.type for trace in made.data} & WEBGL
    if kinds:
        raise ValueError(f"{figure.key}: {', '.join(sorted(kinds))} needs WebGL, which a report does not allow")
    made.update_layout(template=_template())
    of_fractions(made)
    return made


def _template() -> go.layout.Template:
    ours = go.layout.Template()
    ours.layout.colorway = list(CYCLE)
    ours.layout.colorscale.sequential = _SEQUENTIAL
    ours.layout.colorscale.sequentialminus = _SEQUENTIAL
    return ours


def drawing(figure: Figure) -> str:
    """Give data and layout as JSON; texts hold no tags but those that only shape them."""
    made = _plain(json.loads(drawn(figure).to_json()))
    return json.dumps({"data": made["data"], "layout": made["layout"]}, separators=(",", ":"), sort_keys=True)


def _plain(value: Any) -> Any:
    """Keep the tags that our drawings use: plotly takes its texts for HTML and would make links of others."""
    if isinstance(value, str):
        return visible(_OTHER_TAGS.sub("&lt;", value) if "<" in value else value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


@cache
def plotly_script() -> str:
    """Give plotly.js as the plotly package ships it."""
    return str(get_plotlyjs())


def plotly_version() -> str:
    """Give the version of the plotly package."""
    return str(plotly.__version__)
