"""Effects of factors from cells times seeds: a linear model with the seed as block, and Shapley attribution.

    model = fit(observations, factors)         # observations: {cell: {seed: value}}
    [(term.name, term.estimate, term.ci95, term.p_adjusted) for term in model.terms]
    shares = attribute(observations, factors)  # which factor carries the difference between two specs

Values and effects are in the metric's own unit. Knows names and numbers only.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from archsearch.ablate.design.cell import Cell, Factor
from archsearch.errors import UsageError
from archsearch.plain import Plain
from archsearch.stats import intervals, paired
from archsearch.stats.effect import Interval, Seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Observations = Mapping[Cell, Mapping[Seed, float]]
Order = tuple[str, ...]
Moved = tuple[tuple[str, str], ...]  # (factor, level)

ALL_ORDERS_UP_TO = 5


class Term(Plain):
    """One effect: of a level (averaged over the other factors), or of two levels together beyond their sum.

    `estimate` of an interaction is a difference of differences. `aliases` are effects that this design cannot tell from
    it: the estimate is the sum of them all. `factors` are the one or two that move.
    """

    name: str
    estimate: float
    ci95: Interval
    p: float
    p_adjusted: float
    aliases: Annotated[tuple[str, ...], Field(strict=False)] = ()
    factors: Annotated[tuple[str, ...], Field(strict=False)] = ()


class LinearModel(Plain):
    """Main effects and two-factor interactions; p values are adjusted by Holm over all of them."""

    terms: Annotated[tuple[Term, ...], Field(strict=False)]
    observations: int
    residual_df: int
    residual_sd: float


class Share(Plain):
    """What one factor carries of the whole difference: mean over seeds with its t interval (None for one seed)."""

    factor: str
    mean: float
    ci95: Interval | None
    fraction: float | None


class Attribution(Plain):
    """A whole difference split among its factors; the shares add up to `total`, seed by seed.

    `orders` is how many orders of the factors were averaged, `exact` whether those were all there are.
    """

    shares: Annotated[tuple[Share, ...], Field(strict=False)]
    total: float
    total_ci95: Interval | None
    seeds: Annotated[tuple[Seed, ...], Field(strict=False)]
    orders: int
    exact: bool


def fit(observations: Observations, factors: Sequence[Factor]) -> LinearModel:
    """Fit main effects and two-factor interactions by least squares, with one block for each seed.

    A column is a level's indicator with its mean over the design's levels taken off, so that in a balanced design an
    estimate is the plain difference of means. Raises `UsageError` where there is nothing left to estimate the error by.
    """
    import numpy as np

    rows = [(cell, seed, value) for cell, runs in observations.items() for seed, value in runs.items()]
    y = np.array([value for _, _, value in rows])
    if not len(y) or not np.isfinite(y).all():
        raise UsageError("the linear model needs finite values only; leave failed runs out and say so")
    columns, moved = _columns(rows, factors)
    kept, blocks, aliases = _independent(columns, _seed_blocks(rows))
    names, x = list(kept), np.column_stack([*kept.values(), *blocks])
    freedom = len(y) - x.shape[1]
    if freedom < 1:
        raise UsageError(f"{len(y)} runs for {x.shape[1]} effects and blocks leave nothing to judge by; add seeds")
    inverse = np.linalg.inv(x.T @ x)
    estimates = inverse @ (x.T @ y)
    variance = float(((y - x @ estimates) ** 2).sum()) / freedom
    errors = np.sqrt(variance * np.diag(inverse))[: len(names)]
    found = [(float(b), float(e)) for b, e in zip(estimates, errors, strict=False)]
    p_values = [paired.t_p(b / e, freedom) if e > 0 else float(b == 0) for b, e in found]
    terms = tuple(
        Term(
            name=name,
            estimate=b,
            ci95=intervals.around(b, e, freedom),
            p=p,
            p_adjusted=q,
            aliases=aliases[name],
            factors=tuple(factor for factor, _ in moved[name]),
        )
        for name, (b, e), p, q in zip(names, found, p_values, paired.holm(p_values), strict=True)
    )
    return LinearModel(terms=terms, observations=len(y), residual_df=freedom, residual_sd=variance**0.5)


class Estimator(Plain):
    """What a term of the model is, as a weighted sum of cells: the same for each seed, so that seeds make pairs.

    `moved` are the levels that it is of: one, or the two of an interaction.
    """

    name: str
    weights: dict[str, float]
    aliases: Annotated[tuple[str, ...], Field(strict=False)] = ()
    moved: Annotated[tuple[tuple[str, str], ...], Field(strict=False)] = ()


def estimators(cells: Sequence[Cell], factors: Sequence[Factor]) -> tuple[Estimator, ...]:
    """Give each term that `fit` estimates as weights of cells, by least squares over one run of each cell.

    Where every seed has all cells, the mean over seeds is the model's estimate. Where a factor has one level, its main
    effect in a balanced design is the mean of the cells with it minus the mean of those without.
    """
    import numpy as np

    rows = [(cell, 0, 0.0) for cell in cells]
    columns, moved = _columns(rows, factors)
    kept, blocks, aliases = _independent(columns, [np.ones(len(rows))])
    if not kept:
        return ()
    weights = np.linalg.pinv(np.column_stack([*kept.values(), *blocks]))
    return tuple(
        Estimator(
            name=name,
            weights={cell.name: float(w) for cell, w in zip(cells, row, strict=True) if abs(w) > 1e-9},
            aliases=aliases[name],
            moved=moved[name],
        )
        for name, row in zip(kept, weights, strict=False)
    )


def level_word(factor: Factor, level: str) -> str:
    """Name a level: by its factor where that has no other."""
    return factor.name if len(factor.levels) == 1 else f"{factor.name}={level}"


def _columns(
    rows: Sequence[tuple[Cell, Seed, float]], factors: Sequence[Factor]
) -> tuple[dict[str, NDArray[np.float64]], dict[str, Moved]]:
    """Give the column of each term by its name, and the levels that each is of."""
    import numpy as np

    main: dict[tuple[str, str], NDArray[np.float64]] = {}
    for factor in factors:
        at = [cell.level(factor.name) for cell, _, _ in rows]
        present = len(set(at))
        for level in factor.levels:
            if level in at and present > 1:
                main[factor.name, level] = np.array([float(one == level) for one in at]) - 1 / present
    words = {(factor.name, level): level_word(factor, level) for factor in factors for level in factor.levels}
    columns = {words[key]: column for key, column in main.items()}
    moved: dict[str, Moved] = {words[key]: (key,) for key in main}
    for one, two in combinations(main, 2):
        if one[0] != two[0]:
            name = f"{words[one]}:{words[two]}"
            columns[name], moved[name] = main[one] * main[two], (one, two)
    return columns, moved


def _seed_blocks(rows: Sequence[tuple[Cell, Seed, float]]) -> list[NDArray[np.float64]]:
    import numpy as np

    return [np.array([float(one == seed) for _, one, _ in rows]) for seed in dict.fromkeys(seed for _, seed, _ in rows)]


def _independent(
    columns: Mapping[str, NDArray[np.float64]], blocks: Sequence[NDArray[np.float64]]
) -> tuple[dict[str, NDArray[np.float64]], list[NDArray[np.float64]], dict[str, tuple[str, ...]]]:
    """Keep each column that those before it and the blocks cannot make; the others are aliases of what they equal.

    An interaction that is a mixture of several columns is an alias of each of them.
    """
    import numpy as np

    basis = list(blocks)
    kept: dict[str, NDArray[np.float64]] = {}
    aliases: dict[str, list[str]] = {}
    for name, column in columns.items():
        x = np.column_stack(basis)
        weights = np.linalg.lstsq(x, column, rcond=None)[0]
        if np.abs(column - x @ weights).max() > 1e-9:
            kept[name], aliases[name] = column, []
            basis.append(column)
            continue
        for other, weight in zip(kept, weights[len(blocks) :], strict=True):
            if abs(weight) > 1e-9:
                aliases[other].append(name)
    return kept, list(blocks), {name: tuple(found) for name, found in aliases.items()}


# -- attribution -------------------------------------------------------------------------------------------------------


def shapley_orders(factors: Sequence[Factor], sampled: int = 100, seed: int = 0) -> tuple[Order, ...]:
    """Give the orders to average over: all of them up to five factors, else pairs of a random order and its reverse."""
    names = tuple(factor.name for factor in factors)
    if len(names) <= ALL_ORDERS_UP_TO:
        return tuple(permutations(names))
    dice = random.Random(seed)
    orders: list[Order] = []
    while len(orders) < sampled:
        order = tuple(dice.sample(names, len(names)))
        orders += [order, order[::-1]]
    return tuple(orders[:sampled])


def shapley_cells(factors: Sequence[Factor], orders: Iterable[Order] | None = None) -> tuple[Cell, ...]:
    """Give the cells that these orders pass through: 2^k of them for all orders."""
    orders = shapley_orders(factors) if orders is None else orders
    return tuple(dict.fromkeys(cell for order in orders for cell in _passed(order, factors)))


def possible_orders(
    orders: Iterable[Order], factors: Sequence[Factor], impossible: Iterable[Cell]
) -> tuple[Order, ...]:
    """Leave out the orders that pass through a cell whose network does not fit together.

    What is then attributed is an average over the remaining orders: shares still add up, and say nothing of the rest.
    """
    out = set(impossible)
    return tuple(order for order in orders if not out & set(_passed(order, factors)))


def share_weights(factor: str, factors: Sequence[Factor], orders: Sequence[Order]) -> dict[str, float]:
    """Give a factor's share as weights of cells: what adding it changes, averaged over the orders."""
    weights: dict[str, float] = {}
    for order in orders:
        passed, at = _passed(order, factors), order.index(factor)
        weights[passed[at + 1].name] = weights.get(passed[at + 1].name, 0.0) + 1 / len(orders)
        weights[passed[at].name] = weights.get(passed[at].name, 0.0) - 1 / len(orders)
    return weights


