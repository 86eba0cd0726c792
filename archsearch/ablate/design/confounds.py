"""What a level really moves: one factor, or several at once, so that its effect belongs to none of them.

    confound_of(cell, NETWORK, baseline_plan, level_plan)      # None where one factor differs

The same differences as `archsearch diff` shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from archsearch.ablate.ablation_file import VARIANT
from archsearch.ablate.design.cell import Cell
from archsearch.errors import SpecError
from archsearch.experiment import Experiment
from archsearch.kinds.kind import ExperimentKind
from archsearch.plain import Plain
from archsearch.spec.difference.factors import FactorChange
from archsearch.spec.difference.gaps import Change
from archsearch.spec.edit.in_memory import word


class Separate(Plain):
    """The cell that would measure one factor alone; `reason` says why its network does not fit, "" if it does."""

    factor: str
    changes: Annotated[tuple[str, ...], Field(strict=False)]
    reason: str = ""


class Confound(Plain):
    """A level that moves several factors: its effect cannot be attributed; `separate` are the cells that would tell."""

    cell: str
    factors: Annotated[tuple[str, ...], Field(strict=False)]
    separate: Annotated[tuple[Separate, ...], Field(strict=False)]
    sentence: str


def confound_of(cell: Cell, kind: ExperimentKind, base: Experiment, level: Experiment) -> Confound | None:
    """Say which factors a level moves, None if it is one."""
    factors = kind.difference(base, level)
    if len(factors) < 2:
        return None
    names = tuple(factor.name for factor in factors)
    separate = tuple(_alone(kind, base, factor) for factor in factors)
    fitting = [one.factor for one in separate if not one.reason]
    alone = [one.factor for one in separate if one.reason]
    would = f"what would: the baseline with one of them at a time ({', '.join(fitting)})" if fitting else ""
    not_alone = f"{', '.join(alone)} alone would not fit together" if alone else ""
    cells = "; ".join(words for words in (would, not_alone) if words)
    if cell.moved[-1][0] == VARIANT:
        cells += f" (archsearch ablate --from {base.name} --to {level.name})"
    return Confound(
        cell=cell.name,
        factors=names,
        separate=separate,
        sentence=f"{cell.moved[-1][1]} moves {len(names)} factors at once ({', '.join(names)}): its effect cannot be "
        f"attributed to one of them; {cells}.",
    )


def _alone(kind: ExperimentKind, base: Experiment, factor: FactorChange) -> Separate:
    reason = ""
    try:
        kind.plan(kind.edited(kind.spec_of(base), factor.edits, Path()))
    except SpecError as error:
        reason = error.problems[0].message
    return Separate(factor=factor.name, changes=factor.changes, reason=reason)


def label_of(factors: Sequence[FactorChange]) -> str:
    """Say "relu instead of tanh" where a level replaces one thing by another and nothing else; else ""."""
    parts = [part for factor in factors for part in factor.parts]
    first = parts[0] if parts else None
    if first is None or not all(part.path and _same(part, first) for part in parts):
        return ""
    sides = (first.before, first.after)
    if any(isinstance(side, (int, float)) and not isinstance(side, bool) for side in sides):
        return ""
    return f"{word(first.after)} instead of {word(first.before)}"


def _same(one: Change, other: Change) -> bool:
    return (one.before, one.after) == (other.before, other.after)
