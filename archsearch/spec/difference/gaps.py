"""The layers that only one of two networks has: the edits that add and drop them.

    structural_changes(align(plan_a.rows, plan_b.rows))

From the last gap to the first, so that the automatic names of all layers before it still hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from archsearch.spec.difference.align import LayerPair, branches_of_both, same_layer
from archsearch.spec.edit.in_memory import Edit, brief, written_layer
from archsearch.spec.layers import Block
from archsearch.spec.network import PlannedLayer

# Of the layers that a gap adds or takes away the weightiest names the factor.
BY_WEIGHT = (
    "depth", "attention", "recurrence", "embedding", "fully connected part", "pooling", "positional encoding",
    "normalisation", "dropout", "activation", "shape",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One edit, the factor it belongs to, and what it does in words.

    Where one thing takes the place of another, `path` is its place, `before` and `after` are the two as YAML has them:
    values of a field, or layers; layers that are only added or dropped have no `path`.
    """

    factor: str
    edit: Edit
    words: str
    path: str = ""
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Layers between two that both networks have: `dropped` of ours, `added` of theirs."""

    before: PlannedLayer | None
    after: PlannedLayer | None
    dropped: tuple[PlannedLayer, ...]
    added: tuple[PlannedLayer, ...]


def structural_changes(rows: Sequence[LayerPair]) -> list[Change]:
    """Give the edits that add and drop layers, from the last gap to the first; blocks that both have are entered."""
    changes: list[Change] = []
    for gap in reversed(list(_gaps(rows))):
        changes += [change for part in reversed(list(_parts(gap))) for change in _fill(part)]
    for ours, theirs in reversed(rows):
        if ours is not None and theirs is not None and isinstance(ours.layer, Block) and not same_layer(ours, theirs):
            for branch in reversed(branches_of_both(ours, theirs) or []):
                changes = [*structural_changes(branch), *changes]  # inside first: it changes no name outside
    return changes


def _gaps(rows: Sequence[LayerPair]) -> Iterator[Gap]:
    before: PlannedLayer | None = None
    dropped: list[PlannedLayer] = []
    added: list[PlannedLayer] = []
    for ours, theirs in (*rows, (None, None)):
        if (ours is None) != (theirs is None):
            if ours is not None:
                dropped.append(ours)
            if theirs is not None:
                added.append(theirs)
            continue
        if dropped or added:
            yield Gap(before, ours, tuple(dropped), tuple(added))
        before, dropped, added = ours, [], []


def _parts(gap: Gap) -> Iterator[Gap]:
    """Part a softmax at the end of a gap from what stands before it: it is a factor of its own."""
    drop, add = (len(rows) - sum(bool(row.layer.squashes) for row in rows[-1:]) for rows in (gap.dropped, gap.added))
    nothing_there = drop == len(gap.dropped) and add == len(gap.added)
    last = gap.dropped[drop - 1] if drop else gap.before
    if gap.after is not None or nothing_there or last is None:
        yield gap
        return
    if drop or add:
        yield Gap(gap.before, gap.after, gap.dropped[:drop], gap.added[:add])
    yield Gap(last, None, gap.dropped[drop:], gap.added[add:])


def _fill(gap: Gap) -> Iterator[Change]:
    factor = _factor_of(gap)
    new = [written_layer(row.layer) for row in gap.added]
    names = [row.name for row in gap.dropped]
    words = ", ".join(brief(one) for one in new)
    if names and new:
        first, kind = names[0], gap.dropped[0].kind
        yield Change(factor, {"replace": {first: new}}, f"{first}: {kind} -> {words}", first, kind, new)
        names = names[1:]
    elif new:
        side, anchor = ("after", gap.before) if gap.before is not None else ("before", gap.after)
        assert anchor is not None, "two networks that share no layer have no gap without dropped layers"
        where = {side: anchor.name, "layers": new}
        yield Change(factor, {"insert": where}, f"{side} {anchor.name}: + {words}")
    if names:
        yield Change(factor, {"drop": names}, f"- {', '.join(names)}")


def _factor_of(gap: Gap) -> str:
    """Name the factor by the weightiest layers of a gap."""
    rows = (*gap.dropped, *gap.added)
    if gap.after is None and all(row.layer.squashes for row in rows):
        return "head"
    return min((row.layer.factor for row in rows), key=_weight)


def _weight(factor: str) -> int:
    return BY_WEIGHT.index(factor) if factor in BY_WEIGHT else len(BY_WEIGHT)
