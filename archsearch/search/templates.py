"""A spec with open values as a tree of templates, and how it is read from YAML nodes.

    template = compile_network(node.get("network"), shared)
    resolve(template, chooser)            # -> plain layers, as `ExperimentSpec` reads them

Every open value gets a stable name here: `conv.depth`, `conv3.out_channels`, `conv1.pool`, `train.optimizer.adam.lr`.
Knows the language, not what a network is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from archsearch.errors import Problem, SpecError
from archsearch.search.domains import Choice, Domain, FloatRange, IntRange, Value
from archsearch.spec.layers import LAYER_KINDS
from archsearch.spec.sentences import quoted, unknown
from archsearch.spec.yaml import Mark, Node, Tree

Choose = Callable[["Open"], Value]
_RANGE_KEYS = {"int": {"int", "log", "step"}, "float": {"float", "log", "step"}}
_MOST_REPEATS = 64
_MOST_CHOICES = 1000


@dataclass(frozen=True, slots=True)
class Fixed:
    """A value that is not open."""

    value: Tree


@dataclass(frozen=True, slots=True)
class Keys:
    """A mapping with templates as values."""

    items: tuple[tuple[str, Template], ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list; a repeat in it, and an option that is itself a list, are spliced in."""

    items: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """One open value. `options` is what a label stands for; without it a value stands for itself.

    `when` says under which other choices it exists: ((name, label), ...), outermost first.
    """

    name: str
    domain: Domain
    mark: Mark
    options: tuple[tuple[Value, Template], ...] = ()
    when: tuple[tuple[str, Value], ...] = ()

    def chosen(self, value: Value) -> Template:
        """Give what a value stands for."""
        for label, template in self.options:
            if label == value and type(label) is type(value):
                return template
        return Fixed(value)


@dataclass(frozen=True, slots=True)
class Repeat:
    """The first `times` of the bodies, one after the other; each body has its own names."""

    times: Open | Fixed
    bodies: tuple[Items, ...]


Template = Fixed | Keys | Items | Open | Repeat


def resolve(template: Template, choose: Choose) -> Tree:
    """Replace every open value by what `choose` gives for it; ask only for those that exist in the sample."""
    if isinstance(template, Fixed):
        return template.value
    if isinstance(template, Open):
        return resolve(template.chosen(choose(template)), choose)
    if isinstance(template, Keys):
        return {key: resolve(item, choose) for key, item in template.items}
    if isinstance(template, Repeat):
        return [layer for body in template.bodies[: _times(template, choose)] for layer in _list(resolve(body, choose))]
    found: list[Tree] = []
    for item in template.items:
        value = resolve(item, choose)
        if isinstance(value, list) and isinstance(item, (Repeat, Open)):
            found += value
        else:
            found.append(value)
    return found


def _times(repeat: Repeat, choose: Choose) -> int:
    value = repeat.times.value if isinstance(repeat.times, Fixed) else choose(repeat.times)
    assert isinstance(value, int)
    return value


def _list(value: Tree) -> list[Tree]:
    assert isinstance(value, list)
    return value


def open_values(template: Template) -> Iterator[Open]:
    """Yield every open value of a template, in the order of the file; a shared one as often as it is used."""
    if isinstance(template, Open):
        yield template
        for _, option in template.options:
            yield from open_values(option)
    elif isinstance(template, Keys):
        for _, item in template.items:
            yield from open_values(item)
    elif isinstance(template, Items):
        for item in template.items:
            yield from open_values(item)
    elif isinstance(template, Repeat):
        if isinstance(template.times, Open):
            yield template.times
        for body in template.bodies:
            yield from open_values(body)


# -- reading -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """Where in the network a layer stands, as far as names go."""

    shared: Mapping[str, Open]
    label: str = ""  # inside a repeat: the repetition, such as conv3
    prefix: str = ""  # inside a block: `res1.`
    suffix: str = ""  # inside a repeat: what a layer's own name ends with
    when: tuple[tuple[str, Value], ...] = ()
    used: set[str] = field(default_factory=set)


def is_open(node: Node) -> bool:
    """Say whether a node is an open value: `{choice: ...}`, `{int: [lo, hi]}`, `{float: [lo, hi]}`."""
    return isinstance(node.value, dict) and any(word in node.value for word in ("choice", "int", "float"))


def read_open(node: Node, name: str, scope: Scope, read: Callable[[Node, Scope], Template]) -> Open:
    """Read an open value; `read` reads what an option stands for. Raises `SpecError` where it makes no sense."""
    assert isinstance(node.value, dict)
    if "choice" in node.value:
        return _read_choice(node, name, scope, read)
    word = "int" if "int" in node.value else "float"
    for key in node.value:
        if key not in _RANGE_KEYS[word]:
            raise SpecError(Problem(str(node.keys[key]), f"{name}: {unknown('key', key, sorted(_RANGE_KEYS[word]))}"))
    return Open(name, _read_range(node, word, name), node.mark, when=scope.when)


