"""What validation and test loss are measured by: (outputs (N, classes), labels (N)) -> mean loss, a scalar tensor.

    measure("cross_entropy")(outputs, labels)

What each loss computes stands on its class in `spec/losses.py`.
"""

from __future__ import annotations

from archsearch.spec.loss_base import LossFunction
from archsearch.spec.losses import EvalLoss, loss_called


def measure(name: EvalLoss) -> LossFunction:
    """Give the function that validation and test loss are measured by, by its name."""
    return loss_called(name).function()
