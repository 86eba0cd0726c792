"""What a search is compared with: its base, trained as the candidates are.

    notes_on(space)                             # what the baseline takes over from the study file
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

from archsearch.search.space.domains import domain_text
from archsearch.search.space.locate import may_stand_for
from archsearch.search.space.network_space import NetworkSpace
from archsearch.search.space.overlay import ONE_KEY, only_value
from archsearch.search.space.templates import Computed, Keys, Open, Template, given
from archsearch.spec.dataset import DataSpec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.training import TrainSpec
from archsearch.wording import yaml_word

_PARTS = ("data", "train")


# -- what is said of it ------------------------------------------------------------------------------------------------


def notes_on(space: NetworkSpace) -> tuple[str, ...]:
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
    space: NetworkSpace, candidate: Mapping[str, Any] | None, baseline: Mapping[str, Any], name: str = "the candidates"
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
        only = only_value(template)
        if only is None:
            if not may_stand_for(template, other):
                yield path, domain_text(template.domain), other
            return
        template = only
    if isinstance(template, Computed):
        if not may_stand_for(template, other):
            yield path, one, other
        return
    if isinstance(one, dict) and isinstance(other, dict):
        if path.rpartition(".")[2] in ONE_KEY and set(one) != set(other):
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


def _a_candidate(space: NetworkSpace) -> dict[str, Any] | None:
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
    return f"{value:g}" if isinstance(value, float) else yaml_word(value)
