"""How many configurations a space holds, by arithmetic: nothing is looked at.

total_of(space)                       # all configurations; a continuous value counts as one
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from archsearch.search.space.domains import Value
from archsearch.search.space.space import SearchSpace, Values
from archsearch.search.space.templates import Computed, Fixed, Items, Keys, Open, Repeat, Template, open_values


def total_of(space: SearchSpace) -> int:
    """Count all configurations, whether they fit or not; a continuous value counts as one."""
    total = 0
    for env in environments(space):
        total += math.prod(count_template(template, env) for template in space.templates)
    return total


def count_template(template: Template, env: Mapping[str, Value]) -> int:
    """Count the configurations of a template, given the values that are fixed already."""
    if isinstance(template, (Fixed, Computed)):  # what a number is computed of is chosen before
        return 1
    if isinstance(template, Open):
        if template.name in env:
            return count_template(template.chosen(env[template.name]), env)
        if not template.options:
            return template.domain.count or 1
        return sum(count_template(option, env) for _, option in template.options)
    if isinstance(template, Keys):
        return math.prod(count_template(item, env) for _, item in template.items)
    if isinstance(template, Items):
        return math.prod(count_template(item, env) for item in template.items)
    if isinstance(template.times, Fixed):
        return bodies_count(template, int(str(template.times.value)), env)
    fixed = env.get(template.times.name)
    times = [fixed] if fixed is not None else list(template.times.domain.values())
    return sum(bodies_count(template, int(str(t)), env) for t in times)


def bodies_count(repeat: Repeat, times: int, env: Mapping[str, Value]) -> int:
    """Count the configurations of the first `times` bodies of a repeat."""
    if times and _is_shared(repeat):
        return count_template(repeat.bodies[0], env)
    return math.prod(count_template(body, env) for body in repeat.bodies[:times])


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
