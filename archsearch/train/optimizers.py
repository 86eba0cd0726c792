"""The optimisers, one entry each: torch's own, with the fields of the spec; fused where torch can."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch.nn import Parameter

from archsearch.spec.onekey import Kind
from archsearch.spec.training import Adam, AdamW, AnyOptimizer, RmsProp, Sgd

Parameters = Iterable[Parameter]


def _fused(device: str) -> bool:
    return device in ("cpu", "cuda")


def _sgd(spec: Kind, parameters: Parameters, device: str) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, **spec.model_dump(), fused=_fused(device))


def _adam(spec: Kind, parameters: Parameters, device: str) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, **spec.model_dump(), fused=_fused(device))


def _adamw(spec: Kind, parameters: Parameters, device: str) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, **spec.model_dump(), fused=_fused(device))


def _rmsprop(spec: Kind, parameters: Parameters, device: str) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(parameters, **spec.model_dump())


OPTIMIZERS: dict[type[Kind], Callable[[Kind, Parameters, str], torch.optim.Optimizer]] = {
    Sgd: _sgd,
    Adam: _adam,
    AdamW: _adamw,
    RmsProp: _rmsprop,
}


def optimizer(spec: AnyOptimizer, parameters: Parameters, device: str) -> torch.optim.Optimizer:
    """Make the torch optimiser that a spec describes."""
    return OPTIMIZERS[type(spec)](spec, parameters, device)
