"""A spec with open values as a tree of templates.

    resolve(template, choose)             # -> plain layers, as `ExperimentSpec` reads them
    list(open_values(template))

reading.py makes an open value of a YAML node, reading_layers.py a template of a layer list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from archsearch.search.space.domains import Domain, Value
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
