"""Find the values of a search space that give a known spec: trial 0, and where the documented variants lie.

    locate(space, spec)                 # {"conv.depth": 3, ...}, or None where it is not in the space
    base_values(space)

The layer list is matched against the templates from front to back; `identity` counts as nothing, defaults as written
out. What is found is checked by making the sample and comparing it as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError

from archsearch.search.space.domains import Value
from archsearch.search.space.network_space import NetworkSpace
from archsearch.search.space.space import InfeasibleError, Values
from archsearch.search.space.templates import (
    Computed,
    Fixed,
    Items,
    Keys,
    Open,
    Repeat,
    Template,
    enumerate_values,
    resolve,
)
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import LAYER_KINDS, Block
from archsearch.spec.layers.base import LayerBase
from archsearch.spec.layers.blocks import HOLDING, Parallel
from archsearch.spec.text.yaml import Tree


def locate(space: NetworkSpace, spec: ExperimentSpec) -> Values | None:
    """Give the values of a space for which a sample is this spec's network, data and training, or None."""
    network = list(space.network.items) if space.network is not None else []
    layers = [layer for layer in spec.network if layer.kind != "identity"] if space.network is not None else []
    parts = spec.model_dump(mode="json", include={"data", "train"})
    for values in _sequence(network, layers, {}):
        for with_data in values_giving(space.data, parts["data"], values):
            for found in values_giving(space.train, parts["train"], with_data):
                if _is(space, found, spec):
                    return found
    return None


def base_values(space: NetworkSpace) -> Values | None:
    """Find the values of the base itself, for trial 0; None if it is not in the space or larger than allowed."""
    values = locate(space, space.baseline)
    if values is None:
        return None
    try:
        space.with_values(values)
    except InfeasibleError:
        return None
    return values


def may_stand_for(template: Template, target: Tree) -> bool:
    """Say whether some choice of its open values may make this value of a template."""
    return next(values_giving(template, target, {}), None) is not None


def _is(space: NetworkSpace, values: Values, spec: ExperimentSpec) -> bool:
    try:
        sample = space.plan(space.tree(partial(_given, values))[0]).spec
    except (KeyError, InfeasibleError):
        return False
    return (
        sample.data == spec.data
        and sample.train == spec.train
        and [_canonical(layer) for layer in sample.network if layer.kind != "identity"]
        == [_canonical(layer) for layer in spec.network if layer.kind != "identity"]
    )


def _canonical(layer: LayerBase) -> dict[str, object]:
    if isinstance(layer, Block):
        branches = [
            [_canonical(part) for part in branch.layers if part.kind != "identity"] for branch in layer.branches_of()
        ]
        return {"kind": layer.kind, "branches": branches, **layer.own_fields()}
    return {"kind": layer.kind, **layer.canonical(())}


def _with(values: Values, name: str, value: Value) -> Values | None:
    """Add a value; None where another one is there already."""
    if name in values:
        return values if values[name] == value else None
    return {**values, name: value}


def _sequence(items: Sequence[Template], layers: Sequence[LayerBase], values: Values) -> Iterator[Values]:
    """Match templates with layers one after the other; yield the values of every way to do it."""
    if not items:
        if not layers:
            yield values
        return
    head, rest = items[0], items[1:]
    if isinstance(head, Items):
        yield from _sequence([*head.items, *rest], layers, values)
    elif isinstance(head, Repeat):
        yield from _repeat(head, rest, layers, values)
    elif isinstance(head, Open):
        for label in head.domain.values():
            added = _with(values, head.name, label)
            if added is not None:
                yield from _sequence([head.chosen(label), *rest], layers, added)
    elif isinstance(head, Fixed) and (head.value == "identity" or head.value == {"identity": {}}):
        yield from _sequence(rest, layers, values)
    elif layers and head != Fixed("none"):
        for added in _layer(head, layers[0], values):
            yield from _sequence(rest, layers[1:], added)


def _repeat(head: Repeat, rest: Sequence[Template], layers: Sequence[LayerBase], values: Values) -> Iterator[Values]:
    if isinstance(head.times, Fixed):
        yield from _sequence([*head.bodies, *rest], layers, values)
        return
    for times in head.times.domain.values():
        added = _with(values, head.times.name, times)
        if added is not None and isinstance(times, int):
            yield from _sequence([*head.bodies[:times], *rest], layers, added)


