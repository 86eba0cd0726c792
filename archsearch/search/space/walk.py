"""Walk through a search space: count it without looking, enumerate it, or look at every configuration.

    total_of(space)                       # all configurations, by arithmetic
    walk = Walk(space); walk.run()        # walk.feasible, walk.networks, walk.lost

Configurations that begin alike share the work, layer by layer; a beginning that does not fit ends all that begin so.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from archsearch.data.facts import describe
from archsearch.errors import SpecError
from archsearch.search.space.domains import Value
from archsearch.search.space.space import SearchSpace, Values
from archsearch.search.space.templates import Fixed, Items, Keys, Open, Repeat, Template, open_values, resolve
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import Shape
from archsearch.spec.network import Limits, PlanError, plan_network

# -- counting without looking ------------------------------------------------------------------------------------------


def total_of(space: SearchSpace) -> int:
    """Count all configurations, whether they fit or not; a continuous value counts as one."""
    total = 0
    for env in environments(space):
        parts = [space.network] if space.network is not None else []
        total += math.prod(count_of(template, env) for template in (*parts, space.data, space.train))
    return total


def count_of(template: Template, env: Mapping[str, Value]) -> int:
    """Count the configurations of a template, given the values that are fixed already."""
    if isinstance(template, Fixed):
        return 1
    if isinstance(template, Open):
        if template.name in env:
            return count_of(template.chosen(env[template.name]), env)
        if not template.options:
            return template.domain.count or 1
        return sum(count_of(option, env) for _, option in template.options)
    if isinstance(template, Keys):
        return math.prod(count_of(item, env) for _, item in template.items)
    if isinstance(template, Items):
        return math.prod(count_of(item, env) for item in template.items)
    if isinstance(template.times, Fixed):
        return bodies_count(template, int(str(template.times.value)), env)
    fixed = env.get(template.times.name)
    times = [fixed] if fixed is not None else list(template.times.domain.values())
    return sum(bodies_count(template, int(str(t)), env) for t in times)


def bodies_count(repeat: Repeat, times: int, env: Mapping[str, Value]) -> int:
    if times and _is_shared(repeat):
        return count_of(repeat.bodies[0], env)
    return math.prod(count_of(body, env) for body in repeat.bodies[:times])


def _is_shared(repeat: Repeat) -> bool:
    if len(repeat.bodies) < 2:
        return False
    first, second = ({value.name for value in open_values(body)} for body in repeat.bodies[:2])
    return bool(first) and first == second


def environments(space: SearchSpace) -> Iterator[Values]:
    """Yield every combination of the values that are used in several places."""
    environments: list[Values] = [{}]
    for value in space.shared:
        environments = [{**env, value.name: label} for env in environments for label in value.domain.values()]
    yield from environments


# -- looking at every one ----------------------------------------------------------------------------------------------

# What is still to be laid: (template, rest), shared by all configurations that go on alike.
Stack = tuple[Template, "Stack"] | None


@dataclass(frozen=True, slots=True)
class _Step:
    """One layer laid on an input of a certain shape; `reason` is set where it does not fit."""

    shape: Shape
    parameters: int
    macs: int
    key: int
    reason: str = ""


class Walk:
    """Looks at every configuration, layer by layer, and gathers counts."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.limits = space.limits
        self.feasible = 0
        self.networks: set[int] = set()
        self.lost: Counter[str] = Counter()
        self.examples: dict[str, Values] = {}
        self.steps: dict[tuple[str, Shape], _Step] = {}
        self.trees: dict[str, object] = {}
        self.env: Values = {}
        self.classes = 0
        self.weight = 1
        self.salts: list[int] = [0]

    def run(self) -> None:
        """Look at everything."""
        for env in environments(self.space):
            for data_env in _enumerate(self.space.data, env):
                try:
                    tree, _ = self.space.tree(given({**env, **data_env}))
                    facts = describe(ExperimentSpec.model_validate(tree).data)
                except SpecError as error:
                    self._lose(error.problems[0].message, self._completions_of_network({**env, **data_env}))
                    continue
                self.env, self.classes = {**env, **data_env}, facts.classes
                self.salts = self._trainings(tree)
                self.weight = count_of(self.space.train, env)
                if self.space.network is None:
                    self._leaf(0, 0, 0)
                else:
                    self._lay((self.space.network, None), facts.shape, 0, 0, 0)

    def _completions_of_network(self, env: Values) -> int:
        network = count_of(self.space.network, env) if self.space.network is not None else 1
        return network * count_of(self.space.train, env)

    def _trainings(self, tree: object) -> list[int]:
        """Give one number for every distinct training (and data) of this environment."""
        found = set()
        for values in _enumerate(self.space.train, self.env):
            sample, _ = self.space.tree(given({**self.env, **values}))
            spec = ExperimentSpec.model_validate({**sample, "network": ["flatten"]})
            found.add(hash((spec.train.model_dump_json(), spec.data.model_dump_json())))
        return sorted(found)

    def _lay(self, stack: Stack, shape: Shape, parameters: int, macs: int, key: int) -> None:
        if stack is None:
            self._end(shape, parameters, macs, key)
            return
        item, rest = stack
        if isinstance(item, Items):
            for inner in reversed(item.items):
                rest = (inner, rest)
            self._lay(rest, shape, parameters, macs, key)
        elif isinstance(item, Repeat):
            self._repeat(item, rest, shape, parameters, macs, key)
        elif isinstance(item, Open):
            if item.name in self.env:
                self._lay((item.chosen(self.env[item.name]), rest), shape, parameters, macs, key)
                return
            for value in item.domain.values():
                self.env[item.name] = value
                self._lay((item.chosen(value), rest), shape, parameters, macs, key)
            del self.env[item.name]
        elif isinstance(item, Fixed):
            self._add(str(item.value), item.value, rest, shape, parameters, macs, key)
        else:
            self._open_layer(item, rest, shape, parameters, macs, key)

    def _repeat(self, item: Repeat, rest: Stack, shape: Shape, parameters: int, macs: int, key: int) -> None:
        if isinstance(item.times, Fixed):
            self._lay(_push(item, int(str(item.times.value)), rest), shape, parameters, macs, key)
            return
        known = self.env.get(item.times.name)
        for times in [known] if known is not None else item.times.domain.values():
            self.env[item.times.name] = times
            self._lay(_push(item, int(str(times)), rest), shape, parameters, macs, key)
        if known is None:
            del self.env[item.times.name]

    def _open_layer(self, item: Keys, rest: Stack, shape: Shape, parameters: int, macs: int, key: int) -> None:
        """Lay a layer with open fields: every combination of them."""
        for values in _enumerate(item, self.env):
            tree = resolve(item, given({**self.env, **values}))
            self.env.update(values)
            self._add(str(tree), tree, rest, shape, parameters, macs, key)
            for name in values:
                del self.env[name]

    def _add(self, text: str, tree: object, rest: Stack, shape: Shape, parameters: int, macs: int, key: int) -> None:
        step = self.steps.get((text, shape))
        if step is None:
            step = self._plan(tree, shape)
            self.steps[(text, shape)] = step
        if step.reason:
            self._lose(step.reason, self._completions(rest))
            return
        self._lay(
            rest, step.shape, parameters + step.parameters, macs + step.macs, hash((key, step.key)) if step.key else key
        )

    def _plan(self, tree: object, shape: Shape) -> _Step:
        spec = ExperimentSpec.model_validate({**_SKELETON, "network": [tree]})
        try:
            plan = plan_network(spec.network, shape, self.classes, limits=Limits())
        except PlanError as error:
            return _Step(shape, 0, 0, 0, error.problems[0].message.partition(" ")[2].split(". ")[0])
        except SpecError as error:
            return _Step(shape, 0, 0, 0, error.problems[0].message)
        canonical = plan.canonical()
        key = hash(str([_nameless(layer) for layer in canonical])) if canonical else 0
        return _Step(plan.output_shape, plan.parameters, plan.macs, key)

    def _completions(self, rest: Stack) -> int:
        count = 1
        while rest is not None:
            item, rest = rest
            count *= count_of(item, self.env)
        return count * self.weight

    def _end(self, shape: Shape, parameters: int, macs: int, key: int) -> None:
        if shape != (self.classes,):
            self._lose("the network does not give one value per class", self.weight)
        elif self.limits.parameters is not None and parameters > self.limits.parameters:
            self._lose(f"more than {self.limits.parameters:,} parameters", self.weight)
        elif self.limits.macs is not None and macs > self.limits.macs:
            self._lose(f"more than {self.limits.macs:,} MACs", self.weight)
        else:
            self._leaf(parameters, macs, key)

    def _leaf(self, parameters: int, macs: int, key: int) -> None:
        self.feasible += self.weight
        for salt in self.salts:
            self.networks.add(hash((key, salt)))

    def _lose(self, reason: str, count: int) -> None:
        if reason not in self.lost:
            self.examples[reason] = dict(self.env)
        self.lost[reason] += count


