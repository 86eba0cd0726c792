"""Designs: which combinations of levels are run, and which are compared. Pure functions on names.

    factors = (Factor("activation", ("relu",)), Factor("softmax", ("removed",)))
    one_at_a_time(factors).cells         # baseline, activation=relu, softmax=removed
    DESIGNS["one_at_a_time"].asks        # "comparisons"

A cell says which factors have moved from the baseline and to which level; what a level does to a network is none of
this module's business. To add a design: a function here and its entry in `DESIGNS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import ceil, log2
from typing import Literal

from archsearch.ablate.design.cell import BASELINE, Cell, Comparison, Design, Factor
from archsearch.ablate.design.factorial import shapley_cells, shapley_orders
from archsearch.errors import UsageError

MOST_CELLS = 4096
SAMPLED_ORDERS = 20  # of the factors, where Shapley attribution cannot take all
_MOST_FRACTIONAL = 10


def one_at_a_time(factors: Sequence[Factor]) -> Design:
    """Move each factor alone, to each of its levels."""
    _check(factors)
    cells = [Cell(((factor.name, level),)) for factor in factors for level in factor.levels]
    return Design("one_at_a_time", (BASELINE, *cells), tuple(_against_baseline(cell) for cell in cells))


def leave_one_out(factors: Sequence[Factor]) -> Design:
    """Move all factors, then take each back in turn; what is compared with is the cell with all of them."""
    whole = _all_moved(factors, "leave_one_out")
    cells = [Cell(tuple(pair for pair in whole.moved if pair[0] != factor.name)) for factor in factors]
    comparisons = tuple(
        Comparison(cell, whole, f"without {factor.name}") for factor, cell in zip(factors, cells, strict=True)
    )
    return Design("leave_one_out", tuple(dict.fromkeys((BASELINE, whole, *cells))), comparisons)


def path(factors: Sequence[Factor]) -> Design:
    """Add the changes in the order given; each step is compared with the one before it."""
    whole = _all_moved(factors, "path")
    cells = [Cell(whole.moved[:count]) for count in range(len(factors) + 1)]
    steps = zip(cells, cells[1:], factors, strict=False)
    return Design(
        "path", tuple(cells), tuple(Comparison(after, before, f"then {factor.name}") for before, after, factor in steps)
    )


def path_and_leave_one_out(factors: Sequence[Factor]) -> Design:
    """Add the changes one after the other, and take each back from all of them: what carries the difference?"""
    one, other = path(factors), leave_one_out(factors)
    # with two factors or fewer, a step of the path may be a change taken back
    asked = {frozenset((step.cell, step.against)) for step in one.comparisons}
    further = tuple(c for c in other.comparisons if frozenset((c.cell, c.against)) not in asked)
    cells = tuple(dict.fromkeys((*one.cells, *other.cells)))
    return Design("path_and_leave_one_out", cells, (*one.comparisons, *further))


def shapley(factors: Sequence[Factor], orders: int = SAMPLED_ORDERS) -> Design:
    """Run the cells that orders of adding the changes pass through: all of them up to five factors, else a sample."""
    whole = _all_moved(factors, "shapley")
    cells = shapley_cells(factors, shapley_orders(factors, orders))
    return Design("shapley", cells, (Comparison(whole, BASELINE, "all changes together"),))


def full_factorial(factors: Sequence[Factor]) -> Design:
    """Run every combination of levels."""
    _check(factors)
    count = 1
    for factor in factors:
        count *= 1 + len(factor.levels)
    if count > MOST_CELLS:
        raise UsageError(
            f"a full factorial of {len(factors)} factors has {count:,} cells, more than {MOST_CELLS:,}; "
            "use fractional_factorial or fewer levels"
        )
    cells = [
        Cell(tuple((factor.name, level) for factor, level in zip(factors, levels, strict=True) if level is not None))
        for levels in product(*((None, *factor.levels) for factor in factors))
    ]
    return Design("full_factorial", tuple(cells), tuple(_against_baseline(cell) for cell in cells if cell.moved))


def variants(factors: Sequence[Factor]) -> Design:
    """Compare named specs with the baseline: the levels of one factor."""
    if len(factors) != 1:
        raise UsageError(f"variants takes one list of named specs, got {len(factors)} factors")
    _check(factors)
    cells = [Cell(((factors[0].name, level),)) for level in factors[0].levels]
    comparisons = tuple(Comparison(cell, BASELINE, cell.moved[0][1]) for cell in cells)
    return Design("variants", (BASELINE, *cells), comparisons)


def fractional_factorial(factors: Sequence[Factor], resolution: int = 4) -> Design:
    """Run the smallest regular fraction of 2^k with at least this resolution (Box, Hunter & Hunter 2005, chapter 6).

    Resolution 3 mixes main effects with two-factor interactions, 4 keeps main effects clear of them, 5 keeps the
    interactions clear of each other too. Raises `UsageError` for factors of more than one level and for more than ten.
    """
    _all_moved(factors, "fractional_factorial")
    k = len(factors)
    if not 3 <= resolution <= 8:
        raise UsageError(f"resolution {resolution}: give a number from 3 to 8")
    if k > _MOST_FRACTIONAL:
        raise UsageError(f"{k} factors: a fractional factorial takes at most {_MOST_FRACTIONAL}")
    base, words = _smallest_fraction(k, resolution)
    group = _defining_relation(base, words)
    names = [factor.name for factor in factors]
    cells = []
    for signs in product((0, 1), repeat=base):
        # An added factor moves where an odd number of its word's factors do: so the baseline is always a cell.
        row = [*signs, *(sum(signs[i] for i in _letters(word)) % 2 for word in words)]
        moved = ((factor.name, factor.levels[0]) for factor, one in zip(factors, row, strict=True) if one)
        cells.append(Cell(tuple(moved)))
    # In signs (-1 baseline, +1 moved) that is the product of the word's factors, with a minus if there are evenly many.
    generators = tuple(
        f"{names[base + number]}={'' if len(_letters(word)) % 2 else '-'}{_interaction(word, names)}"
        for number, word in enumerate(words)
    )
    return Design(
        "fractional_factorial",
        tuple(cells),
        tuple(_against_baseline(cell) for cell in cells if cell.moved),
        resolution=min((len(_letters(word)) for word in group), default=None),
        generators=generators,
        aliases=tuple(_aliases(k, group, names)),
    )


@dataclass(frozen=True, slots=True)
class DesignKind:
    """A design, and what the rest of an ablation must know of it.

    `asks` is what becomes a question: the design's comparisons, the effects of a linear model of its cells, or each
    factor's share of a whole difference beside them. `says` is how a comparison is named in a sentence: by the change
    itself (relu instead of tanh), by the level as the name of a spec, or by the step. `unfit` is what becomes of a cell
    whose network does not fit: it is left out, the steps around it are taken together, or the orders through it are not
    taken; with `all_fit` there is no such cell. `alone` says that each level is also run on the baseline alone, `specs`
    that the levels are named specs, `takes` which further keys of the file the function takes.
    """

    cells_of: Callable[..., Design]
    asks: Literal["comparisons", "effects", "shares"] = "comparisons"
    says: Literal["change", "level", "step"] = "step"
    unfit: Literal["left_out", "taken_together", "orders_left_out"] = "left_out"
    all_fit: bool = False
    alone: bool = False
    specs: bool = False
    takes: tuple[str, ...] = ()

    def lay_out(self, factors: Sequence[Factor], options: Mapping[str, int] | None = None) -> Design:
        """Make the design; of `options`, keys of an ablation file, it takes what it knows."""
        return self.cells_of(factors, **{key: value for key, value in (options or {}).items() if key in self.takes})


DESIGNS: dict[str, DesignKind] = {
    "one_at_a_time": DesignKind(one_at_a_time, says="change", all_fit=True, alone=True),
    "leave_one_out": DesignKind(leave_one_out, unfit="taken_together"),
    "path": DesignKind(path, unfit="taken_together"),
    "path_and_leave_one_out": DesignKind(path_and_leave_one_out, unfit="taken_together"),
    "full_factorial": DesignKind(full_factorial, asks="effects", alone=True),
    "fractional_factorial": DesignKind(fractional_factorial, asks="effects", alone=True, takes=("resolution",)),
    "shapley": DesignKind(shapley, asks="shares", unfit="orders_left_out", takes=("orders",)),
    "variants": DesignKind(variants, says="level", all_fit=True, specs=True),
}


def _against_baseline(cell: Cell) -> Comparison:
    return Comparison(cell, BASELINE, cell.name)


def _check(factors: Sequence[Factor]) -> None:
    if not factors:
        raise UsageError("an ablation needs at least one factor")
    names = [factor.name for factor in factors]
    for factor in factors:
        if not factor.levels:
            raise UsageError(f"the factor {factor.name!r} has no levels; give it one, or take it out")
        if len(set(factor.levels)) < len(factor.levels):
            raise UsageError(f"the factor {factor.name!r} names a level twice: {', '.join(factor.levels)}")
        if names.count(factor.name) > 1:
            raise UsageError(f"two factors are called {factor.name!r}")


def _all_moved(factors: Sequence[Factor], design: str) -> Cell:
    _check(factors)
    several = [factor.name for factor in factors if len(factor.levels) > 1]
    if several:
        raise UsageError(f"{design} needs one level for each factor; {', '.join(several)} has more")
    return Cell(tuple((factor.name, factor.levels[0]) for factor in factors))


# -- fractions: a set of factors is a bit mask, a product of effects is the exclusive or of their masks ----------------


def _letters(word: int) -> list[int]:
    return [bit for bit in range(word.bit_length()) if word >> bit & 1]


def _smallest_fraction(k: int, resolution: int) -> tuple[int, tuple[int, ...]]:
    """Give the number of base factors and the generator word of each added factor."""
    for base in range(max(1, ceil(log2(k + 1))), k):
        candidates = [word for word in range(1, 2**base) if len(_letters(word)) >= resolution - 1]
        candidates.sort(key=lambda word: (-len(_letters(word)), word))
        found = next(_generators(base, k - base, candidates, resolution, ()), None)
        if found is not None:
            return base, found
    return k, ()


def _generators(
    base: int, count: int, candidates: Sequence[int], resolution: int, chosen: tuple[int, ...]
) -> Iterator[tuple[int, ...]]:
    """Yield sets of generator words whose defining relation has no word shorter than the resolution."""
    if len(chosen) == count:
        yield chosen
        return
    for index, word in enumerate(candidates):
        longer = (*chosen, word)
        if all(len(_letters(each)) >= resolution for each in _defining_relation(base, longer)):
            yield from _generators(base, count, candidates[index + 1 :], resolution, longer)


def _defining_relation(base: int, words: Sequence[int]) -> list[int]:
    """Give all products of the generating words I = word * added factor."""
    whole = [word | 1 << (base + number) for number, word in enumerate(words)]
    group = {0}
    for word in whole:
        group |= {word ^ other for other in group}
    return sorted(group - {0}, key=lambda word: (len(_letters(word)), word))


def _aliases(k: int, group: Sequence[int], names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield main effects and two-factor interactions that cannot be told apart from one another."""
    effects = [sum(1 << bit for bit in bits) for size in (1, 2) for bits in combinations(range(k), size)]
    seen: set[int] = set()
    for effect in effects:
        chain = [effect, *(effect ^ word for word in group if len(_letters(effect ^ word)) in (1, 2))]
        if effect not in seen and len(chain) > 1:
            yield tuple(_interaction(one, names) for one in chain)
        seen.update(chain)


def _interaction(word: int, names: Sequence[str]) -> str:
    return ":".join(names[bit] for bit in _letters(word))
