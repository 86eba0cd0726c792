"""A search space: a search file's open values, joined with the base they are laid over.

    space = load_study("lenet").space
    tree = space.tree(choose)                     # a plain spec of the base's kind
    space.parameters()                            # every open value, by name

What a base leaves open is its kind's (network_space.py, program_space.py); samplers, counts and records need no more
than this. No Optuna, no torch.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from archsearch.errors import Problem, SpecError
from archsearch.experiment import Experiment
from archsearch.kinds import kind_of_spec
from archsearch.kinds.kind import AnySpec, ExperimentKind
from archsearch.search.space.domains import Domain, FloatRange, IntRange, Value
from archsearch.search.space.never import Forbidden
from archsearch.search.space.templates import Open, Template, open_values
from archsearch.spec.text.sentences import problem_sentence
from archsearch.spec.text.yaml import Tree

Values = dict[str, Value]


class InfeasibleError(Exception):
    """A sample that cannot be run: a network that does not fit or is too large, or what cannot be run here.

    `reason` is the same for all samples with the same fault, whichever `layer` has it ("" where none has); `loc` is
    where that layer stands in the sample.
    """

    def __init__(self, message: str, reason: str = "", layer: str = "", loc: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.loc = loc
        self.reason = reason or message
        self.layer = layer


class SearchSpace(ABC):
    """The open values of a search over its base; `shared` are those that are used in several places.

    `never` are combinations of values that are no configurations.

    `base` is the spec as it was read, `baseline` the same run as the candidates are.
    """

    base: AnySpec
    shared: tuple[Open, ...]
    never: tuple[Forbidden, ...]

    @property
    def kind(self) -> ExperimentKind:
        """The kind of the base, and so of all samples."""
        return kind_of_spec(self.base)

    @property
    @abstractmethod
    def baseline(self) -> AnySpec:
        """What the candidates are compared with."""

    @property
    @abstractmethod
    def templates(self) -> Sequence[Template]:
        """The parts that are laid over the base, in the order of the file; `shared` values stand in them."""

    @abstractmethod
    def tree(self, choose: Callable[[Open], Value]) -> tuple[dict[str, Tree], Values]:
        """Make one sample: the plain spec, and the values that were chosen for it.

        Values used in several places are chosen first; every other one only if it exists in this sample.
        """

    @abstractmethod
    def plan(self, tree: dict[str, Tree]) -> Experiment:
        """Plan a sample as a run would be planned; raise `InfeasibleError` if it cannot be run here."""

    @abstractmethod
    def identity(self, metrics: Sequence[str]) -> dict[str, Any]:
        """Give what must not change inside a search for these metrics: `base`, `space`, `template`, `limits`."""

    def open_values(self) -> Iterator[Open]:
        """Yield every open value once, in the order of the file."""
        seen: set[str] = set()
        for template in (*self.shared, *self.templates):
            for value in open_values(template):
                if value.name not in seen:
                    seen.add(value.name)
                    yield value

    def parameters(self) -> dict[str, Domain]:
        """Give every open value by name."""
        return {value.name: value.domain for value in self.open_values()}

    def sample(self, choose: Callable[[Open], Value]) -> tuple[Experiment, Values]:
        """Make one sample and check it as a whole; raise `InfeasibleError` if it does not fit or is forbidden."""
        tree, values = self.tree(choose)
        if (why := self.forbidden(values)) is not None:
            raise InfeasibleError(why)
        return self.plan(tree), values

    def forbidden(self, *values: Mapping[str, Value]) -> str | None:
        """Say which entry of `never` forbids a configuration, given in parts; None where none does."""
        return next((f"never: {one.words}" for one in self.never if one.holds(*values)), None)

    def with_values(self, values: Mapping[str, Value]) -> Experiment:
        """Give the experiment for some values; raise `InfeasibleError`, or KeyError where one is missing."""
        return self.sample(lambda value: values[value.name])[0]


# -- is every value possible? ------------------------------------------------------------------------------------------


def refuse_clashes(space: SearchSpace) -> None:
    """Refuse two different open values of one name: Optuna knows them by it."""
    marks: dict[str, Any] = {}
    for template in (*space.shared, *space.templates):
        for value in open_values(template):
            first = marks.setdefault(value.name, value)
            if first is not value and (first.mark != value.mark or first.domain != value.domain):
                raise SpecError(
                    Problem(
                        str(value.mark),
                        f"two open values are called {value.name}, the other stands at {first.mark}; "
                        "give a layer or a choice a `name`",
                    )
                )


def check_values(space: SearchSpace) -> None:
    """Try the ends of every range and every choice once, as fields; raise `SpecError` naming those that cannot be.

    A value is named if another one in its place would do; what no single value decides is told at the first.
    Shapes are not asked for here: whether a network fits depends on all values together.
    """
    decisive: list[Problem] = []
    others: list[Problem] = []
    for value in space.open_values():
        candidates = _extremes(value.domain)
        said = {number: _refusal(space, value, candidate) for number, candidate in enumerate(candidates)}
        wrong = [number for number, text in said.items() if text]
        if wrong:
            problem = Problem(str(value.mark), f"{value.name} = {candidates[wrong[0]]}: {said[wrong[0]]}")
            (decisive if len(wrong) < len(set(candidates)) else others).append(problem)
    if decisive or others:
        raise SpecError(decisive or others[:1])


def _refusal(space: SearchSpace, value: Open, candidate: Value) -> str:
    """Say why a value cannot be, whatever the others are; "" where it goes with some: lowest, highest or drawn."""
    dice = random.Random(0)
    picks: list[Callable[[Domain], Value]] = [
        lambda domain: next(domain.values()),
        lambda domain: _extremes(domain)[-1],
    ]
    first = ""
    for pick in (*picks, *[lambda domain: domain.draw(dice)] * 8):
        tree, _ = space.tree(_towards(value, candidate, pick))
        try:
            space.kind.read(tree)
        except ValidationError as error:
            first = first or problem_sentence(error.errors(include_url=False)[0], type(space.base))
        else:
            return ""
    return first


def _extremes(domain: Domain) -> list[Value]:
    if isinstance(domain, (IntRange, FloatRange)):
        return [domain.low, domain.high]
    return list(domain.values())


def _towards(target: Open, candidate: Value, pick: Callable[[Domain], Value]) -> Callable[[Open], Value]:
    """Choose so that `target` exists: what it hangs on is set, repeats are as long as they can be."""
    forced: Values = {**dict(target.when), target.name: candidate}

    def choose(value: Open) -> Value:
        if value.name in forced:
            return forced[value.name]
        if isinstance(value.domain, IntRange) and value.name.endswith(".depth"):
            return value.domain.high
        return pick(value.domain)

    return choose
