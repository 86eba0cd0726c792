"""A graph of values as a list of layers, with blocks where values part and come together again.

    found = layers_of_graph(graph)
    found.layers, found.tensors           # what the list holds, and each layer's tensors, in the order of the list

A join is a block: `residual` where one branch is the input (or a projection of it), else `parallel`. Calls of a plain
`nn.Sequential` are `sequential` blocks, so that a network which was written with these comes back as it was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from archsearch.errors import Problem, SpecError
from archsearch.export.import_graph import Graph, JoinStep, LayerStep, ModuleCall, SpreadStep
from archsearch.export.import_joins import GraphRow, rows_of_graph
from archsearch.spec.fields import LAYER_NAME
from archsearch.spec.layers import AnyLayer, ShapeError
from archsearch.spec.layers.activation import Identity
from archsearch.spec.layers.blocks import BODY, SHORTCUT, Parallel, Residual, Sequential, branch_name
from archsearch.spec.network import layer_names
from archsearch.spec.reserved import RESERVED_NAMES

_PROJECTIONS: tuple[Literal[True, "pad"], ...] = (True, "pad")


@dataclass(frozen=True, slots=True)
class FoundLayers:
    """The layers of a network, and the tensors of each layer that has some, in the order in which they are built."""

    layers: tuple[AnyLayer, ...]
    tensors: tuple[Mapping[str, Tensor], ...]


def layers_of_graph(graph: Graph) -> FoundLayers:
    """Give the layer list of a graph; raise `SpecError` with the place of the first thing that cannot be said."""
    rows = rows_of_graph(graph)
    if not rows:
        raise SpecError("forward gives its input back: there is no layer in it")
    outside = frozenset(rows[0].scopes[:1])
    tensors: list[Mapping[str, Tensor]] = []
    return FoundLayers(tuple(_written(rows, outside, tensors)), tuple(tensors))


# -- rows as layers ----------------------------------------------------------------------------------------------------


def _written(
    rows: Sequence[GraphRow], outside: frozenset[ModuleCall], tensors: list[Mapping[str, Tensor]]
) -> list[AnyLayer]:
    """Write rows as layers; those of one call of a Sequential that is not `outside` make a block."""
    layers: list[AnyLayer] = []
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


def _inner(row: GraphRow, outside: frozenset[ModuleCall]) -> ModuleCall | None:
    """Give the outermost call of a Sequential that a row stands in."""
    return next((scope for scope in row.scopes if scope.plain and scope not in outside), None)


def _own_name(row: GraphRow, outside: frozenset[ModuleCall]) -> str:
    if not row.branches:
        return row.value.path.rpartition(".")[2]
    last = row.scopes[-1] if row.scopes else None
    return "" if last is None or last.plain or last in outside else last.name


def _layer(row: GraphRow, outside: frozenset[ModuleCall], tensors: list[Mapping[str, Tensor]]) -> AnyLayer:
    step = row.value.step
    if isinstance(step, LayerStep):
        _keep(row, step, tensors)
        return step.layer
    if isinstance(step, SpreadStep):
        said = "values of channels are spread over maps, which the language does in a multiplication only"
        raise SpecError(Problem(row.value.place, said))
    assert isinstance(step, JoinStep)
    inside = outside | frozenset(row.scopes)
    branches = [_without_spread(branch) if step.join == "multiply" else branch for branch in row.branches]
    if not any(branches):
        raise SpecError(Problem(row.value.place, "a value is joined with itself; a block has a layer in a branch"))
    if step.join == "add" and len(branches) == 1 and _stands_in(row, branches[0], BODY):
        return Residual(layers=_branch(branches[0], inside, tensors), projection="none")
    if step.join == "add" and len(branches) == 2 and not _numbered(row):
        residual = _residual(row, branches, inside, tensors)
        if residual is not None:
            return residual
    return Parallel(branches=tuple(_branch(branch, inside, tensors) for branch in branches), join=step.join)


def _keep(row: GraphRow, step: LayerStep, tensors: list[Mapping[str, Tensor]]) -> None:
    """Keep the tensors of a layer, which must be its own."""
    taken = {id(tensor) for one in tensors for tensor in one.values()}
    shared = [name for name, tensor in step.tensors.items() if id(tensor) in taken]
    if shared:
        what = row.value.path or step.layer.kind
        said = f"the {shared[0]} of {what} is used by another layer too (or {what} is called twice)"
        raise SpecError(Problem(row.value.place, f"{said}; layers of the language share no weights"))
    if step.tensors:
        tensors.append(step.tensors)


def _branch(
    rows: Sequence[GraphRow], inside: frozenset[ModuleCall], tensors: list[Mapping[str, Tensor]]
) -> tuple[AnyLayer, ...]:
    """Write a branch; one call of a Sequential that is all of it is the branch itself."""
    calls = {_inner(row, inside) for row in rows}
    whole = calls.pop() if len(calls) == 1 else None
    return tuple(_written(rows, inside | {whole} if whole else inside, tensors))


def _without_spread(rows: list[GraphRow]) -> list[GraphRow]:
    while rows and isinstance(rows[-1].value.step, SpreadStep):
        rows = rows[:-1]
    return rows


def _numbered(row: GraphRow) -> bool:
    """Say whether the branches stand in modules branch1, branch2, ... of the join's own, as those of `parallel` do."""
    home = f"{row.scopes[-1].path}." if row.scopes and row.scopes[-1].path else ""
    paths = [(f"{home}{branch_name(index)}", _path(rows[0])) for index, rows in enumerate(row.branches) if rows]
    return all(path == branch or path.startswith(f"{branch}.") for branch, path in paths)


