"""The planner: the protocol's numbers, statsmodels' power, and plans that cannot answer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from archsearch.errors import UsageError
from archsearch.stats import power
from archsearch.stats.verdict import judge


@pytest.mark.parametrize(("n", "p"), [(3, 0.25), (5, 0.0625), (6, 0.03125), (10, 0.001953125)])
def test_smallest_p_is_two_of_all_sign_patterns(n: int, p: float) -> None:
    assert power.smallest_p(n) == p


@pytest.mark.parametrize(
    ("comparisons", "n"), [(1, 6), (2, 7), (3, 7), (4, 8), (6, 8), (8, 9), (10, 9), (15, 10), (20, 10)]
)
def test_seeds_to_reach_is_the_protocols_table(comparisons: int, n: int) -> None:
    assert power.seeds_to_reach(comparisons) == n == math.ceil(math.log2(40 * comparisons))


def test_seeds_to_reach_needs_p_below_alpha_and_not_at_it() -> None:
    assert power.seeds_to_reach(1, alpha=0.0625) == 6  # 5 pairs reach 0.0625 exactly


@pytest.mark.parametrize("n", [5, 6, 8, 10, 20, 30])
@pytest.mark.parametrize("comparisons", [1, 6])
def test_t_power_agrees_with_statsmodels(n: int, comparisons: int) -> None:
    level = 0.05 / comparisons
    d = power.t_smallest_d(n, level)
    assert d == pytest.approx(TTestPower().solve_power(nobs=n, alpha=level, power=0.8), rel=1e-5)
    assert TTestPower().power(d, n, level) == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize(("n", "level"), [(2, 0.05), (3, 0.05 / 6), (4, 0.05 / 20)])
def test_t_power_of_very_few_pairs_agrees_with_simulation(n: int, level: float) -> None:
    """Here scipy's noncentral t, and with it statsmodels, gives NaN or another answer."""
    x = np.random.default_rng(n).standard_normal((100_000, n)) + power.t_smallest_d(n, level)
    statistic = np.abs(x.mean(axis=1)) / x.std(axis=1, ddof=1) * math.sqrt(n)
    assert (statistic > stats.t.isf(level / 2, n - 1)).mean() == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize(("n", "points"), [(3, 0.305), (5, 0.157), (8, 0.108), (10, 0.093), (20, 0.062), (30, 0.049)])
def test_detectable_difference_of_the_t_test_at_a_seed_sd_of_0_066_points(n: int, points: float) -> None:
    sd = power.difference_sd(0.066)
    assert sd == pytest.approx(0.066 * math.sqrt(2))
    assert power.t_smallest_d(n, 0.05) * sd == pytest.approx(points, abs=5e-4)


def test_correlated_pairs_have_smaller_differences() -> None:
    """var(a - b) = 2 sd^2 (1 - r)."""
    assert power.difference_sd(1.0, 0.5) == 1.0


@pytest.mark.parametrize(("n", "comparisons"), [(6, 1), (8, 1), (8, 6), (10, 6), (16, 6)])
def test_smallest_effect_is_above_the_t_tests_where_p_comes_in_steps(n: int, comparisons: int) -> None:
    effect = power.smallest_effect(n, 1.0, 0.05, comparisons)
    assert effect is not None
    assert power.t_smallest_d(n, 0.05 / comparisons) <= effect
    # worked out for n = 6: all signs must agree, so 0.82 = Phi(d)^6 (the other tail is nothing)
    by_hand = stats.norm.ppf(0.82 ** (1 / 6))
    assert (n, comparisons) != (6, 1) or effect == pytest.approx(by_hand, rel=0.02)


def test_smallest_effect_of_too_few_pairs_does_not_exist() -> None:
    assert power.smallest_effect(5, 1.0) is None
    assert power.smallest_effect(7, 1.0, 0.05, 4) is None


