"""The learning-rate schedules, one entry each, as pure functions of the step: nothing to save, nothing to restore.

factor(Cosine(), step=0, steps_per_epoch=100, epochs=6)    # the learning rate is this times the optimiser's lr
"""

from __future__ import annotations

import math
from collections.abc import Callable

from archsearch.spec.onekey import Kind
from archsearch.spec.training import AnySchedule, Constant, Cosine, OneCycle, Step


def _constant(spec: Kind, epoch: float, epochs: int) -> float:
    return 1.0


def _step(spec: Kind, epoch: float, epochs: int) -> float:
    assert isinstance(spec, Step)
    return float(spec.gamma ** (int(epoch + 1e-9) // spec.step_size))


def _cosine(spec: Kind, epoch: float, epochs: int) -> float:
    assert isinstance(spec, Cosine)
    done = (epoch - spec.warmup_epochs) / (epochs - spec.warmup_epochs)
    return _between(1.0, spec.final_fraction, done)


def _one_cycle(spec: Kind, epoch: float, epochs: int) -> float:
    assert isinstance(spec, OneCycle)
    done = epoch / epochs
    low = 1.0 / spec.div_factor
    if done < spec.pct_start:
        return _between(low, 1.0, done / spec.pct_start)
    return _between(1.0, low / spec.final_div_factor, (done - spec.pct_start) / (1 - spec.pct_start))


def _between(start: float, end: float, done: float) -> float:
    """Go from start to end along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * min(max(done, 0.0), 1.0))) / 2


SCHEDULES: dict[type[Kind], Callable[[Kind, float, int], float]] = {
    Constant: _constant,
    Step: _step,
    Cosine: _cosine,
    OneCycle: _one_cycle,
}


def factor(spec: AnySchedule, step: int, steps_per_epoch: int, epochs: int) -> float:
    """Give what the optimiser's lr is multiplied by at a step, counted from 0 over the whole run.

    During a warm-up the factor rises linearly and reaches the schedule's value with its last step.
    """
    epoch = step / steps_per_epoch
    value = SCHEDULES[type(spec)](spec, epoch, epochs)
    warmup_steps = getattr(spec, "warmup_epochs", 0.0) * steps_per_epoch
    return value * (step + 1) / warmup_steps if step + 1 < warmup_steps else value
