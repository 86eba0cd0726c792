"""What a worker knows of the planned slots is what all rows say, and only newer rows are read."""

from __future__ import annotations

import random

from optuna.trial import TrialState

from archsearch.study.optuna_private import study_id_of
from archsearch.study.planned import Planned
from archsearch.study.queue import Slot, add_slots, finish, give_back, refill, take


def test_what_is_known_is_what_the_rows_say(opened) -> None:
    _, storage, study = opened
    dice, planned, taken, numbers = random.Random(5), Planned(), [], iter(range(100))
    for _ in range(40):
        if dice.random() < 0.5:  # another worker's, and not in their order
            add_slots(storage, study, [Slot(99 - next(numbers)) for _ in range(2)])
        if (trial := take(storage, study)) is not None:
            taken.append(trial)
        if len(taken) > 2:
            trial = taken.pop(dice.randrange(3))
            if dice.random() < 0.3:
                give_back(storage, trial)
            else:
                finish(storage, trial, dice.choice((TrialState.COMPLETE, TrialState.FAIL)), [1.0])
        with storage.engine.begin() as connection:
            found = planned.look(connection, study_id_of(study)), planned.count_waiting(connection, study_id_of(study))
        trials = study.get_trials()
        waiting = [trial for trial in trials if trial.state == TrialState.WAITING]
        assert found == ({trial.user_attrs["slot"] for trial in trials}, len(waiting))
    assert len(waiting) > 2


def test_a_study_is_refilled_and_what_has_ended_is_known(opened) -> None:
    _, storage, study = opened
    planned = Planned()
    for _ in range(40):
        refill(storage, study, 40, Slot, planned)
        finish(storage, take(storage, study), TrialState.COMPLETE, [1.0])
    refill(storage, study, 40, Slot, planned)
    ids = [trial._trial_id for trial in study.get_trials()]
    assert sorted(trial.user_attrs["slot"] for trial in study.get_trials()) == list(range(40))
    assert planned.numbers == set(range(40))
    assert (planned.newest, planned.ended) == (ids[-1], ids[-1])
