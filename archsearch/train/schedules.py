"""The learning rate as a pure function of the step: nothing to save, nothing to restore.

    factor(Cosine(), step=0, steps_per_epoch=100, epochs=6)    # the learning rate is this times the optimiser's lr

What each schedule does stands on its class in `spec/training.py`; the warm-up is here.
"""

from __future__ import annotations

from archsearch.spec.training import AnySchedule


def factor(spec: AnySchedule, step: int, steps_per_epoch: int, epochs: int) -> float:
    """Give what the optimiser's lr is multiplied by at a step, counted from 0 over the whole run.

    During a warm-up the factor rises linearly and reaches the schedule's value with its last step.
    """
    epoch = step / steps_per_epoch
    value = spec.factor(epoch, epochs)
    warmup_steps = getattr(spec, "warmup_epochs", 0.0) * steps_per_epoch
    return value * (step + 1) / warmup_steps if step + 1 < warmup_steps else value
