"""What validation and test loss are measured by: (outputs (N, classes), labels (N)) -> mean loss, a scalar tensor.

    measure("cross_entropy")(outputs, labels)

What each loss computes stands on its class in `spec/training.py`.
"""

from __future__ import annotations

from archsearch.spec.training import LOSS_KINDS, EvalLoss, LossFunction


def measure(name: EvalLoss) -> LossFunction:
    """Give the function that validation and test loss are measured by, by its name."""
    return next(kind for kind in LOSS_KINDS if kind.kind == name)().function()
