"""Places in a spec's nodes: what stands there, and the same spec with other layers there.

put_all(node, [(("network", 3), (relu,)), (("network", 7), ())])      # one replaced, one dropped
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archsearch.errors import LimitError, Problem
from archsearch.spec.text.yaml import MAX_DEPTH, MAX_NODES, Loc, Mark, Node


def put_all(node: Node, places: Sequence[tuple[Loc, tuple[Node, ...]]]) -> Node:
    """Put layers in many places, from the last to the first and inner ones before outer ones: so all stay true."""
    for loc, new in sorted(places, key=lambda place: _order(place[0]), reverse=True):
        if loc[-1] == "shortcut":
            node = _put_shortcut(node, loc[:-1], new)
            continue
        if loc[-2:-1] == ("branches",):  # a branch as a whole: the place stays, so that the others keep their names
            mark = at(node, loc).mark
            new = (Node(new, mark) if new else Node("none", mark),)
        node = put(node, loc, new)
    return node


def _put_shortcut(node: Node, loc: Loc, new: tuple[Node, ...]) -> Node:
    """Put layers beside those of a `residual`; without any, nothing is added there, and its layers keep their names."""
    fields = at(node, loc)
    beside = Node(new, fields.mark) if new else None
    fields = fields.with_item("shortcut", beside).with_item("projection", None if new else Node("none", fields.mark))
    kind = str(loc[-1])
    return put(node, loc[:-1], (Node({kind: fields}, fields.mark, {kind: fields.mark}),))


def _order(loc: Loc) -> tuple[int, ...]:
    return tuple(part for part in loc if isinstance(part, int))


def at(node: Node, loc: Loc) -> Node:
    for part in loc:
        if isinstance(part, str):
            assert isinstance(node.value, dict)
            node = node.value[part]
        else:
            assert isinstance(node.value, tuple)
            node = node.value[part]
    return node


def put(node: Node, loc: Loc, new: tuple[Node, ...]) -> Node:
    """Put layers in the place of the one at `loc`."""
    first, rest = loc[0], loc[1:]
    if rest:
        return node.with_item(first, put(at(node, (first,)), rest, new))
    assert isinstance(node.value, tuple)
    assert isinstance(first, int)
    return replace(node, value=(*node.value[:first], *new, *node.value[first + 1 :]))


def layers_of(value: Node) -> tuple[Node, ...]:
    return value.value if isinstance(value.value, tuple) else (value,)


def hold(node: Node, added: int, mark: Mark) -> None:
    """Raise `LimitError` where edits would make of a small file what no file may hold."""
    if count_values((node,)) + added > MAX_NODES:
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


def count_values(nodes: Sequence[Node]) -> int:
    return sum(1 + count_values(_inside(node)) for node in nodes)


def _depth(node: Node) -> int:
    return 1 + max((_depth(inner) for inner in _inside(node)), default=0)
