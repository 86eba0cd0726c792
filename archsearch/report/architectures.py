"""Networks of a report: each drawn with its layer table, and two side by side with what differs.

parts = network_parts([Shown("baseline", spec), Shown("trial 7", other)])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from archsearch.errors import ArchsearchError
from archsearch.experiment_plan import ExperimentPlan, plan_experiment
from archsearch.report.diagram import diagram, side, two_sides
from archsearch.report.document import Diagram, SectionPart, slug
from archsearch.report.figures.figure import Column, Missing, Table, TableCell
from archsearch.spec.difference.factors import diff_specs
from archsearch.spec.edit.in_memory import brief, written_layer
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.network import size_text
from archsearch.wording import short_number

HOW_TO_READ = (
    "A slab is as wide as the layer's maps and as thick as it has channels; after flatten a bar is as long as there "
    "are values. Thin bands change no size."
)
LAYER_COLUMNS = (
    Column("layer"),
    Column("kind and fields"),
    Column("output"),
    Column("parameters", "count"),
    Column("MACs", "count"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A network with the name that a report calls it by; the spec as a storage or a result holds it."""

    label: str
    spec: dict[str, Any]


def network_parts(shown: Sequence[Shown]) -> list[SectionPart]:
    """Draw the first two networks side by side, then every network alone."""
    plans = [(one, _planned(one)) for one in shown]
    parts: list[SectionPart] = []
    if len(plans) > 1:
        (first, base), (second, other) = plans[:2]
        if isinstance(base, ExperimentPlan) and isinstance(other, ExperimentPlan):
            key = f"{slug(first.label)}-and-{slug(second.label)}"
            parts.append(_beside(first, base, second, other, key))
    for one, plan in plans:
        parts.append(_alone(one, plan) if isinstance(plan, ExperimentPlan) else plan)
    return parts


def beside_part(first: Shown, second: Shown, key: str) -> SectionPart:
    """Draw two networks side by side, with what differs marked and named."""
    base, other = _planned(first), _planned(second)
    if isinstance(base, Missing):
        return base
    return other if isinstance(other, Missing) else _beside(first, base, second, other, key)


def _planned(one: Shown) -> ExperimentPlan | Missing:
    """Plan a network; own data that is gone, or a spec of another version, is said and no reason to stop."""
    try:
        return plan_experiment(ExperimentSpec.model_validate(one.spec))
    except (ArchsearchError, ValidationError) as error:
        reason = str(error).strip().split("\n")[0]
        return Missing(f"network-{slug(one.label)}", one.label, f"its layers cannot be laid out here: {reason}")


def _alone(one: Shown, plan: ExperimentPlan) -> Diagram:
    key, network = f"network-{slug(one.label)}", plan.network
    count = sum(row.kind != "identity" for row in network.rows)
    title = f"{one.label}: {count} {'layer' if count == 1 else 'layers'}"
    size = f"{network.parameters:,} parameters, {short_number(network.macs)} MACs"
    says = f"{size}, input {size_text(network.input_shape)}."
    svg = diagram((side(one.label, network),), key, title)
    return Diagram(key, title, says, svg, layer_table(plan), narrow=True)


def layer_table(plan: ExperimentPlan) -> Table:
    """Give the layers as rows, those inside blocks too; a block's own row counts what is in it."""
    rows: list[tuple[TableCell, ...]] = [("input", "", size_text(plan.network.input_shape), None, None)]
    for row in plan.network.walk():
        words = brief(written_layer(row.layer))
        rows.append((row.name, words, size_text(row.output_shape), row.parameters or None, row.macs or None))
    rows.append(("total", "", "", plan.network.parameters, plan.network.macs))
    return Table(LAYER_COLUMNS, tuple(rows))


def _beside(first: Shown, base: ExperimentPlan, other: Shown, plan: ExperimentPlan, key: str) -> SectionPart:
    difference = diff_specs(base.spec, base.network, plan.spec, plan.network)
    title = f"{first.label} beside {other.label}"
    rows = tuple((factor.name, change) for factor in difference.factors for change in factor.changes)
    if not rows:
        return Missing(key, title, "the two compute the same")
    count = len(difference.factors)
    says = (
        f"{count} {'factor differs' if count == 1 else 'factors differ'}. Shaded rows differ: ≠ another layer there, "
        "+ only here."
    )
    if count > 1:
        says += " An effect of the whole difference cannot be attributed to one of them."
    svg = diagram(two_sides((first.label, other.label), (base.network, plan.network)), key, title)
    return Diagram(key, title, says, svg, Table((Column("factor"), Column("change")), rows))
