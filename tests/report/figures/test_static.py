"""Figures for papers: SVG, PDF and PNG by matplotlib. Files are read by pypdf, PIL and ElementTree."""

from __future__ import annotations

import io
import sys
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from archsearch.errors import UsageError
from archsearch.report.document import Diagram, Gallery
from archsearch.report.figures import static as module
from archsearch.report.figures.curves import curves_figure
from archsearch.report.figures.figure import Column, Figure, Missing, Table
from archsearch.report.figures.lists import SEARCH_FIGURES, search_figures
from archsearch.report.figures.predictions import confusion_figure, reliability_figure
from archsearch.report.figures.static import _style, canvas, write_static
from archsearch.report.figures.static_axes import broken, in_format
from archsearch.report.figures.style import BLUE, layout
from archsearch.stats.calibration import reliability_data
from archsearch.stats.confusion import confusion_data
from archsearch.train.result import EpochRecord
from tests.report.figures.paper import check_svg, cut_texts, read_svg, texts

NOTHING = Table((Column("n"),), ())


def figure(*traces: object, **given: object) -> Figure:
    return Figure("key", "Title", "Says.", NOTHING, lambda: go.Figure(traces, layout=layout(x="x", y="y") | given))


# -- every figure ------------------------------------------------------------------------------------------------------


def of_search(records, key: str) -> Figure:
    shape = "two objectives" if key == "pareto" else "confirmed"
    found = next(one for one in search_figures(records[shape]) if one.key == f"search-{key}")
    assert isinstance(found, Figure)
    return found


@pytest.mark.parametrize("key", [entry.key for entry in SEARCH_FIGURES])
def test_figure_of_a_search_holds_what_the_page_draws(records, tmp_path, key):
    found = of_search(records, key)
    check_svg(found, tmp_path)
    assert [text for width in (3.5, 7.0) for text in cut_texts(found, width)] == []


def of_runs() -> list[Figure]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 400)
    scores = rng.random((400, 10)) + 2 * np.eye(10)[np.where(rng.random(400) < 0.8, labels, (labels + 1) % 10)]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    history = [
        EpochRecord(epoch=e, train_loss=1 / e, train_accuracy=1 - 0.5 / e, val_accuracy=0.9 - 0.4 / e, val_loss=2 / e,
                    lr=1e-3, seconds=1.0)
        for e in range(1, 7)
    ]  # fmt: skip
    confusion = confusion_data(labels, probabilities.argmax(axis=1), [f"class {i}" for i in range(10)])
    curves = curves_figure("curves", "tiny", "accuracy", {0: history, 1: history[:4]})
    assert not isinstance(curves, Missing)
    return [
        curves,
        confusion_figure("confusion", "tiny", confusion, "test", 1),
        reliability_figure("reliability", "tiny", reliability_data(probabilities, labels), "test", 1, "softmax"),
    ]


@pytest.mark.parametrize("one", of_runs(), ids=lambda one: one.key)
def test_figure_of_runs_is_whole(tmp_path, one):
    assert [text for width in (3.5, 7.0) for text in cut_texts(one, width)] == []
    write_static(one, tmp_path / "a.svg", 3.5)
    words = [
        node.text for node in ElementTree.parse(tmp_path / "a.svg").iter("{http://purl.org/dc/elements/1.1/}title")
    ]
    assert one.title in words


def test_confusion_has_every_count_as_a_text(tmp_path):
    one = of_runs()[1]
    write_static(one, tmp_path / "a.svg", 3.5)
    written = [text.strip() for text in texts(read_svg(tmp_path / "a.svg"))]
    counts = sorted(str(cell) for row in one.table.rows for cell in row[1:-1] if cell)
    assert sorted(text for text in written if text.isdigit()) == counts


# -- the files ---------------------------------------------------------------------------------------------------------


def test_pdf_is_a_page_of_that_width_with_words_and_embedded_fonts(records, tmp_path):
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed: pip install -e '.[test]'")
    found = of_search(records, "history")
    write_static(found, tmp_path / "a.pdf", 3.5)
    (page,) = pypdf.PdfReader(tmp_path / "a.pdf").pages
    assert float(page.mediabox.width) == 252  # 3.5 inches of 72 points
    assert {"trial", "pruned", "completed", "best so far", "baseline"} <= set(page.extract_text().split("\n"))
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        below = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        assert below["/Subtype"] in ("/TrueType", "/CIDFontType2")
        assert "/FontFile2" in below["/FontDescriptor"].get_object()
    assert pypdf.PdfReader(tmp_path / "a.pdf").metadata.subject == found.says


def test_png_has_300_dots_per_inch_on_white(tmp_path):
    write_static(figure(go.Scatter(x=[1, 2], y=[3, 4], mode="markers")), tmp_path / "a.png", 3.5)
    image = Image.open(tmp_path / "a.png").convert("RGB")
    assert image.width == 1050
    assert image.getpixel((0, 0)) == (255, 255, 255)
    blue = tuple(int(BLUE[i : i + 2], 16) for i in (1, 3, 5))
    assert (np.asarray(image) == blue).all(axis=2).any()


