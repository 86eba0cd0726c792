"""What validation and test loss are measured by: (outputs (N, classes), labels (N)) -> mean loss, a scalar tensor.

    measure("cross_entropy")(outputs, labels)

What each loss computes stands on its class in `spec/losses.py`.
"""

from __future__ import annotations

from torch import Tensor

from archsearch.errors import SpecError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.spec.loss_base import LossFunction
from archsearch.spec.losses import AnyLoss, EvalLoss, loss_called


def measure(name: EvalLoss) -> LossFunction:
    """Give the function that validation and test loss are measured by, by its name."""
    return loss_called(name).function()


def fitted_loss(plan: ExperimentPlan, targets: Tensor) -> AnyLoss:
    """Give the loss with what it takes from the targets that are trained on; `SpecError` where it is not for them."""
    loss = plan.spec.train.loss
    if wrong := loss.refuses(targets):
        raise SpecError(f"train.loss {loss.kind}: {wrong}; take another loss", ("train", "loss"))
    return loss.fitted(targets, plan.facts.task.outputs)
