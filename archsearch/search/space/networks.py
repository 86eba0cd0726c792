"""Search spaces of networks: how they are read, walked and compared with their baseline (see `by_kind.py`).

NetworkSpaces().read(node, base, spec)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archsearch.errors import Problem, SpecError
from archsearch.search.baseline import notes_on, unlike
from archsearch.search.closed import problems_in
from archsearch.search.space.locate import base_values, locate
from archsearch.search.space.network_space import NetworkSpace, SizeLimits
from archsearch.search.space.never import read_never
from archsearch.search.space.problems import raise_all
from archsearch.search.space.read_layers import read_layers, read_part, read_shared
from archsearch.search.space.read_value import Scope
from archsearch.search.space.space import InfeasibleError, SearchSpace, Values, check_values, refuse_clashes
from archsearch.search.space.templates import Computed, Fixed, Items, Keys, Open, Template, given, resolve
from archsearch.search.space.walk import NetworkWalk
from archsearch.spec.comparable import FIXED_IN_A_SEARCH, cannot_be_open
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.own_sources import own_layers, with_sources
from archsearch.spec.text.yaml import Mark, Node

if TYPE_CHECKING:
    from archsearch.search.search_spec import StudySpec


class NetworkSpaces:
    """Spaces of networks: layers, data and training by the templates of a spec."""

    usual_sampler = ("local", "it measured best (docs/search.md)")

    def read(self, node: Node, base: ExperimentSpec, spec: StudySpec) -> NetworkSpace:
        node = with_sources(node, None, {layer.layer: layer.source for layer in own_layers(base)})
        layers, parts, scope = _read(node)
        for part, template in parts.items():
            _closed(node.get(part), part, template)
        raise_all(scope.problems, problems_in(node, base))
        used = _used(scope)
        for name in scope.shared:
            if name not in used:
                where = node.locate(("space", name), key=True)
                raise SpecError(Problem(str(where), f"space.{name} is not used; write ${name} where it is meant"))
        limits = SizeLimits(spec.limits.parameters, spec.limits.macs)
        shared = [value for value in scope.shared.values() if isinstance(value, Open)]
        space = NetworkSpace(base, (*shared, *scope.named.values()), layers, parts["data"], parts["train"], limits)
        refuse_clashes(space)
        if not space.parameters():
            raise SpecError(Problem(str(node.mark), "nothing is open: write choice, int or float for a value"))
        check_values(space)
        return replace(space, never=read_never(node.get("never"), space))

    def problems(self, node: Node, base: ExperimentSpec) -> list[Problem]:
        return [*_read(node)[2].problems, *problems_in(node, base)]

    def walk(self, space: SearchSpace) -> NetworkWalk:
        return NetworkWalk(_network(space))

    def base_values(self, space: SearchSpace) -> Values | None:
        return base_values(_network(space))

    def notes_on(self, space: SearchSpace) -> tuple[str, ...]:
        return (*notes_on(_network(space)), *_forbidden_baseline(_network(space)))

    def unlike(
        self, space: SearchSpace, candidate: Mapping[str, Any], baseline: Mapping[str, Any], name: str
    ) -> tuple[str, ...]:
        return unlike(_network(space), candidate, baseline, name)

    def place(self, space: SearchSpace, node: Node, error: InfeasibleError | None, values: Values) -> str:
        """Give where the layer stands that does not fit; where that is not known, the network or the file."""
        network, layers = node.get("network"), _network(space).network
        if network is None or layers is None:
            return str(node.mark)
        if error is not None and len(error.loc) > 1 and isinstance(network.value, tuple):
            left = int(error.loc[1])
            for entry, item in zip(network.value, layers.items, strict=True):
                made = resolve(item, given(values))
                left -= len(made) if isinstance(made, list) else 1
                if left < 0:
                    return str(entry.mark)
        return str(network.mark)


def _network(space: SearchSpace) -> NetworkSpace:
    assert isinstance(space, NetworkSpace), f"{space.base.name} is no network"
    return space


def _read(node: Node) -> tuple[Items | None, dict[str, Template], Scope]:
    """Read the parts that may be open; what is wrong with them is in the scope's `problems`."""
    problems: list[Problem] = []
    space = node.get("space")
    shared = read_shared(space, problems)
    names = set(space.value) if space is not None and isinstance(space.value, dict) else set()
    scope = Scope(shared, refused=frozenset(names - set(shared)), problems=problems)
    network = node.get("network")
    layers = read_layers(network, scope) if network is not None else None
    parts = {part: node.get(part) for part in ("data", "train")}
    return layers, {k: read_part(v, k, scope) if v is not None else Keys(()) for k, v in parts.items()}, scope


def _forbidden_baseline(space: NetworkSpace) -> Iterator[str]:
    """Say where the baseline itself is a combination that is never tried."""
    values = locate(space, space.baseline) if space.never else None
    if values is not None and (why := space.forbidden(values)) is not None:
        yield f"the baseline {space.base.name} is no candidate, {why}"


def _used(scope: Scope) -> set[str]:
    """Name what of `space` is used, in an expression too."""
    found, due = set[str](), [*scope.used]
    while due:
        name = due.pop()
        value = scope.shared.get(name)
        if name not in found and isinstance(value, Computed):
            due += [term for term, _ in value.terms]
        found.add(name)
    return found


def _closed(node: Node | None, part: str, template: Template) -> None:
    """Refuse a search that sets, open or not, what its runs are measured on: the base is measured so as well."""
    if node is None:
        return
    for key, mark in _set_keys(template, node.mark):
        if key in FIXED_IN_A_SEARCH[part]:
            where = node.locate((key,)) if node.get(key) is not None else mark
            raise SpecError(Problem(str(where), cannot_be_open(f"{part}.{key}")))


def _set_keys(template: Template, mark: Mark) -> Iterator[tuple[str, Mark]]:
    """Yield the keys that a part sets, also in the options of a choice of the whole part."""
    if isinstance(template, Open):
        for _, option in template.options:
            yield from _set_keys(option, template.mark)
    elif isinstance(template, Keys):
        for key, _ in template.items:
            yield key, mark
    elif isinstance(template, Fixed) and isinstance(template.value, dict):
        for key in template.value:
            yield key, mark
