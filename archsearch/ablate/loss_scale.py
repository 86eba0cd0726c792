"""Is a loss of two networks of one scale? Of logits and of probabilities it is not, whatever either has learned.

apart(ablation, ["baseline", "softmax=removed"], "test_loss")    # loss of probabilities (baseline) and of logits (...)
scale_notes(ablation)                                            # the same of an ablation that a loss decides
"""

from __future__ import annotations

from collections.abc import Iterable

from archsearch.ablate.planned import Ablation
from archsearch.metrics import METRICS, metric_of, title_of
from archsearch.spec.comparable import loss_of
from archsearch.spec.experiment import ExperimentSpec
from archsearch.wording import listed

WAY_OUT = "log loss and accuracy are of one scale: they ask what the outputs mean"


def apart(ablation: Ablation, cells: Iterable[str], metric: str) -> str:
    """Say of what the loss of these cells is taken if that is not one thing; "" if it is, and of other metrics."""
    if metric_of(metric) is not METRICS["loss"]:
        return ""
    taken: dict[str, list[str]] = {}
    asked = set(cells)
    for cell in ablation.cells:
        if cell.name in asked and isinstance(cell.spec, ExperimentSpec):
            taken.setdefault(loss_of(cell.spec), []).append(cell.name)
    if len(taken) < 2:
        return ""
    said = " and of ".join(f"{what} ({listed(names)})" for what, names in taken.items())
    return f"{title_of(metric)} is taken of {said}: its size differs by that alone"


def scale_notes(ablation: Ablation) -> tuple[str, ...]:
    """Say where the loss that an ablation is judged by is of two scales."""
    said = apart(ablation, [cell.name for cell in ablation.cells], ablation.family.metric)
    return (f"{said}; {WAY_OUT}",) if said else ()
