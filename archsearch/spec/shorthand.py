"""What a file says shorter: `values:` that its layers name, `repeat:` of layers, and widths that are computed.

    node = written_out(read_file(path))        # the same file with every layer written out

    values: {w: 32}
    network:
      - repeat: {times: 3, layers: [conv2d: {out_channels: 2*w, kernel_size: 3}, relu]}

Nodes in, nodes out: every value keeps its place in the file. A search file has all of this with open values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from archsearch.errors import LimitError, Problem, SpecError
from archsearch.spec.arithmetic import ExpressionError, is_expression, read_expression
from archsearch.spec.layers.blocks import HOLDING
from archsearch.spec.layers.own import Own
from archsearch.spec.text.sentences import quoted, short, unknown
from archsearch.spec.text.yaml import MAX_NODES, Node

_MOST_TIMES = 64
_KEYS = ("name", "times", "layers")
NO_LAYERS = "a branch without its layers; write [] for the input itself, none for no branch"
_TOLD: Any = object()  # stands where a value cannot be known, for a reason that is told already


@dataclass(slots=True)
class _Filling:
    """What the layers of a file may name, what of it they did, and what is wrong."""

    values: Mapping[str, Node]
    of_a_file: bool = True  # not of edits, which may come from Python, where None is no branch
    used: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0

    def counted(self, node: Node) -> Node:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise LimitError(Problem(str(node.mark), f"its repeats make more than {MAX_NODES:,} values"))
        return node


def written_out(node: Node) -> Node:
    """Write out the layers of a spec's file; raise `SpecError` with all problems, `LimitError` for too much."""
    written, network = node.get("values"), node.get("network")
    if written is not None and not isinstance(written.value, dict):
        problem = f"values: expected names with values (w: 32), got {quoted(written.plain())}"
        raise SpecError(Problem(str(written.mark), problem))
    filling = _Filling(written.value if written is not None and isinstance(written.value, dict) else {})
    for name, value in filling.values.items():
        _resolved(name, filling, (), value)
    if network is not None:
        node = _with(node, "network", _layers(network, filling, ""))
    if filling.problems:
        raise SpecError(list(dict.fromkeys(filling.problems)))
    for name in filling.values:
        if name not in filling.used:
            assert written is not None
            where = written.keys.get(name, written.mark)
            raise SpecError(Problem(str(where), f"values.{name} is not used; write ${name} where it is meant"))
    return node if written is None else node.with_item("values", None)


def layers_written_out(layers: tuple[Node, ...]) -> tuple[Node, ...]:
    """Write out the repeats among the layers of an edit; raise `SpecError` where one is none."""
    filling = _Filling({}, of_a_file=False)
    found = tuple(made for layer in layers for made in _entry(layer, filling, ""))
    if filling.problems:
        raise SpecError(filling.problems)
    return found


def _with(node: Node, key: str | int, item: Node) -> Node:
    """Set one item and keep the place of its key."""
    return Node(node.with_item(key, item).value, node.mark, node.keys)


# -- layers ------------------------------------------------------------------------------------------------------------


def _layers(node: Node, filling: _Filling, suffix: str) -> Node:
    if not isinstance(node.value, tuple):
        return node
    return replace(node, value=tuple(made for item in node.value for made in _entry(item, filling, suffix)))


def _entry(item: Node, filling: _Filling, suffix: str) -> Iterator[Node]:
    """Yield what an entry of a layer list stands for: a layer, a value that is one or several, repeated layers."""
    repeat = item.get("repeat")
    if repeat is not None:
        try:
            yield from _repeated(item, repeat, filling, suffix)
        except SpecError as error:
            filling.problems += error.problems
    elif isinstance(item.value, str) and item.value.startswith("$"):
        made = _value(item, filling)
        yield from made.value if isinstance(made.value, tuple) else (made,)
    elif isinstance(item.value, dict) and len(item.value) == 1:
        ((kind, fields),) = item.value.items()
        yield filling.counted(_with(item, kind, _fields(kind, fields, filling, suffix)))
    else:
        yield filling.counted(item)


def _fields(kind: str, fields: Node, filling: _Filling, suffix: str) -> Node:
    if not isinstance(fields.value, dict):
        return fields
    for key, value in fields.value.items():
        if key == "name":
            named = isinstance(value.value, str) and suffix
            made = replace(value, value=f"{value.value}{suffix}") if named else value
        elif key == "branches" and isinstance(value.value, tuple):
            if filling.of_a_file:
                filling.problems += [Problem(str(one.mark), NO_LAYERS) for one in value.value if one.value is None]
            made = replace(value, value=tuple(_layers(branch, filling, "") for branch in value.value))
        elif key in HOLDING:
            made = _layers(value, filling, "")
        else:
            made = _given_to_own(value, filling) if kind == Own.kind else _value(value, filling)
        fields = _with(fields, key, made)
    return fields


