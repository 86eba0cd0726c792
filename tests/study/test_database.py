"""Trials that are read by our statements are those that Optuna reads, whatever they hold."""

from __future__ import annotations

import math
from datetime import datetime

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial
from sqlalchemy import event

from archsearch.study.database import Database
from archsearch.study.optuna_private import study_id_of
from archsearch.study.storage import open_storage

DISTRIBUTIONS = {
    "conv1.pool": CategoricalDistribution(("max", None, 3, False)),
    "lr": FloatDistribution(1e-4, 1.0, log=True),
    "width": IntDistribution(8, 64, step=8),
}


@pytest.fixture
def theirs(opened):
    """Optuna's own storage of a study that has a trial of every kind, and the id of the study."""
    url, _, study = opened
    theirs = RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
    id_ = study_id_of(study)
    for pool, at in zip(("max", None, 3, False), range(4), strict=True):
        params = {"width": 8 * (at + 1), "conv1.pool": pool, "lr": 0.1**at}  # not in the order of their names
        held = {name: DISTRIBUTIONS[name] for name in params}
        steps = dict(enumerate((0.5, math.inf, -math.inf)[: at + 1]))
        study.add_trial(
            create_trial(
                value=(0.25, math.inf, -math.inf, -1e300)[at],
                params=params,
                distributions=held,
                user_attrs={"text": "\u20ac" * 200, "nested": {"a": [1, None, True]}, "none": None, "at": at},
                system_attrs={"fixed_params": params},
                intermediate_values=steps,
            )
        )
    study.enqueue_trial({"width": 16}, user_attrs={"slot": 7})
    study.enqueue_trial({})
    running = study.ask(DISTRIBUTIONS)  # takes the first that waits
    running.report(0.5, 3)
    for state in (TrialState.FAIL, TrialState.PRUNED):
        study.tell(study.ask(), state=state)
    study.enqueue_trial({"width": 24})
    other = optuna.create_study(study_name=f"{study.study_name}-other", storage=theirs, directions=["minimize"] * 2)
    other.add_trial(create_trial(values=[1.0, -math.inf]))
    yield theirs, id_, study_id_of(other)
    theirs.engine.dispose()


def test_trials_are_those_that_optuna_reads(opened, theirs) -> None:
    optunas, study, other = theirs
    ours = opened[1].database
    assert isinstance(ours, Database)
    ids = [trial._trial_id for trial in optunas.get_all_trials(study)]
    assert len(ids) == 8
    for states in (None, (TrialState.COMPLETE,), (TrialState.WAITING, TrialState.RUNNING), ()):
        for known, after in ((set(), -1), (set(ids), -1), (set(ids[1:3]), ids[2]), ({ids[0], ids[7]}, ids[5])):
            expected = optunas._get_trials(study, states, known, after)
            found = ours._get_trials(study, states, known, after)
            assert found == expected
            assert [list(one.params) for one in found] == [list(one.params) for one in expected]
    assert len(ours._get_trials(study, None, {ids[0], ids[7]}, ids[5])) == 3
    assert ours.get_all_trials(other) == optunas.get_all_trials(other)
    assert ours.get_all_trials(other)[0].values == [1.0, -math.inf]
    assert [ours.get_trial(id_) for id_ in ids] == [optunas.get_trial(id_) for id_ in ids]
    told = ours.get_trial(ids[0])
    assert (told.params["conv1.pool"], told.value, told.user_attrs["nested"]) == ("max", 0.25, {"a": [1, None, True]})
    assert abs((told.datetime_complete - datetime.now()).total_seconds()) < 3600


def test_a_trial_or_a_study_that_is_not_there_is_told_as_optuna_tells_it(opened) -> None:
    _, storage, _ = opened
    for call in (lambda one: one.get_trial(10**6), lambda one: one._get_trials(10**6, None, set(), -1)):
        with pytest.raises(KeyError, match=r"^'Record does not exist\.'$"):
            call(storage.database)


def test_a_look_reads_only_what_is_new_or_unfinished(tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}"
    storage = open_storage(url)
    study = optuna.create_study(storage=storage)
    for _ in range(30):
        study.tell(study.ask(), 1.0)
    running = study.ask()
    assert len(study.get_trials(deepcopy=False)) == 31
    asked: list[int] = []

    @event.listens_for(storage.engine, "before_cursor_execute")
    def count(connection, cursor, statement, parameters, context, many) -> None:
        asked.append(len(parameters))

    before = study.get_trials(deepcopy=False)
    assert len(asked) < 12
    assert max(asked) < 4, "the trials that have ended are not asked for"
    study.tell(running, 2.0)
    after = study.get_trials(deepcopy=False)
    assert all(one is other for one, other in zip(before[:30], after[:30], strict=True))
    assert after[30].value == 2.0
    storage.engine.dispose()


def test_what_is_written_into_a_trial_that_has_ended_is_refused_in_a_word(opened):
    _, storage, study = opened
    study.add_trial(create_trial(value=0.5))
    id_ = storage.get_all_trials(study_id_of(study))[-1]._trial_id
    writes = (
        lambda: storage.set_trial_intermediate_value(id_, 1, 0.5),
        lambda: storage.set_trial_user_attr(id_, "a", 1),
        lambda: storage.set_trial_system_attr(id_, "a", 1),
        lambda: storage.set_trial_param(id_, "lr", 0.5, FloatDistribution(0.0, 1.0)),
        lambda: storage.set_trial_state_values(id_, TrialState.FAIL),
        lambda: storage.database.set_trial_intermediate_value(id_, 1, 0.5),
    )
    for write in writes:
        with pytest.raises(UpdateFinishedTrialError, match=r"has ended|already finished"):
            write()
