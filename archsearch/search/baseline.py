"""What a search is compared with: its base, trained as the candidates are.

    trained_alike(base, data, train)            # the base, with what the study file fixes of data and training
    unlike(space, candidate, baseline)          # what still differs between two of them, outside the space

A difference between a finalist and the baseline is to be that of the network and of what the space leaves open. So
whatever the study file's `data:` and `train:` fix holds for the baseline too; where a value is open, the baseline keeps
its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from archsearch.search.space.locate import may_stand_for
from archsearch.search.space.space import KINDS, SearchSpace, laid_over
from archsearch.search.space.templates import Keys, Open, Template, given, open_values, resolve
from archsearch.spec.dataset import DataSpec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.text.yaml import Tree
from archsearch.spec.training import TrainSpec

_PARTS = ("data", "train")


def trained_alike(base: ExperimentSpec, data: Template, train: Template) -> ExperimentSpec:
    """Give the base with the closed values of a study's `data` and `train`; as it is where they do not go together.

    Another kind of optimiser, schedule or loss with open fields is not taken over: the base has no values for them.
    """
    own = base.model_dump(mode="json", include=set(_PARTS))
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
        value = _only_value(template)
        return below if value is None else _closed_over(below, value, key)
    if isinstance(template, Keys) and isinstance(below, dict):
        if key in KINDS and set(below) != {name for name, _ in template.items}:
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


def _only_value(template: Open) -> Template | None:
    """Give what an open value of one value stands for: it is closed in all but the writing."""
    return template.chosen(next(template.domain.values())) if template.domain.count == 1 else None


def _is_open(template: Template) -> bool:
    return any(value.domain.count != 1 for value in open_values(template))


# -- what is said of it ------------------------------------------------------------------------------------------------


def notes_on(space: SearchSpace) -> tuple[str, ...]:
    """Say what the baseline takes over from the study file, and what still sets it apart from every candidate."""
    notes = []
    taken = list(_differences("", None, _trained(space.baseline), _trained(space.base)))
    if taken:
        changes = ", ".join(f"{path} {_text(new)} (its own: {_text(old)})" for path, new, old in taken)
        notes.append(f"the baseline {space.base.name} is trained as the candidates are: {changes}")
    apart = unlike(space, _a_candidate(space), _trained(space.baseline))
    if apart:
        notes.append(f"the baseline {space.base.name} is not trained as the candidates are: {'; '.join(apart)}")
    return tuple(notes)


def unlike(
    space: SearchSpace, candidate: Mapping[str, Any] | None, baseline: Mapping[str, Any], name: str = "the candidates"
) -> tuple[str, ...]:
    """Say what of data and training differs between a candidate and the baseline, outside the space; "" for nothing.

    Both are specs as a storage has them. An open value counts where the baseline's lies outside its range.
    """
    if candidate is None:
        return ()
    found = []
    for part in _PARTS:
        for path, one, other in _differences(part, getattr(space, part), candidate[part], baseline[part]):
            found.append(f"{path} is {_text(other)} for the baseline and {_text(one)} for {name}")
    return tuple(found)


def _differences(path: str, template: Template | None, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, one, other) where two trees differ and the template does not leave it open."""
    if isinstance(template, Open):
        only = _only_value(template)
        if only is None:
            if not may_stand_for(template, other):
                yield path, str(template.domain), other
            return
        template = only
    if isinstance(one, dict) and isinstance(other, dict):
        if path.rpartition(".")[2] in KINDS and set(one) != set(other):
            yield path, next(iter(one)), next(iter(other))
            return
        inside = dict(template.items) if isinstance(template, Keys) else {}
        for key in {**one, **other}:
            below = f"{path}.{key}" if path else key
            yield from _differences(below, inside.get(key), one.get(key), other.get(key))
    elif one != other:
        yield path, one, other


def _trained(spec: ExperimentSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", include=set(_PARTS))


def _a_candidate(space: SearchSpace) -> dict[str, Any] | None:
    """Make the data and training of some candidate: what is asked of it is the same for all."""
    dice = random.Random(0)
    for number in range(20):
        tree, _ = space.tree(given({}) if not number else lambda value: value.domain.draw(dice))
        try:
            data, train = DataSpec.model_validate(tree["data"]), TrainSpec.model_validate(tree["train"])
        except ValidationError:
            continue
        return {"data": data.model_dump(mode="json"), "train": train.model_dump(mode="json")}
    return None


def _text(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1:
        ((kind, fields),) = value.items()
        inside = ", ".join(f"{key} {_text(one)}" for key, one in fields.items()) if isinstance(fields, dict) else ""
        return f"{kind} ({inside})" if inside else str(kind)
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
