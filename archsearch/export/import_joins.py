"""Where a graph parts and comes together: values as rows, each join with the rows of its branches.

    rows = rows_of_graph(graph)
    rows[3].branches                      # lists of rows, empty where the branch is what the block reads

A join's branches begin at the nearest value that all ways to it pass: its immediate dominator. What does not part and
come together so, or is used in two places, is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from archsearch.errors import Problem, SpecError
from archsearch.export.import_graph import Graph, GraphValue, JoinStep, LayerStep, ModuleCall, SpreadStep, Unsaid


@dataclass(eq=False, slots=True)
class GraphRow:
    """A layer or a join in a list, before it is written."""

    value: GraphValue
    branches: tuple[list[GraphRow], ...] = ()

    @property
    def scopes(self) -> tuple[ModuleCall, ...]:
        return self.value.scopes


def rows_of_graph(graph: Graph) -> list[GraphRow]:
    """Give the rows from a graph's input to its output; raise `SpecError` for the first thing that cannot be said."""
    alive = _alive(graph)
    for value in graph.values:
        if value in alive and isinstance(value.step, Unsaid):
            raise SpecError(Problem(value.place, value.step.reason))
    return _Walk(graph, alive).rows(graph.output, graph.input)


def _alive(graph: Graph) -> set[GraphValue]:
    """Give the values that the output is made of."""
    found: set[GraphValue] = set()
    todo = [graph.output]
    while todo:
        value = todo.pop()
        if value not in found:
            found.add(value)
            todo += value.inputs
    if graph.input not in found:
        raise SpecError("what forward gives does not come from its input")
    return found


class _Walk:
    """Goes from a value back to another one and collects rows; blocks are walked branch by branch."""

    def __init__(self, graph: Graph, alive: set[GraphValue]) -> None:
        order = [value for value in graph.values if value in alive]
        self.readers = Counter(one for value in order for one in value.inputs)
        self.inputs = _shorter_concatenations(order)
        self.parents, self.depths = _dominators(order, self.inputs)
        self.written: set[GraphValue] = set()

    def rows(self, value: GraphValue, start: GraphValue) -> list[GraphRow]:
        """Collect the rows from `start`, which all ways to `value` pass, to `value`."""
        rows: list[GraphRow] = []
        while value is not start:
            self.once(value)
            if isinstance(value.step, JoinStep):
                rows.append(self.block(value))
                value = self.parents[value]
            else:
                rows.append(GraphRow(value))
                (value,) = self.inputs[value]
        return rows[::-1]

    def once(self, value: GraphValue) -> None:
        """Refuse to write twice what has weights, is random or has branches."""
        step = value.step
        apart = not isinstance(step, LayerStep) or step.tensors or step.layer.drops
        if value in self.written and apart and not isinstance(step, SpreadStep):
            raise _crossing(value)
        self.written.add(value)

    def block(self, join: GraphValue) -> GraphRow:
        inputs = self.flat(join, join)
        return GraphRow(join, tuple(self.branches(join, inputs, self.parents[join])))

    def flat(self, join: GraphValue, outer: GraphValue) -> list[GraphValue]:
        """Give the values that a sum or a product of several is made of, where one module adds them one by one."""
        found: list[GraphValue] = []
        for index, value in enumerate(self.inputs[join]):
            again = value.step == outer.step and value.scopes == outer.scopes and self.readers[value] == 1
            if index == 0 and again and outer.step != JoinStep("concat"):
                found += self.flat(value, outer)
                self.written.add(value)
            else:
                found.append(value)
        return found

    def branches(self, join: GraphValue, inputs: Sequence[GraphValue], start: GraphValue) -> Iterator[list[GraphRow]]:
        """Give the branches from `start`; neighbours that part later than at `start` are joined first."""
        at = 0
        while at < len(inputs):
            below = self.below(start, inputs[at])
            end = at + 1
            while below is not None and end < len(inputs) and self.below(start, inputs[end]) is below:
                end += 1
            if end - at == 1 or end - at == len(inputs):
                yield self.rows(inputs[at], start)
                at += 1
                continue
            parting = inputs[at]
            for other in inputs[at + 1 : end]:
                parting = self.common(parting, other)
            inner = GraphRow(join, tuple(self.branches(join, inputs[at:end], parting)))
            yield [*self.rows(parting, start), inner]
            at = end

    def below(self, start: GraphValue, value: GraphValue) -> GraphValue | None:
        """Give the ancestor of a value right below `start` among those that all ways pass; None for `start` itself."""
        if value is start:
            return None
        while self.parents[value] is not start:
            value = self.parents[value]
        return value

    def common(self, one: GraphValue, other: GraphValue) -> GraphValue:
        return _common(one, other, self.parents, self.depths)


def _crossing(value: GraphValue) -> SpecError:
    """Say that a value is used where no block can be made of it."""
    what = value.path or (value.step.layer.kind if isinstance(value.step, LayerStep) else "a join")
    return SpecError(
        Problem(
            value.place,
            f"{what} is read in several places that do not come together in one join; a network of the language has "
            "branches that begin at one value and end in one join",
        )
    )


def _shorter_concatenations(order: Sequence[GraphValue]) -> dict[GraphValue, tuple[GraphValue, ...]]:
    """Give every value's inputs; a concatenation of what another one begins with reads that other one (DenseNet)."""
    inputs = {value: value.inputs for value in order}
    known: dict[tuple[GraphValue, ...], GraphValue] = {}
    for value in order:
        if value.step == JoinStep("concat"):
            for length in range(len(value.inputs) - 1, 1, -1):
                if (begins := known.get(value.inputs[:length])) is not None:
                    inputs[value] = (begins, *value.inputs[length:])
                    break
            known.setdefault(value.inputs, value)
    return inputs


def _dominators(
    order: Sequence[GraphValue], inputs: Mapping[GraphValue, Sequence[GraphValue]]
) -> tuple[dict[GraphValue, GraphValue], dict[GraphValue, int]]:
    """Give for each value the nearest other one that all ways from the input to it pass (Cooper, Harvey & Kennedy)."""
    parents: dict[GraphValue, GraphValue] = {}
    depths = {order[0]: 0}
    for value in order[1:]:
        parent, *others = inputs[value] if value.start is None else (value.start,)
        for other in others:
            parent = _common(parent, other, parents, depths)
        parents[value], depths[value] = parent, depths[parent] + 1
    return parents, depths


def _common(
    one: GraphValue, other: GraphValue, parents: Mapping[GraphValue, GraphValue], depths: Mapping[GraphValue, int]
) -> GraphValue:
    while one is not other:
        if depths[one] >= depths[other]:
            one = parents[one]
        else:
            other = parents[other]
    return one
