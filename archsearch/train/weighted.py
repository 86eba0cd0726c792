"""The loss of samples that count for more or less: the mean over a batch of weight times loss.

    shared = mean_one(weights, rows)                  # the weights of the training samples have the mean 1
    loss = weighted_loss(loss_of, outputs, targets, shared[rows])

With all weights 1 that is the loss itself. Knows tensors only.
"""

from __future__ import annotations

import torch
from torch import Tensor

from archsearch.errors import SpecError
from archsearch.spec.loss_base import LossFunction


def mean_one(weights: Tensor | None, rows: Tensor, device: str = "cpu") -> Tensor | None:
    """Give weights (N,) over their mean on `rows`, those that are trained on: the learning rate means what it did.

    None stays None: all samples count alike. Raises `SpecError` where none of those rows counts at all.
    """
    if weights is None:
        return None
    mean = weights[rows].mean(dtype=torch.float64).to(weights.dtype)
    if not mean > 0:
        raise SpecError(
            f"all {len(rows)} samples that are trained on have the weight 0, so there is nothing to learn from; "
            "give some of them a weight, or hold fewer out (data.validation, data.fold)",
            ("data",),
        )
    return (weights / mean).to(device)


def weighted_loss(loss_of: LossFunction, outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Give sum of weight * loss over the number of samples: outputs (N, ...), targets (N, ...), weights (N,).

    `loss_of` is a mean over samples, and is asked for each alone, all at once.
    """
    each: Tensor = torch.vmap(lambda output, target: loss_of(output[None], target[None]))(outputs, targets)
    return (each * weights).mean()
