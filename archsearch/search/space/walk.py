"""Walk through a search space of networks: look at every configuration.

    walk = NetworkWalk(space); walk.run()        # walk.feasible, walk.distinct, walk.lost
    for values in NetworkWalk(space).configurations(): ...

Configurations that begin alike share the work, layer by layer; a beginning that does not fit ends all that begin so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from pydantic import ValidationError

from archsearch.data.facts import DataFacts, describe
from archsearch.errors import LimitError, SpecError
from archsearch.search.space.network_space import TOO_LARGE, NetworkSpace, layers_of_base
from archsearch.search.space.never import allowed_near, continuous_in
from archsearch.search.space.space import InfeasibleError, Values
from archsearch.search.space.templates import (
    Fixed,
    Items,
    Keys,
    Open,
    Repeat,
    Template,
    enumerate_values,
    given,
    resolve,
)
from archsearch.search.space.total import count_template, environments
from archsearch.search.trainings import Training, asks_for_the_whole, one_training
from archsearch.spec.dataset import DataSpec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import Shape
from archsearch.spec.network import Limits, PlannedLayer, plan_network
from archsearch.train.identity import experiment_key

# What is still to be laid: (template, rest), shared by all configurations that go on alike.
Stack = tuple[Template, "Stack"] | None


class _Laid(NamedTuple):
    """What stands so far: the shape it gives and its sums; `key` is equal for equal layers, `layers` counts them."""

    shape: Shape
    parameters: int = 0
    macs: int = 0
    outputs: int = 0
    layers: int = 0
    key: int = 0


@dataclass(frozen=True, slots=True)
class _Step:
    """One layer laid on an input of a certain shape; `reason` is set where it does not fit."""

    laid: _Laid
    reason: str = ""


class NetworkWalk:
    """Looks at every configuration, layer by layer, gathers counts and gives those that can be trained."""

    def __init__(self, space: NetworkSpace) -> None:
        self.space = space
        self.most = Limits()
        self.feasible = 0
        self.distinct: set[int] = set()
        self.lost: Counter[str] = Counter()
        self.examples: dict[str, Values] = {}
        self.steps: dict[tuple[str, Shape], _Step] = {}
        self.env: Values = {}
        self.classes = 0
        self.trainings: list[Training] = []
        self.keys: set[int] = set()
        self.continuous = continuous_in(space.never, space.parameters())
        self.network = space.network or Items(tuple(Fixed(layer) for layer in layers_of_base(space.base)))

    @cached_property
    def beginnings(self) -> list[tuple[Values, DataFacts, list[Training]]]:
        """The data that there are, with the ways to train on them; what cannot be is lost here."""
        return list(self._beginnings())

    @cached_property
    def whole(self) -> bool:
        """Whether every configuration must be planned as a whole, at about a millisecond each."""
        last = min((training.last_batch for *_, found in self.beginnings for training in found), default=0)
        return asks_for_the_whole(self.space, self.network, last)

    def run(self) -> None:
        """Look at everything."""
        for _ in self._leaves():
            pass

    def configurations(self) -> Iterator[Values]:
        """Yield the values of every configuration that fits."""
        for env, trainings in self._leaves():
            for training in trainings:
                yield self.space.tree(given({**env, **training.values}))[1]

    def _leaves(self) -> Iterator[tuple[Values, list[Training]]]:
        """Yield every network that fits: its values with those of its data, and the ways to train it.

        The values are those of the walk: they change as it goes on.
        """
        for env, facts, trainings in self.beginnings:
            self.env, self.classes, self.trainings = dict(env), facts.classes, trainings
            self.keys = {training.key for training in trainings}
            yield from self._lay((self.network, None), _Laid(facts.shape))

    def _beginnings(self) -> Iterator[tuple[Values, DataFacts, list[Training]]]:
        for shared in environments(self.space):
            for chosen in enumerate_values(self.space.data, shared):
                self.env = {**shared, **chosen}
                networks = count_template(self.network, self.env)
                tree, _ = self.space.tree(given(self.env))
                try:
                    facts = describe(DataSpec.model_validate(tree["data"]))
                except ValidationError as error:
                    self._lose(error.errors()[0]["msg"], networks * count_template(self.space.train, self.env))
                    continue
                except SpecError as error:
                    self._lose(error.problems[0].reason, networks * count_template(self.space.train, self.env))
                    continue
                trainings = []
                for values in enumerate_values(self.space.train, self.env):
                    tree, _ = self.space.tree(given({**self.env, **values}))
                    try:
                        trainings.append(one_training(values, tree, facts))
                    except ValueError as error:
                        self._lose(str(error), networks, values)
                if trainings:
                    yield dict(self.env), facts, trainings

    def _lay(self, stack: Stack, laid: _Laid) -> Iterator[tuple[Values, list[Training]]]:
        if stack is None:
            yield from self._end(laid)
            return
        item, rest = stack
        if isinstance(item, Items):
            for inner in reversed(item.items):
                rest = (inner, rest)
            yield from self._lay(rest, laid)
        elif isinstance(item, Repeat):
            yield from self._repeat(item, rest, laid)
        elif isinstance(item, Open):
            if item.name in self.env:
                yield from self._lay((item.chosen(self.env[item.name]), rest), laid)
                return
            for value in item.domain.values():
                self.env[item.name] = value
                yield from self._lay((item.chosen(value), rest), laid)
            del self.env[item.name]
        elif isinstance(item, Fixed):
            yield from self._add(str(item.value), item.value, rest, laid)
        else:
            assert isinstance(item, Keys), "a layer is no number"
            yield from self._open_layer(item, rest, laid)

    def _repeat(self, item: Repeat, rest: Stack, laid: _Laid) -> Iterator[tuple[Values, list[Training]]]:
        if isinstance(item.times, Fixed):
            yield from self._lay(_push(item, int(str(item.times.value)), rest), laid)
            return
        known = self.env.get(item.times.name)
        for times in [known] if known is not None else item.times.domain.values():
            self.env[item.times.name] = times
            yield from self._lay(_push(item, int(str(times)), rest), laid)
        if known is None:
            del self.env[item.times.name]

    def _open_layer(self, item: Keys, rest: Stack, laid: _Laid) -> Iterator[tuple[Values, list[Training]]]:
        """Lay a layer with open fields: every combination of them."""
        for values in enumerate_values(item, self.env):
            tree = resolve(item, given({**self.env, **values}))
            self.env.update(values)
            yield from self._add(str(tree), tree, rest, laid)
            for name in values:
                del self.env[name]

    def _add(self, text: str, tree: object, rest: Stack, laid: _Laid) -> Iterator[tuple[Values, list[Training]]]:
        step = self.steps.get((text, laid.shape))
        if step is None:
            step = self._plan(tree, laid.shape)
            self.steps[(text, laid.shape)] = step
        if step.reason:
            self._lose(step.reason, self._completions(rest))
            return
        one = step.laid
        sums = (laid.parameters + one.parameters, laid.macs + one.macs, laid.outputs + one.outputs)
        key = hash((laid.key, one.key)) if one.key else laid.key
        yield from self._lay(rest, _Laid(one.shape, *sums, laid.layers + one.layers, key))

    def _plan(self, tree: object, shape: Shape) -> _Step:
        try:
            spec = ExperimentSpec.model_validate({**_SKELETON, "network": [tree]})
            plan = plan_network(spec.network, shape, self.classes, limits=Limits())
        except ValidationError as error:
            return _Step(_Laid(shape), error.errors()[0]["msg"])
        except LimitError:
            return _Step(_Laid(shape), TOO_LARGE)
        except SpecError as error:
            return _Step(_Laid(shape), error.problems[0].reason)
        canonical = plan.canonical()
        key = hash(str([_nameless(layer) for layer in canonical])) if canonical else 0
        outputs, layers = sum(row.outputs for row in plan.rows), sum(_layers(row) for row in plan.rows)
        return _Step(_Laid(plan.output_shape, plan.parameters, plan.macs, outputs, layers, key))

    def _completions(self, rest: Stack) -> int:
        count = 1
        while rest is not None:
            item, rest = rest
            count *= count_template(item, self.env)
        return count * len(self.trainings)

    def _end(self, laid: _Laid) -> Iterator[tuple[Values, list[Training]]]:
        broken = self.space.limits.broken_by(laid.parameters, laid.macs)
        if laid.shape != (self.classes,):
            self._lose("the network does not give one value per class", len(self.trainings))
        elif laid.layers > self.most.layers or laid.parameters > self.most.parameters:
            self._lose(TOO_LARGE, len(self.trainings))
        elif broken:
            self._lose(broken, len(self.trainings))
        else:
            yield from self._leaf(laid)

    def _leaf(self, laid: _Laid) -> Iterator[tuple[Values, list[Training]]]:
        """Give the trainings that a network can have."""
        allowed = self._allowed()
        if self.whole:
            fits = [training for training in allowed if self._planned(training)]
        else:
            most = self.most.activation_bytes // (4 * max(1, laid.outputs))
            fits = allowed
            if any(training.batch_size > most for training in fits):
                fits = [training for training in fits if training.batch_size <= most]
                self._lose(TOO_LARGE, len(allowed) - len(fits))
            self.distinct.update(hash((laid.key, key)) for key in self.keys if fits is self.trainings)
            if fits is not self.trainings:
                self.distinct.update(hash((laid.key, training.key)) for training in fits)
        self.feasible += len(fits)
        if fits:
            yield self.env, fits

    def _allowed(self) -> list[Training]:
        """Give the trainings that are not forbidden together with the network that stands."""
        if not self.space.never:
            return self.trainings
        found = []
        for training in self.trainings:
            other = allowed_near(self.space.never, self.continuous, self.env, training.values)
            if other is None:
                self._lose(str(self.space.forbidden(self.env, training.values)), 1, training.values)
            else:
                found.append(replace(training, values={**training.values, **other}) if other else training)
        return found

    def _planned(self, training: Training) -> bool:
        """Plan one configuration as a run would be planned."""
        try:
            tree, _ = self.space.tree(given({**self.env, **training.values}))
            plan = self.space.plan(tree)
        except InfeasibleError as error:
            self._lose(error.reason, 1, training.values)
            return False
        self.distinct.add(hash(experiment_key(plan)))
        return True

    def _lose(self, reason: str, count: int, values: Values | None = None) -> None:
        if reason not in self.lost:
            self.examples[reason] = {**self.env, **(values or {})}
        self.lost[reason] += count


def _layers(row: PlannedLayer) -> int:
    return 1 + sum(_layers(inner) for inner in row.layers)


_SKELETON = {"name": "x", "data": {"name": "digits"}, "train": {"epochs": 1}}


def _nameless(layer: object) -> object:
    """Leave the automatic name out: laid alone, every layer is the first of its family."""
    return {k: v for k, v in layer.items() if k != "name"} if isinstance(layer, dict) else layer


def _push(repeat: Repeat, times: int, rest: Stack) -> Stack:
    for body in reversed(repeat.bodies[:times]):
        rest = (body, rest)
    return rest
