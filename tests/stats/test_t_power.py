"""The t test's power against its own level, scipy's noncentral t and hand arithmetic."""

from __future__ import annotations

import math

import pytest
from scipy.stats import nct, t

from archsearch.stats.t_power import t_power, where_reached


@pytest.mark.parametrize("seeds", [2, 3, 10, 1000])
@pytest.mark.parametrize("level", [0.05, 0.001, 1e-5])
def test_without_an_effect_the_power_is_the_level(seeds: int, level: float) -> None:
    assert t_power(seeds, 0.0, level) == pytest.approx(level, rel=1e-9)


@pytest.mark.parametrize(
    ("seeds", "d", "level"), [(10, 1.2, 0.05), (20, 0.5, 0.01), (30, 0.3, 0.05 / 6), (100, 0.2, 0.05)]
)
def test_the_power_is_that_of_the_noncentral_t(seeds: int, d: float, level: float) -> None:
    critical, shift = float(t.isf(level / 2, seeds - 1)), d * math.sqrt(seeds)
    expected = float(nct.sf(critical, seeds - 1, shift) + nct.cdf(-critical, seeds - 1, shift))
    assert t_power(seeds, d, level) == pytest.approx(expected, abs=1e-9)


def test_two_pairs_of_a_huge_effect_are_found_where_their_spread_is_small_enough() -> None:
    # |t| > c where the spread s, |normal| of one degree of freedom, is below d sqrt(2) / c: the density there is flat
    critical = float(t.isf(1e-5 / 2, 1))
    chance = math.erf(300 * math.sqrt(2) / critical / math.sqrt(2))
    assert t_power(2, 300.0, 1e-5) == pytest.approx(chance, rel=1e-4)


@pytest.mark.parametrize("within", [1e-12, 1e-3])
def test_where_a_function_reaches_a_value(within: float) -> None:
    asked: list[float] = []

    def cube(x: float) -> float:
        asked.append(x)
        return x**3

    assert where_reached(cube, 8.0, 0.0, 10.0, within) == pytest.approx(2.0, abs=1.1 * within)
    assert len(asked) < 40
    assert where_reached(lambda x: float(x >= 0.3), 0.5, 0.0, 1.0, within) == pytest.approx(0.3, abs=1.1 * within)
