"""How far predicted numbers are from true ones: errors of each target, and what a figure shows of them.

    scores = of_targets(outputs, targets, ("progression",))      # arrays (N, T)
    scores[0].rmse, scores[0].bias95
    residual_data(outputs[:, 0], targets[:, 0]).half             # pairs of true and predicted, and the band they are in

Residuals are predicted minus true, in the unit of the target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archsearch.plain import Plain
from archsearch.stats.intervals import t_interval

_Floats = NDArray[np.floating[Any]]


class TargetScores(Plain):
    """One target: its errors in its own unit, and the mean residual with Student's 95 % interval.

    `r2` is the share of the target's variance that is predicted (1 - squared errors / squared deviations), None where
    the target is constant. `bias95` is None of a single sample. `half` is the half width of the band around a
    prediction in which 95 % of these samples lie: the 0.95 quantile of the absolute residuals.
    """

    name: str
    samples: int
    rmse: float
    mae: float
    r2: float | None
    bias: float
    bias95: tuple[float, float] | None
    half: float


class Residuals(NamedTuple):
    """True and predicted values of a target (N), and the band that 95 % of the residuals are in: -half to half."""

    true: list[float]
    predicted: list[float]
    half: float
    total: int


def of_targets(outputs: _Floats, targets: _Floats, names: Sequence[str]) -> tuple[TargetScores, ...]:
    """Give the scores of every target, in their order; both arrays are (N, T)."""
    return tuple(_of_target(outputs[:, k], targets[:, k], name) for k, name in enumerate(names))


def _of_target(outputs: _Floats, targets: _Floats, name: str) -> TargetScores:
    true = targets.astype(np.float64)
    residuals = outputs.astype(np.float64) - true
    spread = float(((true - true.mean()) ** 2).sum())
    return TargetScores(
        name=name,
        samples=len(true),
        rmse=math.sqrt(float((residuals**2).mean())),
        mae=float(np.abs(residuals).mean()),
        r2=1 - float((residuals**2).sum()) / spread if spread else None,
        bias=float(residuals.mean()),
        bias95=t_interval(residuals.tolist()) if len(residuals) > 1 else None,
        half=band(residuals),
    )


def band(residuals: _Floats) -> float:
    """Give the half width of the band that holds 95 % of the residuals (N)."""
    return float(np.quantile(np.abs(residuals), 0.95))


def residual_data(outputs: _Floats, targets: _Floats, most: int = 2000) -> Residuals:
    """Pair true and predicted values (N), no more than `most` of them, evenly taken in the order of the true ones."""
    order = np.argsort(targets, kind="stable")
    if len(order) > most:
        order = order[np.linspace(0, len(order) - 1, most).round().astype(int)]
    half = band(outputs.astype(np.float64) - targets)
    return Residuals(targets[order].tolist(), outputs[order].tolist(), half, len(targets))
