"""Read one open value: `{choice: ...}`, `{int: [lo, hi]}`, `{float: [lo, hi]}`.

read_open(node, "conv1.out_channels", scope, read)      # `read` reads what a choice stands for
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from archsearch.errors import Problem, SpecError
from archsearch.search.space.domains import Choice, Domain, FloatRange, IntRange, Value
from archsearch.search.space.templates import Computed, Fixed, Open, Template
from archsearch.spec.text.sentences import quoted, unknown
from archsearch.spec.text.yaml import Node

_RANGE_KEYS = {"int": {"int", "log", "step"}, "float": {"float", "log", "step"}}
_MOST_CHOICES = 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """Where in the network a layer stands, as far as names go."""

    shared: Mapping[str, Open | Computed]
    label: str = ""  # inside a repeat: the repetition, such as conv3
    prefix: str = ""  # inside a block: `res1.`
    suffix: str = ""  # inside a repeat: what a layer's own name ends with
    when: tuple[tuple[str, Value], ...] = ()
    always: bool = True  # not in a repetition that may be left out
    arithmetic: bool = False  # in a field of a layer, where a text may be computed: `w/2`
    before: dict[str, Open] = field(default_factory=dict)  # what stands so far and is always there
    named: dict[str, Open] = field(default_factory=dict)  # of those, what an expression names
    used: set[str] = field(default_factory=set)
    refused: frozenset[str] = frozenset()  # names in `space` whose value cannot be read
    problems: list[Problem] = field(default_factory=list)

    def gather(self, error: SpecError) -> Fixed:
        """Keep what is wrong with one value, so that the rest is read too; give what stands there meanwhile."""
        seen = {problem.where for problem in self.problems}  # a repeat's layers are read once for each repetition
        self.problems.extend(problem for problem in error.problems if problem.where not in seen)
        return Fixed(None)


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
