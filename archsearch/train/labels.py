"""What is done to the labels that are trained on: some made wrong on purpose, rare classes drawn more often.

    y = with_label_noise(y, rows, share=0.1, classes=10, generator=generator)
    order = torch.multinomial(balanced_chances(labels), len(labels), replacement=True, generator=generator)

Knows tensors only.
"""

from __future__ import annotations

import torch
from torch import Tensor


def with_label_noise(y: Tensor, rows: Tensor, share: float, classes: int, generator: torch.Generator) -> Tensor:
    """Give labels (N,) of which `share` of those at `rows` (rounded to whole samples) are of another class.

    Which samples, and which of the other classes each gets, is drawn evenly from a CPU generator (symmetric noise,
    Natarajan et al. 2013). `y` stays as it is.
    """
    wrong = round(share * len(rows))
    chosen = rows.cpu()[torch.randperm(len(rows), generator=generator)[:wrong]]
    further = torch.randint(1, classes, (wrong,), generator=generator).to(y.device)
    noisy, chosen = y.clone(), chosen.to(y.device)
    noisy[chosen] = (noisy[chosen] + further) % classes
    return noisy


def balanced_chances(labels: Tensor) -> Tensor:
    """Give each of labels (N,) the chance 1 / samples of its class, float64 on CPU: every class is drawn as often."""
    labels = labels.cpu()
    return (1 / labels.bincount().double())[labels]
