"""Which layers an address means: a name (`conv2`, `res1.conv1`), a kind (`tanh`: all), a kind and position (`tanh[2]`).

find_layers(node, "tanh[2]", mark)         # [Entry(loc=("network", 4), path="act2", kind="tanh")]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archsearch.errors import Problem, SpecError
from archsearch.spec.edit.tree import at
from archsearch.spec.layers.blocks import HOLDING, SHORTCUT, Parallel, Residual, branch_name, branch_prefix
from archsearch.spec.network import layer_names
from archsearch.spec.text.sentences import short, unknown
from archsearch.spec.text.yaml import Loc, Mark, Node

_NTH = re.compile(r"(?P<kind>[a-z0-9_]+)\[(?P<n>[0-9]{1,6})\]")


class AddressError(SpecError):
    """There is no such layer, or nothing to change in it: true of the network as it stands, not of the edit alone."""


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """One layer as it stands in the file."""

    loc: Loc  # from the spec's root: ("network", 3), or ("network", 3, "residual", "layers", 0)
    path: str  # conv1, res1.conv1
    kind: str


def entries_of(layers: Node | None, loc: Loc, prefix: str = "") -> Iterator[LayerEntry]:
    """Yield the layers of a list and of the blocks in it, named as `plan_network` names them."""
    if layers is None or not isinstance(layers.value, tuple):
        return
    kinds = [kind_and_fields(layer) for layer in layers.value]
    own = [fields.get("name") if fields else None for _, fields in kinds]
    words = [n.value if n is not None and isinstance(n.value, str) else None for n in own]
    names = layer_names((kind, word) for (kind, _), word in zip(kinds, words, strict=True))
    for index, ((kind, fields), name) in enumerate(zip(kinds, names, strict=True)):
        yield LayerEntry((*loc, index), prefix + name, kind)
        for field, lists in lists_in(fields):
            for number, (inside, branch) in enumerate(lists):
                before = f"{prefix}{name}.{branch_prefix(field, number)}"
                yield from entries_of(branch, (*loc, index, kind, *inside), before)


def lists_in(fields: Node | None) -> Iterator[tuple[str, list[tuple[Loc, Node]]]]:
    """Yield for each field of a block in which layers stand the layer lists in it, with their places in the fields."""
    for field in HOLDING:
        held = fields.get(field) if fields is not None else None
        if held is None:
            continue
        branches = held.value if field == "branches" and isinstance(held.value, tuple) else None
        yield field, [((field,), held)] if branches is None else [((field, n), one) for n, one in enumerate(branches)]


def kind_and_fields(layer: Node) -> tuple[str, Node | None]:
    if isinstance(layer.value, dict) and len(layer.value) == 1:
        ((kind, fields),) = layer.value.items()
        return kind, fields
    return str(layer.value) if isinstance(layer.value, str) else "", None


def find_layers(node: Node, address: str, mark: Mark) -> list[LayerEntry]:
    """Give the layers an address means; raise `SpecError` with the valid ones where there are none."""
    entries = list(entries_of(node.get("network"), ("network",)))
    named = [entry for entry in entries if entry.path == address]
    if named:
        return named
    if branch := [entry for entry in _branches(node, entries) if entry.path == address]:
        return branch
    nth = _NTH.fullmatch(address)
    if nth:
        of_kind = [entry for entry in entries if entry.kind == nth["kind"]]
        position = int(nth["n"])
        if 1 <= position <= len(of_kind):
            return [of_kind[position - 1]]
        if of_kind:
            raise AddressError(
                Problem(str(mark), f"{short(address)}: there are {len(of_kind)} {nth['kind']} layers, counted from 1")
            )
    of_kind = [entry for entry in entries if entry.kind == address]
    if of_kind:
        return of_kind
    known = [entry.path for entry in entries] + sorted({entry.kind for entry in entries})
    raise AddressError(Problem(str(mark), unknown("layer", address, known)))


def _branches(node: Node, layers: Sequence[LayerEntry]) -> Iterator[LayerEntry]:
    """Yield the branches of blocks, which may be dropped or replaced as layers are: par1.branch2, res1.shortcut."""
    for entry in layers:
        if entry.kind == Residual.kind:
            yield LayerEntry((*entry.loc, entry.kind, SHORTCUT), f"{entry.path}.{SHORTCUT}", "branch")
        if entry.kind == Parallel.kind:
            _, fields = kind_and_fields(at(node, entry.loc))
            for _, lists in lists_in(fields):
                for number, (inside, _) in enumerate(lists):
                    path = f"{entry.path}.{branch_name(number)}"
                    yield LayerEntry((*entry.loc, entry.kind, *inside), path, "branch")


def find_each(node: Node, addresses: Sequence[tuple[str, Mark]]) -> list[list[LayerEntry]]:
    """Give the layers of each address; raise `SpecError` where two addresses mean the same layer, or one inside it."""
    each = [find_layers(node, address, mark) for address, mark in addresses]
    taken: dict[Loc, int] = {}
    for index, found in enumerate(each):
        for entry in found:
            if taken.setdefault(entry.loc, index) != index:
                raise SpecError(_twice(entry, addresses[taken[entry.loc]][0], addresses[index][1]))
    for index, found in enumerate(each):
        for entry in found:
            for length in range(2, len(entry.loc)):
                other = taken.get(entry.loc[:length], index)
                if other != index:
                    raise SpecError(_twice(entry, addresses[other][0], addresses[index][1]))
    return each


def _twice(entry: LayerEntry, address: str, mark: Mark) -> Problem:
    return Problem(str(mark), f"{short(entry.path)} is meant by {short(address)!r} already; name each layer once")
