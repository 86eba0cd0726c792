"""Edits: set, replace, insert, drop. A variant, a level of an ablation and a command-line override are made of them.

    node = apply_edits(node, edits_node)                     # the `edits:` list of a file
    node = apply_overrides(node, ["conv1.out_channels=10"])  # from the command line

Edits work on nodes, so that every value keeps the place it was written at. A layer is addressed by its name (`conv2`,
`res1.conv1`), by its kind (`tanh`: all of them) or by kind and position (`tanh[2]`), as the network stands after the
edits before: all addresses of one edit are meant as the network stood before it. An edit that changes nothing is an
error; an override may repeat what is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from archsearch.errors import LimitError, Problem, SpecError
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import LAYER_KINDS
from archsearch.spec.network import layer_names
from archsearch.spec.sentences import allowed_keys, problems_of, quoted, short, unknown
from archsearch.spec.yaml import MAX_DEPTH, MAX_NODES, Loc, Mark, Node, read_text

_PARTS = ("data", "train", "documented", "expect")
_WHOLE = ("name", "summary", "source", "departures")
_VERBS = ("set", "replace", "insert", "drop")
_NTH = re.compile(r"(?P<kind>[a-z0-9_]+)\[(?P<n>[0-9]{1,6})\]")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One layer as it stands in the file."""

    loc: Loc  # from the spec's root: ("network", 3), or ("network", 3, "residual", "layers", 0)
    path: str  # conv1, res1.conv1
    kind: str


def apply_edits(node: Node, edits: Node) -> Node:
    """Apply an `edits:` list in order; raise `SpecError` at the first edit that cannot be made or changes nothing."""
    if not isinstance(edits.value, tuple):
        raise SpecError(Problem(str(edits.mark), f"edits: expected a list of edits, got {quoted(edits.plain())}"))
    for edit in edits.value:
        node = _apply_edit(node, edit)
    return node


def apply_overrides(node: Node, overrides: Sequence[str]) -> Node:
    """Set values given as `path=value` (YAML) on the command line; raise `SpecError` for an unknown path."""
    for text in overrides:
        path, equals, value = text.partition("=")
        source = f"override {short(text)!r}"
        if not equals or not path:
            raise SpecError(Problem(source, "expected path=value, such as train.epochs=2 or conv1.out_channels=10"))
        try:
            edit = read_text(value, source)
        except SpecError as error:  # its line and column mean nothing on the command line
            raise type(error)([Problem(source, problem.message) for problem in error.problems]) from None
        node = _set(node, path, _marked(edit, Mark(source)), Mark(source))
    return node


def _marked(node: Node, mark: Mark) -> Node:
    """Give every value the one mark: a line number means nothing on the command line."""
    if isinstance(node.value, dict):
        return Node({k: _marked(v, mark) for k, v in node.value.items()}, mark, dict.fromkeys(node.keys, mark))
    if isinstance(node.value, tuple):
        return Node(tuple(_marked(v, mark) for v in node.value), mark)
    return Node(node.value, mark)


def _apply_edit(node: Node, edit: Node) -> Node:
    if not isinstance(edit.value, dict) or len(edit.value) != 1:
        raise SpecError(Problem(str(edit.mark), f"an edit is one of {', '.join(_VERBS)} with its target"))
    ((verb, target),) = edit.value.items()
    if verb not in _VERBS:
        raise SpecError(Problem(str(edit.mark), unknown("edit", verb, _VERBS)))
    for what, mark, change in _changes(verb, target):
        after = change(node)
        _hold(after, 0, mark)
        if _same(node, after, mark):
            raise SpecError(_changes_nothing(verb, what, mark))
        node = after
    return node


def _changes_nothing(verb: str, what: str, mark: Mark) -> Problem:
    return Problem(str(mark), f"{verb} {what} changes nothing; take the edit out, or correct it")


_Change = tuple[str, Mark, Callable[[Node], Node]]


def _changes(verb: str, target: Node) -> Iterator[_Change]:
    """Split an edit into single changes, each with its name and place."""
    if verb == "drop":
        yield _dropping(target)
    elif verb == "insert":
        yield from _insertion(target)
    elif not isinstance(target.value, dict) or not target.value:
        example = "{conv1.out_channels: 10}" if verb == "set" else "{tanh: relu}"
        raise SpecError(Problem(str(target.mark), f"{verb}: expected {example}, got {quoted(target.plain())}"))
    elif verb == "set":
        for path, value in target.value.items():
            yield _setting(path, value, target.keys[path])
    else:
        yield _replacement(target)