def _given_to_own(node: Node, filling: _Filling) -> Node:
    """Fill in `$w` where there is such a value; all other text that a class of one's own is given is its own."""
    if isinstance(node.value, dict):
        for key, value in node.value.items():
            node = _with(node, key, _given_to_own(value, filling))
        return node
    if isinstance(node.value, tuple):
        return replace(node, value=tuple(_given_to_own(one, filling) for one in node.value))
    named = isinstance(node.value, str) and node.value.startswith("$") and node.value[1:] in filling.values
    return _value(node, filling) if named else node


def _repeated(item: Node, repeat: Node, filling: _Filling, suffix: str) -> Iterator[Node]:
    """Yield the layers so often; a name of their own gets the number of the repetition: stem1, stem2."""
    if not isinstance(repeat.value, dict) or not isinstance(item.value, dict) or len(item.value) != 1:
        raise SpecError(Problem(str(item.mark), "repeat: expected {times: ..., layers: [...]}"))
    for key in repeat.value:
        if key not in _KEYS:
            raise SpecError(Problem(str(repeat.keys[key]), f"repeat: {unknown('key', key, _KEYS)}"))
    times, layers = repeat.get("times"), repeat.get("layers")
    if times is None or layers is None or not isinstance(layers.value, tuple):
        raise SpecError(Problem(str(repeat.mark), "repeat: needs times and layers, a list"))
    count = _value(times, filling).value
    if count is _TOLD:
        return
    if type(count) is not int or not 0 <= count <= _MOST_TIMES:
        got = quoted(times.plain())
        raise SpecError(Problem(str(times.mark), f"repeat: times: a whole number from 0 to {_MOST_TIMES}, got {got}"))
    for number in range(1, count + 1):
        for layer in layers.value:
            yield from _entry(layer, filling, f"{suffix}{number}")


# -- values ------------------------------------------------------------------------------------------------------------


def _value(node: Node, filling: _Filling) -> Node:
    """Fill in a value: `$w`, `2*w`, or a list in which such stand; what cannot be stays, and is a problem."""
    filling.counted(node)
    if isinstance(node.value, tuple):
        return replace(node, value=tuple(_value(one, filling) for one in node.value))
    if not isinstance(node.value, str):
        return node
    if is_expression(node.value):
        return _computed(node, filling, ())
    if not node.value.startswith("$"):
        return node
    made = _resolved(node.value[1:], filling, (), node)
    filling.used.add(node.value[1:])
    return replace(made, mark=node.mark)


def _resolved(name: str, filling: _Filling, trail: tuple[str, ...], where: Node) -> Node:
    """Give what a name stands for, computed where it is an expression."""
    node = filling.values.get(name)
    if node is None:
        known = [f"${other}" for other in filling.values]
        text = unknown("value", f"${name}", known) if known else f"unknown value '${name}'"
        filling.problems.append(Problem(str(where.mark), f"{text} (they stand in `values`)"))
        return Node(_TOLD, where.mark)
    if not is_expression(node.value):
        return node
    if name in trail:
        circle = " -> ".join((*trail[trail.index(name) :], name))
        said = f"values.{name}: {short(str(node.value))} refers to itself: {circle}"
        filling.problems.append(Problem(str(node.mark), said))
        return Node(_TOLD, where.mark)
    return _computed(node, filling, (*trail, name))


def _computed(node: Node, filling: _Filling, trail: tuple[str, ...]) -> Node:
    """Compute an expression; a problem is told where it gives no whole number."""
    text = short(str(node.value))
    try:
        expression = read_expression(str(node.value))
        named: dict[str, int] = {}
        for name in expression.names:
            value = _resolved(name, filling, trail, node).value
            filling.used.add(name)
            if value is _TOLD:
                return replace(node, value=_TOLD)
            if type(value) is not int:
                raise ExpressionError(f"names {name}, which is {quoted(value)}, and no whole number")
            named[name] = value
        return replace(node, value=expression.whole(named))
    except ExpressionError as error:
        filling.problems.append(Problem(str(node.mark), f"{text} {error}"))
        return replace(node, value=_TOLD)