_SKELETON = {"name": "x", "data": {"name": "digits"}, "train": {"epochs": 1}}


def _nameless(layer: object) -> object:
    """Leave the automatic name out: laid alone, every layer is the first of its family."""
    return {k: v for k, v in layer.items() if k != "name"} if isinstance(layer, dict) else layer


def _push(repeat: Repeat, times: int, rest: Stack) -> Stack:
    for body in reversed(repeat.bodies[:times]):
        rest = (body, rest)
    return rest


def given(values: Mapping[str, Value]) -> Callable[[Open], Value]:
    """Choose what is given; elsewhere the first value, which does not matter there."""

    def choose(value: Open) -> Value:
        return values[value.name] if value.name in values else next(value.domain.values())

    return choose


def _enumerate(template: Template, env: Mapping[str, Value]) -> Iterator[Values]:
    """Yield the values of every configuration of a template, beyond those in `env`."""
    if isinstance(template, Fixed):
        yield {}
    elif isinstance(template, Open):
        if template.name in env:
            yield from _enumerate(template.chosen(env[template.name]), env)
            return
        for value in template.domain.values():
            for inner in _enumerate(template.chosen(value), {**env, template.name: value}):
                yield {template.name: value, **inner}
    elif isinstance(template, Repeat):
        yield from _enumerate_repeat(template, env)
    else:
        items = [item for _, item in template.items] if isinstance(template, Keys) else list(template.items)
        yield from enumerate_all(items, env)


def _enumerate_repeat(repeat: Repeat, env: Mapping[str, Value]) -> Iterator[Values]:
    if isinstance(repeat.times, Fixed):
        yield from enumerate_all(list(repeat.bodies), env)
        return
    for chosen in _enumerate(repeat.times, env):
        times = {**env, **chosen}[repeat.times.name]
        for inner in enumerate_all(list(repeat.bodies[: int(str(times))]), {**env, **chosen}):
            yield {**chosen, **inner}


def enumerate_all(items: Sequence[Template], env: Mapping[str, Value]) -> Iterator[Values]:
    if not items:
        yield {}
        return
    for first in _enumerate(items[0], env):
        for others in enumerate_all(items[1:], {**env, **first}):
            yield {**first, **others}
