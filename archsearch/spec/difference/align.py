"""Lay two layer lists side by side: which layer of one is which of the other.

    for mine, theirs in align(plan_a.rows, plan_b.rows): ...     # None on one side: only the other has it

Layers are paired by family (a convolution with a convolution, a pooling with a pooling), in order, as many as possible;
among equally many, so that unchanged layers with weights meet; among those from the left, as automatic names go: conv1
meets conv1, and a deeper network has its further layers at the end. A layer with its own name meets its namesake only.
"""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.spec.layers import Block, LayerBase
from archsearch.spec.layers.blocks import Parallel, Residual
from archsearch.spec.network import PlannedBranch, PlannedLayer

LayerPair = tuple[PlannedLayer | None, PlannedLayer | None]


def align(ours: Sequence[PlannedLayer], theirs: Sequence[PlannedLayer]) -> list[LayerPair]:
    """Pair the layers of two lists; `identity` is nobody's layer and left out."""
    a = [row for row in ours if row.kind != "identity"]
    b = [row for row in theirs if row.kind != "identity"]
    best = _best_scores(a, b)
    pairs: list[LayerPair] = []
    i = j = 0
    while i < len(a) or j < len(b):
        here = _score(a[i], b[j]) if i < len(a) and j < len(b) else None
        if here is not None and best[i][j] == _plus(here, best[i + 1][j + 1]):
            pairs.append((a[i], b[j]))
            i, j = i + 1, j + 1
        elif j >= len(b) or (i < len(a) and best[i][j] == best[i + 1][j]):
            pairs.append((a[i], None))
            i += 1
        else:
            pairs.append((None, b[j]))
            j += 1
    return pairs


def same_layer(ours: PlannedLayer, theirs: PlannedLayer) -> bool:
    """Say whether two layers compute the same from the same input, whatever they are called."""
    if ours.kind != theirs.kind:
        return False
    if isinstance(ours.layer, Block) and isinstance(theirs.layer, Block):
        one, two = written_branches(ours), written_branches(theirs)
        if len(one) != len(two) or ours.layer.own_fields() != theirs.layer.own_fields():
            return False
        pairs = [pair for a, b in zip(one, two, strict=True) for pair in align(a.rows, b.rows)]
        return all(one is not None and two is not None and same_layer(one, two) for one, two in pairs)
    return ours.layer.canonical(ours.input_shape) == theirs.layer.canonical(theirs.input_shape)


def branches_of_both(ours: PlannedLayer, theirs: PlannedLayer) -> list[list[LayerPair]] | None:
    """Align the branches of one block in two networks, one by one.

    None where they cannot be: another number of branches, or one that does nothing where the other has layers (there is
    nothing beside which they could be put).
    """
    one, two = written_branches(ours), written_branches(theirs)
    if len(one) != len(two) or any(_does_nothing(a) != _does_nothing(b) for a, b in zip(one, two, strict=True)):
        return None
    return [align(a.rows, b.rows) for a, b in zip(one, two, strict=True)]


def branches_left_out(ours: PlannedLayer, theirs: PlannedLayer) -> list[str]:
    """Name the branches of ours that theirs leaves out, where the two blocks are the same but for them."""
    one, two = ({branch.name: branch for branch in written_branches(row)} for row in (ours, theirs))
    if not set(two) < set(one) or not _alike_but_for_branches(ours.layer, theirs.layer):
        return []
    pairs = [pair for name, branch in two.items() for pair in align(one[name].rows, branch.rows)]
    same = all(a is not None and b is not None and same_layer(a, b) for a, b in pairs)
    return [f"{ours.name}.{name}" for name in one if name not in two] if same else []


def _alike_but_for_branches(ours: LayerBase, theirs: LayerBase) -> bool:
    """Say whether one block may be the other without a branch; a `residual` says by its projection that it has none."""
    if isinstance(ours, Residual) and isinstance(theirs, Residual):
        return theirs.projection == "none"
    return isinstance(ours, Parallel) and isinstance(theirs, Block) and ours.own_fields() == theirs.own_fields()


def written_branches(row: PlannedLayer) -> list[PlannedBranch]:
    """Give the branches that a spec writes: a projection follows from the shapes and is not among them."""
    return [branch for branch in row.branches if branch.written]


def _does_nothing(branch: PlannedBranch) -> bool:
    return all(row.kind == "identity" for row in branch.rows)


_Score = tuple[int, int]


def _best_scores(a: Sequence[PlannedLayer], b: Sequence[PlannedLayer]) -> list[list[_Score]]:
    """Give the best score of every pair of endings: (paired, unchanged with weights)."""
    best = [[(0, 0)] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            options = [best[i + 1][j], best[i][j + 1]]
            here = _score(a[i], b[j])
            if here is not None:
                options.append(_plus(here, best[i + 1][j + 1]))
            best[i][j] = max(options)
    return best


def _score(ours: PlannedLayer, theirs: PlannedLayer) -> _Score | None:
    """Score a pair; None where the two cannot be one layer."""
    if ours.layer.family != theirs.layer.family or ours.layer.name != theirs.layer.name:
        return None
    if _squashes(ours) != _squashes(theirs):
        return None
    if isinstance(ours.layer, Block) and ours.kind != theirs.kind:
        return None
    return 1, int(bool(ours.parameters) and same_layer(ours, theirs))


def _squashes(row: PlannedLayer) -> bool:
    """A softmax at the end is no activation like others: it never takes the place of one."""
    return bool(row.layer.squashes) and not row.layer.elementwise


def _plus(one: _Score, two: _Score) -> _Score:
    return one[0] + two[0], one[1] + two[1]