def _stands_in(row: GraphRow, branch: Sequence[GraphRow], name: str) -> bool:
    """Say whether a branch stands in a module of this name of the join's own, a list of layers."""
    home = f"{row.scopes[-1].path}." if row.scopes and row.scopes[-1].path else ""
    return bool(branch) and all(_path(one).startswith(f"{home}{name}.") for one in branch)


def _path(row: GraphRow) -> str:
    return row.value.path or (row.scopes[-1].path if row.scopes else "")


def _residual(
    row: GraphRow,
    branches: Sequence[list[GraphRow]],
    inside: frozenset[ModuleCall],
    tensors: list[Mapping[str, Tensor]],
) -> AnyLayer | None:
    """Write a sum of a branch and its input, or of a branch and what a projection makes of its input; None if other."""
    for body, shortcut in ((branches[0], branches[1]), (branches[1], branches[0])):
        if body and all(_changes_nothing(one) for one in shortcut):
            return Residual(layers=_branch(body, inside, tensors))
    if _stands_in(row, branches[0], BODY) and _stands_in(row, branches[1], SHORTCUT):
        written = [_branch(branch, inside, tensors) for branch in branches]
        return Residual(layers=written[0], shortcut=written[1])
    for body, shortcut in ((branches[0], branches[1]), (branches[1], branches[0])):
        if len(shortcut) == 1 and isinstance(shortcut[0].value.step, LayerStep):
            step, start = shortcut[0].value.step, shortcut[0].value.inputs[0].shape
            for kind in _PROJECTIONS:
                try:
                    projection = Residual(layers=(Identity(),), projection=kind).beside(start, [row.value.shape])
                except ShapeError:
                    continue
                if projection is None or projection.kind != step.layer.kind:
                    continue
                if projection.canonical(start) == step.layer.canonical(start):
                    layers = _branch(body, inside, tensors)
                    _keep(shortcut[0], step, tensors)
                    return Residual(layers=layers, projection=kind)
    return None


def _changes_nothing(row: GraphRow) -> bool:
    return isinstance(row.value.step, LayerStep) and row.value.step.layer.kind == "identity"


def _named(layers: Sequence[AnyLayer], wanted: Sequence[str]) -> list[AnyLayer]:
    """Give layers the names of their modules, where these are single, allowed, and not what they are called anyway."""
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
