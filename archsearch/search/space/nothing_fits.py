"""Refuse a search in which nothing fits, before anything is begun, with the place and the reason.

    refuse_where_nothing_fits(load_study("mine.yaml"), "mine.yaml")

Mostly one sample that fits is the answer. Where none of some does, and the space is small enough, every configuration
is looked at; of a larger one nothing is said, as it is not known.
"""

from __future__ import annotations

import random

from archsearch.errors import Problem, SpecError
from archsearch.search.search_file import SearchFile
from archsearch.search.space.by_kind import spaces_of
from archsearch.search.space.count import PLANNED_UP_TO, count_space
from archsearch.search.space.domains import Value
from archsearch.search.space.space import InfeasibleError, Values
from archsearch.search.space.templates import Open
from archsearch.search.space.total import total_of
from archsearch.spec.catalog import find
from archsearch.spec.text.yaml import read_file

_TRIES = 64
_MOST_REASONS = 3


def refuse_where_nothing_fits(study: SearchFile, reference: str) -> None:
    """Raise `SpecError` where no configuration of a study can be trained; `reference` is what it was read by."""
    dice = random.Random(0)
    for _ in range(_TRIES):
        values: Values = {}

        def choose(value: Open, values: Values = values) -> Value:
            return values.setdefault(value.name, value.domain.draw(dice))

        try:
            study.space.sample(choose)
        except InfeasibleError as error:
            last, of_last = error, values
        else:
            return
    total = total_of(study.space)
    if total > PLANNED_UP_TO:
        return
    counted = count_space(study.space)
    if counted.feasible:
        return
    none = f"none of the {total:,} configurations fits" if total > 1 else "the one configuration does not fit"
    if len(counted.misfits) == 1:
        raise SpecError(Problem(_place(study, reference, last, of_last), f"{none}: {last}"))
    said = [f"{one.configurations:,} {one.reason}" for one in counted.misfits[:_MOST_REASONS]]
    more = "; ..." if len(counted.misfits) > _MOST_REASONS else ""
    raise SpecError(Problem(_place(study, reference), f"{none}: {'; '.join(said)}{more}"))


def _place(
    study: SearchFile, reference: str, error: InfeasibleError | None = None, values: Values | None = None
) -> str:
    """Give where that stands what does not fit."""
    node = read_file(find(reference, "studies"))
    return spaces_of(study.space).place(study.space, node, error, values or {})
