"""Search spaces of programs: how they are read, walked and compared with their baseline (see `by_kind.py`).

    ProgramSpaces().read(node, base, spec)

In the file: `space: {values.lr: {float: [1e-4, 1e-1], log: true}, values.norm: {choice: [batch, layer]}}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archsearch.errors import Problem, SpecError
from archsearch.program.braces import braces
from archsearch.program.program_spec import ProgramSpec
from archsearch.search.space.domains import domain_text
from archsearch.search.space.never import read_never
from archsearch.search.space.problems import raise_all
from archsearch.search.space.program_space import ProgramSpace, ProgramWalk
from archsearch.search.space.read_value import Scope, is_open, read_open
from archsearch.search.space.space import InfeasibleError, SearchSpace, Values, check_values, refuse_clashes
from archsearch.search.space.templates import Fixed, Items, Keys, Template
from archsearch.spec.text.sentences import quoted, unknown, wrong_open_value
from archsearch.spec.text.yaml import Node
from archsearch.wording import yaml_word

if TYPE_CHECKING:
    from archsearch.search.search_spec import StudySpec

_VALUES = "values."
_OF_NETWORKS = {
    "network": "a program has no layers",
    "data": "a program brings its own data",
    "train": "a program trains by itself",
    "limits": "of a program nothing is counted",
}


class ProgramSpaces:
    """Spaces of programs: values by their paths."""

    usual_sampler = ("tpe", "it is Optuna's own choice (local search was measured on networks only)")

    def read(self, node: Node, base: ProgramSpec, spec: StudySpec) -> ProgramSpace:
        scope = Scope({})
        values = _read(node, base, scope)
        raise_all(scope.problems, [*_of_networks(node), *_proposed(node, spec), *_pruned(node, base, spec)])
        space = ProgramSpace(base, values)
        refuse_clashes(space)
        if not space.parameters():
            example = next(iter(base.values), None)
            said = f"such as space: {{values.{example}: {{choice: [...]}}}}" if example else "its program has no values"
            raise SpecError(Problem(str(node.mark), f"nothing is open: write choice, int or float for a value, {said}"))
        check_values(space)
        return replace(space, never=read_never(node.get("never"), space))

    def problems(self, node: Node, base: ProgramSpec) -> list[Problem]:
        scope = Scope({})
        _read(node, base, scope)
        return [*scope.problems, *_of_networks(node)]

    def walk(self, space: SearchSpace) -> ProgramWalk:
        return ProgramWalk(_program(space))

    def base_values(self, space: SearchSpace) -> Values | None:
        located = _program(space).located(_written_values(_program(space).base))
        found: Values = {}
        for values in located.values():
            if values is None:
                return None
            found |= values
        return found

    def notes_on(self, space: SearchSpace) -> tuple[str, ...]:
        base = _program(space).base
        apart = list(_apart(_program(space), _written_values(base), "the candidates"))
        return (f"the baseline {base.name} does not lie in the space: {'; '.join(apart)}",) if apart else ()

    def unlike(
        self, space: SearchSpace, candidate: Mapping[str, Any], baseline: Mapping[str, Any], name: str
    ) -> tuple[str, ...]:
        return tuple(_apart(_program(space), baseline.get("values", {}), name))

    def place(self, space: SearchSpace, node: Node, error: InfeasibleError | None, values: Values) -> str:
        return str(node.locate(("space",)))


def _program(space: SearchSpace) -> ProgramSpace:
    assert isinstance(space, ProgramSpace), f"{space.base.name} is no program"
    return space


def _written_values(base: ProgramSpec) -> dict[str, Any]:
    found: dict[str, Any] = base.model_dump(mode="json", include={"values"})["values"]
    return found


def _apart(space: ProgramSpace, baseline: Mapping[str, Any], name: str) -> Iterator[str]:
    """Say which values of the baseline no candidate has."""
    domains = space.parameters()
    for value, found in space.located(dict(baseline)).items():
        if found is None:
            what = domain_text(domains[value]) if value in domains else "open"
            yield f"{value} is {yaml_word(baseline.get(value))} for the baseline and {what} for {name}"


def _read(node: Node, base: ProgramSpec, scope: Scope) -> Keys:
    """Read the `space:` part; what is wrong goes to the scope."""
    space = node.get("space")
    if space is None:
        return Keys(())
    if not isinstance(space.value, dict):
        got = quoted(space.plain())
        problem = Problem(str(space.mark), f"space: expected paths with open values (values.lr: ...), got {got}")
        scope.gather(SpecError(problem))
        return Keys(())
    items: list[tuple[str, Template]] = []
    for path, value in space.value.items():
        try:
            name = _name_of(path, base)
        except ValueError as error:
            scope.gather(SpecError(Problem(str(space.keys.get(path, space.mark)), str(error))))
            continue
        try:
            if not is_open(value):
                what = wrong_open_value(value.plain()) or f"expected choice, int or float, got {quoted(value.plain())}"
                raise SpecError(Problem(str(value.mark), f"space.{path}: {what}"))
            items.append((name, read_open(value, name, scope, _read_option)))
        except SpecError as error:
            scope.gather(error)
    return Keys(tuple(items))


def _name_of(path: str, base: ProgramSpec) -> str:
    """Give the value that a path means; raise `ValueError` with the reason where it cannot be open."""
    known = [f"{_VALUES}{name}" for name in base.values]
    if path.startswith("program."):
        raise ValueError(
            f"{path} cannot be open: what is started was allowed as it is. Put a value in braces there "
            '(environment: {THREADS: "{threads}"}), and open values.threads'
        )
    if path not in known:
        raise ValueError(f"space: {unknown('value', path, known)} (they stand under `values` in {base.name})")
    name = path.removeprefix(_VALUES)
    started = str(base.program.command[0]) if base.program.command else ""
    if any(brace.name == name for brace in braces(started)):
        raise ValueError(f"{path} says what is started, which was allowed as it is; it cannot be open")
    return name


def _read_option(node: Node, scope: Scope) -> Template:
    """Read what a choice stands for: a value, or a list of arguments in which values may be open."""
    if is_open(node):
        return read_open(node, scope.label, scope, _read_option)
    if isinstance(node.value, tuple):
        inside = ((number, item) for number, item in enumerate(node.value, 1))
        return Items(tuple(_read_option(v, replace(scope, label=f"{scope.label}[{n}]")) for n, v in inside))
    return Fixed(node.plain())


def _of_networks(node: Node) -> Iterator[Problem]:
    for key, why in _OF_NETWORKS.items():
        if node.get(key) is not None:
            where = node.locate((key,), key=True)
            yield Problem(str(where), f"{key} is of networks: {why}. Its open values stand in `space`, by their paths")


def _proposed(node: Node, spec: StudySpec) -> Iterator[Problem]:
    if spec.proposals > 1:
        why = "what a run of a program costs is known by running it only; take proposals out"
        yield Problem(str(node.locate(("proposals",), key=True)), why)


def _pruned(node: Node, base: ProgramSpec, spec: StudySpec) -> Iterator[Problem]:
    """Say where a pruner is asked for that has nothing to go by."""
    asked = node.get("pruner")
    if asked is None or spec.pruner.kind == "none":
        return
    followed = {} if base.history is None else base.history.named
    metric = spec.objective[0][1]
    if metric not in followed:
        history = f"its history has {', '.join(followed)}" if followed else "it has no history"
        yield Problem(
            str(asked.mark),
            f"{base.name} cannot be stopped early by {metric}: {history}. Add `history: {{csv: log.csv, step: epoch, "
            f"columns: [{metric}]}}` to its file, or take pruner out",
        )
    elif spec.pruner.kind in ("halving", "hyperband"):
        why = f"{spec.pruner.kind} must know how many epochs a run has, which no program says; use screen"
        yield Problem(str(asked.mark), why)
