"""A spec with open values as a tree of templates.

    resolve(template, choose)             # -> plain layers, as `ExperimentSpec` reads them
    list(open_values(template))
    list(enumerate_values(template, {}))  # the values of every configuration

reading.py makes an open value of a YAML node, reading_layers.py a template of a layer list.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsearch.search.space.domains import Domain, Value
from archsearch.spec.arithmetic import Expression, ExpressionError
from archsearch.spec.text.yaml import Mark, Tree

Choose = Callable[["Open"], Value]


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


@dataclass(frozen=True, slots=True)
class Computed:
    """A number that is computed of open values, or of others that are: `terms` by the names in the expression."""

    expression: Expression
    terms: tuple[tuple[str, Open | Computed], ...]

    def value(self, choose: Choose) -> Tree:
        """Compute it; what is no whole number is given as it is, and nothing where there is none."""
        named = {name: resolve(term, choose) for name, term in self.terms}
        if not all(type(value) is int for value in named.values()):
            return None
        try:
            found = self.expression.value({name: int(str(value)) for name, value in named.items()})
        except ExpressionError:
            return None
        return int(found) if found.denominator == 1 else float(found)


Template = Fixed | Keys | Items | Open | Repeat | Computed


def resolve(template: Template, choose: Choose) -> Tree:
    """Replace every open value by what `choose` gives for it; ask only for those that exist in the sample."""
    if isinstance(template, Fixed):
        return template.value
    if isinstance(template, Open):
        return resolve(template.chosen(choose(template)), choose)
    if isinstance(template, Computed):
        return template.value(choose)
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
    elif isinstance(template, Computed):
        for _, term in template.terms:
            yield from open_values(term)
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


def given(values: Mapping[str, Value]) -> Callable[[Open], Value]:
    """Choose what is given; elsewhere the first value, which does not matter there."""

    def choose(value: Open) -> Value:
        return values[value.name] if value.name in values else next(value.domain.values())

    return choose


def enumerate_values(template: Template, env: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    """Yield the values of every configuration of a template, beyond those in `env`."""
    if isinstance(template, Fixed):
        yield {}
    elif isinstance(template, Open):
        if template.name in env:
            yield from enumerate_values(template.chosen(env[template.name]), env)
            return
        for value in template.domain.values():
            for inner in enumerate_values(template.chosen(value), {**env, template.name: value}):
                yield {template.name: value, **inner}
    elif isinstance(template, Repeat):
        yield from _enumerate_repeat(template, env)
    elif isinstance(template, Computed):
        yield from _enumerate_all([term for _, term in template.terms], env)
    else:
        items = [item for _, item in template.items] if isinstance(template, Keys) else list(template.items)
        yield from _enumerate_all(items, env)


def _enumerate_repeat(repeat: Repeat, env: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    if isinstance(repeat.times, Fixed):
        yield from _enumerate_all(list(repeat.bodies), env)
        return
    for chosen in enumerate_values(repeat.times, env):
        times = {**env, **chosen}[repeat.times.name]
        for inner in _enumerate_all(list(repeat.bodies[: int(str(times))]), {**env, **chosen}):
            yield {**chosen, **inner}


def _enumerate_all(items: Sequence[Template], env: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    if not items:
        yield {}
        return
    for first in enumerate_values(items[0], env):
        for others in _enumerate_all(items[1:], {**env, **first}):
            yield {**first, **others}


def skeleton(*parts: Any) -> str:
    """Give a hash of templates without the places they were written at."""

    def bare(value: Any) -> Any:
        if isinstance(value, (Fixed,)):
            return json.dumps(value.value, sort_keys=True)
        if isinstance(value, tuple):
            return tuple(bare(item) for item in value)
        if hasattr(value, "__dataclass_fields__"):
            return tuple((name, bare(getattr(value, name))) for name in value.__dataclass_fields__ if name != "mark")
        return value

    return hashlib.sha256(repr(bare(parts)).encode()).hexdigest()