def _setting(path: str, value: Node, mark: Mark) -> _Change:
    return short(path), mark, lambda node: _set(node, path, value, mark)


def _dropping(target: Node) -> _Change:
    words = target.value if isinstance(target.value, tuple) else (target,)
    addresses: list[tuple[str, Mark]] = []
    for word in words:
        if not isinstance(word.value, str):
            raise SpecError(Problem(str(word.mark), f"drop: expected a layer, got {quoted(word.plain())}"))
        addresses.append((word.value, word.mark))
    if not addresses:
        raise SpecError(Problem(str(target.mark), "drop: expected a layer, got an empty list"))

    def change(node: Node) -> Node:
        return _put_all(node, [(entry.loc, ()) for found in _find_each(node, addresses) for entry in found])

    return ", ".join(short(address) for address, _ in addresses[:3]), target.mark, change


def _replacement(target: Node) -> _Change:
    assert isinstance(target.value, dict)
    pairs = {address: _layers(value) for address, value in target.value.items()}

    def change(node: Node) -> Node:
        each = _find_each(node, [(address, target.keys[address]) for address in pairs])
        _hold(
            node, sum(len(found) * _values(new) for found, new in zip(each, pairs.values(), strict=True)), target.mark
        )
        every = []
        for address, found in zip(pairs, each, strict=True):
            places = [(entry.loc, pairs[address]) for entry in found]
            if len(pairs) > 1 and _same(node, _put_all(node, places), target.keys[address]):
                raise SpecError(_changes_nothing("replace", short(address), target.keys[address]))
            every += places
        return _put_all(node, every)

    return ", ".join(short(address) for address in list(pairs)[:3]), target.mark, change


def _insertion(target: Node) -> Iterator[_Change]:
    keys = set(target.value) if isinstance(target.value, dict) else set()
    if keys not in ({"after", "layers"}, {"before", "layers"}):
        raise SpecError(Problem(str(target.mark), "insert: expected {after: LAYER, layers: [...]} (or before:)"))
    side = "after" if "after" in keys else "before"
    where, layers = target.get(side), target.get("layers")
    assert where is not None
    assert layers is not None
    if not isinstance(where.value, str):
        raise SpecError(Problem(str(where.mark), f"insert: expected a layer, got {quoted(where.plain())}"))
    address, new = where.value, _layers(layers)

    def change(node: Node) -> Node:
        entries = _find(node, address, where.mark)
        if len(entries) != 1:
            raise SpecError(
                Problem(
                    str(where.mark),
                    f"{short(address)!r} is {len(entries)} layers; name one, such as {short(entries[0].path)}",
                )
            )
        loc = entries[0].loc
        old = (_at(node, loc),)
        return _put(node, loc, (*old, *new) if side == "after" else (*new, *old))

    yield f"{side} {short(address)}", target.mark, change


def _same(before: Node, after: Node, mark: Mark) -> bool:
    return _validated(before, mark) == _validated(after, mark)


def _validated(node: Node, mark: Mark) -> ExperimentSpec:
    try:
        return ExperimentSpec.model_validate(node.plain())
    except ValidationError as error:
        raise SpecError(problems_of(error, node, ExperimentSpec)) from None


# -- addresses ---------------------------------------------------------------------------------------------------------


def _entries(layers: Node | None, loc: Loc, prefix: str = "") -> Iterator[_Entry]:
    """Yield the layers of a list and of the blocks in it, named as `plan_network` names them."""
    if layers is None or not isinstance(layers.value, tuple):
        return
    kinds = [_kind_and_fields(layer) for layer in layers.value]
    own = [fields.get("name") if fields else None for _, fields in kinds]
    words = [n.value if n is not None and isinstance(n.value, str) else None for n in own]
    names = layer_names((kind, word) for (kind, _), word in zip(kinds, words, strict=True))
    for index, ((kind, fields), name) in enumerate(zip(kinds, names, strict=True)):
        yield _Entry((*loc, index), prefix + name, kind)
        if fields and fields.get("layers"):
            yield from _entries(fields.get("layers"), (*loc, index, kind, "layers"), f"{prefix}{name}.")


