"""Where a run stands after a whole epoch, and which weights it keeps in the end: a value that the caller may write.

    progress = Progress()
    remember_weights(spec.train, progress, model)       # after each epoch: the best epoch's, the mean of the last ones
    take_mean(progress, model, batches)                 # at the end, with `train.average`

Of a run that stops early the best epoch's weights are kept, with `average: k` the mean of those after each of the last
k epochs (Izmailov et al. 2018, one point an epoch), else the last epoch's; with `ema` "the weights" are their moving
average. Knows no files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from archsearch.spec.training import TrainSpec
from archsearch.train.moving import MovingAverage
from archsearch.train.result import EpochRecord


@dataclass(slots=True)
class Progress:
    """Where a run stands after a whole epoch; everything that a later process needs to go on.

    `mean_model` is the mean of the parameters after those of the last `train.average` epochs that are over,
    `moving_model` the state of the moving average where there is one (`train.ema`), `scaler` that of what scales the
    loss (`train.precision: fp16`).
    """

    epoch: int = 0
    model: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    history: list[EpochRecord] = field(default_factory=list)
    best_epoch: int | None = None
    best_model: dict[str, Tensor] | None = None
    test_reads: int = 0
    stopped: bool = False
    mean_model: dict[str, Tensor] | None = None
    moving_model: dict[str, Tensor] | None = None
    scaler: dict[str, Any] | None = None


class OtherNetworkError(Exception):
    """A `Progress` is not one of the network that is to be trained."""


def go_on(
    progress: Progress,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    moving: MovingAverage | None = None,
    scaler: torch.amp.GradScaler | None = None,
) -> None:
    """Put a run where it was; raise `OtherNetworkError` where that was another network's."""
    try:
        model.load_state_dict(progress.model)
        optimizer.load_state_dict(progress.optimizer)
        if moving is not None:
            moving.restore(progress.moving_model or {})
        if scaler is not None:
            scaler.load_state_dict(progress.scaler or {})
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise OtherNetworkError(str(error)) from None


def remember_weights(train: TrainSpec, progress: Progress, model: nn.Module) -> None:
    """Keep what the end may need of the weights after the epoch that is over."""
    _remember_best(train, progress, model)
    _remember_mean(train, progress, model)


def _remember_best(train: TrainSpec, progress: Progress, model: nn.Module) -> None:
    """Remember the best epoch's weights; set `stopped` when its time is up."""
    rule = train.early_stopping
    if rule is None:
        return
    values = [record.metrics.get(rule.monitor) for record in progress.history]
    sign = 1.0 if rule.better == "maximize" else -1.0
    scores = [sign * value if value is not None else -math.inf for value in values]
    best = progress.best_epoch
    if best is None or scores[-1] > scores[best - 1] + rule.min_delta:
        progress.best_epoch = progress.epoch
        progress.best_model = {name: value.detach().clone() for name, value in model.state_dict().items()}
    elif progress.epoch - best >= rule.patience:
        progress.stopped = True


def _remember_mean(train: TrainSpec, progress: Progress, model: nn.Module) -> None:
    """Take the epoch that is over into the mean of the last ones, as `AveragedModel` of torch does."""
    taken = progress.epoch - (train.epochs - (train.average or 0))  # so many epochs of the mean are over, this one too
    if taken < 1:
        return
    now = {name: value.detach() for name, value in model.named_parameters()}
    if taken == 1 or progress.mean_model is None:
        progress.mean_model = {name: value.clone() for name, value in now.items()}
    else:
        for name, mean in progress.mean_model.items():
            mean.lerp_(now[name], 1 / taken)


def take_mean(progress: Progress, model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Give the network the mean of its weights.

    What batch norms remember of the data belongs to no mean of weights: it is measured anew on `batches`, prepared
    samples of the training part, as torch's `update_bn` does (in training mode, all batches counting alike). Without
    a batch norm `batches` are not read.
    """
    assert progress.mean_model is not None
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(progress.mean_model[name])
    update_bn(batches, model)
