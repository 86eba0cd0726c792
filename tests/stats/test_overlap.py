"""Folds of the same samples: the corrected resampled t test against scipy's pieces and hand arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from archsearch.errors import UsageError
from archsearch.stats import intervals, paired, power
from archsearch.stats.effect import Family
from archsearch.stats.pairs import Pairs
from archsearch.stats.verdict import judge

# Ten differences: 5 folds, twice.
D = [0.02, 0.01, 0.03, -0.01, 0.02, 0.01, 0.04, 0.00, 0.02, 0.01]
FOLDS = Family(overlap=0.25, pairs="fold")


def corrected(d: list[float], overlap: float) -> tuple[float, float]:
    """Give the statistic and its standard error by the formula of Nadeau & Bengio (2003), written out."""
    error = math.sqrt((1 / len(d) + overlap) * np.var(d, ddof=1))
    return float(np.mean(d) / error), float(error)


def test_a_worked_case_by_hand() -> None:
    """The mean is 0.015, the squares around it sum to 0.00185: s^2 = 0.00185 / 9, times 0.35 its root is 0.0084820."""
    assert intervals.standard_error(D, 0.25) == pytest.approx(0.0084820, abs=5e-8)
    assert paired.paired_t_p(D, 0.25) == pytest.approx(2 * stats.t.sf(0.015 / 0.0084820, 9), rel=1e-5)
    assert paired.paired_t_p(D) == pytest.approx(stats.ttest_1samp(D, 0).pvalue)


def test_p_interval_and_equivalence_agree_with_scipys_t() -> None:
    statistic, error = corrected(D, 0.25)
    assert paired.paired_t_p(D, 0.25) == pytest.approx(2 * stats.t.sf(statistic, 9))
    assert intervals.t_interval(D, overlap=0.25) == pytest.approx(stats.t.interval(0.95, 9, np.mean(D), error))
    assert paired.equivalence_p(D, 0.04, 0.25) == pytest.approx(stats.t.cdf((np.mean(D) - 0.04) / error, 9))


def test_folds_are_judged_by_the_corrected_test_and_say_so() -> None:
    values = {"base": dict.fromkeys(range(10), 0.9), "level": {i: 0.9 + d for i, d in enumerate(D)}}
    (effect,) = judge(values, "base", FOLDS).effects
    (of_seeds,) = judge(values, "base").effects
    assert effect.p == pytest.approx(2 * stats.t.sf(corrected(D, 0.25)[0], 9))
    assert (effect.verdict, of_seeds.verdict) == ("inconclusive", "better")  # what the overlap is worth
    assert (effect.bca95, effect.wins95, effect.t_p) == (None, None, None)
    assert effect.ci95 == pytest.approx(intervals.t_interval(D, overlap=0.25))
    assert effect.sentence.startswith(
        "level instead of base: +1.50 points (95 % CI -0.42 to +3.42), 10 paired folds, Holm"
    )
    assert effect.smallest_detectable == pytest.approx(
        power.smallest_effect(10, float(np.std(D, ddof=1)), overlap=0.25), rel=1e-9
    )
    assert any("no number of folds of these samples settles 0.10 points" in note for note in effect.notes)


def test_folds_that_all_agree_prove_nothing() -> None:
    values = {"base": dict.fromkeys(range(10), 0.5), "level": dict.fromkeys(range(10), 0.75)}
    (effect,) = judge(values, "base", FOLDS).effects
    assert (effect.p, effect.equivalence_p, effect.verdict) == (1.0, 1.0, "inconclusive")


@pytest.mark.parametrize(("n", "overlap", "level"), [(10, 0.25, 0.05), (50, 0.25, 0.01), (20, 1 / 9, 0.05)])
def test_power_of_the_corrected_test_is_the_noncentral_ts(n: int, overlap: float, level: float) -> None:
    d, critical = 0.9, stats.t.isf(level / 2, n - 1)
    shift = d / math.sqrt(1 / n + overlap)
    theirs = stats.nct.sf(critical, n - 1, shift) + stats.nct.cdf(-critical, n - 1, shift)
    assert power.verdict_power(n, d, level, overlap) == pytest.approx(theirs, rel=1e-6)


def test_more_repeats_cannot_find_what_the_samples_do_not_hold() -> None:
    """Even without end the error stays above sd * sqrt(n_test / n_train): half an SD for 5 folds."""
    assert power.seeds_needed(0.5, 1.0, overlap=0.25) is None
    needed = power.seeds_needed(2.0, 1.0, overlap=0.25)
    assert needed is not None
    assert power.verdict_power(needed, 2.0, 0.05, 0.25) >= 0.8 > power.verdict_power(needed - 1, 2.0, 0.05, 0.25)


def test_a_plan_of_folds_has_no_smallest_p_and_wants_ten_of_them() -> None:
    plan = power.plan_seeds(20, 10, overlap=0.25)
    assert (plan.smallest_p, plan.seeds_to_reach, plan.overlap) == (0.0, 2, 0.25)
    assert plan.smallest_in_sds == pytest.approx(math.sqrt(2) * power.t_smallest_d(10, 0.05 / 20, 0.8, 0.25))
    with pytest.raises(
        UsageError, match=r"5 divisions of the samples are fewer than a claim needs.*at least 10 \(`rep"
    ):
        power.plan_seeds(1, 5, overlap=0.25)


def test_no_effect_gives_five_per_cent_of_false_verdicts_where_the_naive_test_gives_more_than_ten() -> None:
    """Differences that correlate by the share that is tested, as the correction assumes: 5 folds, 4 times."""
    dice, false, naive = np.random.default_rng(11), 0, 0
    shared = dice.normal(size=(1500, 1)) * math.sqrt(0.2)
    for row in (shared + dice.normal(size=(1500, 20)) * math.sqrt(0.8)).tolist():
        p = paired.paired_t_p(row, 0.25)
        interval = intervals.t_interval(row, overlap=0.25)
        assert p is not None
        assert (p < 0.05) == (not interval[0] <= 0 <= interval[1])
        false += p < 0.05
        naive += stats.ttest_1samp(row, 0).pvalue < 0.05
    assert 0.04 <= false / 1500 <= 0.06
    assert naive / 1500 > 0.10


def test_pairs_give_their_differences() -> None:
    assert Pairs("level", (0, 1), (0.5, 0.75), (0.25, 0.75), failed=0).differences == (0.25, 0.0)
