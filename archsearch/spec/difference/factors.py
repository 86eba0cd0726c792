"""Two specs -> the named edits between them, grouped into the factors that changed.

    difference = diff_specs(a, plan_a, b, plan_b)
    [factor.name for factor in difference.factors]       # activation, widths, pooling stride, depth, ...
    edited(a, difference.edits)                          # computes what b computes

The factors' edits may be applied in any selection, in the order given: edits in place come first, as they change no
layer's automatic name, then those that add and take away layers, from the last layer to the first. Compares what is
computed: data, network and training; not summaries, sources or documented results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from archsearch.errors import SpecError
from archsearch.spec.difference.align import LayerPair, align, branches_left_out, branches_of_both, same_layer
from archsearch.spec.difference.gaps import Change, structural_changes
from archsearch.spec.edit.in_memory import Edit, brief, edited, word, written_layer
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import Block, LayerBase
from archsearch.spec.layers.blocks import HOLDING
from archsearch.spec.network import NetworkPlan, PlannedLayer, plan_network

# The order in which factors are named and applied: in place first, then what moves names, from the end of the network.
FACTORS = (
    "data", "training values", "loss", "activation", "widths", "kernel", "convolution stride", "bias", "pooling kind",
    "pooling stride", "pooling window", "heads", "direction", "recurrent depth", "recurrent output", "upsampling",
    "normalisation", "dropout", "blocks", "head", "positional encoding", "shape", "fully connected part", "pooling",
    "embedding", "recurrence", "attention", "depth",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FactorChange:
    """One factor that differs: the edits that move it, and each change by itself."""

    name: str
    edits: tuple[Edit, ...]
    parts: tuple[Change, ...]

    @property
    def changes(self) -> tuple[str, ...]:
        """Give each change in words."""
        return tuple(part.words for part in self.parts)


@dataclass(frozen=True, slots=True)
class SpecDifference:
    """What leads from one spec to another; `rows` are the two networks side by side."""

    factors: tuple[FactorChange, ...]
    rows: tuple[LayerPair, ...]

    @property
    def edits(self) -> tuple[Edit, ...]:
        """Give all edits in order."""
        return tuple(edit for factor in self.factors for edit in factor.edits)


def diff_specs(a: ExperimentSpec, plan_a: NetworkPlan, b: ExperimentSpec, plan_b: NetworkPlan) -> SpecDifference:
    """Give the factors that differ and the edits that lead from `a` to `b`; none where they compute the same."""
    rows = align(plan_a.rows, plan_b.rows)
    elsewhere = [*_part_changes("data", a.data, b.data), *_part_changes("train", a.train, b.train)]
    changes = [*elsewhere, *_in_place(rows), *structural_changes(rows)]
    found = _grouped(changes)
    if not _leads_to(a, found, b, plan_b):
        # Factors moved each other's layers: what adds and drops layers goes into one, in the order of the layers.
        layers = [replace(change, factor="layers") for change in structural_changes(rows)]
        found = (*_grouped([*elsewhere, *_in_place(rows)]), *_grouped(layers))
        if not _leads_to(a, found, b, plan_b):
            found = (*_grouped(elsewhere), _whole_network(plan_a, b))
    return SpecDifference(found, tuple(rows))


def _change_of(name: str, changes: Sequence[Change]) -> FactorChange:
    """Gather the changes of one factor; sets and replaces that follow one another become one edit."""
    mine = [change for change in changes if change.factor == name]
    edits = tuple(_merged([change.edit for change in mine]))
    return FactorChange(name, edits, tuple(mine))


def _leads_to(a: ExperimentSpec, factors: Sequence[FactorChange], b: ExperimentSpec, plan_b: NetworkPlan) -> bool:
    edits = [edit for factor in factors for edit in factor.edits]
    try:
        made = edited(a, edits) if edits else a
        plan = plan_network(made.network, plan_b.input_shape, plan_b.output_shape[0])
    except SpecError:
        return False
    return plan.canonical() == plan_b.canonical() and (made.data, made.train) == (b.data, b.train)


def _grouped(changes: Sequence[Change]) -> tuple[FactorChange, ...]:
    """Gather changes by factor, in the order of FACTORS."""
    names = {change.factor: None for change in changes}
    ordered = sorted(names, key=lambda name: FACTORS.index(name) if name in FACTORS else len(FACTORS))
    return tuple(_change_of(name, changes) for name in ordered)


def _merged(edits: Sequence[Edit]) -> Iterator[Edit]:
    last: Edit = {}
    for edit in edits:
        ((verb, target),) = edit.items()
        if verb in ("set", "replace") and verb in last:
            last[verb].update(target)
        elif verb == "drop" and "drop" in last:
            last["drop"].extend(target)
        else:
            if last:
                yield last
            last = {verb: dict(target) if isinstance(target, dict) else list(target)}
    if last:
        yield last


def _whole_network(plan_a: NetworkPlan, b: ExperimentSpec) -> FactorChange:
    """Put one network in the place of the other: the last resort, where own names leave nothing to hold on to."""
    first, *rest = [row.name for row in plan_a.rows]
    drop: list[Edit] = [{"drop": rest}] if rest else []
    new = [written_layer(layer) for layer in b.network]
    edit: Edit = {"replace": {first: new}}
    return FactorChange("network", (*drop, edit), (Change("network", edit, f"all layers -> those of {b.name}"),))


# -- data and training -------------------------------------------------------------------------------------------------


def _part_changes(part: str, ours: Any, theirs: Any) -> Iterator[Change]:
    """Yield a set for each value that differs; one field of the same optimiser, or all of another one."""
    one, two = ({**dict(model), **model.model_dump(mode="json")} for model in (ours, theirs))
    for key in two:  # also what a dump leaves out where it is the default
        if one[key] == two[key]:
            continue
        factor = "data" if part == "data" else "loss" if key == "loss" else "training values"
        for path, before, after in _deeper(f"{part}.{key}", one.get(key), two.get(key)):
            yield _set(factor, path, before, after)


def _deeper(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    same_kind = isinstance(before, dict) and isinstance(after, dict) and set(before) == set(after)
    if not same_kind:
        yield path, before, after
        return
    for key in after:
        if before[key] != after[key]:
            yield from _deeper(f"{path}.{key}", before[key], after[key])


# -- layers that both have ---------------------------------------------------------------------------------------------


def _in_place(rows: Sequence[LayerPair]) -> Iterator[Change]:
    for ours, theirs in rows:
        if ours is None or theirs is None or same_layer(ours, theirs):
            continue
        if isinstance(ours.layer, Block):
            branches = branches_of_both(ours, theirs)
            if branches is None and (without := branches_left_out(ours, theirs)):
                words = f"- {', '.join(without)}"
                yield Change("blocks", {"drop": without}, words)
                continue
            if branches is None:
                yield _replacement("blocks", ours, theirs.layer)
                continue
            for inside in branches:
                yield from _in_place(inside)
            yield from _fields(ours, theirs, lambda field: "blocks")
        elif ours.layer.pools:
            yield from _pooling(ours, theirs)
        elif ours.layer.field_factors and ours.kind == theirs.kind:
            yield from _fields(ours, theirs, _factor_of(ours.layer))
        else:
            yield _replacement("kernel" if ours.layer.weighted else ours.layer.factor, ours, theirs.layer)


def _factor_of(layer: LayerBase) -> Callable[[str], str]:
    return lambda field: layer.field_factors.get(field, "kernel")


def _fields(ours: PlannedLayer, theirs: PlannedLayer, factor_of: Callable[[str], str]) -> Iterator[Change]:
    one, two = (layer.every_field() for layer in (ours.layer, theirs.layer))
    for field, after in two.items():
        if field not in HOLDING and one[field] != after:
            yield _setting(factor_of(field), ours.name, field, one[field], after)


def _setting(factor: str, name: str, field: str, before: Any, after: Any) -> Change:
    return _set(factor, f"{name}.{field}", before, after)


def _set(factor: str, path: str, before: Any, after: Any) -> Change:
    words = f"{path}: {word(before)} -> {word(after)}"
    return Change(factor, {"set": {path: after}}, words, path, before, after)


def _replacement(factor: str, ours: PlannedLayer, layer: LayerBase) -> Change:
    written = written_layer(layer)
    words = f"{ours.name}: {ours.kind} -> {brief(written)}"
    return Change(factor, {"replace": {ours.name: written}}, words, ours.name, ours.kind, written)


def _pooling(ours: PlannedLayer, theirs: PlannedLayer) -> Iterator[Change]:
    """Part a pooling's kind from its stride and its window, so that each can be changed without the others."""
    layer, fields = ours.layer, theirs.layer.model_dump(mode="json")
    if ours.kind != theirs.kind:
        kept = {k: v for k, v in layer.model_dump(mode="json", exclude_defaults=True).items() if k in fields}
        try:
            layer = type(theirs.layer).model_validate(kept | {k: fields[k] for k in _required(theirs) - set(kept)})
        except ValueError:
            layer = theirs.layer
        yield _replacement("pooling kind", ours, layer)
    mine = layer.model_dump(mode="json")
    stride = _stride(theirs.layer)
    for field, after in fields.items():
        if field not in ("name", "stride") and mine[field] != after:
            yield _setting("pooling window", ours.name, field, mine[field], after)
    # A stride that is not written follows the kernel.
    would_be = mine.get("stride") or fields.get("kernel_size")
    if stride is not None and _pair(would_be) != _pair(stride):
        before = _stride(layer)
        factor = "pooling window" if _pair(before) == _pair(stride) else "pooling stride"
        yield _setting(factor, ours.name, "stride", before, stride)


def _required(row: PlannedLayer) -> set[str]:
    return {name for name, field in type(row.layer).model_fields.items() if field.is_required()}


def _stride(layer: LayerBase) -> Any:
    fields = layer.model_dump(mode="json")
    return fields.get("stride") or fields.get("kernel_size")


def _pair(value: Any) -> Any:
    return [value, value] if isinstance(value, int) else value
