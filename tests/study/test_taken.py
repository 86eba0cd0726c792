"""A slot's reports: in the storage after moments, all of them when it ends, none of a slot that another one has."""

from __future__ import annotations

import math

import optuna
import pytest
from optuna.pruners import MedianPruner
from optuna.trial import TrialState

from archsearch.study import alive
from archsearch.study.alive import Watchdog
from archsearch.study.optuna_private import id_of, is_reported
from archsearch.study.queue import Slot, add_slots, finish, requeue_dead, take
from archsearch.study.steady import Storage
from archsearch.study.taken import REPORT_SECONDS
from tests.study.test_calls import Clocked


@pytest.fixture
def clocked(opened) -> tuple[Clocked, Storage, optuna.Study]:
    """A storage in which time passes only where a test says so, and a study with four slots."""
    _, storage, study = opened
    calls = Clocked()
    storage = Storage(storage.database, calls)
    study = optuna.load_study(study_name=study.study_name, storage=storage)
    add_slots(storage, study, [Slot(number) for number in range(4)])
    return calls, storage, study


def stored(storage: Storage, trial: optuna.Trial) -> dict[int, float]:
    return storage.get_trial(id_of(trial)).intermediate_values


def test_reports_of_a_moment_are_stored_with_the_end_of_the_trial(clocked):
    calls, storage, study = clocked
    trial = take(storage, study)
    for step, value in enumerate((0.5, math.nan, math.inf, -math.inf, 0.25), 1):
        calls.now += REPORT_SECONDS / 10
        trial.report(value, step)
        assert is_reported(trial, step)
    assert stored(storage, trial) == {}
    assert finish(storage, trial, TrialState.COMPLETE, [0.25])
    ended = storage.get_trial(id_of(trial))
    assert [ended.intermediate_values[step] for step in (1, 3, 4, 5)] == [0.5, math.inf, -math.inf, 0.25]
    assert math.isnan(ended.intermediate_values[2])
    assert (ended.state, ended.values) == (TrialState.COMPLETE, [0.25])


def test_a_report_that_comes_seconds_after_the_last_one_is_stored_at_once(clocked):
    calls, storage, study = clocked
    trial = take(storage, study)
    for step, now in enumerate((1.0, 2.0, 3.0, 9.0), 1):
        calls.now = now
        trial.report(step / 10, step)
    assert stored(storage, trial) == {2: 0.2, 4: 0.4}
    finish(storage, trial, TrialState.COMPLETE, [0.4])
    assert stored(storage, trial) == {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4}


def test_a_pruner_sees_what_is_not_stored_yet_and_the_trial_ends_with_its_last_report(clocked):
    _, storage, study = clocked
    study.pruner = MedianPruner(n_startup_trials=1, n_warmup_steps=2)
    good = take(storage, study)
    for step in (1, 2, 3):
        good.report(0.1, step)
    finish(storage, good, TrialState.COMPLETE, [0.1])
    weak = take(storage, study)
    found = []
    for step in (1, 2, 3):
        weak.report(0.9 + step / 100, step)
        found.append(weak.should_prune())
    assert found == [False, True, True]  # it minimises, and warms up for two steps
    finish(storage, weak, TrialState.PRUNED)
    assert storage.get_trial(id_of(weak)).values == [0.93]
    assert stored(storage, weak) == {1: 0.91, 2: 0.92, 3: 0.93}


def test_who_was_thought_dead_stores_no_report(clocked, monkeypatch):
    _, storage, study = clocked
    late = take(storage, study)
    late.report(0.5, 1)
    monkeypatch.setattr(alive, "_dead_here", lambda owner: True)
    requeue_dead(storage, study, Watchdog())
    again = take(storage, study)
    again.report(0.7, 1)
    assert not finish(storage, late, TrialState.COMPLETE, [0.5])
    assert stored(storage, again) == {}
    assert finish(storage, again, TrialState.COMPLETE, [0.7])
    assert stored(storage, late) == {1: 0.7}