def _layer(template: Template, layer: LayerBase, values: Values) -> Iterator[Values]:
    """Match one layer: open fields take the layer's values, everything else must agree."""
    if isinstance(template, Fixed):
        if _same_layer(template.value, layer):
            yield values
        return
    assert isinstance(template, Keys)
    ((kind, fields),) = template.items
    if kind != layer.kind or not isinstance(fields, Keys):
        return
    known: Mapping[str, Any] = layer.every_field()
    known = known if isinstance(layer, Block) else {**known, **layer.canonical(())}
    found: list[Values] = [values]
    for key, item in fields.items:
        if isinstance(layer, Block) and key in HOLDING and isinstance(item, Items):
            lists = item.items if key == "branches" else [item]
            found = [new for old in found for new in _branches(key, lists, layer, old)]
        elif key != "name":
            found = [new for old in found for new in values_giving(item, known.get(key), old)]
    for added in found:
        if isinstance(layer, Block) or _same_layer(resolve(template, partial(_given, added)), layer):
            yield added


def _branches(field: str, lists: Sequence[Template], block: Block, values: Values) -> Iterator[Values]:
    """Match the layer lists in a field of a block with its branches, one by one; a shortcut may be without layers."""
    branches: list[Sequence[LayerBase] | None] = [one.layers for one in block.branches_of() if one.loc[0] == field]
    if isinstance(block, Parallel):
        branches = list(block.branches)
    if not branches and field == "shortcut":
        branches = [()]
    if len(lists) != len(branches):
        return
    found: list[Values] = [values]
    for item, branch in zip(lists, branches, strict=True):
        if branch is None:
            found = [new for old in found for new in _no_branch(item, old)]
            continue
        layers = [layer for layer in branch if layer.kind != "identity"]
        found = [new for old in found for new in _sequence([item], layers, old)]
    yield from found


def _no_branch(template: Template, values: Values) -> Iterator[Values]:
    """Match the place of a branch with `none`: a choice whose option that is, or the word itself."""
    (head,) = template.items if isinstance(template, Items) and len(template.items) == 1 else (template,)
    if isinstance(head, Fixed) and head.value == "none":
        yield values
    elif isinstance(head, Open):
        for label in head.domain.values():
            if head.chosen(label) == Fixed("none") and (added := _with(values, head.name, label)) is not None:
                yield added


def _given(values: Values, value: Open) -> Value:
    return values[value.name]


def _same_layer(tree: Tree, layer: LayerBase) -> bool:
    kind, fields = (
        (tree, {}) if isinstance(tree, str) else next(iter(tree.items())) if isinstance(tree, dict) else ("", {})
    )
    if kind != layer.kind:
        return False
    try:
        made = LAYER_KINDS[kind].model_validate(fields or {})
    except ValidationError:
        return False
    return _canonical(made) == _canonical(layer)


def values_giving(template: Template, target: Tree, values: Values) -> Iterator[Values]:
    """Match a value that may be open, or hold open values; fixed ones are compared with the whole sample later."""
    if isinstance(template, Open):
        for label in template.domain.values() if template.options else _candidates(template, target):
            added = _with(values, template.name, label)
            if added is not None:
                yield from values_giving(template.chosen(label), target, added)
    elif isinstance(template, Keys) and isinstance(target, dict):
        found = [values]
        for key, item in template.items:
            found = [new for old in found for new in values_giving(item, target.get(key), old)]
        yield from found
    elif isinstance(template, Items) and isinstance(target, list) and len(template.items) == len(target):
        found = [values]
        for item, inner in zip(template.items, target, strict=True):
            found = [new for old in found for new in values_giving(item, inner, old)]
        yield from found
    elif isinstance(template, Computed):
        for chosen in enumerate_values(template, values):
            found_values = {**values, **chosen}
            if template.value(partial(_given, found_values)) == target:
                yield found_values
    elif not isinstance(template, (Keys, Items, Repeat)):
        yield values


def _candidates(template: Open, target: Tree) -> list[Value]:
    """Give the values of an open scalar that may stand for the target: itself, or the one key of `{adam: {...}}`."""
    if isinstance(target, dict):
        return [word for word in target if word in template.domain]
    if isinstance(target, list):
        return []
    return [target] if target in template.domain else []