def _kind_and_fields(layer: Node) -> tuple[str, Node | None]:
    if isinstance(layer.value, dict) and len(layer.value) == 1:
        ((kind, fields),) = layer.value.items()
        return kind, fields
    return str(layer.value) if isinstance(layer.value, str) else "", None


def _find(node: Node, address: str, mark: Mark) -> list[_Entry]:
    """Give the layers an address means; raise `SpecError` with the valid ones where there are none."""
    entries = list(_entries(node.get("network"), ("network",)))
    named = [entry for entry in entries if entry.path == address]
    if named:
        return named
    nth = _NTH.fullmatch(address)
    if nth:
        of_kind = [entry for entry in entries if entry.kind == nth["kind"]]
        position = int(nth["n"])
        if 1 <= position <= len(of_kind):
            return [of_kind[position - 1]]
        if of_kind:
            raise SpecError(
                Problem(str(mark), f"{short(address)}: there are {len(of_kind)} {nth['kind']} layers, counted from 1")
            )
    of_kind = [entry for entry in entries if entry.kind == address]
    if of_kind:
        return of_kind
    known = [entry.path for entry in entries] + sorted({entry.kind for entry in entries})
    raise SpecError(Problem(str(mark), unknown("layer", address, known)))


def _find_each(node: Node, addresses: Sequence[tuple[str, Mark]]) -> list[list[_Entry]]:
    """Give the layers of each address; raise `SpecError` where two addresses mean the same layer, or one inside it."""
    each = [_find(node, address, mark) for address, mark in addresses]
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


def _twice(entry: _Entry, address: str, mark: Mark) -> Problem:
    return Problem(str(mark), f"{short(entry.path)} is meant by {short(address)!r} already; name each layer once")


def _set(node: Node, path: str, value: Node, mark: Mark) -> Node:
    first = path.partition(".")[0]
    if path in (*_WHOLE, *_PARTS):
        return node.with_item(path, value)
    if first in _PARTS:
        return _set_part(node, path, value, mark)
    address, _, field = path.rpartition(".")
    if not address:
        raise SpecError(Problem(str(mark), _no_path(node, path)))
    entries = _find_for_set(node, address, path, mark)
    _hold(node, len(entries) * _values((value,)), mark)
    places = []
    for entry in entries:
        layer = _at(node, entry.loc)
        fields = LAYER_KINDS[entry.kind].model_fields if entry.kind in LAYER_KINDS else {}
        if field not in fields:
            what = f"{short(entry.path)} ({short(entry.kind)})"
            raise SpecError(Problem(str(mark), f"{what}: {unknown('field', field, fields)}"))
        _, old = _kind_and_fields(layer)
        new = (old if old is not None and isinstance(old.value, dict) else Node({}, layer.mark)).with_item(field, value)
        places.append((entry.loc, (Node({entry.kind: new}, layer.mark, {entry.kind: layer.mark}),)))
    return _put_all(node, places)


def _find_for_set(node: Node, address: str, path: str, mark: Mark) -> list[_Entry]:
    try:
        return _find(node, address, mark)
    except SpecError:
        if "[" in address:
            raise
        raise SpecError(Problem(str(mark), _no_path(node, path))) from None


def _no_path(node: Node, path: str) -> str:
    """Say that a path means nothing, and which one was probably meant."""
    first = path.partition(".")[0]
    for above in (*((part,) for part in _PARTS), *_standing(node)):
        if first in allowed_keys(above, ExperimentSpec):
            return f"there is no {short(path)!r}; did you mean {'.'.join([*above, short(path)])!r}?"
    for entry in _entries(node.get("network"), ("network",)):
        if entry.path == path and entry.kind in LAYER_KINDS:
            field = next((field for field in LAYER_KINDS[entry.kind].model_fields if field != "name"), "name")
            return f"{path} is a layer; set one of its fields, such as {path}.{field}"
    layers = [entry.path for entry in _entries(node.get("network"), ("network",))]
    return f"there is no {short(path)!r}: {unknown('part', first, [*_PARTS, *_WHOLE, *layers])}"


