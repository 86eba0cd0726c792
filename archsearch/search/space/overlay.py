"""Lay a study's values over its base: those that are chosen for a sample, and the closed ones for the baseline.

    laid_over({"adam": {"lr": 0.1}}, {"adam": {"betas": [0.9, 0.98]}})      # one adam with both
    trained_alike(base, data, train)            # the base, with what the study file fixes of data and training

Knows templates and specs; a search space is made of both and stands above.
"""

from __future__ import annotations

from pydantic import ValidationError

from archsearch.search.space.templates import Keys, Open, Template, given, open_values, resolve
from archsearch.spec.dataset import DataSpec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.text.yaml import Tree
from archsearch.spec.training import TrainSpec

ONE_KEY = ("optimizer", "schedule", "loss")  # one key each, that of the kind


def laid_over(below: Tree, above: Tree) -> Tree:
    """Lay the study's values over the base's. Another kind of optimiser, loss or schedule replaces the whole."""
    if not isinstance(above, dict) or not isinstance(below, dict):
        return above
    result = dict(below)
    for key, value in above.items():
        inner = below.get(key)
        other_kind = key in ONE_KEY and isinstance(value, dict) and isinstance(inner, dict) and set(value) != set(inner)
        result[key] = value if other_kind or inner is None else laid_over(inner, value)
    return result


def trained_alike(base: ExperimentSpec, data: Template, train: Template) -> ExperimentSpec:
    """Give the base with the closed values of a study's `data` and `train`; as it is where they do not go together.

    Another kind of optimiser, schedule or loss with open fields is not taken over: the base has no values for them.
    """
    own = base.model_dump(mode="json", include={"data", "train"})
    try:
        alike = {
            "data": DataSpec.model_validate(_closed_over(own["data"], data)),
            "train": TrainSpec.model_validate(_closed_over(own["train"], train)),
        }
    except ValidationError:
        return base
    if (alike["data"], alike["train"]) == (base.data, base.train):
        return base
    return base.model_copy(update={**alike, "documented": None})


def _closed_over(below: Tree, template: Template, key: str = "") -> Tree:
    if isinstance(template, Open):
        value = only_value(template)
        return below if value is None else _closed_over(below, value, key)
    if isinstance(template, Keys) and isinstance(below, dict):
        if key in ONE_KEY and set(below) != {name for name, _ in template.items}:
            return below if _is_open(template) else resolve(template, given({}))
        result = dict(below)
        for name, item in template.items:
            if name in below or not _is_open(item):
                result[name] = _closed_over(below.get(name), item, name)
        return result
    if _is_open(template):
        return below
    laid = laid_over({key: below}, {key: resolve(template, given({}))})
    assert isinstance(laid, dict)
    return laid[key]


def only_value(template: Open) -> Template | None:
    """Give what an open value of one value stands for: it is closed in all but the writing."""
    return template.chosen(next(template.domain.values())) if template.domain.count == 1 else None


def _is_open(template: Template) -> bool:
    return any(value.domain.count != 1 for value in open_values(template))
