"""How numbers are written: points of a fraction, the metric's own unit, p values, mean and SD."""

from __future__ import annotations

import pytest

from archsearch.stats.effect import Family, Seed
from archsearch.stats.sentence import amount, estimate, number, p_equals, p_text
from archsearch.stats.spread import spread_heading, spread_text, spreads
from archsearch.stats.verdict import judge

OWN = Family(unit="own", margin=0.0, metric="loss")


@pytest.mark.parametrize(
    ("p", "text", "said"),
    [
        (0.003125, "0.0031", "p = 0.0031"),
        (0.0009765625, "0.00098", "p = 0.00098"),
        (0.5, "0.50", "p = 0.50"),
        (0.9375, "0.94", "p = 0.94"),
        (1.0, "1", "p = 1"),
        (0.0001, "0.00010", "p = 0.00010"),
        (0.00009999, "< 0.0001", "p < 0.0001"),
        (2.0**-29, "< 0.0001", "p < 0.0001"),
    ],
)
def test_p_has_two_significant_digits_and_none_below_a_ten_thousandth(p: float, text: str, said: str) -> None:
    assert (p_text(p), p_equals(p)) == (text, said)


def test_p_that_does_not_exist_is_nothing() -> None:
    assert p_text(None) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(-0.05081, "-0.0508"), (12.345, "+12.3"), (999.7, "+1,000"), (61706.0, "+61,706")]
)
def test_metric_of_its_own_unit_has_no_points_and_no_exponent(value: float, text: str) -> None:
    assert number(value, OWN) == text
    assert amount(value, OWN, signed=True) == text


def test_loss_without_a_margin_is_never_equivalent_and_says_so() -> None:
    base: dict[Seed, float | None] = {seed: 0.35 + 0.001 * (seed % 3) for seed in range(10)}
    other: dict[Seed, float | None] = {seed: (value or 0.0) + 1e-5 * (-1) ** int(seed) for seed, value in base.items()}
    family = Family(unit="own", direction="minimize", margin=0.0)
    effect = judge({"base": base, "other": other}, "base", family).effects[0]
    assert (effect.verdict, effect.further_seeds) == ("inconclusive", None)
    assert "10 paired seeds, Holm over 1: inconclusive, and without a margin nothing is equivalent; " in effect.sentence
    assert (
        judge({"base": base, "other": other}, "base", family.model_copy(update={"margin": 0.001}))
        .effects[0]
        .sentence.endswith("equivalent within 0.001.")
    )


def test_variants_by_themselves_have_mean_and_sd_of_all_their_completed_runs() -> None:
    found = spreads({"a": {0: 0.97, 1: 0.98, 2: 0.99, 3: None}, "b": {0: 0.5}, "c": {0: None}})
    assert [(one.variant, one.n, one.failed) for one in found] == [("a", 3, 1), ("b", 1, 0), ("c", 0, 1)]
    assert [spread_text(one, Family()) for one in found] == ["98.00 ± 1.00", "50.00", ""]  # SD of 97, 98, 99 is 1
    assert spread_heading(Family()) == "mean ± SD (%)"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((0.34, 0.35, 0.36), "0.350 ± 0.010"),
        ((1000.0, 1200.0, 1400.0), "1,200 ± 200"),
        ((2.0, 2.0), "2 ± 0"),
        ((0.125,), "0.125"),
    ],
)
def test_mean_of_its_own_unit_has_as_many_digits_as_its_sd_allows(values: tuple[float, ...], text: str) -> None:
    (one,) = spreads({"a": dict(enumerate(values))})
    assert spread_text(one, OWN) == text
    assert spread_heading(OWN) == "mean ± SD"


@pytest.mark.parametrize(
    ("value", "ends", "texts"),
    [
        (1.9, (1.878, 1.931), ["+1.90", "+1.88 to +1.93"]),
        (-1.97, (-2.0, -1.93), ["-1.97", "-2.00 to -1.93"]),
        (-0.05, (-0.0508, -0.0492), ["-0.0500", "-0.0508 to -0.0492"]),
        (100.0, (99.97, 100.03), ["+100.00", "+99.97 to +100.03"]),
        (0.012, (-0.0004, 0.0244), ["+0.0120", "-0.0004 to +0.0244"]),
        (1234.5, (1100.0, 1369.0), ["+1,234", "+1,100 to +1,369"]),
        (2e-6, (-1e-6, 5e-6), ["+2.00e-06", "-1.00e-06 to +5.00e-06"]),
        (0.3, (0.3, 0.1 + 0.2), ["+0.300", "+0.300 to +0.300"]),
        (0.0, (0.0, 0.0), ["+0", "+0 to +0"]),
        (-0.001, (-5.0, 4.9), ["+0.00", "-5.00 to +4.90"]),
    ],
)
def test_difference_and_its_interval_have_the_same_number_of_decimals(
    value: float, ends: tuple[float, float], texts: list[str]
) -> None:
    assert estimate(value, ends, family=OWN) == texts


def test_estimate_of_points_and_of_what_there_is_not() -> None:
    assert estimate(0.019, (0.01878, 0.01931), None, family=Family()) == ["+1.90", "+1.88 to +1.93", ""]
    assert estimate(0.019, None, family=Family()) == ["+1.90", ""]
    assert estimate(None, None, family=Family()) == ["", ""]
