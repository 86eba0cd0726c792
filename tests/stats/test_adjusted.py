"""The adjusted estimate: against statsmodels' regression, arithmetic by hand, and its promise on drawn runs."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from archsearch.stats.adjusted import adjusted, adjusted_text, is_adjusted
from archsearch.stats.effect import Family
from archsearch.stats.verdict import judge
from tests.stats.adjusted_simulations import kept

DICE = np.random.default_rng(7)
BASELINE = DICE.normal(0.97, 0.002, size=24)
LEVEL = 0.972 + 0.4 * (BASELINE[:10] - 0.97) + DICE.normal(0, 0.001, size=10)


def effect_of(level, baseline, family=None):
    return judge({"base": baseline, "relu": level}, "base", family).effects[0]


def by_seed(values):
    return dict(enumerate(map(float, values)))


def test_estimate_is_the_regressions_value_at_the_mean_of_all_baseline_runs():
    found = adjusted(LEVEL.tolist(), BASELINE[:10].tolist(), BASELINE[10:].tolist())
    assert found is not None
    fit = sm.OLS(LEVEL, sm.add_constant(BASELINE[:10] - BASELINE.mean())).fit()
    assert found.slope == pytest.approx(fit.params[1])
    assert found.mean_difference == pytest.approx(fit.params[0] - BASELINE.mean())
    of_baseline = (fit.params[1] - 1) ** 2 * BASELINE.var(ddof=1) / 24
    error = (fit.bse[0] ** 2 + of_baseline) ** 0.5
    freedom = error**4 / (fit.bse[0] ** 4 / 8 + of_baseline**2 / 23)
    from scipy.stats import t

    low, high = t.interval(0.95, freedom, found.mean_difference, error)
    assert found.ci95 == pytest.approx((low, high))
    assert found.baseline_runs == 24


def test_without_further_runs_it_is_the_paired_difference():
    found = adjusted(LEVEL.tolist(), BASELINE[:10].tolist(), [])
    assert found is not None
    assert found.mean_difference == pytest.approx(float((LEVEL - BASELINE[:10]).mean()))


def test_a_baseline_that_does_not_vary_and_a_level_without_residual_have_none():
    assert adjusted([1.0, 2.0, 3.0], [5.0, 5.0, 5.0], [4.0]) is None
    assert adjusted([2.0, 3.0, 4.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) is None


@pytest.mark.parametrize(
    ("pairs", "further", "has"), [(9, 100, False), (10, 9, False), (10, 10, True), (30, 29, False), (30, 30, True)]
)
def test_rule_knows_counts_alone(pairs, further, has):
    assert is_adjusted(pairs, further) is has


def test_judge_adds_it_to_comparisons_with_many_baseline_runs_and_leaves_the_verdict():
    effect = effect_of(by_seed(LEVEL), by_seed(BASELINE))
    pairs_alone = effect_of(by_seed(LEVEL), by_seed(BASELINE[:10]))
    assert effect.adjusted is not None
    assert pairs_alone.adjusted is None
    assert effect.model_copy(update={"adjusted": None}) == pairs_alone
    whole = (effect.adjusted.ci95[1] - effect.adjusted.ci95[0]) / (effect.ci95[1] - effect.ci95[0])
    said = adjusted_text(effect, Family())
    assert said.startswith("by all 24 runs of base, adjusted by regression: +0.18 points (95 % CI +0.10 to +0.25), ")
    assert said.endswith(f", {abs(1 - whole):.0%} {'narrower' if whole < 1 else 'wider'} than by the pairs alone")


def test_a_failed_run_of_either_side_and_folds_have_none():
    failed = by_seed(LEVEL) | {10: None}
    assert effect_of(failed, by_seed(BASELINE)).adjusted is None
    assert effect_of(by_seed(LEVEL) | {10: 0.97}, by_seed(BASELINE) | {3: None}).adjusted is None
    assert effect_of(by_seed(LEVEL), by_seed(BASELINE), Family(overlap=0.25, pairs="fold")).adjusted is None


@pytest.mark.parametrize(("correlation", "narrower"), [(0.0, True), (0.95, False)])
def test_interval_covers_and_is_narrower_where_pairs_do_not_correlate(correlation, narrower):
    found = kept(10, 20, correlation, 1000)
    assert found.adjusted == pytest.approx(0.95, abs=0.015)
    assert (found.width < 0.9) is narrower


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["normal", "t, 3 degrees"])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8, 0.95])
def test_interval_covers_at_every_correlation(shape, correlation):
    found = kept(20, 60, correlation, 10_000, shape=shape)
    assert 0.935 <= found.adjusted <= 0.97