def _read_range(node: Node, word: str, name: str) -> Domain:
    bounds, log, step = node.get(word), node.get("log"), node.get("step")
    assert bounds is not None
    where = str(bounds.mark)
    plain = bounds.plain()
    kinds: tuple[type, ...] = (int,) if word == "int" else (int, float)

    def number(value: object) -> bool:
        return isinstance(value, kinds) and not isinstance(value, bool)

    if not isinstance(plain, list) or len(plain) != 2 or not all(number(value) for value in plain):
        what = "whole numbers" if word == "int" else "numbers"
        raise SpecError(Problem(where, f"{name}: expected {word}: [lowest, highest], two {what}, got {quoted(plain)}"))
    low, high = plain
    assert isinstance(low, (int, float))
    assert isinstance(high, (int, float))
    logarithmic = log.value if log is not None else False
    stride = step.value if step is not None else None
    if low > high:
        raise SpecError(Problem(where, f"{name}: the lowest value {low} is above the highest {high}"))
    if not isinstance(logarithmic, bool):
        raise SpecError(Problem(where, f"{name}: log: expected true or false, got {quoted(logarithmic)}"))
    if logarithmic and low <= 0:
        raise SpecError(Problem(where, f"{name}: a log scale needs a lowest value above 0, got {low}"))
    if stride is not None and (not number(stride) or not isinstance(stride, (int, float)) or stride <= 0):
        raise SpecError(Problem(where, f"{name}: step: expected a number above 0, got {quoted(stride)}"))
    if logarithmic and stride is not None:
        raise SpecError(Problem(where, f"{name}: log and step do not go together; drop one"))
    if word == "int":
        return IntRange(int(low), int(high), logarithmic, int(stride or 1))
    return FloatRange(float(low), float(high), logarithmic, None if stride is None else float(stride))


def _read_choice(node: Node, name: str, scope: Scope, read: Callable[[Node, Scope], Template]) -> Open:
    assert isinstance(node.value, dict)
    for key in node.value:
        if key not in ("choice", "name"):
            raise SpecError(Problem(str(node.keys[key]), f"{name}: {unknown('key', key, ('choice', 'name'))}"))
    choices = node.value["choice"]
    if not isinstance(choices.value, (dict, tuple)) or not choices.value:
        what = (
            "is empty"
            if choices.value in ((), {})
            else f"expected a list or named choices, got {quoted(choices.plain())}"
        )
        raise SpecError(Problem(str(choices.mark), f"{name}: choice: {what}"))
    if len(choices.value) > _MOST_CHOICES:
        raise SpecError(Problem(str(choices.mark), f"{name}: more than {_MOST_CHOICES} choices"))
    pairs: list[tuple[Value, Node]] = []
    if isinstance(choices.value, dict):
        pairs += choices.value.items()
    else:
        pairs += [(_label(option, name), option) for option in choices.value]
    for position, (label, option) in enumerate(pairs):
        if any(label == other and type(label) is type(other) for other, _ in pairs[:position]):
            raise SpecError(
                Problem(
                    str(option.mark), f"{name}: two choices are called {label}; name them: choice: {{a: ..., b: ...}}"
                )
            )
    options: list[tuple[Value, Template]] = []
    for label, option in pairs:
        inner = replace(scope, when=(*scope.when, (name, label)), label=f"{name}.{label}")
        options.append((label, read(option, inner)))
    scalars = all(isinstance(option, Fixed) and option.value == label for label, option in options)
    domain = Choice(tuple(label for label, _ in options))
    return Open(name, domain, node.mark, () if scalars else tuple(options), scope.when)


def _label(option: Node, name: str) -> Value:
    if isinstance(option.value, dict) and len(option.value) == 1:
        return next(iter(option.value))
    if isinstance(option.value, (dict, tuple)):
        raise SpecError(Problem(str(option.mark), f"{name}: name this choice: choice: {{some_name: ...}}"))
    return option.value


# -- the network -------------------------------------------------------------------------------------------------------


def read_layers(node: Node, scope: Scope) -> Items:
    """Read a layer list with open values."""
    if not isinstance(node.value, tuple):
        raise SpecError(Problem(str(node.mark), f"expected a list of layers, got {quoted(node.plain())}"))
    counts: dict[str, int] = {}
    items: list[Template] = []
    for item in node.value:
        if isinstance(item.value, dict) and "repeat" in item.value:
            items.append(_read_repeat(item, scope))
            continue
        family = _family(item)
        counts[family] = counts.get(family, 0) + 1
        label = scope.label or f"{family}{counts[family]}"
        items.append(_read_layer(item, replace(scope, label=label), family))
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
        return _read_shared(item, scope)
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
        if key == "layers" and kind in ("sequential", "residual"):
            block = replace(scope, prefix=f"{scope.prefix}{scope.label}.", label="", suffix="")
            inside.append((key, read_layers(value, block)))
        else:
            inside.append((key, _read_value(value, replace(scope, label=f"{scope.prefix}{scope.label}.{key}"))))
    return Keys(((kind, Keys(tuple(inside))),))


def _read_option(node: Node, scope: Scope) -> Template:
    """Read what a choice in a layer list stands for: a layer, or a list of them."""
    if isinstance(node.value, tuple):
        return read_layers(node, replace(scope, label="", prefix=f"{scope.label}."))
    return _read_layer(node, replace(scope, prefix=""), _family(node))


def _read_value(node: Node, scope: Scope) -> Template:
    """Read a value that may be open, or hold open values."""
    if isinstance(node.value, str) and node.value.startswith("$"):
        return _read_shared(node, scope)
    if is_open(node):
        return read_open(node, scope.label, scope, _read_value)
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


def read_shared(node: Node | None) -> dict[str, Open]:
    """Read the `space:` part: open values with names, used as `$name`."""
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        raise SpecError(Problem(str(node.mark), f"space: expected names with open values, got {quoted(node.plain())}"))
    found: dict[str, Open] = {}
    for name, value in node.value.items():
        if not is_open(value):
            raise SpecError(
                Problem(str(value.mark), f"space.{name}: expected choice, int or float, got {quoted(value.plain())}")
            )
        found[name] = read_open(value, name, Scope({}), _read_option)
    return found


def _read_shared(node: Node, scope: Scope) -> Open:
    assert isinstance(node.value, str)
    name = node.value[1:]
    if name not in scope.shared:
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
    together = repeat.get("shared")
    bodies = []
    for number in range(1, most + 1):
        own = replace(scope, prefix="", label=label if together is not None and together.value else f"{label}{number}")
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
