"""The arithmetic against scipy and statsmodels called independently, and against numbers worked out by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from archsearch.stats import intervals
from archsearch.stats import paired as ours

SAMPLES = [np.random.default_rng(n).normal(0.3 * (n % 4), 1.0, size=n).tolist() for n in (2, 3, 5, 6, 8, 10, 13, 20)]
IDS = [f"n={len(sample)}" for sample in SAMPLES]

# Darwin's cross- and self-fertilised maize, differences in eighths of an inch (Fisher 1935, section 21).
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def test_darwins_maize_has_the_p_values_that_fisher_printed() -> None:
    """Fisher counted 863 of 2^15 patterns beyond the observed sum, 1,726 on both sides: 5.267 %; t = 2.148."""
    test = ours.sign_flip_test(DARWIN)
    assert (test.exact, test.p) == (True, 1726 / 32768)
    t_p = ours.paired_t_p(DARWIN)
    assert t_p == pytest.approx(0.0497, abs=5e-5)
    assert intervals.mean(DARWIN) == pytest.approx(314 / 15)


@pytest.mark.parametrize("d", SAMPLES, ids=IDS)
def test_t_test_and_interval_agree_with_scipy_and_statsmodels(d: list[float]) -> None:
    theirs = stats.ttest_1samp(d, 0.0)
    assert ours.paired_t_p(d) == pytest.approx(theirs.pvalue, rel=1e-9)
    assert intervals.t_interval(d) == pytest.approx(theirs.confidence_interval(0.95), rel=1e-9)
    assert intervals.t_interval(d, 0.9) == pytest.approx(DescrStatsW(d).tconfint_mean(0.1), rel=1e-9)


@pytest.mark.parametrize("d", SAMPLES[:-1], ids=IDS[:-1])
def test_sign_flip_agrees_with_scipys_permutation_test(d: list[float]) -> None:
    theirs = stats.permutation_test(
        (np.array(d),), np.mean, permutation_type="samples", n_resamples=math.inf, vectorized=True
    )
    assert ours.sign_flip_test(d) == ours.SignFlipTest(pytest.approx(theirs.pvalue, abs=1e-9), True)


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=9))
@settings(max_examples=150, deadline=None)
def test_sign_flip_of_accuracies_counts_ties_as_a_list_of_all_patterns_does(counts: list[int]) -> None:
    """Differences of accuracies are multiples of 1/10,000 with rounding; whole numbers have none."""
    patterns = itertools.product((-1, 1), repeat=len(counts))
    far = sum(abs(sum(s * c for s, c in zip(signs, counts, strict=True))) >= abs(sum(counts)) for signs in patterns)
    level, baseline = [0.97 + c / 10_000 for c in counts], [0.97] * len(counts)
    d = [a - b for a, b in zip(level, baseline, strict=True)]
    assert ours.sign_flip_test(d).p == far / 2 ** len(counts)


def test_sign_flip_of_thirty_pairs_is_exact_and_above_sampled_and_repeatable() -> None:
    assert ours.sign_flip_test([1.0] * 30) == ours.SignFlipTest(2 / 2**30, True)
    many = np.random.default_rng(3).normal(0.4, 1, 40).tolist()
    test = ours.sign_flip_test(many)
    assert test == ours.sign_flip_test(many)
    assert not test.exact
    p_of_t = ours.paired_t_p(many)
    assert p_of_t is not None
    assert test.p == pytest.approx(p_of_t, rel=0.25)
    assert ours.sign_flip_test([1.0] * 40).p == 1 / 100_001


@pytest.mark.parametrize("d", SAMPLES[2:], ids=IDS[2:])
def test_bca_interval_agrees_with_scipy_on_the_same_resamples(d: list[float]) -> None:
    theirs = stats.bootstrap((d,), np.mean, n_resamples=10_000, method="BCa", rng=np.random.default_rng(20230))
    assert intervals.bca_interval(d) == pytest.approx(tuple(theirs.confidence_interval), rel=1e-9)


@pytest.mark.parametrize("d", SAMPLES, ids=IDS)
@pytest.mark.parametrize("margin", [0.05, 0.5, 2.0])
def test_equivalence_agrees_with_statsmodels_two_one_sided_tests(d: list[float], margin: float) -> None:
    theirs, _, _ = ttost_paired(np.array(d), np.zeros(len(d)), -margin, margin)
    assert ours.equivalence_p(d, margin) == pytest.approx(float(theirs), abs=1e-9)


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_holm_agrees_with_statsmodels(count: int) -> None:
    p_values = (np.random.default_rng(count).uniform(0, 1, count) ** 3).round(2).tolist()
    assert ours.holm(p_values) == pytest.approx(tuple(multipletests(p_values, method="holm")[1]), abs=1e-12)


def test_holm_of_a_written_out_example() -> None:
    """4 * 0.01 = 0.04; 3 * 0.02 = 0.06; 2 * 0.03 = 0.06; 0.04 -> not below the one before it: 0.06."""
    assert ours.holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx((0.06, 0.04, 0.06, 0.06))
    assert ours.holm([]) == ()


@pytest.mark.parametrize(("won", "n"), [(0, 5), (3, 10), (10, 10), (1, 2), (19, 30)])
def test_wilson_interval_agrees_with_statsmodels(won: int, n: int) -> None:
    assert intervals.wilson_interval(won, n) == pytest.approx(proportion_confint(won, n, 0.05, "wilson"), abs=1e-12)


def test_mcnemar_agrees_with_statsmodels_and_with_hand_arithmetic() -> None:
    """Of 8 images on which they differ the level gets 7: 2 * (C(8,0) + C(8,1)) / 2^8 = 18/256."""
    baseline = [True] * 20 + [True] + [False] * 7 + [False] * 4
    level = [True] * 20 + [False] + [True] * 7 + [False] * 4
    assert ours.mcnemar_test(baseline, level) == ours.McNemar(1, 7, pytest.approx(18 / 256, abs=1e-15))
    assert mcnemar([[20, 1], [7, 4]], exact=True).pvalue == pytest.approx(18 / 256)
    assert ours.mcnemar_test(baseline, baseline) == ours.McNemar(0, 0, 1.0)


def test_mcnemar_of_unequal_lists_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ours.mcnemar_test([True, False], [True])


def test_effect_size_correlation_and_error_reduction_of_small_examples() -> None:
    d = [1.0, 2.0, 3.0]
    assert ours.effect_size(d) == pytest.approx(2.0)  # mean 2, sd 1
    assert ours.pair_correlation([1.0, 2.0, 4.0], [2.0, 3.0, 5.0]) == pytest.approx(1.0)
    assert ours.pair_correlation([1.0, 2.0, 4.0], [5.0, 5.0, 5.0]) is None
    assert ours.pair_correlation([1.0, 2.0], [2.0, 5.0]) is None
    assert ours.relative_error_reduction(0.98, 0.97) == pytest.approx(1 / 3)  # of 3 % errors 1 % is gone
    assert ours.relative_error_reduction(1.0, 1.0) is None


def test_identical_differences_have_no_spread_no_t_and_an_interval_of_one_point() -> None:
    d = [0.9 - 0.89, 0.97 - 0.96, 0.03 - 0.02]  # 0.01 three times, but for rounding
    assert len(set(d)) > 1
    assert intervals.standard_deviation(d) == 0
    assert intervals.t_interval(d) == pytest.approx((0.01, 0.01))
    assert intervals.bca_interval(d) == pytest.approx((0.01, 0.01))
    assert (ours.paired_t_p(d), ours.effect_size(d)) == (None, None)
    assert ours.sign_flip_test(d).p == 2 / 8
    assert ours.equivalence_p(d, 0.02) == 1 / 8
    assert ours.equivalence_p(d, 0.005) == 1.0


def test_zero_differences_are_as_far_from_zero_as_any_pattern() -> None:
    assert ours.sign_flip_test([0.0] * 10).p == 1.0
    assert ours.sign_flip_test([0.0, 0.0, 1.0]).p == 1.0  # one pair speaks: 2 / 2^1


def test_bca_interval_of_two_pairs_does_not_exist() -> None:
    assert intervals.bca_interval([0.1, 0.2]) is None


def test_thousands_of_pairs_are_resampled_in_steps() -> None:
    d = np.random.default_rng(0).normal(0.1, 1.0, 1000).tolist()
    bca, t = intervals.bca_interval(d), intervals.t_interval(d)
    assert bca == pytest.approx(t, abs=0.01)
    assert ours.sign_flip_test(d).p == pytest.approx(ours.paired_t_p(d), abs=0.002)
