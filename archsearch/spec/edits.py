"""Edits: set, replace, insert, drop. A variant, a level of an ablation and a command-line override are made of them.

    node = apply_edits(node, edits_node)                     # the `edits:` list of a file
    node = apply_overrides(node, ["conv1.out_channels=10"])  # from the command line

Edits work on nodes, so that every value keeps the place it was written at. A layer is addressed by its name (`conv2`,
`res1.conv1`), by its kind (`tanh`: all of them) or by kind and position (`tanh[2]`), as the network stands after the
edits before. An edit that changes nothing is an error; an override may repeat what is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from archsearch.errors import Problem, SpecError
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import LAYER_KINDS
from archsearch.spec.network import layer_names
from archsearch.spec.sentences import allowed_keys, problems_of, quoted, short, unknown
from archsearch.spec.yaml import Loc, Mark, Node, read_text

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
        edit = replace(read_text(value, source), mark=Mark(source))
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
        if _same(node, after, mark):
            raise SpecError(Problem(str(mark), f"{verb} {what} changes nothing; take the edit out, or correct it"))
        node = after
    return node


_Change = tuple[str, Mark, Callable[[Node], Node]]


def _changes(verb: str, target: Node) -> Iterator[_Change]:
    """Split an edit into single changes, each with its name and place."""
    if verb == "drop":
        words = target.value if isinstance(target.value, tuple) else (target,)
        for word in words:
            if not isinstance(word.value, str):
                raise SpecError(Problem(str(word.mark), f"drop: expected a layer, got {quoted(word.plain())}"))
            address = word.value
            yield address, word.mark, lambda node, a=address, m=word.mark: _splice(node, a, (), m)
    elif verb == "insert":
        yield from _insertion(target)
    elif not isinstance(target.value, dict) or not target.value:
        example = "{conv1.out_channels: 10}" if verb == "set" else "{tanh: relu}"
        raise SpecError(Problem(str(target.mark), f"{verb}: expected {example}, got {quoted(target.plain())}"))
    elif verb == "set":
        for path, value in target.value.items():
            mark = target.keys[path]
            yield path, mark, lambda node, p=path, v=value, m=mark: _set(node, p, v, m)
    else:
        yield from _replacement(target)


def _replacement(target: Node) -> Iterator[_Change]:
    """All addresses of one `replace` are meant as the network stood before it."""
    assert isinstance(target.value, dict)
    pairs = target.value

    def change(node: Node) -> Node:
        found = [
            (entry, _layers(value)) for address, value in pairs.items()
            for entry in _find(node, address, target.keys[address])
        ]
        for entry, layers in sorted(found, key=lambda pair: _order(pair[0].loc), reverse=True):
            node = _put(node, entry.loc, layers)
        return node

    yield ", ".join(pairs), target.mark, change


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
                Problem(str(where.mark), f"{address!r} is {len(entries)} layers; name one, such as {entries[0].path}")
            )
        loc = entries[0].loc
        old = (_at(node, loc),)
        return _put(node, loc, (*old, *new) if side == "after" else (*new, *old))

    yield f"{side} {address}", target.mark, change


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
    names = layer_names((kind, str(n.value) if n else None) for (kind, _), n in zip(kinds, own, strict=True))
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
                Problem(str(mark), f"{address}: there are {len(of_kind)} {nth['kind']} layers, counted from 1")
            )
    of_kind = [entry for entry in entries if entry.kind == address]
    if of_kind:
        return of_kind
    known = [entry.path for entry in entries] + sorted({entry.kind for entry in entries})
    raise SpecError(Problem(str(mark), unknown("layer", address, known)))


def _set(node: Node, path: str, value: Node, mark: Mark) -> Node:
    first, _, rest = path.partition(".")
    if path in (*_WHOLE, *_PARTS):
        return node.with_item(path, value)
    if first in _PARTS:
        return _set_part(node, path, value, mark)
    address, _, field = path.rpartition(".")
    if not address:
        raise SpecError(Problem(str(mark), _no_path(node, path)))
    entries = _find_for_set(node, address, field, path, mark)
    for entry in entries:
        layer = _at(node, entry.loc)
        fields = LAYER_KINDS[entry.kind].model_fields if entry.kind in LAYER_KINDS else {}
        if field not in fields:
            raise SpecError(Problem(str(mark), f"{entry.path} ({entry.kind}): {unknown('field', field, fields)}"))
        _, old = _kind_and_fields(layer)
        new = (old if old is not None and isinstance(old.value, dict) else Node({}, layer.mark)).with_item(field, value)
        node = _put(node, entry.loc, (Node({entry.kind: new}, layer.mark, {entry.kind: layer.mark}),))
    return node


def _find_for_set(node: Node, address: str, field: str, path: str, mark: Mark) -> list[_Entry]:
    try:
        return _find(node, address, mark)
    except SpecError:
        if "[" in address:
            raise
        raise SpecError(Problem(str(mark), _no_path(node, path))) from None


def _no_path(node: Node, path: str) -> str:
    layers = [entry.path for entry in _entries(node.get("network"), ("network",))]
    first = path.partition(".")[0]
    return f"there is no {short(path)!r}: {unknown('part', first, [*_PARTS, *_WHOLE, *layers])}"


def _set_part(node: Node, path: str, value: Node, mark: Mark) -> Node:
    """Set a value in `data`, `train`, `documented` or `expect`; keys that are not written out yet are made."""
    parts = path.split(".")
    for depth in range(1, len(parts)):
        keys = allowed_keys(tuple(parts[:depth]), ExperimentSpec)
        if parts[depth] not in keys:
            raise SpecError(
                Problem(str(mark), f"{'.'.join(parts[:depth])}: {unknown('key', parts[depth], keys)}")
            )

    def put(at: Node | None, rest: Sequence[str]) -> Node:
        if not rest:
            return value
        inside = at if at is not None and isinstance(at.value, dict) else Node({}, mark)
        child = inside.get(rest[0])
        if child is None and inside.value and rest[0] not in inside.value and _is_kind(parts, rest):
            # another optimiser, loss, ...: `train.optimizer.sgd.lr` where adam stands
            inside = Node({}, mark)
        return inside.with_item(rest[0], put(child, rest[1:]))

    return put(node, parts)


def _is_kind(parts: Sequence[str], rest: Sequence[str]) -> bool:
    above = tuple(parts[: len(parts) - len(rest)])
    return above in (("train", "optimizer"), ("train", "schedule"), ("train", "loss"))


# -- rebuilding --------------------------------------------------------------------------------------------------------


def _splice(node: Node, address: str, new: tuple[Node, ...], mark: Mark) -> Node:
    for entry in sorted(_find(node, address, mark), key=lambda entry: _order(entry.loc), reverse=True):
        node = _put(node, entry.loc, new)
    return node


def _order(loc: Loc) -> tuple[int, ...]:
    return tuple(part for part in loc if isinstance(part, int))


def _at(node: Node, loc: Loc) -> Node:
    for part in loc:
        if isinstance(node.value, dict) and isinstance(part, str):
            node = node.value[part]
        elif isinstance(node.value, tuple) and isinstance(part, int):
            node = node.value[part]
        else:
            raise KeyError(part)
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
