"""A graph of values as a list of layers, with blocks where values part and come together again.

    found = layers_of(graph)
    found.layers, found.tensors           # what the list holds, and each layer's tensors, in the order of the list

A join is a block: its branches begin at the nearest value that all ways to it pass (the join's immediate dominator).
What does not part and come together so, or is used in two places, the language cannot say. Calls of a plain
`nn.Sequential` are `sequential` blocks, so that a network which was written with these comes back as it was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from archsearch.errors import Problem, SpecError
from archsearch.export.import_graph import Graph, JoinStep, LayerStep, Scope, SpreadStep, Unsaid, Value
from archsearch.spec.fields import LAYER_NAME
from archsearch.spec.layers import LAYER_KINDS, LayerBase, ShapeError
from archsearch.spec.layers.blocks import Parallel, Residual, Sequential, branch_name
from archsearch.spec.network import layer_names
from archsearch.spec.reserved import RESERVED_NAMES


@dataclass(frozen=True, slots=True)
class Found:
    """The layers of a network, and the tensors of each layer that has some, in the order in which they are built."""

    layers: tuple[LayerBase, ...]
    tensors: tuple[Mapping[str, Tensor], ...]


@dataclass(eq=False, slots=True)
class _Row:
    """A layer or a join in a list, before it is written."""

    value: Value
    branches: tuple[list[_Row], ...] = ()

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return self.value.scopes


def layers_of(graph: Graph) -> Found:
    """Give the layer list of a graph; raise `SpecError` with the place of the first thing that cannot be said."""
    alive = _alive(graph)
    for value in graph.values:
        if value in alive and isinstance(value.step, Unsaid):
            raise SpecError(Problem(value.place, value.step.reason))
    rows = _Walk(graph, alive).rows(graph.output, graph.input)
    if not rows:
        raise SpecError("forward gives its input back: there is no layer in it")
    outside = frozenset(rows[0].scopes[:1])
    tensors: list[Mapping[str, Tensor]] = []
    return Found(tuple(_written(rows, outside, tensors)), tuple(tensors))


def _alive(graph: Graph) -> set[Value]:
    """Give the values that the output is made of."""
    found: set[Value] = set()
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

    def __init__(self, graph: Graph, alive: set[Value]) -> None:
        order = [value for value in graph.values if value in alive]
        self.readers = Counter(one for value in order for one in value.inputs)
        self.inputs = _shorter_concatenations(order)
        self.parents, self.depths = _dominators(order, self.inputs)
        self.written: set[Value] = set()

    def rows(self, value: Value, start: Value) -> list[_Row]:
        """Collect the rows from `start`, which all ways to `value` pass, to `value`."""
        rows: list[_Row] = []
        while value is not start:
            self.once(value)
            if isinstance(value.step, JoinStep):
                rows.append(self.block(value))
                value = self.parents[value]
            else:
                rows.append(_Row(value))
                (value,) = self.inputs[value]
        return rows[::-1]

    def once(self, value: Value) -> None:
        """Refuse to write twice what has weights, is random or has branches."""
        step = value.step
        apart = not isinstance(step, LayerStep) or step.tensors or step.layer.drops
        if value in self.written and apart and not isinstance(step, SpreadStep):
            raise _crossing(value)
        self.written.add(value)

    def block(self, join: Value) -> _Row:
        inputs = self.flat(join, join)
        return _Row(join, tuple(self.branches(join, inputs, self.parents[join])))

    def flat(self, join: Value, outer: Value) -> list[Value]:
        """Give the values that a sum or a product of several is made of, where one module adds them one by one."""
        found: list[Value] = []
        for index, value in enumerate(self.inputs[join]):
            again = value.step == outer.step and value.scopes == outer.scopes and self.readers[value] == 1
            if index == 0 and again and outer.step != JoinStep("concat"):
                found += self.flat(value, outer)
                self.written.add(value)
            else:
                found.append(value)
        return found

    def branches(self, join: Value, inputs: Sequence[Value], start: Value) -> Iterator[list[_Row]]:
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
            inner = _Row(join, tuple(self.branches(join, inputs[at:end], parting)))
            yield [*self.rows(parting, start), inner]
            at = end

    def below(self, start: Value, value: Value) -> Value | None:
        """Give the ancestor of a value right below `start` among those that all ways pass; None for `start` itself."""
        if value is start:
            return None
        while self.parents[value] is not start:
            value = self.parents[value]
        return value

    def common(self, one: Value, other: Value) -> Value:
        return _common(one, other, self.parents, self.depths)


def _crossing(value: Value) -> SpecError:
    """Say that a value is used where no block can be made of it."""
    what = value.path or (value.step.layer.kind if isinstance(value.step, LayerStep) else "a join")
    return SpecError(
        Problem(
            value.place,
            f"{what} is read in several places that do not come together in one join; a network of the language has "
            "branches that begin at one value and end in one join",
        )
    )


def _shorter_concatenations(order: Sequence[Value]) -> dict[Value, tuple[Value, ...]]:
    """Give every value's inputs; a concatenation of what another one begins with reads that other one (DenseNet)."""
    inputs = {value: value.inputs for value in order}
    known: dict[tuple[Value, ...], Value] = {}
    for value in order:
        if value.step == JoinStep("concat"):
            for length in range(len(value.inputs) - 1, 1, -1):
                if (begins := known.get(value.inputs[:length])) is not None:
                    inputs[value] = (begins, *value.inputs[length:])
                    break
            known.setdefault(value.inputs, value)
    return inputs


