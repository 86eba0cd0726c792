"""What losses compute with, where torch has no word for it: targets as outputs are, weights, two formulas.

    balanced_classes(torch.tensor([0, 0, 0, 1]), 2)        # (0.667, 2.0)

Knows tensors and numbers; exported scripts take copies of these along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def as_outputs(outputs: Tensor, targets: Tensor) -> Tensor:
    """Write targets as outputs (N, K) are: labels of K classes as 1 for the class, 0 elsewhere; others as they are."""
    import torch.nn.functional as F

    if targets.is_floating_point():
        return targets.reshape(outputs.shape)
    if targets.dim() == outputs.dim() or outputs.shape[1] == 1:
        return targets.reshape(outputs.shape).to(outputs.dtype)
    return F.one_hot(targets, outputs.shape[1]).to(outputs.dtype)


def like(outputs: Tensor, numbers: Any) -> Tensor:
    """Give numbers as a tensor of the type and on the device of outputs."""
    import torch

    return torch.tensor(numbers, dtype=outputs.dtype, device=outputs.device)


def focal_loss(outputs: Tensor, targets: Tensor, gamma: float, alpha: float | None) -> Tensor:
    """Give the mean of (1 - p)^gamma * -log p, p the probability of what is true (Lin et al. 2017, arXiv 1708.02002).

    Of labels (N) of several classes by softmax; else by the sigmoid of each output, times alpha where the label is
    there and 1 - alpha where it is not.
    """
    import torch.nn.functional as F

    if targets.dim() == 1 and outputs.shape[1] > 1:
        loss = F.cross_entropy(outputs, targets, reduction="none")
        return (doubt(loss) ** gamma * loss).mean()
    wanted = as_outputs(outputs, targets)
    loss = F.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
    loss = doubt(loss) ** gamma * loss
    return (loss if alpha is None else (alpha * wanted + (1 - alpha) * (1 - wanted)) * loss).mean()


def doubt(loss: Tensor) -> Tensor:
    """Give 1 - p of -log p; never 0, where a power below 1 has no gradient and a sure sample would make all NaN."""
    import torch

    return -torch.expm1(-loss).clamp(max=-torch.finfo(loss.dtype).tiny)


def pinball_loss(outputs: Tensor, targets: Tensor, quantile: float) -> Tensor:
    """Give the mean of quantile * error where the target is above the output, (quantile - 1) * error below it."""
    import torch

    error = as_outputs(outputs, targets) - outputs
    return torch.maximum(quantile * error, (quantile - 1) * error).mean()


def balanced_classes(labels: Tensor, classes: int) -> tuple[float, ...]:
    """Weigh each class by samples / (classes * samples of the class); one without samples by 0."""
    counts = labels.bincount(minlength=classes).tolist()
    return tuple(len(labels) / (classes * count) if count else 0.0 for count in counts)


def balanced_labels(targets: Tensor, outputs: int) -> tuple[float, ...]:
    """Weigh each label by samples without it / samples with it; one that no sample has by 1."""
    there = targets.reshape(len(targets), outputs).double().sum(0).tolist()
    return tuple((len(targets) - count) / count if count else 1.0 for count in there)
