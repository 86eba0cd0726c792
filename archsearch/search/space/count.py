"""How large is a space: configurations, those that fit, and how many distinct networks they are.

    counted = count_space(space)
    counted.total, counted.feasible, counted.distinct, counted.exact

Up to ten million configurations every one is looked at, layer by layer: configurations that begin alike share the work,
and a beginning that does not fit ends all that begin so; where only the whole experiment tells whether it can be
trained (trainings.py), up to twenty thousand. Beyond that, a sample drawn evenly over the configurations gives
estimates with intervals.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from archsearch.plain import Plain
from archsearch.search.space.by_kind import spaces_of
from archsearch.search.space.domains import Value
from archsearch.search.space.space import InfeasibleError, SearchSpace, Values
from archsearch.search.space.templates import Items, Keys, Open, Repeat, Template
from archsearch.search.space.total import bodies_count, count_template, environments, total_of
from archsearch.stats.distinct import distinct_from
from archsearch.stats.intervals import wilson_interval

EXACT_UP_TO = 10_000_000
PLANNED_UP_TO = 20_000  # where each must be planned as a whole, at about a millisecond
SAMPLE = 8_000
MOST_MISFITS = 12
_SIZES = re.compile(r"\d+(?:[.,x]\d+)*")


class Misfit(Plain):
    """One way not to fit: the reason, how many configurations, and one of them.

    Reasons that differ in their sizes only are one; `reason` is the most frequent, `others` counts the rest.
    """

    reason: str
    configurations: int
    example: dict[str, Value]
    others: int = 0


class SpaceCount(Plain):
    """What a space holds. Continuous values are named and count as one value each; `total` is None then.

    Where `exact` is false, `feasible` and `distinct` are estimates, with 95 % intervals.
    """

    total: int | None
    feasible: int
    distinct: int
    exact: bool
    feasible_interval: tuple[int, int] | None
    distinct_interval: tuple[int, int] | None
    continuous: tuple[str, ...]
    checked: int
    misfits: tuple[Misfit, ...]


def count_space(space: SearchSpace, *, sample: int = SAMPLE, seed: int = 0) -> SpaceCount:
    """Count a space exactly up to ten million configurations, else estimate from a sample drawn with `seed`."""
    continuous = tuple(name for name, domain in space.parameters().items() if domain.count is None)
    total = total_of(space)
    walk = spaces_of(space).walk(space)
    if total <= (PLANNED_UP_TO if total <= EXACT_UP_TO and walk.whole else EXACT_UP_TO):
        walk.run()
        misfits = _misfits(walk.lost, walk.examples)
        return SpaceCount(
            total=None if continuous else total,
            feasible=walk.feasible,
            distinct=len(walk.distinct),
            exact=True,
            feasible_interval=None,
            distinct_interval=None,
            continuous=continuous,
            checked=total,
            misfits=misfits,
        )
    return _estimate(space, total, continuous, sample, seed)


def _misfits(lost: Mapping[str, int], examples: Mapping[str, Values]) -> tuple[Misfit, ...]:
    alike: dict[str, list[str]] = {}
    for reason in sorted(lost, key=lambda reason: -lost[reason]):
        alike.setdefault(_SIZES.sub("#", reason), []).append(reason)
    found = [
        Misfit(
            reason=reasons[0],
            configurations=sum(lost[reason] for reason in reasons),
            example=examples[reasons[0]],
            others=len(reasons) - 1,
        )
        for reasons in alike.values()
    ]
    return tuple(sorted(found, key=lambda misfit: -misfit.configurations)[:MOST_MISFITS])


def each_feasible(space: SearchSpace) -> Iterator[Values]:
    """Yield the values of every configuration that fits: those that `count_space` counts, by the same walk."""
    yield from spaces_of(space).walk(space).configurations()


# -- a sample ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Draw:
    """Draws configurations, each as likely as any other: an option weighs as much as it holds configurations."""

    generator: random.Random
    env: Values = field(default_factory=dict)

    def __call__(self, value: Open) -> Value:
        if not value.options:
            drawn = value.domain.draw(self.generator)
        else:
            weights = [count_template(option, self.env) for _, option in value.options]
            drawn = self.generator.choices([label for label, _ in value.options], weights)[0]
        self.env[value.name] = drawn
        return drawn


def _estimate(space: SearchSpace, total: int, continuous: tuple[str, ...], sample: int, seed: int) -> SpaceCount:
    generator = random.Random(seed)
    depths = _depth_weights(space)
    keys: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    examples: dict[str, Values] = {}
    for _ in range(sample):
        draw = _Draw(generator)

        def choose(value: Open, draw: _Draw = draw) -> Value:
            if value.name in depths:
                times, weights = depths[value.name]
                draw.env[value.name] = generator.choices(times, weights)[0]
                return draw.env[value.name]
            return draw(value)

        try:
            experiment, _ = space.sample(choose)
        except InfeasibleError as error:
            lost[error.reason] += 1
            examples.setdefault(error.reason, dict(draw.env))
        else:
            keys[space.kind.key(experiment)] += 1
    fits = sum(keys.values())
    low, high = wilson_interval(fits, sample)
    feasible = round(total * fits / sample)
    scaled = Counter({reason: round(total * n / sample) for reason, n in lost.items()})
    distinct, bounds = distinct_from(keys, feasible, round(total * high))
    return SpaceCount(
        total=None if continuous else total,
        feasible=feasible,
        distinct=distinct,
        exact=False,
        feasible_interval=(round(total * low), round(total * high)),
        distinct_interval=bounds,
        continuous=continuous,
        checked=sample,
        misfits=_misfits(scaled, examples),
    )


def _depth_weights(space: SearchSpace) -> dict[str, tuple[list[Value], list[int]]]:
    """Give for every open number of repetitions how many configurations each number holds."""
    found: dict[str, tuple[list[Value], list[int]]] = {}
    env = next(environments(space))

    def look(template: Template) -> None:
        if isinstance(template, Repeat):
            if isinstance(template.times, Open):
                times = list(template.times.domain.values())
                found[template.times.name] = (times, [bodies_count(template, int(str(t)), env) for t in times])
            for body in template.bodies:
                look(body)
        elif isinstance(template, Open):
            for _, option in template.options:
                look(option)
        elif isinstance(template, (Keys, Items)):
            for item in template.items:
                look(item[1] if isinstance(item, tuple) else item)

    for template in space.templates:
        look(template)
    return found
