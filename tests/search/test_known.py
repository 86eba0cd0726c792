"""What is kept of a study is what looking at all of its trials gives, whatever order they end in."""

from __future__ import annotations

import random

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from archsearch.search.sampling.known import BEST_KEPT, Known, best_of

ENDED = (TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def key(number: int) -> str:
    """A name as long as that of a network."""
    return f"{number:064}"


def chosen(study, memory):
    """All trials that do not wait, or the best and the latest of them: by sorting all."""
    trials = [t for t in study.get_trials() if t.state != TrialState.WAITING]
    sign = -1 if study.direction.name == "MAXIMIZE" else 1
    done = sorted((t for t in trials if t.state == TrialState.COMPLETE), key=lambda t: (sign * t.value, t.number))
    if memory is None or len(trials) <= memory:
        return trials, done
    kept = {t.number for t in (*done[:BEST_KEPT], *trials[-(memory - BEST_KEPT) :])}
    return [t for t in trials if t.number in kept], done


@pytest.mark.parametrize("memory", [None, 40])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_what_is_known_is_what_all_trials_say(direction, memory) -> None:
    dice = random.Random(3)
    study = optuna.create_study(direction=direction)
    known, running = Known(), []
    for _ in range(150):
        study.add_trial(create_trial(state=TrialState.WAITING))
        if dice.random() < 0.8:
            running.append(study.ask())
            running[-1].set_user_attr("network", key(dice.randrange(60)))
        while len(running) > 4 or (running and dice.random() < 0.5):
            state = dice.choice(ENDED)
            value = dice.randrange(12) / 8 if state == TrialState.COMPLETE else None  # some are equal
            study.tell(running.pop(dice.randrange(len(running))), value, state=state)
        if dice.random() < 0.4:
            continue  # another worker's
        known.look(study)
        snapshot = known.snapshot(study, memory)
        expected, done = chosen(study, memory)
        assert snapshot.study.get_trials() == expected
        assert list(best_of(snapshot.study, 4)) == list(best_of(study, 4)) == done[:4]
        mine = dice.choice(study.get_trials())
        for tried, among in ((known.tried(mine), study.get_trials()), (snapshot.tried(mine), expected)):
            ended = {t.user_attrs.get("network") for t in among if t.number != mine.number}
            if not mine.state.is_finished():  # who samples has not ended
                assert {key(n) for n in range(60) if key(n) in tried} == ended - {None}
    assert len(study.get_trials()) == 150
    assert BEST_KEPT < len(expected) <= (memory or 150)


def test_each_trial_that_has_ended_is_looked_at_once(monkeypatch) -> None:
    looked: list[int] = []

    def experiment_of(trial):
        looked.append(trial.number)
        return key(trial.number)

    monkeypatch.setattr("archsearch.search.sampling.known.experiment_of", experiment_of)
    study = optuna.create_study()
    known = Known()
    for at in range(40):
        study.tell(study.ask(), float(at))
        known.look(study)
        assert key(at) in known.tried(study.ask())
        study.tell(len(study.trials) - 1, state=TrialState.FAIL)
    assert len(looked) == len(set(looked)) == 79


def test_with_several_objectives_nothing_is_forgotten() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    for at in range(60):
        study.tell(study.ask(), [float(at), float(at)])
    known = Known()
    known.look(study)
    assert len(known.snapshot(study, 40).study.get_trials()) == 60
