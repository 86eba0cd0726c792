"""What is under way in a storage: states, and what the trials that run hold."""

from __future__ import annotations

import optuna
import pytest

from archsearch.errors import UsageError
from archsearch.study.storage import open_storage
from archsearch.study.under_way import running, states_of


def test_states_are_counted_and_running_trials_say_what_they_run(tmp_path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}")
    study = optuna.create_study(study_name="mine", storage=storage)
    study.tell(study.ask(), 1.0)
    one, _ = study.ask(), study.ask()
    one.set_user_attr("spec", {"name": "x"})
    one.set_user_attr("seed", 3)
    assert states_of(storage) == {"mine": {"complete": 1, "running": 2}}
    assert running(storage, "mine") == [({"name": "x"}, 3)]


def test_study_that_is_not_there_is_named_with_those_that_are(tmp_path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}")
    optuna.create_study(study_name="mine", storage=storage)
    with pytest.raises(UsageError, match=r"no study 'yours' in this storage \(mine\)"):
        states_of(storage, "yours")
