"""Cards and Markdown for pull requests: the verdict, what it rests on, every seed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from archsearch.errors import UsageError
from archsearch.report.card import FORESTS, card_texts, write_card_of
from archsearch.report.figures import static
from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.static_card import CardTexts, _around
from archsearch.report.pull_request import by_seed, pull_request

REPORTS = ("runs_report", "study_report", "ablation_made")


@pytest.fixture(params=REPORTS)
def document(request):
    """The document on runs, on a search and on an ablation."""
    return request.getfixturevalue(request.param).document


def forest_of(document):
    return next(figure for figure in document.figures() if figure.key in FORESTS)


def test_a_card_has_all_texts_and_the_figure_with_nothing_over_another(document):
    figure = forest_of(document)
    texts = card_texts(document, figure)
    with static._style("card"):
        made = _around(static.canvas(figure, 7.0), texts)
        made.draw_without_rendering()
        boxes = [text.get_window_extent() for text in made.texts]
        (panel,) = made.axes
        drawn = [panel.get_tightbbox(), *(legend.get_window_extent() for legend in made.legends)]
        written = " ".join(text.get_text() for text in made.texts)
    assert document.answer[0] in written
    assert document.made in written
    width, height = made.bbox.width, made.bbox.height
    for box in (*boxes, *drawn):
        assert box.x0 >= -0.5
        assert box.y0 >= -0.5
        assert box.x1 <= width + 0.5
        assert box.y1 <= height + 0.5
    for text in boxes:
        assert not any(text.overlaps(other) for other in drawn)
    for legend in drawn[1:]:
        assert legend.y0 >= panel.get_window_extent().y1 - 0.5


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_the_same_card_has_the_same_bytes(ablation_made, tmp_path, form):
    for name in ("a", "b"):
        write_card_of(ablation_made.document, tmp_path / f"{name}.{form}")
    assert (tmp_path / f"a.{form}").read_bytes() == (tmp_path / f"b.{form}").read_bytes()


def test_a_card_as_png_is_as_wide_as_two_columns_and_not_empty(runs_report, tmp_path):
    write_card_of(runs_report.document, tmp_path / "a.PNG")
    image = np.asarray(Image.open(tmp_path / "a.PNG").convert("L"))
    assert image.shape[1] == 2100
    assert 0.005 < (image < 128).mean() < 0.2


def test_other_formats_and_nothing_to_draw_are_said_and_nothing_is_written(runs_report, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"a\.gif: a card is written as svg, pdf, png"):
        write_card_of(runs_report.document, tmp_path / "a.gif")
    empty = dataclasses.replace(runs_report.document, sections=(), title="x", answer=("Nothing yet.",))
    with pytest.raises(UsageError, match=r"^x: there is no forest plot to draw\. Nothing yet\.$"):
        write_card_of(empty, tmp_path / "a.png")
    monkeypatch.setattr(static, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'archsearch\[figures\]'"):
        write_card_of(runs_report.document, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_of_several_comparisons_a_card_says_the_headline_alone(ablation_made):
    document = ablation_made.document
    texts = card_texts(document, forest_of(document))
    assert isinstance(texts, CardTexts)
    assert texts.sentences == document.answer[:1]
    assert "Pairs of seeds per comparison: " in texts.foot


# -- pull requests -----------------------------------------------------------------------------------------------------


def test_a_pull_request_has_the_answer_the_verdicts_and_every_seed(document):
    text = pull_request(document)
    lines = text.splitlines()
    assert lines[2].startswith("**")
    assert lines[2].endswith("**")
    assert text.count("<details>") == text.count("</details>") == 1
    folded = text[text.index("<details>") : text.index("</details>")]
    rows = [line for line in folded.splitlines() if line.startswith("| ")]
    assert len(rows) >= 4  # a heading, a rule, two seeds
    assert f"`{document.command}`" in text


def test_every_value_of_the_runs_stands_in_its_row(runs_report):
    folded = pull_request(runs_report.document).partition("<details>")[2]
    seeds = next(part for _, part in runs_report.document.tabled() if part.key == "seeds")
    place = [column.title for column in seeds.table.columns].index("test accuracy")
    for row in seeds.table.rows:
        line = next(line for line in folded.splitlines() if line.startswith(f"| {row[1]} |"))
        assert f"{100 * row[place]:.2f} %" in line


def test_runs_are_turned_into_a_row_for_each_seed():
    columns = (Column("cell"), Column("seed"), Column("run"), Column("accuracy", "percent"))
    table = Table(columns, (("a", "0", "x", 0.5), ("a", "1", "y", 0.6), ("b", "1", "z", 0.7)))
    found = by_seed(table)
    assert found is not None
    assert found.columns == (Column("seed (accuracy)"), Column("a", "percent"), Column("b", "percent"))
    assert found.rows == (("0", 0.5, None), ("1", 0.6, 0.7))
    assert by_seed(Table(columns, ())) is None
    wide = by_seed(Table(columns, tuple((f"c{k}", "0", "x", 0.5) for k in range(20))))
    assert wide is not None
    assert len(wide.rows) == 20
