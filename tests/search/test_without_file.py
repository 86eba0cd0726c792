"""A search that is declared without a file: what is open as text, the middle as the baseline."""

from __future__ import annotations

import pytest

from archsearch.errors import UsageError
from archsearch.search.without_file import middle_of, read_space


@pytest.mark.parametrize(
    ("text", "name", "domain", "middle"),
    [
        ("lr=float:1e-4..1e-2:log", "lr", {"float": [1e-4, 1e-2], "log": True}, 1e-3),
        ("drop=float:0..0.5", "drop", {"float": [0.0, 0.5]}, 0.25),
        ("depth=int:2..8:step=2", "depth", {"int": [2, 8], "step": 2}, 4),
        ("norm=batch,layer", "norm", {"choice": ["batch", "layer"]}, "batch"),
    ],
)
def test_open_value_is_read_as_a_file_would_say_it(text, name, domain, middle) -> None:
    assert read_space(text) == (name, domain)
    assert middle_of(domain) == pytest.approx(middle)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr", "expected NAME=float:LOW..HIGH"),
        ("lr=float:1..", "expected NAME=float:LOW..HIGH"),
        ("lr=float:2..1", "the lower number first; got '2..1'"),
        ("lr=float:0..1:log", "a log scale needs a lowest value above 0, got 0"),
        ("lr=int:1..2:fast", "expected NAME=float:LOW..HIGH"),
    ],
)
def test_what_is_no_open_value_is_said(text, message) -> None:
    with pytest.raises(UsageError, match=message):
        read_space(text)
