"""Linear model and attribution against statsmodels, hand arithmetic, and the axioms of Shapley values."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from archsearch.ablate.design.cell import BASELINE, Cell, Factor
from archsearch.ablate.design.designs import fractional_factorial, full_factorial
from archsearch.ablate.design.factorial import (
    Attribution,
    LinearModel,
    Observations,
    attribute,
    fit,
    possible_orders,
    shapley_cells,
    shapley_orders,
)
from archsearch.errors import UsageError

THREE = (Factor("a", ("on",)), Factor("b", ("on",)), Factor("c", ("on",)))
MIXED = (Factor("act", ("relu", "gelu")), Factor("head", ("none",)))


def observed(cells: tuple[Cell, ...], seeds: int = 4, noise: float = 1.0) -> Observations:
    """2 for a, 0.5 for b, 3 more for both, 1 for each level of anything else; blocks and noise."""
    random = np.random.default_rng(len(cells))
    blocks = random.normal(0, 5, seeds)

    def value(cell: Cell, seed: int) -> float:
        a, b = cell.level("a") is not None, cell.level("b") is not None
        others = sum(name not in "ab" for name, _ in cell.moved)
        return float(2 * a + 0.5 * b + 3 * (a and b) + others + blocks[seed] + random.normal(0, noise))

    return {cell: {seed: value(cell, seed) for seed in range(seeds)} for cell in cells}


def test_two_by_two_without_noise_is_the_arithmetic_of_the_cell_means() -> None:
    """Cells 0, 2, 0.5, 5.5: a is worth (2 + 5) / 2, b (0.5 + 3.5) / 2, together 3 more than their sum."""
    model = fit(observed(full_factorial(THREE[:2]).cells, noise=1e-9), THREE[:2])
    assert {term.name: term.estimate for term in model.terms} == pytest.approx(
        {"a": 3.5, "b": 2.0, "a:b": 3.0}, abs=1e-6
    )
    assert (model.observations, model.residual_df) == (16, 16 - 3 - 4)


@pytest.mark.parametrize("factors", [THREE, MIXED], ids=["three", "mixed"])
def test_linear_model_agrees_with_statsmodels(factors: tuple[Factor, ...]) -> None:
    data = observed(full_factorial(factors).cells)
    model = fit(data, factors)
    rows = [
        {f.name: cell.level(f.name) or "-" for f in factors} | {"seed": str(seed), "y": value}
        for cell, runs in data.items()
        for seed, value in runs.items()
    ]
    names = [f.name for f in factors]
    # sum coding: the columns add to 0; the model space is the same, so fit and residuals are
    formula = "y ~ C(seed) + (" + " + ".join(f"C({n}, Sum)" for n in names) + ")**2"
    theirs = smf.ols(formula, pd.DataFrame(rows)).fit()
    assert model.residual_df == int(theirs.df_resid)
    assert model.residual_sd == pytest.approx(float(np.sqrt(theirs.mse_resid)), rel=1e-9)
    if factors is THREE:
        # Sum coding of on/-: "-" comes first and is +1, so an effect is -2 coefficients, an interaction +4
        for term in model.terms:
            parts = term.name.split(":")
            key = ":".join(f"C({part}, Sum)[S.-]" for part in parts)
            scale = -2.0 if len(parts) == 1 else 4.0
            assert term.estimate == pytest.approx(scale * theirs.params[key], rel=1e-9)
            assert term.p == pytest.approx(float(theirs.pvalues[key]), rel=1e-9)
            ends = sorted(scale * theirs.conf_int().loc[key])
            assert term.ci95 == pytest.approx(tuple(ends), rel=1e-9)


def test_level_of_a_balanced_factor_is_the_difference_of_plain_means() -> None:
    data = observed(full_factorial(MIXED).cells)
    model = fit(data, MIXED)
    estimates = {term.name: term.estimate for term in model.terms}
    assert list(estimates) == ["act=relu", "act=gelu", "head", "act=relu:head", "act=gelu:head"]

    def mean(level: str | None) -> float:
        return float(np.mean([list(runs.values()) for cell, runs in data.items() if cell.level("act") == level]))

    assert estimates["act=gelu"] == pytest.approx(mean("gelu") - mean(None))


def test_fraction_names_what_it_cannot_tell_apart() -> None:
    design = fractional_factorial(THREE, 3)
    model = fit(observed(design.cells), THREE)
    assert {term.name: term.aliases for term in model.terms} == {"a": ("b:c",), "b": ("a:c",), "c": ("a:b",)}
    assert LinearModel.model_validate_json(model.model_dump_json()) == model


def test_model_without_anything_left_for_the_error_is_refused() -> None:
    data = observed(full_factorial(THREE[:2]).cells, seeds=1)
    with pytest.raises(UsageError, match="4 runs for 4 effects and blocks leave nothing to judge by; add seeds"):
        fit(data, THREE[:2])
    with pytest.raises(UsageError, match="the linear model needs finite values only"):
        fit({BASELINE: {0: float("nan")}}, THREE[:2])


def test_shapley_of_two_factors_by_hand() -> None:
    """a: 2 first, 5 last; b: 0.5 first, 3.5 last; together 5.5."""
    found = attribute(observed(full_factorial(THREE[:2]).cells, noise=1e-12), THREE[:2])
    assert {share.factor: share.mean for share in found.shares} == pytest.approx({"a": 3.5, "b": 2.0})
    assert [share.fraction for share in found.shares] == pytest.approx([3.5 / 5.5, 2 / 5.5])
    assert (found.total, found.orders, found.exact) == (pytest.approx(5.5), 2, True)


def test_shares_add_up_seed_by_seed_and_have_the_t_intervals_of_their_seeds() -> None:
    data = observed(full_factorial(THREE).cells, seeds=6)
    found = attribute(data, THREE)
    whole = Cell(tuple((f.name, "on") for f in THREE))
    totals = [data[whole][seed] - data[BASELINE][seed] for seed in range(6)]
    assert sum(share.mean for share in found.shares) == pytest.approx(np.mean(totals))
    assert found.total_ci95 == pytest.approx(stats.ttest_1samp(totals, 0).confidence_interval(0.95))
    share = found.shares[0]
    gains = []
    for seed in range(6):
        each = []
        for order in permutations("abc"):
            before = [n for n in "abc" if order.index(n) < order.index("a")]
            cell = Cell(tuple((n, "on") for n in "abc" if n in before))
            after = Cell(tuple((n, "on") for n in "abc" if n in before or n == "a"))
            each.append(data[after][seed] - data[cell][seed])
        gains.append(np.mean(each))
    assert share.mean == pytest.approx(np.mean(gains))
    assert share.ci95 == pytest.approx(stats.ttest_1samp(gains, 0).confidence_interval(0.95))
    assert Attribution.model_validate_json(found.model_dump_json()) == found


def test_all_orders_up_to_five_factors_pass_through_all_cells_and_sampled_ones_above() -> None:
    five = [Factor(letter, ("on",)) for letter in "abcde"]
    assert len(shapley_orders(five)) == 120
    assert set(shapley_cells(five)) == set(full_factorial(five).cells)
    seven = [Factor(letter, ("on",)) for letter in "abcdefg"]
    orders = shapley_orders(seven, sampled=20, seed=1)
    assert orders == shapley_orders(seven, sampled=20, seed=1)
    assert orders[1] == orders[0][::-1]
    assert len(orders) == 20
    assert len(shapley_cells(seven, orders)) < 128
    data = {cell: {0: 1.0 * len(cell.moved), 1: 2.0 * len(cell.moved)} for cell in shapley_cells(seven, orders)}
    found = attribute(data, seven, orders)
    assert [share.mean for share in found.shares] == pytest.approx([1.5] * 7)  # additive: each its own
    assert not found.exact


def test_orders_through_an_impossible_cell_are_left_out() -> None:
    only_b = Cell((("b", "on"),))
    orders = possible_orders(shapley_orders(THREE[:2]), THREE[:2], [only_b])
    assert orders == (("a", "b"),)
    data = {
        cell: runs for cell, runs in observed(full_factorial(THREE[:2]).cells, noise=1e-12).items() if cell != only_b
    }
    found = attribute(data, THREE[:2], orders)
    assert ({s.factor: s.mean for s in found.shares}, found.exact) == (pytest.approx({"a": 2.0, "b": 3.5}), False)


def test_attribution_that_lacks_cells_or_seeds_is_refused() -> None:
    data = dict(observed(full_factorial(THREE[:2]).cells))
    with pytest.raises(UsageError, match="no order of the factors can be run"):
        attribute(data, THREE[:2], [])
    with pytest.raises(UsageError, match="attribution needs one level for each factor; act has more or none"):
        attribute(data, MIXED)
    with pytest.raises(UsageError, match="no seed was run in all cells"):
        attribute(data | {BASELINE: {99: 1.0}}, THREE[:2])
    del data[Cell((("b", "on"),))]
    with pytest.raises(UsageError, match=r"attribution needs every cell; 1 of 4 have no run: b=on, \.\.\."):
        attribute(data, THREE[:2])