def _set_part(node: Node, path: str, value: Node, mark: Mark) -> Node:
    """Set a value in `data`, `train`, `documented` or `expect`; keys that are not written out yet are made."""
    parts = path.split(".")
    for depth in range(1, len(parts)):
        keys = allowed_keys(tuple(parts[:depth]), ExperimentSpec)
        if parts[depth] not in keys:
            raise SpecError(Problem(str(mark), _no_key(node, parts, depth, keys)))

    def put(at: Node | None, rest: Sequence[str]) -> Node:
        if not rest:
            return value
        inside = at if at is not None and isinstance(at.value, dict) else Node({}, mark)
        child = inside.get(rest[0])
        if child is None and inside.value and _is_kind(parts, rest):
            # another optimiser, loss, ...: `train.optimizer.sgd.lr` where adam stands
            inside = Node({}, mark)
        return inside.with_item(rest[0], put(child, rest[1:]))

    return put(node, parts)


def _standing(node: Node) -> Iterator[tuple[str, ...]]:
    """Yield the paths of the optimiser, schedule and loss that are written out: (train, optimizer, adam)."""
    train = node.get("train")
    for key in ("optimizer", "schedule", "loss"):
        written = train.get(key) if train is not None else None
        if written is not None:
            yield "train", key, _kind_and_fields(written)[0]


def _no_key(node: Node, parts: Sequence[str], depth: int, keys: Sequence[str]) -> str:
    """Say that a key is unknown; `train.optimizer.lr` leaves out a step, likely the optimiser that stands there."""
    above, below = list(parts[:depth]), list(parts[depth:])
    steps = [key for key in keys if below[0] in allowed_keys((*above, key), ExperimentSpec)]
    at: Node | None = node
    for part in above:
        at = at.get(part) if at is not None else None
    standing = [key for key in steps if at is not None and (at.value == key or at.get(key) is not None)]
    if steps:
        path = ".".join([*above, (standing or steps)[0], *below])
        return f"there is no {short('.'.join(parts))!r}; did you mean {short(path)!r}?"
    return f"{short('.'.join(above))}: {unknown('key', below[0], keys)}"


def _is_kind(parts: Sequence[str], rest: Sequence[str]) -> bool:
    above = tuple(parts[: len(parts) - len(rest)])
    return above in (("train", "optimizer"), ("train", "schedule"), ("train", "loss"))


# -- rebuilding --------------------------------------------------------------------------------------------------------


def _put_all(node: Node, places: Sequence[tuple[Loc, tuple[Node, ...]]]) -> Node:
    """Put layers in many places, from the last to the first and inner ones before outer ones: so all stay true."""
    for loc, new in sorted(places, key=lambda place: _order(place[0]), reverse=True):
        node = _put(node, loc, new)
    return node


def _order(loc: Loc) -> tuple[int, ...]:
    return tuple(part for part in loc if isinstance(part, int))


def _at(node: Node, loc: Loc) -> Node:
    for part in loc:
        if isinstance(part, str):
            assert isinstance(node.value, dict)
            node = node.value[part]
        else:
            assert isinstance(node.value, tuple)
            node = node.value[part]
    return node


def _put(node: Node, loc: Loc, new: tuple[Node, ...]) -> Node:
    """Put layers in the place of the one at `loc`."""
    first, rest = loc[0], loc[1:]
    if rest:
        return node.with_item(first, _put(_at(node, (first,)), rest, new))
    assert isinstance(node.value, tuple)
    assert isinstance(first, int)
    return replace(node, value=(*node.value[:first], *new, *node.value[first + 1 :]))


def _layers(value: Node) -> tuple[Node, ...]:
    return value.value if isinstance(value.value, tuple) else (value,)


def _hold(node: Node, added: int, mark: Mark) -> None:
    """Raise `LimitError` where edits would make of a small file what no file may hold."""
    if _values((node,)) + added > MAX_NODES:
        raise LimitError(Problem(str(mark), f"the edits make more than {MAX_NODES:,} values; a spec has far fewer"))
    if _depth(node) > MAX_DEPTH:
        raise LimitError(Problem(str(mark), f"the edits nest layers more than {MAX_DEPTH} deep"))


def _inside(node: Node) -> tuple[Node, ...]:
    return (
        tuple(node.value.values())
        if isinstance(node.value, dict)
        else node.value
        if isinstance(node.value, tuple)
        else ()
    )


def _values(nodes: Sequence[Node]) -> int:
    return sum(1 + _values(_inside(node)) for node in nodes)


def _depth(node: Node) -> int:
    return 1 + max((_depth(inner) for inner in _inside(node)), default=0)
