"""What pairing saved: against numpy, scipy's Fisher interval, and the textbook's variances by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr

from archsearch.stats.effect import Family
from archsearch.stats.pairing import fisher_interval, pairing, pairing_text
from archsearch.stats.verdict import Contrast, judge, judge_contrasts

LEVEL = [0.9781, 0.9793, 0.9790, 0.9802, 0.9776, 0.9811, 0.9788, 0.9799]
BASELINE = [0.9770, 0.9785, 0.9776, 0.9797, 0.9771, 0.9799, 0.9771, 0.9780]


def drawn(correlation: float, n: int, seed: int = 1, scale: float = 1.0) -> tuple[list[float], list[float]]:
    """Draw pairs that correlate."""
    dice = np.random.default_rng(seed)
    shared, own = dice.normal(size=(2, n))
    return list(scale * (correlation * shared + np.sqrt(1 - correlation**2) * own)), list(shared)


def test_saving_is_the_unpaired_variance_over_the_paired_one():
    found = pairing(LEVEL, BASELINE)
    assert found is not None
    unpaired = np.var(LEVEL, ddof=1) + np.var(BASELINE, ddof=1)
    assert found.saved == pytest.approx(unpaired / np.var(np.subtract(LEVEL, BASELINE), ddof=1))
    assert found.correlation == pytest.approx(np.corrcoef(LEVEL, BASELINE)[0, 1])


@pytest.mark.parametrize(
    ("correlation", "n", "scale"), [(0.0, 10, 1.0), (0.8, 10, 1.0), (0.98, 30, 0.2), (-0.7, 20, 3)]
)
def test_interval_of_the_correlation_is_scipys_and_that_of_the_saving_follows_from_it(correlation, n, scale):
    level, baseline = drawn(correlation, n, scale=scale)
    found = pairing(level, baseline)
    theirs = pearsonr(level, baseline).confidence_interval(0.95)
    assert found is not None
    assert found.correlation95 == pytest.approx((theirs.low, theirs.high))
    one, other = np.std(level, ddof=1), np.std(baseline, ddof=1)
    by_hand = [(one**2 + other**2) / (one**2 + other**2 - 2 * r * one * other) for r in theirs]
    assert found.saved95 == pytest.approx(tuple(by_hand))


def test_few_pairs_and_sides_that_do_not_vary_say_less():
    assert pairing([0.1, 0.2], [0.1, 0.3]) is None
    assert pairing([0.1, 0.1, 0.1, 0.1], [0.1, 0.3, 0.2, 0.4]) is None
    three = pairing([0.1, 0.2, 0.4], [0.1, 0.3, 0.2])
    assert three is not None
    assert (three.correlation95, three.saved95) == (None, None)
    same = pairing(LEVEL, LEVEL)
    assert same is not None
    assert (same.saved, same.correlation95) == (None, None)
    assert fisher_interval(1.0, 10) is None


def effect_of(level, baseline, family=None):
    values = {"base": dict(enumerate(baseline)), "level": dict(enumerate(level))}
    return judge(values, "base", family).effects[0]


def test_line_says_the_saving_with_its_interval():
    effect = effect_of(LEVEL, BASELINE)
    low, high = pearsonr(LEVEL, BASELINE).confidence_interval(0.95)
    assert effect.pair_correlation95 == pytest.approx((low, high))
    assert pairing_text(effect) == (
        "pairs correlate by +0.90 (95 % CI +0.52 to +0.98): 9.7 times fewer seeds than unpaired (2.1 to 53)"
    )


def test_line_says_no_saving_where_the_interval_holds_zero_and_a_cost_where_it_lies_below():
    nothing = effect_of(*drawn(0.0, 10))
    assert pairing_text(nothing).endswith("): no measurable saving by pairing")
    costs = effect_of(*drawn(-0.9, 20))
    assert costs.seeds_saved is not None
    assert costs.seeds_saved < 1
    assert f": {1 / costs.seeds_saved:.1f} times as many seeds as unpaired (" in pairing_text(costs)


def test_folds_and_effects_of_several_cells_have_a_correlation_and_no_saving():
    folds = effect_of(LEVEL, BASELINE, Family(overlap=0.25, pairs="fold"))
    assert folds.pair_correlation is not None
    assert (folds.seeds_saved, folds.pair_correlation95, pairing_text(folds)) == (None, None, "")
    values = {name: dict(enumerate(drawn(0.5, 8, seed)[0])) for seed, name in enumerate("abcd")}
    main = Contrast("f", "g", "f instead of g", {"a": 0.5, "b": 0.5, "c": -0.5, "d": -0.5})
    (effect,) = judge_contrasts(values, [main], Family())
    assert effect.seeds_saved is None


def test_intervals_hold_the_true_correlation_in_95_of_100_cases():
    truth, inside = 0.6, 0
    for seed in range(1000):
        between = fisher_interval(float(np.corrcoef(*drawn(truth, 10, seed))[0, 1]), 10)
        assert between is not None
        inside += between[0] <= truth <= between[1]
    assert inside / 1000 == pytest.approx(0.95, abs=0.015)
