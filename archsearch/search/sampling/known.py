"""What a sampler knows of a study: of the trials that have ended each is looked at once, however many there are.

    known = Known()
    known.look(study)
    snapshot = known.snapshot(study, memory=200)     # a study that answers from what it was at that look
    best_of(snapshot, 4), known.tried(trial)

A trial that has ended never changes. So what was learnt of those at the beginning of a study, up to the first that has
not ended, is kept; the few after it are looked at again for every sample.
"""

from __future__ import annotations

import bisect
import copy
import heapq
import itertools
from collections.abc import Container, Iterable, Sequence
from typing import Any, cast

from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from archsearch.search.tried import experiment_of
from archsearch.study.optuna_private import reading_from, storage_of

BEST_KEPT = 25  # as many as TPE ever calls good

Ranked = tuple[float, int, FrozenTrial]  # the lower the better; of equal ones the older


class Known:
    """What the trials of one study hold, as it was looked at last; those that only wait are left out."""

    def __init__(self) -> None:
        self._settled: list[FrozenTrial] = []  # have ended, as have all before them
        self._networks: set[str | None] = set()  # what those tried
        self._best: list[Ranked] = []  # the best of those
        self._later: list[FrozenTrial] = []  # after those

    def look(self, study: Study) -> None:
        """Look at what is new."""
        trials = study.get_trials(deepcopy=False)
        sign = _sign(study)
        for trial in itertools.islice(trials, len(self._settled), None):
            if not trial.state.is_finished():
                break
            self._settled.append(trial)
            self._networks.add(experiment_of(trial))
            if sign is not None and trial.state == TrialState.COMPLETE:
                bisect.insort(self._best, _ranked(trial, sign))
                del self._best[BEST_KEPT:]
        later = itertools.islice(trials, len(self._settled), None)
        self._later = [trial for trial in later if trial.state != TrialState.WAITING]

    def tried(self, trial: FrozenTrial) -> Container[str | None]:
        """Give what other trials tried or are about to try."""
        return _Either(self._networks, _networks(self._later, trial))

    def snapshot(self, study: Study, memory: int | None) -> Snapshot:
        """Give what the study was; with a `memory` so many of its trials at most: the best ones and the latest."""
        sign = _sign(study)
        if sign is None:
            return Snapshot(study, [*self._settled, *self._later], None)
        done = (_ranked(trial, sign) for trial in self._later if trial.state == TrialState.COMPLETE)
        best = [trial for _, _, trial in sorted((*self._best, *done), key=lambda one: one[:2])[:BEST_KEPT]]
        if memory is None or len(self._settled) + len(self._later) <= memory:
            return Snapshot(study, [*self._settled, *self._later], best)
        latest = memory - BEST_KEPT
        kept = {t.number: t for t in (*best, *[*self._settled[-latest:], *self._later][-latest:])}
        return Snapshot(study, [kept[number] for number in sorted(kept)], best)


class Snapshot:
    """Trials of a study that were read once: TPE reads them again for every group of values that it samples."""

    def __init__(self, study: Study, trials: Sequence[FrozenTrial], best: Sequence[FrozenTrial] | None) -> None:
        self.trials = trials
        self.study = reading_from(study, cast(BaseStorage, _SnapshotStorage(storage_of(study), trials, best)))

    def tried(self, trial: FrozenTrial) -> Container[str | None]:
        """Give what the other ones of these trials tried or are about to try."""
        return _networks(self.trials, trial)


class _SnapshotStorage:
    """A storage whose trials were read once; `best` are the best of all, where one objective says which."""

    def __init__(self, storage: BaseStorage, trials: Sequence[FrozenTrial], best: Sequence[FrozenTrial] | None) -> None:
        self._behind = storage
        self._trials = trials
        self.best = best

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        trials = [t for t in self._trials if states is None or t.state in states]
        return copy.deepcopy(trials) if deepcopy else trials


class _Either:
    def __init__(self, one: Container[str | None], other: Container[str | None]) -> None:
        self._one, self._other = one, other

    def __contains__(self, name: object) -> bool:
        return name in self._one or name in self._other


def best_of(study: Study, count: int) -> Sequence[FrozenTrial]:
    """Give the best completed trials of a study with one objective, the best first; of a snapshot those of all."""
    storage: object = storage_of(study)
    if isinstance(storage, _SnapshotStorage) and storage.best is not None and count <= BEST_KEPT:
        return storage.best[:count]
    sign = _sign(study) or 1.0
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return heapq.nsmallest(count, done, key=lambda trial: _ranked(trial, sign)[:2])


def _networks(trials: Iterable[FrozenTrial], trial: FrozenTrial) -> set[str | None]:
    return {experiment_of(other) for other in trials if other.number != trial.number}


def _sign(study: Study) -> float | None:
    """Give what makes of the better value the lower one; None with several objectives."""
    if len(study.directions) > 1:
        return None
    return -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0


def _ranked(trial: FrozenTrial, sign: float) -> Ranked:
    return (sign * (trial.value or 0.0), trial.number, trial)
