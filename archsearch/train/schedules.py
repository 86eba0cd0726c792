"""The learning rate as a pure function of the step and the epochs before: nothing to save, nothing to restore.

    factor(Cosine(), step=0, steps_per_epoch=100, epochs=6)    # the learning rate is this times the optimiser's lr
    reduced(Plateau(), progress.history)                       # and this, where it follows what was measured

What each schedule does stands on its class in `spec/schedules.py`; the warm-up is here.
"""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.spec.schedules import AnySchedule
from archsearch.train.result import EpochRecord


def factor(spec: AnySchedule, step: int, steps_per_epoch: int, epochs: int) -> float:
    """Give what the optimiser's lr is multiplied by at a step, counted from 0 over the whole run.

    During a warm-up the factor rises linearly and reaches the schedule's value with its last step.
    """
    epoch = step / steps_per_epoch
    value = spec.factor(epoch, epochs)
    warmup_steps = getattr(spec, "warmup_epochs", 0.0) * steps_per_epoch
    return value * (step + 1) / warmup_steps if step + 1 < warmup_steps else value


def reduced(spec: AnySchedule, history: Sequence[EpochRecord]) -> float:
    """Give what the optimiser's lr is multiplied by besides, after the epochs of a history."""
    return spec.reduced([record.metrics.get(spec.watches) for record in history])
