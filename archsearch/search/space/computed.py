"""Read numbers that are computed of open values: `out_channels: 2*w`, `space: {w: {int: [8, 64]}, half: w//2}`.

    read_computed(node, "conv2.out_channels", scope)

An expression may name what stands in `space`, and open values that stand before it in the layer list and are always
there. Every combination of these must give a whole number.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

from archsearch.errors import Problem, SpecError
from archsearch.search.space.domains import Choice, Domain, IntRange, Value, domain_text
from archsearch.search.space.read_value import Scope, is_open
from archsearch.search.space.templates import Computed, Open, open_values
from archsearch.spec.arithmetic import Expression, ExpressionError, is_expression, read_expression
from archsearch.spec.text.sentences import short, unknown
from archsearch.spec.text.yaml import Node

_MOST_CHECKED = 100_000  # combinations; where there are more, what gives no whole number is refused as a sample


def read_computed(node: Node, label: str, scope: Scope) -> Computed:
    """Read an expression; raise `SpecError` where it names what is not there, itself, or gives no whole number."""
    expression = expression_of(node, label)
    terms: list[tuple[str, Open | Computed]] = []
    for name in expression.names:
        if name in scope.refused:  # it is told where it stands
            raise SpecError([])
        found = scope.shared.get(name) or scope.before.get(name)
        if found is None:
            raise SpecError(Problem(str(node.mark), f"{label}: {_not_there(name, label, expression, scope)}"))
        if name in scope.shared:
            scope.used.add(name)
        else:
            scope.named[name] = scope.before[name]
        terms.append((name, found))
    computed = Computed(expression, tuple(terms))
    _gives_whole_numbers(computed, label, node)
    return computed


def expression_of(node: Node, label: str) -> Expression:
    """Read the text of a node as an expression; raise `SpecError` where it is none."""
    try:
        return read_expression(str(node.value))
    except ExpressionError as error:
        raise SpecError(Problem(str(node.mark), f"{label}: {short(str(node.value))} {error}")) from None


def _not_there(name: str, label: str, expression: Expression, scope: Scope) -> str:
    if name == label:
        return f"{short(expression.text)} refers to itself"
    known = [*scope.shared, *scope.before]
    return (
        f"{short(expression.text)}: {unknown('open value', name, known)} (an expression names what stands in `space`, "
        "or before it and in every network)"
    )


def read_named(values: Mapping[str, Node], found: dict[str, Open | Computed], scope: Scope) -> None:
    """Read the expressions of a `space:` part into `found`, which has its open values; problems go to the scope."""
    for name in values:
        try:
            _read_one(name, values, found, (), scope)
        except SpecError as error:
            scope.gather(error)


def _read_one(
    name: str, values: Mapping[str, Node], found: dict[str, Open | Computed], trail: tuple[str, ...], scope: Scope
) -> None:
    if name in found:
        return
    node = values[name]
    if name in trail:
        circle = " -> ".join((*trail[trail.index(name) :], name))
        raise SpecError(Problem(str(node.mark), f"space.{name}: {short(str(node.value))} refers to itself: {circle}"))
    for other in expression_of(node, f"space.{name}").names:
        if other in values:
            _read_one(other, values, found, (*trail, name), scope)
    found[name] = read_computed(node, f"space.{name}", scope)


def is_named_expression(node: Node) -> bool:
    """Say whether a value in `space` is an expression."""
    return not is_open(node) and is_expression(node.value)


# -- whole numbers -----------------------------------------------------------------------------------------------------


def _gives_whole_numbers(computed: Computed, label: str, node: Node) -> None:
    opened = {value.name: value for value in open_values(computed)}
    for value in opened.values():
        if value.options or not _is_whole(value.domain):
            what = f"{value.name} is {domain_text(value.domain)}, and no whole number"
            text = f"{label}: {short(computed.expression.text)}: {what}"
            raise SpecError(Problem(str(node.mark), text))
    if math.prod(value.domain.count or 1 for value in opened.values()) > _MOST_CHECKED:
        return
    for values in itertools.product(*(value.domain.values() for value in opened.values())):
        chosen = dict(zip(opened, values, strict=True))
        if type(given := computed.value(lambda value: chosen[value.name])) is not int:  # noqa: B023 - called at once
            raise SpecError(Problem(str(node.mark), f"{label}: {_not_whole(computed, chosen, given)}"))


def _not_whole(computed: Computed, chosen: Mapping[str, Value], given: object) -> str:
    where = " and ".join(f"{name} is {value}" for name, value in chosen.items())
    text = short(computed.expression.text)
    if given is None:
        return f"{text} divides by 0 where {where}"
    way = f"; write {text.replace('/', '//')} to round down, or leave such values out" if "//" not in text else ""
    return f"{text} is {given:g} where {where}, and must be a whole number{way}"


def _is_whole(domain: Domain) -> bool:
    return isinstance(domain, IntRange) or (
        isinstance(domain, Choice) and all(type(label) is int for label in domain.labels)
    )
