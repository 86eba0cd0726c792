"""The cells of an ablation as checked specs: a level's edits on the baseline, or a named spec.

cells = Cells(declared)
cells.plan(cell), cells.reason(cell)      # the plan, or the sentence why there is none
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from archsearch.ablate.ablation_file import Declared
from archsearch.ablate.design.cell import BASELINE, Cell
from archsearch.ablate.design.fitting import Fitted
from archsearch.errors import Problem, SpecError
from archsearch.experiment import Experiment
from archsearch.kinds.kind import AnySpec
from archsearch.spec.text.yaml import Node

_WRONG_EDIT = "wrong edit"


class CheckedCells:
    """Makes each cell's plan once; remembers why a cell has none."""

    def __init__(self, declared: Declared) -> None:
        self.declared = declared
        self.kind = declared.kind
        self.plans: dict[Cell, Experiment] = {}
        self.errors: dict[Cell, tuple[str, SpecError]] = {}

    def plan(self, cell: Cell) -> Experiment:
        """Give the plan of a cell; raise its `SpecError` where there is none."""
        if cell not in self.plans and cell not in self.errors:
            self._make(cell)
        if cell in self.errors:
            raise self.errors[cell][1]
        return self.plans[cell]

    def reason(self, cell: Cell) -> str | None:
        """Say in one sentence why a cell does not fit together, None if it does."""
        try:
            self.plan(cell)
        except SpecError as error:
            return error.problems[0].message
        return None

    def must_fit(self, cell: Cell) -> None:
        """Raise a `SpecError` at the level's place where a cell that cannot be left out does not fit."""
        if self.reason(cell) is None:
            return
        _, error = self.errors[cell]
        where = self.place(cell)
        levels = cell.name if cell.moved else "the baseline"
        problems = [p if p.where else Problem(where, f"{levels}: {p.message}") for p in error.problems]
        raise SpecError(problems)

    def has_wrong_edit(self, cell: Cell) -> bool:
        """Say whether a cell fails in its edits, before any shape is looked at."""
        return self.reason(cell) is not None and self.errors[cell][0] == _WRONG_EDIT

    def place(self, cell: Cell) -> str:
        """Give the place in the file of the last level of a cell."""
        if not cell.moved:
            return self.declared.where("baseline")
        factor, level = cell.moved[-1]
        if not isinstance(self.declared.levels.get((factor, level)), Node):
            return self.declared.where("variants")
        return self.declared.where("factors", factor, level)

    def _make(self, cell: Cell) -> None:
        try:
            spec = self._spec(cell)
        except SpecError as error:
            self.errors[cell] = (_WRONG_EDIT, error)
            return
        try:
            self.plans[cell] = self.kind.plan(spec)
        except SpecError as error:
            self.errors[cell] = ("does not fit", error)

    def _spec(self, cell: Cell) -> AnySpec:
        baseline = self.declared.baseline
        spec, edits = baseline, []
        for moved in cell.moved:
            level = self.declared.levels[moved]
            if not isinstance(level, Node):
                spec = level
            else:
                assert isinstance(level.value, tuple)
                edits += list(level.value)
        if edits:
            spec = self.kind.edited(spec, Node(tuple(edits), edits[0].mark), self.declared.folder)
        name = spec.name if spec is not baseline and not edits else baseline.name
        if edits:
            name = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{baseline.name}-{cell.name}")[:100]
        return self.kind.named(spec, name)

    def repeats(self, cells: Iterable[Cell]) -> Iterator[str]:
        """Yield a sentence for each cell that computes what one before it does."""
        seen: dict[str, Cell] = {}
        for cell in cells:
            first = seen.setdefault(self.kind.question(self.plan(cell)), cell)
            if first != cell:
                yield f"{cell.name} computes the same as {first.name}: it is trained once, and says nothing of its own"


def check_differences(cells: CheckedCells, declared: Declared, fitted: Fitted, screens: list[Cell]) -> None:
    """Refuse levels that change nothing, two that are the same, and cells that cannot be compared with the baseline."""
    base, question = cells.plan(BASELINE), cells.kind.question
    hashes: dict[str, Cell] = {question(base): BASELINE}
    problems: list[Problem] = []
    for cell in (*fitted.cells, *screens):
        plan = cells.plan(cell)
        apart = [*cells.kind.apart(base, plan, declared.spec.metric)]
        where = cells.place(cell) if cell.moved else declared.where("metric")
        if not problems or len(cell.moved) < 2:  # a combination only says again what its levels do
            problems += [Problem(where, sentence) for sentence in apart]
        if apart or len(cell.moved) != 1:
            continue
        first = hashes.setdefault(question(plan), cell)
        if first == BASELINE:
            problems.append(Problem(cells.place(cell), f"{_level(cell)} changes nothing that is computed; take it out"))
        elif first != cell:
            problems.append(Problem(cells.place(cell), f"{_level(cell)} gives the same network as {_level(first)}"))
    for one in fitted.comparisons:
        pair = (cells.plan(one.cell), cells.plan(one.against))
        if len(one.cell.moved) != 1 and question(pair[0]) == question(pair[1]):
            problems.append(
                Problem(cells.place(one.cell), f"{one.label}: {one.cell.name} computes the same as {one.against.name}")
            )
    if problems:
        raise SpecError(list(dict.fromkeys(problems)))


def _level(cell: Cell) -> str:
    return f"the level {cell.name}"
