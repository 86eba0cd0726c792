"""Slots that stand for one experiment with several seeds: taken together where their runs can share a call.

    for taken in take_alike(storage, study, trial, most=15): ...

Alike are slots of one cell of an ablation, or of one finalist of a confirmation; samples of a search are not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import optuna
from optuna.trial import TrialState

from archsearch.study.held import HeldTrial
from archsearch.study.optuna_private import id_of
from archsearch.study.queue import take
from archsearch.study.steady import Storage
from archsearch.study.taken import TakenTrial

_NAMED_BY = (HeldTrial.cell.key, HeldTrial.candidate.key)


def take_alike(
    storage: Storage, study: optuna.Study, trial: TakenTrial, most: int, refused: Collection[int] = ()
) -> Iterator[TakenTrial]:
    """Take waiting slots of the same experiment as a slot that was taken, in their order, as many as `most`."""
    named = _named(HeldTrial(trial))
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,)) if named else []
    alike = [id_of(one) for one in waiting if _named(HeldTrial(one)) == named]
    for _ in range(most):
        taken = take(storage, study, refused, among=alike) if alike else None
        if taken is None:
            return
        yield taken


def _named(held: HeldTrial) -> tuple[str, str] | None:
    return next(((key, held.attrs[key]) for key in _NAMED_BY if key in held.attrs), None)
