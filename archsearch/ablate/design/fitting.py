"""Designs over networks that may not fit together: which cells are run, which are left out, and what that costs.

    fitted = fit_design(spec, factors, cells)
    fitted.cells, fitted.comparisons, fitted.left_out

An intermediate network whose shapes fail is never a surprise in the middle of a study: it is found here, before
anything runs, and either the changes around it are taken together, or the cell is left out with its consequence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Protocol

from archsearch.ablate.ablation_spec import AblationSpec
from archsearch.ablate.design.cell import BASELINE, Cell, Comparison, Design, Factor
from archsearch.ablate.design.designs import DESIGNS
from archsearch.ablate.design.factorial import ALL_ORDERS_UP_TO, Order, possible_orders, shapley_cells, shapley_orders
from archsearch.errors import SpecError, UsageError
from archsearch.plain import Plain

_TRIED_ORDERS = 2000


class LeftOut(Plain):
    """A cell that is not run: why its network does not fit, and what cannot be said without it."""

    cell: str
    reason: str
    consequence: str


class Checked(Protocol):
    """What is asked about a cell."""

    def reason(self, cell: Cell) -> str | None:
        """Say why a cell does not fit, None if it does."""

    def must_fit(self, cell: Cell) -> None:
        """Raise `SpecError` where a cell does not fit."""

    def has_wrong_edit(self, cell: Cell) -> bool:
        """Say whether a cell fails in its edits."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A design without the cells that do not fit."""

    cells: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]
    factors: tuple[Factor, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()
    resolution: int | None = None
    generators: tuple[str, ...] = ()
    aliases: tuple[tuple[str, ...], ...] = ()


def fit_design(spec: AblationSpec, factors: Sequence[Factor], cells: Checked) -> Fitted:
    """Lay out the design over the cells that fit; raise `SpecError` where those that it needs do not."""
    cells.must_fit(BASELINE)
    kind = DESIGNS[spec.design]
    design = kind.lay_out(factors, {"resolution": spec.resolution, "orders": spec.orders})
    if kind.unfit == "orders_left_out":
        return _attribution(design, spec.orders, factors, cells)
    if kind.unfit == "taken_together":
        return _steps(design, factors, cells)
    for cell in design.cells:
        if kind.all_fit or (len(cell.moved) == 1 and cells.has_wrong_edit(cell)):
            cells.must_fit(cell)
    return _fraction(design, factors, cells)


def _fraction(design: Design, factors: Sequence[Factor], cells: Checked) -> Fitted:
    kept, out = _parted(design.cells, cells)
    consequence = "effects are estimated from the other cells by least squares, no longer as plain means"
    notes = [f"{len(out)} of {len(design.cells)} cells do not fit: {consequence}"] if out else []
    if design.resolution is not None:
        notes.append(f"resolution {design.resolution}: effects that cannot be told apart are named with each")
    return Fitted(
        cells=kept,
        comparisons=tuple(one for one in design.comparisons if one.cell in kept and one.against in kept),
        factors=tuple(factors),
        left_out=tuple(LeftOut(cell=cell.name, reason=why, consequence=consequence) for cell, why in out),
        notes=tuple(notes),
        resolution=design.resolution,
        generators=design.generators,
        aliases=design.aliases,
    )


def _parted(cells: Sequence[Cell], checked: Checked) -> tuple[tuple[Cell, ...], list[tuple[Cell, str]]]:
    kept, out = [], []
    for cell in cells:
        reason = checked.reason(cell)
        if reason is None:
            kept.append(cell)
        else:
            out.append((cell, reason))
    return tuple(kept), out


# -- paths -------------------------------------------------------------------------------------------------------------


def _steps(design: Design, factors: Sequence[Factor], cells: Checked) -> Fitted:
    """Take steps together where the network between them does not fit; leave out what cannot be taken back alone."""
    whole = Cell(tuple((factor.name, factor.levels[0]) for factor in factors))
    cells.must_fit(whole)
    comparisons: list[Comparison] = []
    left_out: list[LeftOut] = []
    if design.name != "leave_one_out":
        prefixes = [Cell(whole.moved[:count]) for count in range(len(factors) + 1)]
        standing, out = _parted(prefixes, cells)
        for before, after in pairwise(standing):
            added = [name for name, _ in after.moved[len(before.moved) :]]
            comparisons.append(Comparison(after, before, f"then {' and '.join(added)}"))
        for cell, reason in out:
            last = cell.moved[-1][0]
            merged = next(one for one in comparisons if len(one.against.moved) < len(cell.moved) < len(one.cell.moved))
            left_out.append(
                LeftOut(
                    cell=cell.name,
                    reason=reason,
                    consequence=f"{last} is not a step of its own; it is taken together: {merged.label}",
                )
            )
    if design.name != "path":
        stepped = {frozenset((one.cell, one.against)) for one in comparisons}
        for factor in factors:
            cell = Cell(tuple(pair for pair in whole.moved if pair[0] != factor.name))
            if (why := cells.reason(cell)) is not None:
                consequence = (
                    f"what {factor.name} is worth when all else is changed cannot be measured: the rest needs it"
                )
                left_out.append(LeftOut(cell=cell.name, reason=why, consequence=consequence))
            elif frozenset((cell, whole)) not in stepped:
                comparisons.append(Comparison(cell, whole, f"without {factor.name}"))
    if not comparisons:
        raise SpecError("none of the changes can be taken back alone; use the design path, or variants")
    used = dict.fromkeys(cell for one in comparisons for cell in (one.against, one.cell))
    return Fitted(
        cells=tuple(dict.fromkeys((BASELINE, *used))),
        comparisons=tuple(comparisons),
        factors=tuple(factors),
        left_out=tuple(left_out),
    )


# -- attribution -------------------------------------------------------------------------------------------------------


def _attribution(design: Design, count: int, factors: Sequence[Factor], cells: Checked) -> Fitted:
    """Average over the orders whose cells all fit."""
    whole = Cell(tuple((factor.name, factor.levels[0]) for factor in factors if len(factor.levels) == 1))
    cells.must_fit(whole)
    if len(factors) <= ALL_ORDERS_UP_TO:
        orders = shapley_orders(factors)
        kept = possible_orders(orders, factors, [cell for cell, _ in _parted(design.cells, cells)[1]])
    else:
        orders, kept = _sampled(count, factors, cells.reason)
    if not kept:
        pairs = _inseparable(factors, cells)
        raise UsageError(
            f"no order of the factors gives networks that all fit; {pairs}write factors that need each other as one, "
            "or use the design path"
        )
    _, out = _parted(shapley_cells(factors, orders), cells)
    left = f"shares are averages over the {len(kept)} of {len(orders)} orders that do not pass through"
    notes = []
    if out:
        notes.append(f"{len(out)} cells do not fit: {left} them")
    if len(factors) > ALL_ORDERS_UP_TO:
        notes.append(f"{len(kept)} sampled orders of {len(factors)} factors, not all")
    return Fitted(
        cells=shapley_cells(factors, kept),
        comparisons=design.comparisons,
        factors=tuple(factors),
        left_out=tuple(LeftOut(cell=cell.name, reason=why, consequence=f"{left} it") for cell, why in out),
        notes=tuple(notes),
        orders=kept,
    )


def _sampled(
    count: int, factors: Sequence[Factor], reason: Callable[[Cell], str | None]
) -> tuple[tuple[Order, ...], tuple[Order, ...]]:
    """Draw orders until enough of them fit: those drawn, and those of them that fit."""
    drawn: tuple[Order, ...] = shapley_orders(factors, count)
    for many in (count, 4 * count, _TRIED_ORDERS):
        drawn = shapley_orders(factors, many)
        cells = shapley_cells(factors, drawn)
        kept = possible_orders(drawn, factors, [cell for cell in cells if reason(cell) is not None])
        if len(kept) >= count:
            last = drawn.index(kept[count - 1])
            return drawn[: last + 1], kept[:count]
    return drawn, kept


def _inseparable(factors: Sequence[Factor], cells: Checked) -> str:
    """Name two factors that fit together and neither alone, as what is likely meant."""
    for one, two in combinations(factors, 2):
        moved = [Cell(((factor.name, factor.levels[0]),)) for factor in (one, two)]
        both = Cell((*moved[0].moved, *moved[1].moved))
        if cells.reason(both) is None and all(cells.reason(cell) is not None for cell in moved):
            return f"{one.name} and {two.name} fit together only; "
    return ""