@pytest.mark.parametrize(("d", "comparisons"), [(2.0, 1), (1.0, 6), (0.5, 1), (0.1, 6)])
def test_seeds_needed_is_the_least_number_with_the_power(d: float, comparisons: int) -> None:
    n = power.seeds_needed(d, 1.0, 0.05, comparisons)
    assert n is not None
    level = 0.05 / comparisons
    assert power.verdict_power(n, d, level) >= 0.8
    assert n == power.seeds_to_reach(comparisons) or power.verdict_power(n - 1, d, level) < 0.82
    by_t = TTestPower().solve_power(effect_size=d, alpha=level, power=0.82) if d < 2 else 5
    assert by_t - 1 <= n <= by_t + 3


def test_seeds_needed_beyond_ten_thousand_is_said_to_be_too_many() -> None:
    assert power.seeds_needed(1e-4, 1.0) is None
    assert power.seeds_for_equivalence(1e-4, 1.0) is None


def test_seeds_for_equivalence_give_the_power_that_simulation_finds() -> None:
    n = power.seeds_for_equivalence(1.0, 1.0)
    assert n is not None
    x = np.random.default_rng(0).standard_normal((20_000, n))
    reach = stats.t.isf(0.05, n - 1) * x.std(axis=1, ddof=1) / math.sqrt(n)
    inside = np.abs(x.mean(axis=1)) + reach < 1.0
    assert 0.79 <= inside.mean() <= 0.88


def test_plan_says_all_of_it() -> None:
    plan = power.plan_seeds(comparisons=6, seeds=10, effect=0.001, seed_sd=0.00066)
    assert (plan.smallest_p, plan.smallest_p_adjusted, plan.seeds_to_reach) == (2 / 2**10, 12 / 2**10, 8)
    assert plan.smallest_effect == pytest.approx(1.44 * 0.00066 * math.sqrt(2), rel=0.02)
    assert plan.smallest_in_sds == pytest.approx(plan.smallest_effect / 0.00066)
    assert plan.seeds_for_effect == 15
    assert power.Plan.model_validate_json(plan.model_dump_json()) == plan


def test_plan_without_a_measured_spread_promises_no_effect_but_says_it_in_sds() -> None:
    plan = power.plan_seeds(comparisons=6, seeds=10, effect=0.001)
    assert (plan.seed_sd, plan.smallest_effect, plan.seeds_for_effect, plan.effect) == (None, None, None, 0.001)
    assert plan.smallest_in_sds == pytest.approx(1.44 * math.sqrt(2), rel=0.02)
    known = power.plan_seeds(comparisons=6, seeds=10, seed_sd=0.4)
    assert known.smallest_effect == pytest.approx(0.4 * plan.smallest_in_sds)


def test_seeds_for_an_effect_are_never_fewer_than_a_claim_needs() -> None:
    assert power.seeds_needed(0.005, power.difference_sd(0.001)) < 10
    assert power.plan_seeds(1, 10, seed_sd=0.001, effect=0.005).seeds_for_effect == 10


def test_plan_of_version_0_1_0_is_read() -> None:
    document = power.plan_seeds(comparisons=6, seeds=10, seed_sd=0.00066).model_dump(mode="json")
    del document["smallest_in_sds"]
    assert power.Plan.model_validate(document).smallest_effect == document["smallest_effect"]


RULE = "With Holm over {} at least {} pairs can be significant, and a claim has at least {}"


@pytest.mark.parametrize(
    ("comparisons", "words", "least", "claim"),
    # 2 m / 2^n < 0.05: m = 1 needs 6, 3 need 7, 10 need 9, 1000 need 16
    [
        (1, "1 comparison", 6, 10),
        (3, "3 comparisons", 7, 10),
        (10, "10 comparisons", 9, 10),
        (1000, "1000 comparisons", 16, 16),
    ],
)
def test_rule_of_few_seeds_is_one_for_plans_and_for_given_numbers(comparisons, words, least, claim) -> None:
    rule = RULE.format(words, least, claim)
    assert power.few_seeds_rule(comparisons) == rule
    with pytest.raises(UsageError, match=rule):
        power.plan_seeds(comparisons, 5)
    table = {"base": {s: 0.9 + 0.001 * s for s in range(5)}}
    table |= {f"v{i}": {s: 0.8 + 0.002 * s for s in range(5)} for i in range(min(comparisons, 10))}
    if comparisons <= 10:
        assert judge(table, "base").effects[0].notes[0] == f"5 pairs cannot be significant. {rule}."


