"""The space of programs: which of a program's values a search leaves open.

    ProgramSpace(base, Keys((("lr", open_value),))).with_values({"lr": 0.01})

Only what stands under `values` may be open: command, variables and files are what was allowed to run, and a variable
or a file of configuration takes a value in braces. Where an option is a list it becomes several arguments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from archsearch.errors import SpecError
from archsearch.program.check import faults
from archsearch.program.experiment import ProgramExperiment, plan_program
from archsearch.program.program_spec import ProgramSpec
from archsearch.search.space.domains import Value
from archsearch.search.space.locate import values_giving
from archsearch.search.space.never import Forbidden, allowed_near, continuous_in
from archsearch.search.space.space import InfeasibleError, SearchSpace, Values
from archsearch.search.space.templates import Keys, Open, Template, enumerate_values, given, resolve, skeleton
from archsearch.spec.text.sentences import problem_sentence
from archsearch.spec.text.yaml import Tree


@dataclass(frozen=True)
class ProgramSpace(SearchSpace):
    """The open values of a search over a program that was planned; `values` are templates by the values' names."""

    base: ProgramSpec
    values: Keys
    shared: tuple[Open, ...] = ()
    never: tuple[Forbidden, ...] = ()

    @property
    def baseline(self) -> ProgramSpec:
        """The base: a search changes nothing of it but what is open."""
        return self.base

    @property
    def templates(self) -> Sequence[Template]:
        """The open values."""
        return (self.values,)

    def tree(self, choose: Callable[[Open], Value]) -> tuple[dict[str, Tree], Values]:
        """Make one sample: the base with the chosen values."""
        chosen: Values = {}

        def once(value: Open) -> Value:
            if value.name not in chosen:
                chosen[value.name] = choose(value)
            return chosen[value.name]

        laid = resolve(self.values, once)
        assert isinstance(laid, dict)
        tree = self.kind.plan(self.base).written
        return tree | {"values": tree.get("values", {}) | laid}, chosen

    def plan(self, tree: dict[str, Tree]) -> ProgramExperiment:
        """Check a sample as its file would be; its files are those of the base."""
        try:
            experiment = plan_program(ProgramSpec.model_validate(tree))
        except ValidationError as error:
            said = [problem_sentence(detail, ProgramSpec) for detail in error.errors(include_url=False)]
            raise InfeasibleError("; ".join(said)) from None
        except SpecError as error:
            raise InfeasibleError(error.problems[0].message) from None
        if found := list(faults(experiment.spec)):
            raise InfeasibleError("; ".join(fault.message for fault in found))
        return experiment

    def identity(self, metrics: Sequence[str]) -> dict[str, Any]:
        """Give the program with the hash of its files, and the space."""
        written = self.base.model_dump(mode="json", include={"program", "values", "metrics", "history"})
        return {
            "base": written | {"files": None if self.base.hashed is None else self.base.hashed.digest},
            "space": {name: str(domain) for name, domain in self.parameters().items()},
            "template": skeleton(self.values),
            "limits": {},
            **({"never": [str(one) for one in self.never]} if self.never else {}),
        }

    def located(self, values: dict[str, Tree]) -> dict[str, Values | None]:
        """Find for each open value of the program what gives these; None where nothing does."""
        found: dict[str, Values | None] = {}
        for name, template in self.values.items:
            target = values.get(name)
            ways = values_giving(template, target, {})
            found[name] = next((way for way in ways if resolve(template, given(way)) == target), None)
        return found


class ProgramWalk:
    """Looks at every configuration of a program's values."""

    whole = True

    def __init__(self, space: ProgramSpace) -> None:
        self.space = space
        self.feasible = 0
        self.distinct: set[int] = set()
        self.lost: Counter[str] = Counter()
        self.examples: dict[str, Values] = {}

    def run(self) -> None:
        """Look at everything."""
        for _ in self.configurations():
            pass

    def configurations(self) -> Iterator[Values]:
        """Yield the values of every configuration that can be run."""
        continuous = continuous_in(self.space.never, self.space.parameters())
        for first in enumerate_values(self.space.values, {}):
            values = {**first, **(allowed_near(self.space.never, continuous, first) or {})}
            try:
                experiment = self.space.with_values(values)
            except InfeasibleError as error:
                self.lost[error.reason] += 1
                self.examples.setdefault(error.reason, values)
                continue
            self.feasible += 1
            self.distinct.add(hash(self.space.kind.key(experiment)))
            yield values
