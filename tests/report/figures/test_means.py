"""Experiments seed by seed."""

from __future__ import annotations

import pytest

from archsearch.report.figures.means import MeanRow, draw_means, means_data


def test_means_are_drawn_with_every_seed_and_their_interval():
    data = means_data([MeanRow("a", (0.9, 0.92), (0.85, 0.97)), MeanRow("<b>", (0.8,), None), MeanRow("c", (), None)])
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
    assert means_data([MeanRow("a", (), None)]) == "no run has a value on test data"
    alone = means_data([MeanRow("a", (0.5,), None)])
    assert not isinstance(alone, str)
    assert alone.says == "Test accuracy of one run; one run says nothing about the spread."
