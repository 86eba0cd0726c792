"""Experiments seed by seed."""

from __future__ import annotations

import pytest

from archsearch.report.figures.means import MeanRow, draw_means, means_data


def test_means_are_drawn_with_every_seed_and_their_interval():
    rows = [("a", (0.9, 0.92), (0.85, 0.97)), ("<b>", (0.8,), None), ("c", (), None)]
    data = means_data([MeanRow(*row, "test_accuracy") for row in rows])
    assert not isinstance(data, str)
    assert data.table.rows == (("a", 2, pytest.approx(0.91), 0.85, 0.97), ("<b>", 1, 0.8, None, None))
    seeds, means = draw_means(data).data
    assert list(seeds.x) == [0.9, 0.92, 0.8]
    assert list(means.x) == pytest.approx([0.91, 0.8])
    assert list(means.error_x.array) == pytest.approx([0.06, 0.0])
    assert list(means.error_x.arrayminus) == pytest.approx([0.06, 0.0])
    assert draw_means(data).layout.yaxis.ticktext == ("a", "&lt;b&gt;")
    assert data.says.startswith("Test accuracy of 3 runs: a tick for each seed")


def test_without_a_value_there_is_a_sentence():
    assert means_data([MeanRow("a", (), None, "test_accuracy")]) == "no run has a test accuracy"
    alone = means_data([MeanRow("a", (0.5,), None, "test_accuracy")])
    assert not isinstance(alone, str)
    assert alone.says == "Test accuracy of one run; one run says nothing about the spread."


def test_a_metric_of_regression_has_its_own_name_and_no_per_cent():
    data = means_data([MeanRow("a", (55.5, 56.5), (49.6, 62.4), "test_rmse")])
    assert not isinstance(data, str)
    assert data.says.startswith("Test root mean squared error of 2 runs")
    assert [column.kind for column in data.table.columns] == ["text", "count", "number", "number", "number"]
    assert draw_means(data).layout.xaxis.title.text == "test root mean squared error"


def test_several_metrics_do_not_share_an_axis():
    rows = [MeanRow("a", (55.5,), None, "test_rmse"), MeanRow("b", (0.9,), None, "test_accuracy")]
    assert means_data(rows) == "they are judged by several metrics: test root mean squared error, test accuracy"
