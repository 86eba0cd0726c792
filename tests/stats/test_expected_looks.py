"""What a plan expects of planned looks, against the rule itself on other families."""

from __future__ import annotations

import numpy as np
import pytest

from archsearch.stats.expected_looks import expected_stops
from archsearch.stats.group_sequential import plan_looks
from tests.stats.look_simulations import look_rates


@pytest.mark.parametrize(("effects", "margin"), [([0.5] * 2, 0.0), ([0.0] * 2, 0.9)])
def test_expected_seeds_and_decisions_are_near_those_of_the_rule(effects: list[float], margin: float) -> None:
    real = look_rates(effects, 60, margin=margin, seed=3)
    stops = expected_stops(plan_looks(30, comparisons=len(effects)), len(effects), effects[0], margin=margin)
    runs = (stops.seeds.sum(axis=1) + stops.seeds.max(axis=1)).mean() / 30 / (len(effects) + 1)
    assert runs == pytest.approx(real.runs, abs=0.07)
    assert stops.decided == pytest.approx(real.decided, abs=0.13)


def test_stops_are_at_looks_and_the_same_whenever_asked() -> None:
    looks = (8, 11, 15, 20, 30)
    stops = expected_stops(looks, 1, 1.0)
    assert set(np.unique(stops.seeds)) <= set(looks)
    assert np.array_equal(stops.seeds, expected_stops(looks, 1, 1.0).seeds)
    assert expected_stops(looks, 1, 6.0).seeds.mean() == 8
    assert expected_stops(looks, 3, 0.0).decided < 0.05
