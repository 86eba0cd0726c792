"""Every figure: a function that makes its data, one that draws it. The only place that knows plotly and matplotlib."""
