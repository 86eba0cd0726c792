"""What the verdicts promise, on synthetic differences: a short version always, 2,000 repeats with `-m slow`."""

from __future__ import annotations

import numpy as np
import pytest

from tests.stats import simulations

FULL = 2000


def at_most(rate: float, repeats: int) -> float:
    """Give the largest share that a true rate shows in so many repeats, but for one time in a thousand."""
    return float(rate + 3.1 * np.sqrt(rate * (1 - rate) / repeats))


def test_baseline_against_itself_is_seldom_called_better_or_worse() -> None:
    rates = simulations.verdict_rates([0.0] * 6, 10, 80, margin=0.0)
    assert rates.comparison <= 0.02
    assert rates.family <= at_most(0.05, 80)


def test_promised_effect_is_found() -> None:
    assert simulations.promised_power(10, 1, 200) >= 1 - at_most(0.2, 200)


def test_intervals_cover() -> None:
    t, bca = simulations.coverage(20, 300)
    assert t >= 1 - at_most(0.05, 300)
    assert bca >= 1 - at_most(0.08, 300)


def test_sequential_family_is_seldom_wrong_and_stops_early() -> None:
    assert simulations.sequential_rates([0.0] * 6, 30, 300).wrong <= at_most(0.05, 300)
    shares = [simulations.sequential_rates([d] * 6, 30, 30).runs for d in simulations.PLANTED]
    assert np.mean(shares) <= 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("comparisons", "seeds"), [(1, 6), (1, 10), (6, 10), (6, 20)])
def test_null_is_called_better_or_worse_in_at_most_one_of_twenty(comparisons: int, seeds: int) -> None:
    rates = simulations.verdict_rates([0.0] * comparisons, seeds, FULL)
    assert rates.comparison <= 0.05
    assert rates.family <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [10, 20])
def test_effect_of_the_margin_is_called_equivalent_in_at_most_one_family_of_twenty(seeds: int) -> None:
    margin = 0.5
    rates = simulations.verdict_rates([margin] * 6, seeds, FULL, margin=margin * simulations.SD * 2**0.5)
    assert rates.equivalent <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "comparisons"), [(6, 1), (8, 1), (8, 6), (10, 1), (10, 6), (12, 6), (20, 6), (30, 6)]
)
def test_power_that_the_planner_promises_is_reached(seeds: int, comparisons: int) -> None:
    assert simulations.promised_power(seeds, comparisons, FULL) >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [5, 10, 20, 30])
def test_t_interval_covers_in_95_of_100(seeds: int) -> None:
    assert simulations.coverage(seeds, FULL)[0] == pytest.approx(0.95, abs=0.015)


@pytest.mark.slow
def test_bca_interval_is_too_narrow_for_few_seeds_as_the_documentation_says() -> None:
    assert simulations.coverage(10, FULL)[1] == pytest.approx(0.90, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("comparisons", [1, 6])
def test_sequential_rule_keeps_its_error_and_halves_the_runs(comparisons: int) -> None:
    each = [simulations.sequential_rates([d] * comparisons, 30, FULL) for d in simulations.PLANTED]
    assert max(rates.wrong for rates in each) <= 0.05
    assert np.mean([rates.runs for rates in each]) <= 0.5


@pytest.mark.slow
def test_sequential_equivalence_at_the_margin_is_seldom_claimed() -> None:
    assert simulations.sequential_rates([1.0] * 6, 30, FULL, margin=1.0).wrong <= 0.05


@pytest.mark.slow
def test_always_valid_interval_holds_at_every_look() -> None:
    assert simulations.always_valid_coverage(30, 300) >= 0.95
