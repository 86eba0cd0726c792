"""Combinations that a search never tries: `never: [{conv1.out_channels: 64, pool: max}, ...]`.

    space = with_never(space, node)                  # the space, with what the file forbids
    space.never[0].holds({"pool": "max", ...})       # True where a configuration has all of its values

A value may be one of several (`[64, 128]`) or lie in a range (`{int: [64, 128]}`); one that a configuration does not
have is never part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, product
from typing import TYPE_CHECKING

from archsearch.errors import Problem, SpecError
from archsearch.search.space.domains import Choice, Domain, FloatRange, Value, domain_text
from archsearch.search.space.problems import raise_all
from archsearch.search.space.read_value import Scope, is_open, read_open
from archsearch.search.space.templates import Fixed, Open, Template
from archsearch.spec.text.sentences import quoted, short, unknown
from archsearch.spec.text.yaml import Node
from archsearch.wording import yaml_word

if TYPE_CHECKING:
    from archsearch.search.space.space import SearchSpace, Values

_MOST = 1000
_MOST_TRIED = 10_000  # combinations of continuous values


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Values that do not go together, by the names of their open values."""

    values: tuple[tuple[str, Domain], ...]

    def holds(self, *chosen: Mapping[str, Value]) -> bool:
        """Say whether a configuration, given in parts, has all of these values."""
        for name, domain in self.values:
            part = next((part for part in chosen if name in part), None)
            if part is None or part[name] not in domain:
                return False
        return True

    @property
    def words(self) -> str:
        """Write it for people, as files have its values."""
        return " ".join(f"{name}={domain_text(domain).replace(', ', '|')}" for name, domain in self.values)

    def __str__(self) -> str:
        """Write it as what a study is known by has it."""
        return " ".join(f"{name}={str(domain).replace(', ', '|')}" for name, domain in self.values)


def allowed_near(
    never: Sequence[Forbidden], continuous: Mapping[str, FloatRange], *chosen: Mapping[str, Value]
) -> Values | None:
    """Give continuous values with which a configuration is not forbidden, {} as it is; None where there are none.

    Of a continuous value the lowest stands for all in a count: where that one is forbidden, another takes its place.
    """
    if not any(one.holds(*chosen) for one in never):
        return {}
    names = [name for name in continuous if any(name in part for part in chosen)]
    ends = [_between(never, name, continuous[name]) for name in names]
    for values in islice(product(*ends), _MOST_TRIED):
        other: Values = dict(zip(names, values, strict=True))
        if not any(one.holds(other, *chosen) for one in never):
            return other
    return None


def continuous_in(never: Sequence[Forbidden], domains: Mapping[str, Domain]) -> dict[str, FloatRange]:
    """Give the continuous values that entries name."""
    named = {name for one in never for name, _ in one.values}
    return {
        name: domain
        for name, domain in domains.items()
        if name in named and isinstance(domain, FloatRange) and domain.count is None
    }


def _between(never: Sequence[Forbidden], name: str, of: FloatRange) -> list[float]:
    """Give the lowest value, and one between each two ends of what entries forbid: if any is allowed, one of these."""
    forbidden = [domain for one in never for key, domain in one.values if key == name]
    ends = [end for one in forbidden for end in (one.labels if isinstance(one, Choice) else (one.low, one.high))]
    inside = sorted({of.low, of.high, *(float(str(end)) for end in ends if end in of)})
    return [of.low, *((low * high) ** 0.5 if of.log else (low + high) / 2 for low, high in pairwise(inside))]


def read_never(node: Node | None, space: SearchSpace) -> tuple[Forbidden, ...]:
    """Read the `never:` part of a search file; raise `SpecError` with all problems."""
    if node is None:
        return ()
    entries = node.value if isinstance(node.value, tuple) else None
    if entries is None or len(entries) > _MOST:
        what = f"more than {_MOST:,} entries" if entries else "expected a list of values that do not go together"
        raise SpecError(Problem(str(node.mark), f"never: {what}, such as [{{pool: max, activation: tanh}}]"))
    opened = {value.name: value for value in space.open_values()}
    found: list[Forbidden] = []
    problems: list[Problem] = []
    for entry in entries:
        try:
            found.append(_read_entry(entry, opened))
        except SpecError as error:
            problems += error.problems
    raise_all(problems, [])
    return tuple(found)


