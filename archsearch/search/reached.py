"""How long the trials of a search were trained, and what they had learned by then.

reported(trial)                     # {0.125: 0.71, 1: 0.93}: after an eighth of the first epoch, after epoch 1
stopped_after(trials)               # (Stopped(after=0.125, trials=20), Stopped(after=1.0, trials=4))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from optuna.trial import FrozenTrial, TrialState

from archsearch.plain import Plain
from archsearch.study.held import HeldTrial
from archsearch.wording import epochs_text


class Stopped(Plain):
    """How many trials were stopped after so many epochs; 0.125 is an eighth of the first one."""

    after: float
    trials: int


def learned_values(trial: FrozenTrial) -> dict[int, float]:
    """Give the value per epoch: as reported, or (several objectives, where Optuna takes no reports) as noted."""
    return trial.intermediate_values or HeldTrial(trial).learned


def reported(trial: FrozenTrial) -> dict[float, float]:
    """Give the value per epoch, and before them those after parts of the first one, in their order."""
    return {**dict(sorted(HeldTrial(trial).early.items())), **dict(sorted(learned_values(trial).items()))}


def epochs_done(trial: FrozenTrial) -> float:
    """Give how many epochs are known to have been trained, 0 where nothing was reported."""
    return max(reported(trial), default=0.0)


def stopped_after(trials: Iterable[FrozenTrial]) -> tuple[Stopped, ...]:
    """Count the trials that were stopped early by how long they were trained, the shortest first."""
    counts = Counter(float(epochs_done(trial)) for trial in trials if trial.state == TrialState.PRUNED)
    return tuple(Stopped(after=after, trials=count) for after, count in sorted(counts.items()) if after)


def stopped_text(stopped: Sequence[Stopped]) -> str:
    """Say where trials were stopped: 20 after 1/8 of an epoch, 4 after epoch 1; "" where none was in an epoch."""
    if not any(one.after < 1 for one in stopped):
        return ""
    return ", ".join(f"{one.trials:,} after {epochs_text(one.after)}" for one in stopped)