def test_given_numbers_with_fewer_pairs_than_a_claim_are_judged_and_told_the_rule() -> None:
    table = {"base": dict.fromkeys(range(8), 0.9), "level": {s: 0.95 + 0.001 * s for s in range(8)}}
    effect = judge(table, "base").effects[0]
    assert (effect.verdict, effect.notes[0]) == ("better", f"8 pairs are few. {RULE.format('1 comparison', 6, 10)}.")


def test_screen_may_have_too_few_seeds_and_says_that_it_cannot_answer() -> None:
    plan = power.plan_seeds(comparisons=6, seeds=3, purpose="screen")
    assert (plan.smallest_p_adjusted, plan.smallest_effect) == (1.0, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"comparisons": 6, "seeds": 3},
            r"3 seeds cannot answer: the smallest p of 3 pairs is 0\.25, with Holm over 6 comparisons 1, and alpha is "
            r"0\.05\. With Holm over 6 comparisons at least 8 pairs can be significant, and a claim has at least 10\. "
            r"Use at least 10 seeds, or call it a screen\.$",
        ),
        (
            {"comparisons": 1000, "seeds": 12},
            r"12 seeds cannot answer: .* Use at least 16 seeds, or call it a screen\.$",
        ),
        ({"comparisons": 1, "seeds": 8}, r"8 seeds are fewer than a claim needs\. With .* Use at least 10 seeds, or"),
        (
            {"comparisons": 1, "seeds": 12, "purpose": "strong"},
            r"12 seeds are fewer than a strong needs\. With .* a strong has at least 20\. Use at least 20",
        ),
        ({"comparisons": 0, "seeds": 12}, "0 comparisons: an ablation compares at least one level with its baseline"),
        ({"comparisons": 1, "seeds": 1}, "1 seeds: give a number from 2 to 10,000; one run has no spread"),
        ({"comparisons": 1, "seeds": 10, "alpha": 5}, "alpha 5: give a probability between 0 and 1, such as 0.05"),
        ({"comparisons": 1, "seeds": 10, "seed_sd": 0}, "a seed SD of 0: give a number above 0"),
        ({"comparisons": 1, "seeds": 10, "effect": 0.0}, "an effect of 0 cannot be planned for"),
    ],
)
def test_plan_that_cannot_answer_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        power.plan_seeds(**arguments)


@pytest.mark.parametrize("seeds", [2, 3, 10, 1000])
@pytest.mark.parametrize("level", [0.05, 0.001, 1e-5])
def test_without_an_effect_the_power_of_t_is_the_level(seeds: int, level: float) -> None:
    assert power._t_power(seeds, 0.0, level) == pytest.approx(level, rel=1e-6)


@pytest.mark.parametrize(
    ("seeds", "d", "level"), [(10, 1.2, 0.05), (20, 0.5, 0.01), (30, 0.3, 0.05 / 6), (100, 0.2, 0.05)]
)
def test_the_power_of_t_is_that_of_the_noncentral_t(seeds: int, d: float, level: float) -> None:
    critical, shift = float(stats.t.isf(level / 2, seeds - 1)), d * math.sqrt(seeds)
    expected = float(stats.nct.sf(critical, seeds - 1, shift) + stats.nct.cdf(-critical, seeds - 1, shift))
    assert power._t_power(seeds, d, level) == pytest.approx(expected, abs=1e-9)
