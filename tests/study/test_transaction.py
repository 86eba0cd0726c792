"""What is noted in one transaction reads back as if Optuna had written it."""

from __future__ import annotations

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from archsearch.study.queue import Slot, add_slots, take
from archsearch.study.transaction import write_down

PARAMS = {
    "width": (IntDistribution(6, 150, log=True), 16),
    "lr": (FloatDistribution(1e-4, 1e-1, log=True), 0.003),
    "pool": (CategoricalDistribution(("avg", "max", None, True, 2)), None),
}


@pytest.fixture
def taken(opened):
    _, storage, study = opened
    add_slots(storage, study, [Slot(0), Slot(1)])
    return storage, study, take(storage, study)


def test_noted_trial_equals_one_that_optuna_wrote(taken):
    storage, study, trial = taken
    write_down(storage, trial, {"network": "a\u20ac'", "macs": 3, "spec": {"x": [1, None]}}, PARAMS)
    other = take(storage, study)
    other.suggest_int("width", 6, 150, log=True)
    other.suggest_float("lr", 1e-4, 1e-1, log=True)
    other.suggest_categorical("pool", ("avg", "max", None, True, 2))
    one, two = study.get_trials()
    assert one.params == {"width": 16, "lr": 0.003, "pool": None}
    assert one.distributions == two.distributions
    assert {k: one.user_attrs[k] for k in ("network", "macs", "spec")} == {
        "network": "a\u20ac'",
        "macs": 3,
        "spec": {"x": [1, None]},
    }


def test_a_second_note_writes_over_the_first_and_keeps_the_rest(taken):
    storage, study, trial = taken
    write_down(storage, trial, {"a": 1, "b": 1}, PARAMS)
    write_down(storage, trial, {"b": 2}, {"width": (PARAMS["width"][0], 40)})
    write_down(storage, trial, {})
    frozen = study.get_trials()[0]
    assert (frozen.user_attrs["a"], frozen.user_attrs["b"]) == (1, 2)
    assert frozen.params == {"width": 40, "lr": 0.003, "pool": None}


def test_a_trial_that_has_ended_takes_no_note(taken):
    storage, study, trial = taken
    study.tell(trial, 1.0)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError, match=r"^trial 0 has ended \(complete\)"):
        write_down(storage, trial, {"late": True})
    assert "late" not in study.get_trials()[0].user_attrs


def test_a_value_outside_its_distribution_changes_nothing(taken):
    storage, study, trial = taken
    with pytest.raises(ValueError, match="'min' not in"):
        write_down(storage, trial, {"a": 1}, {"pool": (PARAMS["pool"][0], "min")})
    frozen = study.get_trials()[0]
    assert "a" not in frozen.user_attrs
    assert frozen.params == {}
