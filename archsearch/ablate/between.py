"""An ablation without a file: what leads from one spec to another, each difference a factor.

    declared = declare_between("lenet5", "lenet_best")
    declared.spec.factors            # widths, pooling kind, pooling stride, fully connected part, depth

The factors are those of `archsearch diff`; the design asks which of them carries the difference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archsearch.ablate.ablation_file import Declared, declare
from archsearch.errors import SpecError
from archsearch.experiment_plan import load_plan
from archsearch.spec.difference.factors import SpecDifference, diff_specs
from archsearch.spec.edit.in_memory import node_of

LEVEL = "new"  # the level of every factor: as in the second spec
DEFAULT_DESIGN = "path_and_leave_one_out"


def declare_between(a: str, b: str, design: str | None = None) -> Declared:
    """Make an ablation of the differences between two specs; raise `SpecError` where there is none."""
    ours, theirs = load_plan(a), load_plan(b)
    difference = diff_specs(ours.spec, ours.network, theirs.spec, theirs.network)
    if not difference.factors:
        raise SpecError(f"{a} and {b} have the same data, network and training: there is nothing to ablate")
    name = f"{ours.spec.name}-to-{theirs.spec.name}"[:100]
    tree: dict[str, Any] = {
        "name": name,
        "summary": f"What of the difference between {ours.spec.name} and {theirs.spec.name} matters.",
        "baseline": a,
        "factors": {factor.name: {LEVEL: list(factor.edits)} for factor in difference.factors},
        "design": design or DEFAULT_DESIGN,
    }
    return declare(node_of(tree, f"{a} to {b}"), Path(), name, baseline=ours.spec)


def between(a: str, b: str) -> SpecDifference:
    """Give the differences themselves, to be shown before anything runs."""
    ours, theirs = load_plan(a), load_plan(b)
    return diff_specs(ours.spec, ours.network, theirs.spec, theirs.network)
