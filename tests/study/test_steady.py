"""Optuna's storage behind our calls: the same answers, and a sentence where the database is not what it was."""

from __future__ import annotations

import sqlite3

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from archsearch.errors import DamagedFileError, UnavailableError
from archsearch.study.calls import Calls
from archsearch.study.queue import Slot, add_slots, take
from archsearch.study.steady import Storage
from archsearch.study.storage import open_storage


def test_optuna_works_on_it_as_on_its_own(tmp_path) -> None:
    def objective(trial):
        x = trial.suggest_float("x", -1, 1)
        trial.report(x, 0)
        trial.set_user_attr("y", x)
        return x * x

    told = []
    for name in ("ours", "theirs"):
        database = RDBStorage(f"sqlite:///{tmp_path / name}.db")
        storage = Storage(database, Calls()) if name == "ours" else database
        sampler = optuna.samplers.TPESampler(seed=1)
        study = optuna.create_study(study_name="s", storage=storage, sampler=sampler)
        study.optimize(objective, n_trials=15)
        study.set_user_attr("a", 1)
        again = optuna.load_study(study_name="s", storage=storage)
        told.append([again.best_value, again.best_params, again.user_attrs, [t.values for t in again.get_trials()]])
        optuna.delete_study(study_name="s", storage=storage)
        assert optuna.get_all_study_names(storage) == []
        storage.remove_session()
        database.engine.dispose()
    assert told[0] == told[1]


def test_every_call_of_optuna_goes_through_calls(tmp_path) -> None:
    seen: list[int] = []

    class Seen(Calls):
        def attempt(self, call):
            seen.append(1)
            return call()

    storage = Storage(open_storage(f"sqlite:///{tmp_path / 's.db'}").database, Seen())
    study = storage.create_new_study([StudyDirection.MINIMIZE], "s")
    trial = storage.create_new_trial(study)
    storage.get_all_trials(study)  # Optuna's cache knows the trial from here on
    arguments = {
        "create_new_study": ([StudyDirection.MINIMIZE], "other"),
        "set_study_user_attr": (study, "a", 1),
        "set_study_system_attr": (study, "a", 1),
        "get_study_id_from_name": ("s",),
        "get_study_name_from_id": (study,),
        "get_study_directions": (study,),
        "get_study_user_attrs": (study,),
        "get_study_system_attrs": (study,),
        "get_all_studies": (),
        "create_new_trial": (study,),
        "set_trial_param": (trial, "x", 0.5, FloatDistribution(0, 1)),
        "get_trial_id_from_study_id_trial_number": (study, 0),
        "set_trial_intermediate_value": (trial, 1, 0.5),
        "set_trial_user_attr": (trial, "a", 1),
        "set_trial_system_attr": (trial, "a", 1),
        "get_trial": (trial,),
        "get_all_trials": (study,),
        "set_trial_state_values": (trial, TrialState.COMPLETE, [1.0]),
        "get_best_trial": (study,),
        "delete_study": (study,),
    }
    assert BaseStorage.__abstractmethods__ <= arguments.keys()
    for name, given in arguments.items():
        seen.clear()
        getattr(storage, name)(*given)
        assert seen, name
    storage.engine.dispose()


def test_a_database_that_is_emptied_at_work_is_told(opened) -> None:
    _, storage, study = opened
    add_slots(storage, study, [Slot(0), Slot(1)])
    trial = take(storage, study)
    optuna.delete_study(study_name=study.study_name, storage=Storage(storage.database, Calls()))
    for call in (
        lambda: add_slots(storage, study, [Slot(2)]),
        lambda: study.user_attrs,
        lambda: trial.set_user_attr("a", 1),
    ):
        with pytest.raises(DamagedFileError, match=r"^what was in the storage is gone: it was emptied"):
            call()


@pytest.mark.parametrize("tables", [False, True])
def test_an_emptied_database_is_not_taken_as_new(tmp_path, tables) -> None:
    path = tmp_path / "s.db"
    open_storage(f"sqlite:///{path}").engine.dispose()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["s.db", "s.db.lock"]
    if tables:
        with sqlite3.connect(path) as connection:
            names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in names:
                connection.execute(f"DROP TABLE {name}")
        connection.close()
    else:
        path.write_bytes(b"")
    with pytest.raises(DamagedFileError, match=r"s\.db is an empty database: it was emptied; take it from a backup"):
        open_storage(f"sqlite:///{path}")


def test_a_database_is_made_whole_or_not_at_all(tmp_path, monkeypatch) -> None:
    def stop(*given, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr("archsearch.study.storage.sync", stop)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        open_storage(f"sqlite:///{tmp_path / 's.db'}")
    assert [one.name for one in tmp_path.iterdir()] == ["s.db.lock"]


def test_a_server_that_never_comes_is_unavailable_when_the_time_is_over(monkeypatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_STORAGE_SECONDS", "0.3")
    pytest.importorskip("psycopg")
    with pytest.raises(UnavailableError, match=r"cannot be reached: the storage does not answer: connection failed"):
        open_storage("postgresql+psycopg://u@127.0.0.1:1/d")
