"""What the verdicts promise, on synthetic differences: a short version always, 2,000 repeats with `-m slow`."""

from __future__ import annotations

import numpy as np
import pytest

from tests.stats import look_simulations, simulations

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


def test_looks_are_seldom_wrong_and_stop_early() -> None:
    assert look_simulations.look_rates([0.0] * 6, 100).wrong <= at_most(0.05, 100)
    assert look_simulations.look_rates([2.0], 60).runs <= 0.3
    half = look_simulations.look_rates([0.5], 150)
    assert half.decided >= 1 - at_most(0.3, 150)


@pytest.mark.slow
@pytest.mark.parametrize("draw", look_simulations.DRAWN.values(), ids=look_simulations.DRAWN)
@pytest.mark.parametrize("comparisons", [1, 6])
def test_looks_call_a_null_better_or_worse_in_at_most_one_family_of_twenty(
    draw: look_simulations.Draw, comparisons: int
) -> None:
    assert look_simulations.look_rates([0.0] * comparisons, FULL, draw=draw).wrong <= at_most(0.05, FULL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("effects", "decided", "runs"),
    [([0.5], 0.7, 0.85), ([1.0], 0.99, 0.47), ([2.0], 1.0, 0.29), ([3.0], 1.0, 0.27), ([0.5] * 6, 0.48, 1.0)],
)
def test_looks_find_what_they_promise_with_few_runs(effects: list[float], decided: float, runs: float) -> None:
    rates = look_simulations.look_rates(effects, FULL)
    assert rates.decided >= decided - (at_most(decided, FULL) - decided)
    assert rates.runs <= runs + 0.01


@pytest.mark.slow
@pytest.mark.parametrize("effect", [1.0, 1.25])
def test_looks_seldom_call_equivalent_what_is_at_the_margin_or_beyond_it(effect: float) -> None:
    assert look_simulations.look_rates([effect] * 6, 1000, margin=1.0).wrong <= at_most(0.05, 1000)


@pytest.mark.slow
@pytest.mark.parametrize("effect", [0.0, 0.5, 1.0])
def test_repeated_interval_holds_where_a_comparison_stopped(effect: float) -> None:
    assert look_simulations.interval_coverage(effect, 500) >= 1 - at_most(0.05, 500)


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