def attribute(
    observations: Observations, factors: Sequence[Factor], orders: Sequence[Order] | None = None
) -> Attribution:
    """Split the difference between all factors moved and none among the factors (Shapley 1953).

    A factor's share is what adding it changes, averaged over the orders, for each seed that all cells have; the
    interval is over those seeds. Raises `UsageError` for missing cells, with their names.
    """
    levels = [factor.name for factor in factors if len(factor.levels) != 1]
    if levels:
        raise UsageError(f"attribution needs one level for each factor; {', '.join(levels)} has more or none")
    orders = shapley_orders(factors) if orders is None else orders
    if not orders:
        raise UsageError("no order of the factors can be run: merge factors that only fit together")
    cells = shapley_cells(factors, orders)
    missing = [cell.name for cell in cells if not observations.get(cell)]
    if missing:
        raise UsageError(f"attribution needs every cell; {len(missing)} of {len(cells)} have no run: {missing[0]}, ...")
    seeds = [seed for seed in observations[cells[0]] if all(seed in observations[cell] for cell in cells)]
    if not seeds:
        raise UsageError("no seed was run in all cells; shares are over seeds that all cells have")
    gained: dict[str, list[float]] = {factor.name: [0.0] * len(seeds) for factor in factors}
    for order in orders:
        passed = _passed(order, factors)
        for name, before, after in zip(order, passed, passed[1:], strict=False):
            for index, seed in enumerate(seeds):
                gained[name][index] += (observations[after][seed] - observations[before][seed]) / len(orders)
    whole = [sum(values[index] for values in gained.values()) for index in range(len(seeds))]
    total = intervals.mean(whole)
    return Attribution(
        shares=tuple(_share(name, values, total) for name, values in gained.items()),
        total=total,
        total_ci95=intervals.t_interval(whole) if len(seeds) >= 2 else None,
        seeds=tuple(seeds),
        orders=len(orders),
        exact=len(set(orders)) == math.factorial(len(factors)),
    )


def _share(name: str, values: Sequence[float], total: float) -> Share:
    centre = intervals.mean(values)
    ci95 = intervals.t_interval(values) if len(values) >= 2 else None
    return Share(factor=name, mean=centre, ci95=ci95, fraction=centre / total if total else None)


def _passed(order: Order, factors: Sequence[Factor]) -> list[Cell]:
    """Give the cells from none to all factors moved, in this order; cells are written in the order of the factors."""
    return [
        Cell(tuple((factor.name, factor.levels[0]) for factor in factors if factor.name in order[:count]))
        for count in range(len(order) + 1)
    ]
