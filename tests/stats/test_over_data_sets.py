"""Ranks over data sets against scipy, the tables that Demsar printed, and rankings counted by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from archsearch.errors import UsageError
from archsearch.stats.over_data_sets import compare_over_data_sets, critical_difference

# Demsar 2006, table 6: AUC of C4.5 and of three of its settings on 14 data sets
# (its ranks tell the two 0.975 of the 13th apart).
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
    ]
)  # fmt: skip
NAMES = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")


def table(values: np.ndarray, names: tuple[str, ...] = NAMES) -> dict[str, dict[str, dict[int | str, float | None]]]:
    return {
        f"set{row}": {name: {0: float(value)} for name, value in zip(names, of, strict=True)}
        for row, of in enumerate(values)
    }


def test_demsars_worked_example() -> None:
    """Mean ranks 3.143, 2.000, 2.893, 1.964 and chi2 9.28 as printed; with ties corrected (scipy's) it is 10.23."""
    found = compare_over_data_sets(table(DEMSAR), "C4.5")
    ranks = {one.name: one.mean_rank for one in found.ranked}
    assert [round(ranks[name], 3) for name in NAMES] == [3.143, 2.0, 2.893, 1.964]
    theirs = stats.friedmanchisquare(*DEMSAR.T)
    assert (found.statistic, found.p_chi2) == (pytest.approx(theirs.statistic), pytest.approx(theirs.pvalue))
    by_name = {one.name: one for one in found.ranked}
    # Section 3.2.2: SE sqrt(4 * 5 / (6 * 14)) = 0.488; z = (3.143 - 1.964) / 0.488 = 2.416, p = 0.016
    assert by_name["C4.5+m+cf"].z == pytest.approx(-2.416, abs=2e-3)
    assert by_name["C4.5+m+cf"].p == pytest.approx(0.016, abs=5e-4)
    assert by_name["C4.5+m"].p == pytest.approx(0.019, abs=5e-4)
    assert by_name["C4.5+cf"].p == pytest.approx(0.607, abs=2e-3)
    assert by_name["C4.5"].p is None
    # Holm: 3 * 0.0157 = 0.047, and 2 * 0.0191 is not below that; both reject, as in the paper.
    assert [by_name[name].p_adjusted for name in NAMES[1:]] == [
        pytest.approx(0.047, abs=1e-3), pytest.approx(0.607, abs=2e-3), pytest.approx(0.047, abs=1e-3)
    ]  # fmt: skip
    assert found.critical_difference == pytest.approx(1.25, abs=5e-3)  # printed for Nemenyi at 0.05
    assert "C4.5+m+cf ranks better than C4.5 (1.96 and 3.14, Holm p = 0.047)" in found.sentence


def test_critical_values_are_those_of_demsars_table_5() -> None:
    for variants, q in ((2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)):
        expected = q * (variants * (variants + 1) / 60) ** 0.5
        assert critical_difference(variants, 10) == pytest.approx(expected, rel=1e-3)


def test_exact_p_counts_every_ranking() -> None:
    values = np.array([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0], [1.0, 2.0, 3.0]])
    found = compare_over_data_sets(table(values, ("a", "b", "c")), "a")
    observed = ((np.array([9.0, 5.0, 4.0]) - 6) ** 2).sum()  # ranks: the largest is 1
    far = 0
    for rows in itertools.product(itertools.permutations((1, 2, 3)), repeat=3):
        far += ((np.sum(rows, axis=0) - 6) ** 2).sum() >= observed
    assert (found.p, found.exact) == (pytest.approx(far / 6**3), True)


def test_sampled_p_of_many_rankings_is_near_the_chi_squared() -> None:
    values = np.random.default_rng(1).normal(size=(12, 5)) + np.linspace(0, 1, 5)
    found = compare_over_data_sets(table(values, tuple("abcde")), "a")
    assert not found.exact
    assert found.p == pytest.approx(stats.friedmanchisquare(*values.T).pvalue, rel=0.35)


def test_two_variants_are_compared_by_wilcoxon() -> None:
    values = np.array([[0.1, 0.25], [0.2, 0.3], [0.3, 0.5], [0.6, 0.65], [0.1, 0.4], [0.3, 0.7]])
    found = compare_over_data_sets(table(values, ("a", "b")), "a")
    assert found.p == pytest.approx(stats.wilcoxon(values[:, 1] - values[:, 0]).pvalue) == pytest.approx(2 / 2**6)
    assert (found.statistic, found.critical_difference) == (None, None)
    assert found.sentence.endswith("b is the better one (mean ranks 1.00 and 2.00).")


def test_two_variants_have_one_p_and_no_other_by_their_ranks() -> None:
    values = np.array([[0.1, 0.25], [0.2, 0.3], [0.3, 0.5], [0.6, 0.62]])  # z of the ranks: 2, p = 0.046
    found = compare_over_data_sets(table(values, ("a", "b")), "a")
    assert found.p == pytest.approx(2 / 2**4)
    assert [(one.name, one.z, one.p, one.p_adjusted) for one in found.ranked] == [
        ("b", None, found.p, found.p),
        ("a", None, None, None),
    ]


def test_few_data_sets_say_that_they_cannot_show_anything() -> None:
    values = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    found = compare_over_data_sets(table(values, ("a", "b", "c")), "a")
    assert (found.p, found.smallest_p) == (pytest.approx(1 / 6), pytest.approx(1 / 6))
    assert found.sentence.endswith("2 data sets cannot show a difference, whatever they say (the least p is 0.17).")


def test_losses_are_ranked_the_other_way_and_ties_share_ranks() -> None:
    values = np.array([[0.2, 0.2, 0.5], [0.1, 0.3, 0.4]])
    ranks = {
        one.name: one.mean_rank for one in compare_over_data_sets(table(values, tuple("abc")), "a", "minimize").ranked
    }
    assert ranks == {"a": 1.25, "b": 1.75, "c": 3.0}


def test_seeds_are_averaged_inside_a_data_set_and_leave_an_interval_of_the_rank() -> None:
    dice = np.random.default_rng(0)
    values = {
        f"set{number}": {
            name: dict(enumerate((shift + dice.normal(0, 0.01, 10)).tolist()))
            for name, shift in (("a", 0.5), ("near", 0.5005), ("far", 0.9))
        }
        for number in range(5)
    }
    found = {one.name: one for one in compare_over_data_sets(values, "a").ranked}
    assert found["far"].rank95 == (1.0, 1.0)
    low, high = found["near"].rank95 or (0, 0)
    assert 2.0 <= low < found["near"].mean_rank < high <= 3.0
    assert found["far"].values[0] == pytest.approx(np.mean([*values["set0"]["far"].values()]))


def test_a_variant_that_lacks_a_data_set_is_left_out_and_said() -> None:
    values = table(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]), ("a", "b", "c"))
    del values["set1"]["c"]
    assert compare_over_data_sets(values, "a").left_out == ("c",)
    values["set1"]["a"] = {0: None}
    with pytest.raises(UsageError, match="the baseline 'a' has no value on one of the data sets"):
        compare_over_data_sets(values, "a")
    with pytest.raises(UsageError, match="1 data set: a comparison over data sets needs at least two"):
        compare_over_data_sets({"one": values["set0"]}, "a")
