"""Which values of a sample a network embeds: whole numbers that stand for words or codes.

    (one,) = embedded_values(plan.network)
    one.name, one.count, one.columns          # "embed1", 1000, None: all values of a sample

An embedding reads values as they are stored, so nothing but what moves or leaves out values may stand before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsearch.spec.layers import Block
from archsearch.spec.layers.attention import Embedding
from archsearch.spec.layers.reshaping import SelectChannels
from archsearch.spec.network import NetworkPlan, PlanError, PlannedLayer

if TYPE_CHECKING:
    from archsearch.spec.text.yaml import Loc


@dataclass(frozen=True, slots=True)
class EmbeddedValues:
    """The values that one embedding reads: `columns` of a flat sample (None: all), each from 0 to `count` - 1."""

    name: str
    kind: str
    count: int
    columns: tuple[int, ...] | None
    loc: Loc


def embedded_values(plan: NetworkPlan) -> tuple[EmbeddedValues, ...]:
    """Give what each embedding reads; raise `PlanError` for one that does not read the data's own values."""
    return tuple(_of(plan, plan.rows, ("network",), "", None))


def _of(
    plan: NetworkPlan, rows: Sequence[PlannedLayer], loc: Loc, computed_by: str, columns: tuple[int, ...] | None
) -> Iterator[EmbeddedValues]:
    flat = len(plan.input_shape) == 1
    for index, row in enumerate(rows):
        here, layer = (*loc, index), row.layer
        if isinstance(layer, Embedding):
            if computed_by:
                reason = f"reads what {computed_by} computes, and an embedding reads whole numbers of the data"
                raise PlanError(
                    f"{row.name} ({row.kind}): {reason}. Put it before {computed_by}, or use linear.",
                    here, (), plan.input_shape, layer=row.name, kind=row.kind, reason=reason,
                )  # fmt: skip
            yield EmbeddedValues(row.name, row.kind, layer.num_embeddings, columns if flat else None, here)
        if isinstance(layer, Block):
            for branch, written in zip(row.branches, layer.branches_of(), strict=False):
                yield from _of(plan, branch.rows, (*here, layer.kind, *written.loc), computed_by, columns)
        if isinstance(layer, SelectChannels):
            columns = tuple(columns[one] if columns else one for one in layer.channels)
        elif not layer.keeps_values:
            computed_by = computed_by or row.name