def _read_entry(entry: Node, opened: Mapping[str, Open]) -> Forbidden:
    if not isinstance(entry.value, dict) or not entry.value:
        got = quoted(entry.plain())
        raise SpecError(Problem(str(entry.mark), f"never: expected open values with what they are, got {got}"))
    values: list[tuple[str, Domain]] = []
    problems: list[Problem] = []
    for key, node in entry.value.items():
        name = key if key in opened else key.removeprefix("values.")  # as a program's file writes them
        if name not in opened:
            problems.append(Problem(str(entry.keys[key]), f"never: {unknown('open value', key, opened)}"))
            continue
        try:
            values.append((name, _read_domain(node, opened[name])))
        except SpecError as error:
            problems += error.problems
    problems += _never_together(values, opened, entry)
    if problems:
        raise SpecError(problems)
    return Forbidden(tuple(values))


def _read_domain(node: Node, of: Open) -> Domain:
    if is_open(node):
        domain = read_open(node, of.name, Scope({}), _scalar).domain
    else:
        nodes = node.value if isinstance(node.value, tuple) else (node,)
        if not nodes or any(isinstance(one.value, (tuple, dict)) for one in nodes):
            what = f"expected a value, a list of values or a range, got {quoted(node.plain())}"
            raise SpecError(Problem(str(node.mark), f"never: {of.name}: {what}"))
        domain = Choice(tuple(one.value for one in nodes))  # type: ignore[misc]  # no node of a scalar holds nodes
    if isinstance(domain, Choice):
        for label in domain.labels:
            if label not in of.domain:
                raise SpecError(Problem(str(node.mark), f"never: {of.name}{_not_one(label, of.domain)}"))
        if isinstance(of.domain, FloatRange):  # 1 is 1.0 there
            domain = Choice(tuple(float(str(label)) for label in domain.labels))
    elif not any(value in domain and value in of.domain for value in _values(of.domain, domain)):
        raise SpecError(Problem(str(node.mark), f"never: {of.name} is {domain_text(of.domain)}, and never {domain}"))
    return domain


def _scalar(node: Node, scope: Scope) -> Template:
    return Fixed(node.plain())


def _not_one(label: Value, domain: Domain) -> str:
    if isinstance(domain, Choice) and isinstance(label, str):
        return ": " + unknown("choice", label, [yaml_word(one) for one in domain.labels])
    return f" is {domain_text(domain)}, and never {short(yaml_word(label))}"


def _values(of: Domain, wanted: Domain) -> Iterator[Value]:
    """Yield values of an open value that may lie in a range: all of them, or of infinitely many the nearest ends."""
    if of.count is not None:
        yield from of.values()
    elif isinstance(of, FloatRange) and not isinstance(wanted, Choice):
        yield max(of.low, float(wanted.low))


def _never_together(values: list[tuple[str, Domain]], opened: Mapping[str, Open], entry: Node) -> Iterator[Problem]:
    """Say which values of an entry are never there together: it would forbid nothing."""
    forbidden = dict(values)
    needed: dict[str, tuple[Value, str]] = {}
    for name, _ in values:
        for above, label in opened[name].when:
            other = needed.setdefault(above, (label, name))
            if other[0] != label:
                where = f"{name} is there only where {above} is {label}, {other[1]} where it is {other[0]}"
                yield _problem(entry, name, where)
            elif above in forbidden and label not in forbidden[above]:
                yield _problem(entry, name, f"{name} is there only where {above} is {label}")


def _problem(entry: Node, name: str, why: str) -> Problem:
    mark = entry.keys.get(name, entry.mark)
    return Problem(str(mark), f"never: forbids nothing, as {why}")