def _dominators(
    order: Sequence[Value], inputs: Mapping[Value, Sequence[Value]]
) -> tuple[dict[Value, Value], dict[Value, int]]:
    """Give for each value the nearest other one that all ways from the input to it pass (Cooper, Harvey & Kennedy)."""
    parents: dict[Value, Value] = {}
    depths = {order[0]: 0}
    for value in order[1:]:
        parent, *others = inputs[value]
        for other in others:
            parent = _common(parent, other, parents, depths)
        parents[value], depths[value] = parent, depths[parent] + 1
    return parents, depths


def _common(one: Value, other: Value, parents: Mapping[Value, Value], depths: Mapping[Value, int]) -> Value:
    while one is not other:
        if depths[one] >= depths[other]:
            one = parents[one]
        else:
            other = parents[other]
    return one


# -- rows as layers ----------------------------------------------------------------------------------------------------


def _written(rows: Sequence[_Row], outside: frozenset[Scope], tensors: list[Mapping[str, Tensor]]) -> list[LayerBase]:
    """Write rows as layers; those of one call of a Sequential that is not `outside` make a block."""
    layers: list[LayerBase] = []
    wanted: list[str] = []
    at = 0
    while at < len(rows):
        row, inner = rows[at], _inner(rows[at], outside)
        end = at + 1
        if inner is None:
            layers.append(_layer(row, outside, tensors))
            wanted.append(_own_name(row, outside))
        else:
            while end < len(rows) and _inner(rows[end], outside) is inner:
                end += 1
            layers.append(Sequential(layers=tuple(_written(rows[at:end], outside | {inner}, tensors))))
            wanted.append(inner.name)
        at = end
    return _named(layers, wanted)


def _inner(row: _Row, outside: frozenset[Scope]) -> Scope | None:
    """Give the outermost call of a Sequential that a row stands in."""
    return next((scope for scope in row.scopes if scope.plain and scope not in outside), None)


def _own_name(row: _Row, outside: frozenset[Scope]) -> str:
    if not row.branches:
        return row.value.path.rpartition(".")[2]
    last = row.scopes[-1] if row.scopes else None
    return "" if last is None or last.plain or last in outside else last.name


def _layer(row: _Row, outside: frozenset[Scope], tensors: list[Mapping[str, Tensor]]) -> LayerBase:
    step = row.value.step
    if isinstance(step, LayerStep):
        _keep(row, step, tensors)
        return step.layer
    if isinstance(step, SpreadStep):
        raise SpecError(
            Problem(
                row.value.place, "values of channels are spread over maps, which a network does in a multiplication only"
            )
        )
    assert isinstance(step, JoinStep)
    inside = outside | frozenset(row.scopes)
    branches = [_without_spread(branch) if step.join == "multiply" else branch for branch in row.branches]
    if not any(branches):
        raise SpecError(Problem(row.value.place, "a value is joined with itself; a block has a layer in a branch"))
    if step.join == "add" and len(branches) == 2 and not _numbered(row):
        residual = _residual(row, branches, inside, tensors)
        if residual is not None:
            return residual
    return Parallel(branches=tuple(_branch(branch, inside, tensors) for branch in branches), join=step.join)


