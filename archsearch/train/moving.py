"""The exponential moving average of a network's weights, by torch's `AveragedModel`.

    moving = MovingAverage(model, decay=0.999)
    moving.update()                         # after each step of the optimizer
    with in_the_network(moving): ...        # the network computes with the average; afterwards with its own weights

The running statistics of batch norms are averaged along (`use_buffers=True`), so that the average can be evaluated at
any time. Knows tensors and modules only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class MovingAverage:
    """Follows a network: the first update takes its weights, each further one moves 1 - decay of the way to them."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._model = model
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        self._averaged = AveragedModel(model, multi_avg_fn=average, use_buffers=True)

    def update(self) -> None:
        """Take the weights that the network has now into the average."""
        self._averaged.update_parameters(self._model)

    def state(self) -> dict[str, Tensor]:
        """Give all that a later process needs to go on, by reference."""
        state: dict[str, Tensor] = self._averaged.state_dict()
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a `state`; raises what `load_state_dict` raises for that of another network."""
        self._averaged.load_state_dict(state)

    def take(self) -> None:
        """Give the network the average for good."""
        with torch.no_grad():
            for mine, averaged in zip(_values(self._model), _values(self._averaged.module), strict=True):
                mine.copy_(averaged)

    def weights(self) -> list[Tensor]:
        """Give a copy of what the network itself has, for `put_back`."""
        return [value.detach().clone() for value in _values(self._model)]

    def put_back(self, weights: list[Tensor]) -> None:
        """Give the network its own weights again."""
        with torch.no_grad():
            for mine, before in zip(_values(self._model), weights, strict=True):
                mine.copy_(before)


@contextmanager
def in_the_network(moving: MovingAverage | None) -> Iterator[None]:
    """Let the network compute with its moving average, if it has one; its own weights are put back as they were."""
    if moving is None:
        yield
        return
    own = moving.weights()
    moving.take()
    try:
        yield
    finally:
        moving.put_back(own)


def _values(model: nn.Module) -> Iterator[Tensor]:
    yield from model.parameters()
    yield from model.buffers()
