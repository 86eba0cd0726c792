"""What designs are made of: factors, the cells that their levels make, and which cells are compared.

    Cell((("activation", "relu"), ("softmax", "removed"))).name      # activation=relu+softmax=removed
    Comparison(cell, BASELINE, cell.name)

Names only: what a level does to a network is none of this module's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Factor:
    """What changes, and the levels it can take beside the baseline's."""

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A combination of levels: (factor, level) for each factor that has moved, in the order of the factors."""

    moved: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """Name the cell after what has moved: `activation=relu+softmax=removed`, or `baseline`."""
        return "+".join(f"{factor}={level}" for factor, level in self.moved) or "baseline"

    def level(self, factor: str) -> str | None:
        """Give the level of a factor, None where it stands as in the baseline."""
        return dict(self.moved).get(factor)


BASELINE = Cell()


@dataclass(frozen=True, slots=True)
class Comparison:
    """One planned comparison: a cell against another, and the sentence's "X instead of Y"."""

    cell: Cell
    against: Cell
    label: str


@dataclass(frozen=True, slots=True)
class Design:
    """Cells to run and comparisons to make. The rest is for fractional designs.

    `generators` say how the added factors are set (`E=-A:B:C:D`), `aliases` which effects cannot be
    told apart, `resolution` the length of the shortest of them (None: all effects can be told apart).
    """

    name: str
    cells: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]
    resolution: int | None = None
    generators: tuple[str, ...] = ()
    aliases: tuple[tuple[str, ...], ...] = field(default=())
