"""A search space: a study file's open values, joined with the base they are laid over.

    space = load_study("lenet").space
    tree = space.tree(choose)                     # plain values for ExperimentSpec
    space.parameters()                            # every open value, by name

One sample is one `ExperimentSpec`; whether its layers fit is asked of it as of any spec. Which values give a known spec
is found by `locate.py`. No Optuna, no torch.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from archsearch.errors import LimitError, Problem, SpecError, UsageError
from archsearch.experiment_plan import ExperimentPlan, plan_experiment
from archsearch.search.runnable import check_runs_here
from archsearch.search.space.domains import Domain, FloatRange, IntRange, Value
from archsearch.search.space.overlay import laid_over, trained_alike
from archsearch.search.space.templates import Items, Open, Template, open_values, resolve
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.network import PlanError
from archsearch.spec.text.sentences import problem_sentence
from archsearch.spec.text.yaml import Tree

Values = dict[str, Value]


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """What a sampled network may have at the most; None is no limit beyond the library's."""

    parameters: int | None = None
    macs: int | None = None

    def broken_by(self, parameters: int, macs: int) -> str | None:
        """Say which limit a network of so many breaks."""
        for what, most, counted in (("parameters", self.parameters, parameters), ("MACs", self.macs, macs)):
            if most is not None and counted > most:
                return f"more than {most:,} {what}"
        return None


TOO_LARGE = "over the limits on layers, parameters or memory of a batch that hold for every spec"


class InfeasibleError(Exception):
    """A sample that cannot be trained: its network does not fit or is too large, or its training cannot be here.

    `reason` is the same for all samples with the same fault, whichever `layer` has it ("" where none has); `loc` is
    where that layer stands in the sample.
    """

    def __init__(self, message: str, reason: str = "", layer: str = "", loc: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.loc = loc
        self.reason = reason or message
        self.layer = layer


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The open values of a study over its base. A part that the study does not name is the base's.

    `base` is the spec as it was read, `baseline` the same trained as the candidates are.
    """

    base: ExperimentSpec
    shared: tuple[Open, ...]
    network: Items | None
    data: Template
    train: Template
    limits: SizeLimits

    @property
    def baseline(self) -> ExperimentSpec:
        """The base with what the study fixes of data and training: what the candidates are compared with."""
        return trained_alike(self.base, self.data, self.train)

    def open_values(self) -> Iterator[Open]:
        """Yield every open value once, in the order of the file."""
        seen: set[str] = set()
        for template in (*self.shared, *((self.network,) if self.network else ()), self.data, self.train):
            for value in open_values(template):
                if value.name not in seen:
                    seen.add(value.name)
                    yield value

    def parameters(self) -> dict[str, Domain]:
        """Give every open value by name."""
        return {value.name: value.domain for value in self.open_values()}

    def tree(self, choose: Callable[[Open], Value]) -> tuple[dict[str, Tree], Values]:
        """Make one sample: the plain spec, and the values that were chosen for it.

        Values used in several places are chosen first; every other one only if it exists in this sample.
        """
        values: Values = {}

        def once(value: Open) -> Value:
            if value.name not in values:
                values[value.name] = choose(value)
            return values[value.name]

        for value in self.shared:
            once(value)
        tree = _plain(self.base)
        if self.network is not None:
            tree["network"] = resolve(self.network, once)
        for part, template in (("data", self.data), ("train", self.train)):
            tree[part] = laid_over(tree[part], resolve(template, once))
        return tree, values

    def sample(self, choose: Callable[[Open], Value]) -> tuple[ExperimentPlan, Values]:
        """Make one sample and put its network together; raise `InfeasibleError` if it does not fit."""
        tree, values = self.tree(choose)
        return self.plan(tree), values

    def plan(self, tree: dict[str, Tree]) -> ExperimentPlan:
        """Plan a sample as a run would be planned; raise `InfeasibleError` if it cannot be trained here."""
        try:
            plan = plan_experiment(ExperimentSpec.model_validate(tree))
            check_runs_here(plan)
        except ValidationError as error:
            said = [problem_sentence(detail, ExperimentSpec) for detail in error.errors(include_url=False)]
            raise InfeasibleError("; ".join(said)) from None
        except LimitError as error:
            raise InfeasibleError(error.problems[0].message, TOO_LARGE) from None
        except SpecError as error:
            layer = error.layer if isinstance(error, PlanError) else ""
            raise InfeasibleError(error.problems[0].message, error.problems[0].reason, layer, error.loc) from None
        except UsageError as error:
            raise InfeasibleError(str(error)) from None
        broken = self.limits.broken_by(plan.network.parameters, plan.network.macs)
        if broken:
            raise InfeasibleError(broken)
        return plan

    def with_values(self, values: Mapping[str, Value]) -> ExperimentPlan:
        """Give the plan for some values; raise `InfeasibleError`, or KeyError where one is missing."""
        return self.sample(lambda value: values[value.name])[0]


def _plain(spec: ExperimentSpec) -> dict[str, Tree]:
    """Write the base without its claims: they are not true of a sample."""
    tree: dict[str, Tree] = spec.model_dump(mode="json", include={"name", "data", "network", "train"})
    return tree


def layers_of_base(base: ExperimentSpec) -> list[Tree]:
    """Write the layers of a base as a file has them."""
    layers = _plain(base)["network"]
    assert isinstance(layers, list)
    return layers


# -- is every value possible? ------------------------------------------------------------------------------------------


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
            ExperimentSpec.model_validate(tree)
        except ValidationError as error:
            first = first or problem_sentence(error.errors(include_url=False)[0], ExperimentSpec)
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
