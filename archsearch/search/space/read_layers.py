"""Read layer lists, and the `data`, `train` and `space` parts of a study, as templates.

    read_layers(node, Scope(shared))

Every open value gets a stable name here: `conv.depth`, `conv3.out_channels`, `conv1.pool`, `train.optimizer.adam.lr`.
Knows the language, not what a network is worth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archsearch.errors import Problem, SpecError
from archsearch.search.space.computed import is_named_expression, read_computed, read_named
from archsearch.search.space.domains import IntRange
from archsearch.search.space.read_value import Scope, is_open, read_open
from archsearch.search.space.templates import Computed, Fixed, Items, Keys, Open, Repeat, Template
from archsearch.spec.arithmetic import is_expression
from archsearch.spec.layers import LAYER_KINDS, Block, LayerBase
from archsearch.spec.layers.blocks import HOLDING, branch_name, branch_prefix
from archsearch.spec.layers.own import Own
from archsearch.spec.shorthand import NO_LAYERS
from archsearch.spec.text.sentences import quoted, short, unknown, wrong_open_value
from archsearch.spec.text.yaml import Node

_MOST_REPEATS = 64


def read_layers(node: Node, scope: Scope) -> Items:
    """Read a layer list with open values."""
    if not isinstance(node.value, tuple):
        raise SpecError(Problem(str(node.mark), f"expected a list of layers, got {quoted(node.plain())}"))
    counts: dict[str, int] = {}
    items: list[Template] = []
    for item in node.value:
        try:
            if isinstance(item.value, dict) and "repeat" in item.value:
                items.append(_read_repeat(item, scope))
                continue
            family = _family(item)
            counts[family] = counts.get(family, 0) + 1
            label = scope.label or f"{family}{counts[family]}"
            items.append(_read_layer(item, replace(scope, label=label), family))
        except SpecError as error:
            items.append(scope.gather(error))
    return Items(tuple(items))


def _family(item: Node) -> str:
    """Give the family that a layer, or a choice of layers, is named after: that of its first kind but identity."""
    for kind in _kinds(item):
        if kind in LAYER_KINDS and kind != "identity":
            return LAYER_KINDS[kind].family
    return "layer"


def _kinds(item: Node) -> Iterator[str]:
    if isinstance(item.value, str):
        yield item.value
    elif isinstance(item.value, tuple):
        for inner in item.value:
            yield from _kinds(inner)
    elif isinstance(item.value, dict) and "choice" in item.value:
        options = item.value["choice"].value
        for option in options.values() if isinstance(options, dict) else options if isinstance(options, tuple) else ():
            yield from _kinds(option)
    elif isinstance(item.value, dict):
        yield next(iter(item.value), "")


def _read_layer(item: Node, scope: Scope, family: str) -> Template:
    """Read one entry of a layer list: a layer, a choice of layers or lists, or `$name`."""
    if isinstance(item.value, str) and item.value.startswith("$"):
        shared = _read_shared(item, scope)
        if isinstance(shared, Computed):
            raise SpecError(Problem(str(item.mark), f"{short(item.value)} is a number, and no layer"))
        return shared
    if is_open(item):
        own = item.get("name")
        label = scope.prefix + (f"{scope.label}.{own.value if own else family}" if scope.suffix else scope.label)
        if own is not None and not scope.suffix:
            label = scope.prefix + str(own.value)
        return read_open(item, label, scope, _read_option)
    if not isinstance(item.value, dict) or len(item.value) != 1:
        return Fixed(item.plain())
    ((kind, fields),) = item.value.items()
    if not isinstance(fields.value, dict):
        return Fixed(item.plain())
    own = fields.get("name")
    if own is not None and is_open(own):
        raise SpecError(Problem(str(own.mark), f"{scope.label}: a layer's name cannot be open"))
    if own is not None and isinstance(own.value, str):
        named = own.value + scope.suffix
        fields = fields.with_item("name", Node(named, own.mark))
        scope = replace(scope, label=named)
    inside: list[tuple[str, Template]] = []
    for key, value in fields.value.items() if isinstance(fields.value, dict) else ():
        if issubclass(LAYER_KINDS.get(kind, LayerBase), Block) and key in HOLDING:
            block = replace(scope, prefix=f"{scope.prefix}{scope.label}.", label="", suffix="")
            inside.append((key, _read_branches(value, block) if key == "branches" else _read_list(key, value, block)))
        else:
            field = replace(
                scope, label=f"{scope.prefix}{scope.label}.{key}", arithmetic=key != "name" and kind != Own.kind
            )
            inside.append((key, _read_value(value, field)))
    return Keys(((kind, Keys(tuple(inside))),))


def _read_list(field: str, node: Node, scope: Scope) -> Items:
    return read_layers(node, replace(scope, prefix=scope.prefix + branch_prefix(field)))


def _read_branches(node: Node, scope: Scope) -> Items:
    """Read the branches of a block, each a layer list; a choice among lists stands for one of them."""
    if not isinstance(node.value, tuple):
        raise SpecError(Problem(str(node.mark), f"expected a list of layer lists, got {quoted(node.plain())}"))
    branches: list[Template] = []
    for number, branch in enumerate(node.value):
        label = branch_name(number)
        if branch.value is None:
            branches.append(scope.gather(SpecError(Problem(str(branch.mark), NO_LAYERS))))
        elif branch.value == "none":
            branches.append(Items((Fixed("none"),)))
        elif is_open(branch):
            branches.append(Items((read_open(branch, scope.prefix + label, scope, _read_option),)))
        else:
            branches.append(read_layers(branch, replace(scope, prefix=f"{scope.prefix}{label}.")))
    return Items(tuple(branches))


def _read_option(node: Node, scope: Scope) -> Template:
    """Read what a choice in a layer list stands for: a layer, or a list of them."""
    if isinstance(node.value, tuple):
        return read_layers(node, replace(scope, label="", prefix=f"{scope.label}."))
    return _read_layer(node, replace(scope, prefix=""), _family(node))


def _read_value(node: Node, scope: Scope) -> Template:
    """Read a value that may be open, or hold open values."""
    try:
        return _read_one_value(node, scope)
    except SpecError as error:
        return scope.gather(error)


def _read_one_value(node: Node, scope: Scope) -> Template:
    if scope.arithmetic and is_expression(node.value):
        return read_computed(node, scope.label, scope)
    if isinstance(node.value, str) and node.value.startswith("$"):
        return _read_shared(node, scope)
    if is_open(node):
        found = read_open(node, scope.label, scope, _read_value)
        if scope.always and not scope.when:
            scope.before[found.name] = found
        return found
    if isinstance(node.value, dict):
        return Keys(
            tuple((k, _read_value(v, replace(scope, label=f"{scope.label}.{k}"))) for k, v in node.value.items())
        )
    if isinstance(node.value, tuple):
        return Items(
            tuple(_read_value(v, replace(scope, label=f"{scope.label}[{i}]")) for i, v in enumerate(node.value, 1))
        )
    return Fixed(node.plain())


def read_part(node: Node, part: str, scope: Scope) -> Template:
    """Read the `data` or `train` part of a study: values by path."""
    return _read_value(node, replace(scope, label=part))


def read_shared(node: Node | None, problems: list[Problem]) -> dict[str, Open | Computed]:
    """Read the `space:` part: open values with names, used as `$name`, and what is computed of them.

    What is wrong with one goes to `problems`.
    """
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        raise SpecError(Problem(str(node.mark), f"space: expected names with open values, got {quoted(node.plain())}"))
    found: dict[str, Open | Computed] = {}
    expressions = {name: value for name, value in node.value.items() if is_named_expression(value)}
    for name, value in node.value.items():
        if name in expressions:
            continue
        try:
            if not is_open(value):
                what = wrong_open_value(value.plain()) or f"expected choice, int or float, got {quoted(value.plain())}"
                raise SpecError(Problem(str(value.mark), f"space.{name}: {what}"))
            found[name] = read_open(value, name, Scope({}, problems=problems), _read_option)
        except SpecError as error:
            problems += error.problems
    refused = frozenset(node.value) - set(found) - set(expressions)
    read_named(expressions, found, Scope(found, refused=refused, problems=problems))
    return found


def _read_shared(node: Node, scope: Scope) -> Open | Computed:
    assert isinstance(node.value, str)
    name = node.value[1:]
    if name not in scope.shared:
        if name in scope.refused:  # it is told where it stands
            raise SpecError([])
        known = [f"${other}" for other in scope.shared]
        raise SpecError(Problem(str(node.mark), unknown("open value", node.value, known) + " (they stand in `space`)"))
    scope.used.add(name)
    return scope.shared[name]


def _read_repeat(item: Node, scope: Scope) -> Repeat:
    repeat = item.get("repeat")
    assert repeat is not None
    keys = ("name", "times", "layers", "shared")
    if not isinstance(repeat.value, dict) or len(item.value if isinstance(item.value, dict) else {}) != 1:
        raise SpecError(Problem(str(item.mark), "repeat: expected {name: ..., times: ..., layers: [...]}"))
    for key in repeat.value:
        if key not in keys:
            raise SpecError(Problem(str(repeat.keys[key]), f"repeat: {unknown('key', key, keys)}"))
    name, times, layers = (repeat.get(key) for key in ("name", "times", "layers"))
    if name is None or times is None or layers is None or not isinstance(name.value, str):
        raise SpecError(Problem(str(repeat.mark), "repeat: needs name, times and layers"))
    label = f"{scope.prefix}{scope.label}.{name.value}" if scope.suffix else scope.prefix + name.value
    count = _read_times(times, f"{label}.depth", scope)
    most = count.domain.high if isinstance(count, Open) and isinstance(count.domain, IntRange) else None
    if isinstance(count, Fixed):
        assert isinstance(count.value, int)
        most = count.value
    assert most is not None
    least = count.domain.low if isinstance(count, Open) and isinstance(count.domain, IntRange) else most
    together = repeat.get("shared")
    bodies = []
    for number in range(1, most + 1):
        own = replace(scope, prefix="", label=label if together is not None and together.value else f"{label}{number}")
        own = replace(own, always=scope.always and number <= least)
        bodies.append(read_layers(layers, replace(own, suffix=f"{scope.suffix}{number}")))
    return Repeat(count, tuple(bodies))


def _read_times(node: Node, name: str, scope: Scope) -> Open | Fixed:
    found: Open | Fixed
    if is_open(node):
        found = read_open(node, name, scope, _read_value)
        if not isinstance(found.domain, IntRange):
            raise SpecError(Problem(str(node.mark), f"{name}: times is open as int: [lowest, highest]"))
        low, high = found.domain.low, found.domain.high
    elif isinstance(node.value, int) and not isinstance(node.value, bool):
        found, low, high = Fixed(node.value), node.value, node.value
    else:
        raise SpecError(
            Problem(str(node.mark), f"{name}: expected a whole number or int: [...], got {quoted(node.plain())}")
        )
    if low < 0 or high > _MOST_REPEATS:
        raise SpecError(Problem(str(node.mark), f"{name}: between 0 and {_MOST_REPEATS} repetitions"))
    return found
