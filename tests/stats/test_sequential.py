"""The sequential rule: its arithmetic by hand, its stops, and that it depends on the numbers only."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.stats.sequential import (
    STAKES,
    always_valid_interval,
    e_holm,
    equivalence_evidence,
    evidence,
    follow,
)


def test_evidence_of_two_pairs_by_hand() -> None:
    """|d| is 1 twice, so the sizes are 1: each stake k wins 1 + tanh(k) twice, or loses on the other side."""
    up = sum((1 + math.tanh(k)) ** 2 for k in STAKES) / len(STAKES)
    down = sum((1 - math.tanh(k)) ** 2 for k in STAKES) / len(STAKES)
    assert evidence([1.0, 1.0])[-1] == pytest.approx((up + down) / 2)
    assert evidence([0.003, 0.003])[-1] == pytest.approx((up + down) / 2)  # any unit
    assert evidence([0.0, 0.0]).tolist() == [1.0, 1.0]


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_evidence_is_fair_whatever_the_sizes(sizes: list[float]) -> None:
    """Over all sign patterns of the same sizes the mean wealth is exactly 1: what makes it valid at any time."""
    patterns = itertools.product((-1, 1), repeat=len(sizes))
    ends = [evidence([s * x for s, x in zip(signs, sizes, strict=True)])[-1] for signs in patterns]
    assert np.mean(ends) == pytest.approx(1.0, abs=1e-9)


def test_equivalence_evidence_needs_both_sides() -> None:
    inside = equivalence_evidence([0.0, 0.1, -0.1, 0.0] * 5, margin=1.0)
    outside = equivalence_evidence([1.5, 1.4, 1.6, 1.5] * 5, margin=1.0)
    assert inside[-1] > 1000
    assert outside[-1] < 1


def test_e_holm_is_the_least_average_over_all_sets() -> None:
    values = [300.0, 0.5, 12.0, 80.0, 1.0]
    adjusted = e_holm(values)
    for index, value in enumerate(values):
        others = [v for i, v in enumerate(values) if i != index]
        sets = [c for size in range(5) for c in itertools.combinations(others, size)]
        assert adjusted[index] == pytest.approx(min((value + sum(c)) / (1 + len(c)) for c in sets))
    assert e_holm([]) == ()


def test_follow_stops_each_comparison_at_its_first_decision() -> None:
    random = np.random.default_rng(1)
    d = {
        "large": (random.normal(4, 1, 30)).tolist(),
        "worse": (random.normal(-3, 1, 30)).tolist(),
        "same": (random.normal(0, 0.2, 30)).tolist(),
        "none": (random.normal(0, 1, 30)).tolist(),
    }
    courses = follow(d, margin=0.5)
    assert {name: course.verdict for name, course in courses.items()} == {
        "large": "better",
        "worse": "worse",
        "same": "equivalent",
        "none": None,
    }
    for name, course in courses.items():
        if course.stopped_at is not None:
            assert course.pairs == course.stopped_at < 30
            assert max(course.evidence, course.equivalence_evidence) >= 20
            shorter = {other: values[: course.stopped_at - 1] for other, values in d.items()}
            assert follow(shorter, margin=0.5)[name].verdict is None
    assert courses["none"].pairs == 30


def test_follow_of_more_pairs_keeps_every_earlier_decision() -> None:
    """An interrupted family goes on as if it had not been: what stopped stays where it stopped."""
    random = np.random.default_rng(2)
    d = {str(mean): random.normal(mean, 1, 30).tolist() for mean in (0, 0.7, 1, 2)}
    whole = follow(d)
    for seen in range(31):
        part = follow({name: values[:seen] for name, values in d.items()})
        for name, course in part.items():
            if course.verdict is not None:
                assert (course.verdict, course.stopped_at) == (whole[name].verdict, whole[name].stopped_at)
        stopped = {name: values[: part[name].pairs] for name, values in d.items()}
        assert {n: c.verdict for n, c in follow(stopped).items()} == {n: c.verdict for n, c in part.items()}


def test_follow_takes_smaller_as_better_where_it_is_minimised() -> None:
    assert follow({"x": [-1.0, -1.1, -0.9] * 4}, direction="minimize")["x"].verdict == "better"


def test_follow_of_nothing_is_undecided() -> None:
    assert follow({"x": []})["x"].verdict is None
    assert follow({}) == {}


def test_fewest_pairs_for_one_comparison_are_those_of_the_signs() -> None:
    """2^n patterns bound any bet on signs, and half of the wealth bets on the other side: 2^n / 2 >= 20 needs 6."""
    course = follow({"x": [1.0] * 30})["x"]
    assert course.stopped_at == 6


def test_always_valid_interval_holds_the_centres_that_evidence_leaves() -> None:
    d = np.random.default_rng(4).normal(1.0, 1.0, 20).tolist()
    interval = always_valid_interval(d)
    assert interval is not None
    low, high = interval
    assert low < np.mean(d) < high
    for edge, step in ((low, -1e-6), (high, 1e-6)):
        assert evidence([x - edge - step for x in d])[-1] >= 20 > evidence([x - edge + step for x in d])[-1]
    assert always_valid_interval(d[:4]) is None
    assert always_valid_interval([]) is None
