"""Set one value of a spec: a field of a layer, or a key of another part, written out already or not.

set_value(node, "conv1.out_channels", value, mark)
set_value(node, "train.optimizer.adam.lr", value, mark)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archsearch.errors import Problem, SpecError
from archsearch.spec.edit.address import AddressError, LayerEntry, entries_of, find_layers, kind_and_fields
from archsearch.spec.edit.tree import at, count_values, hold, put_all
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import LAYER_KINDS
from archsearch.spec.layers.own import Own
from archsearch.spec.text.sentences import allowed_keys, short, unknown
from archsearch.spec.text.yaml import Mark, Node

_PARTS = ("data", "train", "documented", "expect")
_WHOLE = ("name", "summary", "source", "departures")


def set_value(node: Node, path: str, value: Node, mark: Mark) -> Node:
    first = path.partition(".")[0]
    if path in (*_WHOLE, *_PARTS):
        return node.with_item(path, value)
    if first in _PARTS:
        return _set_part(node, path, value, mark)
    address, _, field = path.rpartition(".")
    if not address:
        raise SpecError(Problem(str(mark), _no_path(node, path)))
    entries = _find_for_set(node, address, path, mark)
    hold(node, len(entries) * count_values((value,)), mark)
    places = []
    for entry in entries:
        layer = at(node, entry.loc)
        fields = LAYER_KINDS[entry.kind].model_fields if entry.kind in LAYER_KINDS else {}
        if field not in fields:
            what = f"{short(entry.path)} ({short(entry.kind)})"
            raise SpecError(Problem(str(mark), f"{what}: {unknown('field', field, fields)}"))
        _, old = kind_and_fields(layer)
        if entry.kind == Own.kind and field == "layer" and old is not None:  # another file has another text
            old = old.with_item("source", None)
        new = (old if old is not None and isinstance(old.value, dict) else Node({}, layer.mark)).with_item(field, value)
        places.append((entry.loc, (Node({entry.kind: new}, layer.mark, {entry.kind: layer.mark}),)))
    return put_all(node, places)


def _find_for_set(node: Node, address: str, path: str, mark: Mark) -> list[LayerEntry]:
    try:
        return find_layers(node, address, mark)
    except SpecError:
        if "[" in address:
            raise
        raise AddressError(Problem(str(mark), _no_path(node, path))) from None


def _no_path(node: Node, path: str) -> str:
    """Say that a path means nothing, and which one was probably meant."""
    first = path.partition(".")[0]
    for above in (*((part,) for part in _PARTS), *_standing(node)):
        if first in allowed_keys(above, ExperimentSpec):
            return f"there is no {short(path)!r}; did you mean {'.'.join([*above, short(path)])!r}?"
    for entry in entries_of(node.get("network"), ("network",)):
        if entry.path == path and entry.kind in LAYER_KINDS:
            field = next((field for field in LAYER_KINDS[entry.kind].model_fields if field != "name"), "name")
            return f"{path} is a layer; set one of its fields, such as {path}.{field}"
        field, _, below = path.removeprefix(f"{entry.path}.").partition(".")
        if path.startswith(f"{entry.path}.") and below and field in LAYER_KINDS[entry.kind].model_fields:
            whole = f"set: {{{entry.path}.{field}: ...}}"
            return f"there is no {short(path)!r}: {entry.path}.{field} is set as a whole, {whole}"
    layers = [entry.path for entry in entries_of(node.get("network"), ("network",))]
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
            yield "train", key, kind_and_fields(written)[0]


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
