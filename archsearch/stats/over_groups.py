"""The second level of grouped samples: a difference for each group (subject, place), and over them.

    found = over_groups("relu", "relu instead of tanh", {0: {"ann": 0.02, "bob": -0.01}, 1: {"cid": 0.03}}, Family())
    found.groups, found.mean_difference, found.sentence

Groups, not samples, are what was drawn from a population; a group's difference is its mean over the pairs that test it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from archsearch.plain import Plain
from archsearch.stats.effect import Family, Interval, Seed
from archsearch.stats.intervals import mean, t_interval
from archsearch.stats.sentence import amount, estimate


class GroupDifference(Plain):
    """The mean difference of one group over the `n` pairs of runs that tested it."""

    group: str
    n: int
    mean_difference: float


class OverGroups(Plain):
    """A comparison group by group, the lowest difference first; every group counts the same.

    `ci95` is Student's interval over groups, None for one group. It describes how groups differ: runs share training
    samples, so it is no test, and the verdict stays that of the pairs. `better` counts groups with a gain.
    """

    variant: str
    groups: Annotated[tuple[GroupDifference, ...], Field(strict=False)]
    mean_difference: float
    ci95: Interval | None
    better: int
    sentence: str


def over_groups(
    variant: str, label: str, differences: Mapping[Seed, Mapping[str, float]], family: Family
) -> OverGroups | None:
    """Gather the differences of each group over all pairs; None where no pair has one."""
    gathered: dict[str, list[float]] = {}
    for of in differences.values():
        for group, value in of.items():
            gathered.setdefault(group, []).append(value)
    if not gathered:
        return None
    groups = [
        GroupDifference(group=name, n=len(values), mean_difference=mean(values)) for name, values in gathered.items()
    ]
    groups.sort(key=lambda one: (one.mean_difference, one.group))
    means = [one.mean_difference for one in groups]
    sign = 1 if family.direction == "maximize" else -1
    found = OverGroups(
        variant=variant,
        groups=tuple(groups),
        mean_difference=mean(means),
        ci95=t_interval(means) if len(means) > 1 else None,
        better=sum(sign * value > 0 for value in means),
        sentence="",
    )
    return found.model_copy(update={"sentence": _sentence(found, label, family)})


def _sentence(found: OverGroups, label: str, family: Family) -> str:
    size, between = estimate(found.mean_difference, found.ci95, family=family)
    unit = " points" if family.unit == "points" else ""
    ends = f" (95 % over groups {between})" if between else ""
    low, high = found.groups[0], found.groups[-1]
    least, most = (f"{amount(one.mean_difference, family, signed=True)} ({one.group})" for one in (low, high))
    count = len(found.groups)
    return (
        f"{label}, group by group: {size}{unit}{ends}, better for {found.better} of {count} groups, "
        f"from {least} to {most}."
    )
