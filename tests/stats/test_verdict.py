"""Verdicts: the rules of the protocol, one situation each, and the sentence as it can stand in a paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from archsearch.errors import UsageError
from archsearch.stats.effect import Family, Seed, Verdicts
from archsearch.stats.verdict import judge

SEEDS = range(10)
# Ten seeds of a baseline around 97 %, and pairwise differences in percentage points.
BASE = dict(enumerate([0.9726, 0.9766, 0.9740, 0.9751, 0.9733, 0.9748, 0.9739, 0.9760, 0.9744, 0.9753]))
BETTER = [0.41, 0.52, 0.38, 0.47, 0.44, 0.36, 0.55, 0.40, 0.49, 0.48]
NOISE = [0.12, -0.20, 0.05, 0.18, -0.16, 0.09, -0.25, 0.14, -0.03, -0.11]
SMALL = [0.01, -0.02, 0.02, 0.00, -0.01, 0.03, -0.02, 0.01, 0.00, -0.03]
TINY = [0.05, 0.04, 0.06, 0.05, 0.04, 0.05, 0.06, 0.05, 0.04, 0.06]


def shifted(points: list[float]) -> dict[Seed, float | None]:
    return {seed: BASE[seed] + d / 100 for seed, d in enumerate(points)}


def values(**points: list[float]) -> dict[str, dict[Seed, float | None]]:
    return {"base": dict(BASE), **{name: shifted(d) for name, d in points.items()}}


@pytest.mark.parametrize(
    ("points", "verdict"),
    [(BETTER, "better"), ([-d for d in BETTER], "worse"), (NOISE, "inconclusive"), (SMALL, "equivalent")],
)
def test_verdict_follows_from_test_interval_and_margin(points: list[float], verdict: str) -> None:
    assert judge(values(level=points), "base").effects[0].verdict == verdict


def test_smaller_is_better_where_the_metric_is_minimised() -> None:
    verdicts = judge(values(level=BETTER, other=[-d for d in BETTER]), "base", Family(direction="minimize"))
    assert [(e.verdict, e.wins) for e in verdicts.effects] == [("worse", 0.0), ("better", 1.0)]
    assert verdicts.effects[0].mean_difference == pytest.approx(0.0045)


def test_numbers_of_an_effect_are_scipys_and_statsmodels() -> None:
    verdicts = judge(values(one=BETTER, two=NOISE, three=SMALL), "base", Family())
    effects = {effect.variant: effect for effect in verdicts.effects}
    d = np.array([effects[name].differences for name in ("one", "two", "three")])
    whole = (1e4 * d).round()  # scipy parts ties that only rounding makes: 756 patterns of `two` instead of 760
    flips = [stats.permutation_test((row,), np.mean, permutation_type="samples", n_resamples=math.inf) for row in whole]
    p = [test.pvalue for test in flips]
    assert [effects[name].p for name in effects] == pytest.approx(p, abs=1e-9)
    assert [effects[name].p_adjusted for name in effects] == pytest.approx(multipletests(p, method="holm")[1], abs=1e-9)
    two = effects["two"]
    assert two.ci95 == pytest.approx(stats.ttest_1samp(d[1], 0).confidence_interval(0.95), abs=1e-12)
    assert two.d_z == pytest.approx(d[1].mean() / d[1].std(ddof=1), abs=1e-9)
    assert (two.n, two.seeds, two.comparisons, two.wins, two.ties) == (10, tuple(SEEDS), 3, 0.5, 0)
    assert two.baseline_mean == pytest.approx(np.mean(list(BASE.values())))
    assert two.pair_correlation == pytest.approx(
        np.corrcoef([v or 0 for v in shifted(NOISE).values()], list(BASE.values()))[0, 1]
    )


def test_sentences_are_those_of_the_protocol() -> None:
    verdicts = judge(values(relu=NOISE, softmax=BETTER, wide=SMALL), "base", labels={"relu": "relu instead of tanh"})
    ci = stats.ttest_1samp(NOISE, 0).confidence_interval(0.95)
    assert verdicts.effects[0].smallest_detectable is not None
    assert [effect.sentence for effect in verdicts.effects] == [
        f"relu instead of tanh: -0.02 points (95 % CI {ci.low:.2f} to +{ci.high:.2f}), 10 paired seeds, Holm over 3: "
        f"inconclusive; smallest detectable {100 * verdicts.effects[0].smallest_detectable:.2f} points.",
        "softmax instead of base: +0.45 points (95 % CI +0.41 to +0.49), 10 paired seeds, Holm over 3: better.",
        "wide instead of base: +0.00 points (95 % CI -0.01 to +0.01), 10 paired seeds, Holm over 3: "
        "equivalent within 0.10 points.",
    ]  # fmt: skip


def test_numbers_outside_fractions_are_written_as_they_are() -> None:
    table = {"a": {s: 10.0 + s for s in range(8)}, "b": {s: 12.5 + s + 0.1 * (s % 2) for s in range(8)}}
    verdicts = judge(table, "a", Family(unit="own", margin=0.1))
    assert verdicts.effects[0].sentence == (
        "b instead of a: +2.55 (95 % CI +2.51 to +2.59), 8 paired seeds, Holm over 1: better."
    )
    assert verdicts.effects[0].relative_error_reduction is None


def test_difference_that_is_real_and_smaller_than_the_margin_says_so() -> None:
    effect = judge(values(level=TINY), "base").effects[0]
    assert effect.verdict == "better"
    assert effect.notes == ("the difference is real, and smaller than the margin of 0.10 points",)


def test_inconclusive_says_how_many_further_seeds_would_settle_the_margin() -> None:
    effect = judge(values(level=NOISE), "base").effects[0]
    sd = np.std(NOISE, ddof=1)  # 0.151 points against a margin of 0.1
    n = 10 + (effect.further_seeds or 0)
    both = stats.t.isf(0.05, n - 1) + stats.t.isf(0.1, n - 1)  # two one-sided tests, power 0.8
    assert both * sd / math.sqrt(n) <= 0.1 < (both + 0.02) * sd / math.sqrt(n - 1)
    assert judge(values(level=BETTER), "base").effects[0].further_seeds is None


def test_tests_that_disagree_are_reported() -> None:
    """One wild pair: the t test sees spread, the sign-flip test sees eight positive signs."""
    d = [0.10, 0.11, 0.12, 0.10, 0.13, 0.11, 0.12, 1.90]
    table = {"base": dict.fromkeys(range(8), 0.95), "level": {s: 0.95 + x / 100 for s, x in enumerate(d)}}
    effect = judge(table, "base").effects[0]
    assert effect.p == 2 / 2**8
    assert effect.verdict == "inconclusive"  # its interval holds 0
    assert effect.notes[0] == "the tests disagree: sign-flip p = 0.0078, paired t p = 0.18 (both adjusted)"


def test_identical_differences_are_judged_by_their_signs_alone() -> None:
    effect = judge(values(level=[0.3] * 10), "base").effects[0]
    assert (effect.verdict, effect.sd, effect.t_p, effect.d_z) == ("better", 0.0, None, None)
    assert effect.p == 2 / 2**10
    same = judge(values(level=[0.0] * 10), "base").effects[0]
    assert (same.verdict, same.p, same.ties, same.wins) == ("equivalent", 1.0, 10, 0.0)
    assert "all differences are the same number" in same.notes[0]
    asked = "both gave the very same number with every seed: does what was changed reach what is run?"
    assert asked in same.notes
    assert asked not in effect.notes


def test_failed_runs_are_left_out_stated_and_counted_in_a_second_figure() -> None:
    table = values(level=BETTER, other=NOISE)
    table["level"][3] = None
    table["base"][5] = float("nan")
    del table["other"][7]
    verdicts = judge(table, "base", Family(failed_value=0.1))
    assert [(one.variant, one.seed, one.reason) for one in verdicts.exclusions] == [
        ("base", 5, "failed: its value is nan"),
        ("level", 3, "failed: it has no value"),
        ("level", 5, "the baseline has no value with this seed"),
        ("other", 5, "the baseline has no value with this seed"),
        ("other", 7, "missing: there is no such run"),
    ]
    assert [one.kind for one in verdicts.exclusions] == ["failed", "failed", "alone", "alone", "missing"]
    level = verdicts.effects[0]
    assert (level.n, level.seeds) == (8, (0, 1, 2, 4, 6, 7, 8, 9))
    assert level.notes[0] == "2 of 10 pairs left out: a run failed or has no finite value"
    assert "8 paired seeds (2 more failed)" in level.sentence
    assert level.with_failures is not None
    by_hand = sum(BETTER[s] / 100 for s in level.seeds if isinstance(s, int))
    by_hand += (0.1 - BASE[3]) + (BASE[5] + BETTER[5] / 100 - 0.1)
    assert level.with_failures.mean_difference == pytest.approx(by_hand / 10)
    assert level.with_failures.n == 10
    assert judge(table, "base").effects[0].with_failures is None


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_pairs_have_no_verdict(n: int) -> None:
    table = values(level=BETTER[:n], other=NOISE)
    effect = judge(table, "base").effects[0]
    numbers = (effect.ci95, effect.bca95, effect.p, effect.p_adjusted, effect.d_z, effect.further_seeds)
    assert (effect.verdict, effect.n, *numbers) == ("inconclusive", n, None, None, None, None, None, None)
    assert effect.notes[-1] == f"{n} pair{'s' * (n == 0)}: there is no spread to judge by"
    assert (effect.mean_difference is None) == (n == 0)
    other = judge(table, "base").effects[1]
    assert other.p is not None
    assert other.p_adjusted == min(1.0, 2 * other.p)  # the family stays the planned one


def test_too_few_pairs_for_the_family_are_told_what_they_would_need() -> None:
    table = values(**{f"v{i}": BETTER[:5] for i in range(3)})
    effect = judge(table, "base").effects[0]
    assert effect.verdict == "inconclusive"
    assert effect.notes[0] == (
        "5 pairs cannot be significant. With Holm over 3 comparisons at least 7 pairs can be significant, "
        "and a claim has at least 10."
    )
    assert effect.smallest_detectable is None


def test_screen_has_no_p_values_and_no_winner() -> None:
    effect = judge(values(level=BETTER[:3]), "base", Family(screen=True)).effects[0]
    assert (effect.verdict, effect.p, effect.p_adjusted, effect.equivalence_p) == ("inconclusive", None, None, None)
    assert effect.sentence == (
        "level instead of base: +0.44 points (95 % CI +0.25 to +0.62), 3 paired seeds, "
        "a screen: exploratory, no verdict."
    )


def test_verdicts_go_to_json_and_back_without_loss() -> None:
    table = values(level=BETTER, other=NOISE, third=[0.3] * 10)
    table["level"][3] = None
    verdicts = judge(table, "base", Family(failed_value=0.1))
    assert Verdicts.model_validate_json(verdicts.model_dump_json()) == verdicts
    assert Verdicts.model_validate(verdicts.model_dump(mode="json")) == verdicts
    assert Verdicts.model_validate(verdicts.model_dump()) == verdicts


def test_unknown_baseline_and_an_empty_family_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^the baseline 'bass' is not among the variants: 'base', 'level'$"):
        judge(values(level=NOISE), "bass")
    with pytest.raises(UsageError, match=r"^there is nothing to compare with 'base': give at least one other variant$"):
        judge(values(), "base")
