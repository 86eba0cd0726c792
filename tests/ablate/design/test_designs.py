"""Designs: cells and comparisons written out, and fractions whose aliases the model matrix confirms."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from archsearch.ablate.design.cell import BASELINE, Cell, Factor
from archsearch.ablate.design.designs import DESIGNS, fractional_factorial
from archsearch.errors import UsageError

TWO = (Factor("act", ("relu",)), Factor("head", ("none",)))
LEVELS = (Factor("act", ("relu", "gelu")), Factor("head", ("none",)))


def names(cells: tuple[Cell, ...]) -> list[str]:
    return [cell.name for cell in cells]


def on(count: int) -> list[Factor]:
    return [Factor(letter, ("on",)) for letter in "ABCDEFGHIJK"[:count]]


def test_cells_and_comparisons_of_the_small_designs() -> None:
    both = "act=relu+head=none"
    found = {
        name: design.lay_out(TWO)
        for name, design in DESIGNS.items()
        if name not in ("variants", "fractional_factorial")
    }
    assert {name: names(design.cells) for name, design in found.items()} == {
        "one_at_a_time": ["baseline", "act=relu", "head=none"],
        "leave_one_out": ["baseline", both, "head=none", "act=relu"],
        "path": ["baseline", "act=relu", both],
        "full_factorial": ["baseline", "head=none", "act=relu", both],
        "path_and_leave_one_out": ["baseline", "act=relu", both, "head=none"],
        "shapley": ["baseline", "act=relu", both, "head=none"],
    }
    assert {
        name: [(c.cell.name, c.against.name, c.label) for c in design.comparisons] for name, design in found.items()
    } == {
        "one_at_a_time": [("act=relu", "baseline", "act=relu"), ("head=none", "baseline", "head=none")],
        "leave_one_out": [("head=none", both, "without act"), ("act=relu", both, "without head")],
        "path": [("act=relu", "baseline", "then act"), (both, "act=relu", "then head")],
        "full_factorial": [(c, "baseline", c) for c in ("head=none", "act=relu", both)],
        # without head is the step to head, seen from the other side
        "path_and_leave_one_out": [
            ("act=relu", "baseline", "then act"),
            (both, "act=relu", "then head"),
            ("head=none", both, "without act"),
        ],
        "shapley": [(both, "baseline", "all changes together")],
    }


def test_several_levels_are_moved_one_by_one_or_crossed() -> None:
    assert names(DESIGNS["one_at_a_time"].lay_out(LEVELS).cells) == ["baseline", "act=relu", "act=gelu", "head=none"]
    assert len(DESIGNS["full_factorial"].lay_out(LEVELS).cells) == 3 * 2


def test_variants_are_the_levels_of_one_factor_under_their_own_names() -> None:
    design = DESIGNS["variants"].lay_out([Factor("spec", ("lenet_relu", "lenet_l1"))])
    assert [(c.cell.moved, c.against, c.label) for c in design.comparisons] == [
        ((("spec", "lenet_relu"),), BASELINE, "lenet_relu"),
        ((("spec", "lenet_l1"),), BASELINE, "lenet_l1"),
    ]


# Box, Hunter & Hunter 2005, table 6.22: runs of the smallest two-level fractions
@pytest.mark.parametrize(
    ("k", "resolution", "cells", "reached"),
    [
        (3, 3, 4, 3),
        (4, 4, 8, 4),
        (5, 3, 8, 3),
        (5, 5, 16, 5),
        (6, 4, 16, 4),
        (7, 3, 8, 3),
        (7, 4, 16, 4),
        (8, 4, 16, 4),
    ],
)
def test_fraction_is_as_small_as_the_textbooks(k: int, resolution: int, cells: int, reached: int) -> None:
    design = fractional_factorial(on(k), resolution)
    assert (len(design.cells), design.resolution) == (cells, reached)
    assert design.cells[0] == BASELINE


@pytest.mark.parametrize(("k", "resolution"), [(3, 3), (5, 3), (6, 4), (7, 3), (7, 4), (5, 5)])
def test_aliases_are_the_columns_of_the_model_matrix_that_agree(k: int, resolution: int) -> None:
    factors = on(k)
    design = fractional_factorial(factors, resolution)
    sign = {f.name: np.array([1 if cell.level(f.name) else -1 for cell in design.cells]) for f in factors}
    columns = sign | {f"{a}:{b}": sign[a] * sign[b] for a, b in combinations(sign, 2)}
    for one, two in combinations(columns, 2):
        together = any({one, two} <= set(chain) for chain in design.aliases)
        assert (abs(int(columns[one] @ columns[two])) == len(design.cells)) == together
    for generator in design.generators:
        added, _, word = generator.partition("=")
        product = np.prod([sign[letter] for letter in word.removeprefix("-").split(":")], axis=0)
        assert (sign[added] == (-product if word.startswith("-") else product)).all()


def test_resolution_that_only_the_whole_design_has_gives_the_whole_design() -> None:
    design = fractional_factorial(on(3), 4)
    assert (len(design.cells), design.resolution, design.generators, design.aliases) == (8, None, (), ())


WRONG = [
    ("one_at_a_time", (), "an ablation needs at least one factor"),
    ("one_at_a_time", (Factor("act", ()),), "the factor 'act' has no levels; give it one, or take it out"),
    ("path", LEVELS, "path needs one level for each factor; act has more"),
    ("leave_one_out", LEVELS, "leave_one_out needs one level for each factor; act has more"),
    ("full_factorial", (Factor("act", ("a", "a")),), "the factor 'act' names a level twice: a, a"),
    ("full_factorial", (Factor("act", ("a",)), Factor("act", ("b",))), "two factors are called 'act'"),
    ("full_factorial", (*on(11), Factor("x", ("1", "2"))), "of 12 factors has 6,144 cells, more than 4,096"),
    ("fractional_factorial", tuple(on(11)), "11 factors: a fractional factorial takes at most 10"),
    ("variants", TWO, "variants takes one list of named specs, got 2 factors"),
]


@pytest.mark.parametrize(("design", "factors", "message"), WRONG)
def test_factors_that_a_design_cannot_use_are_refused(design: str, factors: tuple[Factor, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DESIGNS[design].lay_out(factors)


def test_resolution_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match="resolution 2: give a number from 3 to 8"):
        fractional_factorial(on(4), 2)