def _keep(row: _Row, step: LayerStep, tensors: list[Mapping[str, Tensor]]) -> None:
    """Keep the tensors of a layer, which must be its own."""
    taken = {id(tensor) for one in tensors for tensor in one.values()}
    shared = [name for name, tensor in step.tensors.items() if id(tensor) in taken]
    if shared:
        what = row.value.path or step.layer.kind
        raise SpecError(
            Problem(
                row.value.place,
                f"the {shared[0]} of {what} is used by another layer too (or {what} is called twice); layers of the "
                "language share no weights",
            )
        )
    if step.tensors:
        tensors.append(step.tensors)


def _branch(
    rows: Sequence[_Row], inside: frozenset[Scope], tensors: list[Mapping[str, Tensor]]
) -> tuple[LayerBase, ...]:
    """Write a branch; one call of a Sequential that is all of it is the branch itself."""
    calls = {_inner(row, inside) for row in rows}
    whole = calls.pop() if len(calls) == 1 else None
    return tuple(_written(rows, inside | {whole} if whole else inside, tensors))


def _without_spread(rows: list[_Row]) -> list[_Row]:
    while rows and isinstance(rows[-1].value.step, SpreadStep):
        rows = rows[:-1]
    return rows


def _numbered(row: _Row) -> bool:
    """Say whether the branches stand in modules branch1, branch2, ... of the join's own: a `parallel` of the language."""
    home = f"{row.scopes[-1].path}." if row.scopes and row.scopes[-1].path else ""
    paths = [(f"{home}{branch_name(index)}", _path(rows[0])) for index, rows in enumerate(row.branches) if rows]
    return all(path == branch or path.startswith(f"{branch}.") for branch, path in paths)


def _path(row: _Row) -> str:
    return row.value.path or (row.scopes[-1].path if row.scopes else "")


def _residual(
    row: _Row, branches: Sequence[list[_Row]], inside: frozenset[Scope], tensors: list[Mapping[str, Tensor]]
) -> LayerBase | None:
    """Write a sum of a branch and its input, or of a branch and what a projection makes of its input; None if other."""
    for body, shortcut in ((branches[0], branches[1]), (branches[1], branches[0])):
        if body and all(_changes_nothing(one) for one in shortcut):
            return Residual(layers=_branch(body, inside, tensors))
    for body, shortcut in ((branches[0], branches[1]), (branches[1], branches[0])):
        if len(shortcut) == 1 and isinstance(shortcut[0].value.step, LayerStep):
            step, start = shortcut[0].value.step, shortcut[0].value.inputs[0].shape
            block = Residual(layers=(LAYER_KINDS["identity"](),), projection=True)
            try:
                beside = block.beside(start, [row.value.shape])
            except ShapeError:
                beside = None
            if beside is not None and beside.canonical(start) == step.layer.canonical(start):
                layers = _branch(body, inside, tensors)
                _keep(shortcut[0], step, tensors)
                return Residual(layers=layers, projection=True)
    return None


def _changes_nothing(row: _Row) -> bool:
    return isinstance(row.value.step, LayerStep) and row.value.step.layer.kind == "identity"


def _named(layers: Sequence[LayerBase], wanted: Sequence[str]) -> list[LayerBase]:
    """Give layers the names that their modules have, where these are names, single, and not what they are called anyway."""
    often = Counter(wanted)
    names: list[str | None] = [
        name if often[name] == 1 and re.fullmatch(LAYER_NAME, name) and name not in RESERVED_NAMES else None
        for name in wanted
    ]
    kinds = [layer.kind for layer in layers]
    while True:
        given = layer_names(zip(kinds, names, strict=True))
        taken = Counter(given)
        clash = [index for index, name in enumerate(names) if name is not None and taken[name] > 1]
        if not clash:
            break
        for index in clash:
            names[index] = None
    usual = layer_names((kind, None) for kind in kinds)
    return [
        layer if name is None or name == plain else layer.model_copy(update={"name": name})
        for layer, name, plain in zip(layers, names, usual, strict=True)
    ]
