"""The losses, one entry each: (outputs (N, K), targets, of classes labels (N)) -> mean loss, a scalar tensor."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from archsearch.spec.onekey import Kind
from archsearch.spec.training import L1, LOSS_KINDS, AnyLoss, CrossEntropy, EvalLoss, Mse, Nll

LossFunction = Callable[[Tensor, Tensor], Tensor]


def _cross_entropy(spec: Kind) -> LossFunction:
    assert isinstance(spec, CrossEntropy)
    return lambda outputs, labels: F.cross_entropy(outputs, labels, label_smoothing=spec.label_smoothing)


def _like(outputs: Tensor, targets: Tensor) -> Tensor:
    """Give targets as outputs should be: labels one-hot, numbers as they are."""
    if targets.is_floating_point():
        return targets
    return F.one_hot(targets, outputs.shape[1]).to(outputs.dtype)


LOSSES: dict[type[Kind], Callable[[Kind], LossFunction]] = {
    CrossEntropy: _cross_entropy,
    Nll: lambda spec: lambda outputs, labels: F.nll_loss(outputs, labels),
    Mse: lambda spec: lambda outputs, labels: F.mse_loss(outputs, _like(outputs, labels)),
    L1: lambda spec: lambda outputs, labels: F.l1_loss(outputs, _like(outputs, labels)),
}


def loss_function(spec: AnyLoss) -> LossFunction:
    """Give the function that a loss spec describes."""
    return LOSSES[type(spec)](spec)


def measure(name: EvalLoss) -> LossFunction:
    """Give the function that validation and test loss are measured by, by its name."""
    kind = next(kind for kind in LOSS_KINDS if kind.kind == name)
    return LOSSES[kind](kind())