@pytest.mark.parametrize("form", ["svg", "pdf", "png"])
def test_same_figure_gives_the_same_bytes(tmp_path, form):
    one = figure(go.Scatter(x=[1, 2], y=[3, 4], mode="lines+markers", name="a"))
    for name in ("a", "b"):
        write_static(one, tmp_path / f"{name}.{form}")
    assert (tmp_path / f"a.{form}").read_bytes() == (tmp_path / f"b.{form}").read_bytes()


def test_user_style_changes_nothing(tmp_path):
    import matplotlib

    one = figure(go.Scatter(x=[1, 2], y=[3, 4], mode="lines", name="a"))
    write_static(one, tmp_path / "a.svg")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "text.usetex": True}):
        write_static(one, tmp_path / "b.svg")
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_names_are_no_formulas_and_no_markup(tmp_path):
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed: pip install -e '.[test]'")
    one = figure(go.Scatter(x=["$x^2$", "a &lt;b&gt; &amp; c"], y=[1, 2], mode="markers", name="50 % of $1 and $2"))
    write_static(one, tmp_path / "a.pdf", 7)
    text = pypdf.PdfReader(tmp_path / "a.pdf").pages[0].extract_text()
    assert "$x^2$" in text
    assert "a <b> & c" in text
    assert "50 % of $1 and $2" in text


def test_long_names_are_broken_and_whole():
    names = [f"factor{i}.{'wide' * 6}=level {i} of a very long name" for i in range(3)]
    one = figure(
        go.Scatter(x=[1, 2, 3], y=[0, 1, 2], mode="markers", name="legend " * 20),
        yaxis={"tickvals": [0, 1, 2], "ticktext": names},
        xaxis={"title": {"text": "a title that is far too long for a column of a paper " * 2}},
    )
    assert cut_texts(one, 3.5) == []


def test_gallery_and_diagram_are_drawn_whole(runs_report, tmp_path):
    parts = [part for section in runs_report.document.sections for part in section.parts]
    (mistakes, *_) = [part for part in parts if isinstance(part, Gallery)]
    (network, *_) = [part for part in parts if isinstance(part, Diagram)]
    for part in (mistakes, network):
        assert cut_texts(part, 3.5) == []
    write_static(network, tmp_path / "network.svg", 3.5)
    written = {text.strip() for text in texts(read_svg(tmp_path / "network.svg"))}
    theirs = {words.strip() for words in ElementTree.fromstring(network.svg).itertext()} - {""}
    described = {network_text for network_text in theirs if network_text not in written}
    assert len(described) == 2  # the title and the description in words, which are not drawn
    content = io.BytesIO()
    with _style("x"):
        made = canvas(mistakes, 7)
        assert len(made.axes) == len(mistakes.pictures)
        made.savefig(content, format="pdf")
    assert content.getvalue().startswith(b"%PDF")


# -- what cannot be ----------------------------------------------------------------------------------------------------


def test_without_the_extra_one_sentence_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"^figures as svg, pdf or png are .*: pip install 'archsearch\[figures\]'$"):
        write_static(figure(), tmp_path / "a.svg")
    assert list(tmp_path.iterdir()) == []


def test_a_kind_of_trace_that_is_not_known_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="a violin trace cannot be drawn as SVG, PDF or PNG yet"):
        write_static(figure(go.Violin(y=[1, 2])), tmp_path / "a.svg")
    with pytest.raises(ValueError, match="axes in the format '04d' cannot be drawn as SVG, PDF or PNG yet"):
        in_format(3, "04d")


@pytest.mark.parametrize(
    ("value", "form", "more", "written"),
    [(0.975, ".1%", 0, "97.5%"), (0.975, ".0%", 0, "98%"), (0.9751, ".0%", 1, "97.5%"), (-0.5, ".0%", 0, "−50%"),
     (20_000, "~s", 0, "20k"), (1_500_000, "~s", 0, "1.5M"), (0.12345, ".3g", 0, "0.123"), (2.5, ".3~g", 0, "2.5")],
)  # fmt: skip
def test_numbers_are_written_as_d3_writes_them(value, form, more, written):
    assert in_format(value, form, more) == written


@pytest.mark.parametrize(
    ("text", "most", "lines"),
    [("short", 10, ["short"]), ("two words", 6, ["two", "words"]), ("a.bcde=64", 7, ["a.bcde=", "64"]),
     ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]), ("a\nb", 5, ["a", "b"])],
)  # fmt: skip
def test_texts_are_broken_where_they_may_be(text, most, lines):
    assert broken(text, most).split("\n") == lines


def test_matplotlib_is_imported_late():
    import subprocess

    code = "import sys, archsearch.report.write; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
