"""A study is there whole or not at all, whatever happens while it is made."""

from __future__ import annotations

import warnings

import optuna
import pytest
import sqlalchemy

from archsearch.errors import SpecError, UsageError
from archsearch.study.held import HeldAblation, HeldConfirmation, HeldPart, HeldSearch, HeldStudy, stored
from archsearch.study.lifecycle import (
    Settings,
    confirmation_study,
    existing_study,
    kind_of_study,
    make_confirmation,
    open_or_make,
    study_names,
)
from archsearch.study.storage import open_storage

HELD = HeldSearch(
    text="base: lenet5\n",
    stem="lenet",
    base={"name": "lenet5"},
    seed=3,
    sampler="local",
    identity={"space": {}},
    metrics=("val_accuracy", "macs"),
    minimize_learned=False,
    trials=10,
)
OBJECTIVE = [("maximize", "val_accuracy"), ("minimize", "macs")]


def make(storage, name="lenet", held: HeldPart = HELD):
    return open_or_make(storage, name, "search", OBJECTIVE, lambda: held)


@pytest.fixture
def place(opened):
    """An empty place for studies beside the fixture's own, in each kind of storage: (storage, name)."""
    _, storage, study = opened
    return storage, f"{study.study_name}-made"


def test_a_study_is_as_optuna_would_have_made_it(place) -> None:
    storage, name = place
    made = make(storage, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = optuna.create_study(study_name=f"{name}-theirs", storage=storage, directions=["maximize", "minimize"])
        theirs.set_metric_names(["val_accuracy", "macs"])
        for key, value in stored(HELD).items():
            theirs.set_user_attr(key, value)
        assert (made.directions, made.metric_names) == (theirs.directions, theirs.metric_names)
    ours = dict(made.user_attrs)
    assert ours.pop("declaration")["plan"]["seed"] == 3, "and what is declared is in its ledger"
    assert ours.pop("ledger")["entries"] == 1
    assert ours == theirs.user_attrs
    made.add_trial(optuna.trial.create_trial(values=[0.5, 3.0]))
    assert [trial.number for trial in make(storage, name).get_trials()] == [0]


def test_a_study_that_is_there_stays_what_it_is(place) -> None:
    storage, name = place
    make(storage, name)
    again = make(storage, name, HELD.model_copy(update={"seed": 4, "sampler": "tpe"}))
    assert (HeldStudy(again).seed, HeldStudy(again).sampler) == (3, "local")


def test_a_study_that_is_interrupted_while_it_is_made_is_not_there(url) -> None:
    storage = open_storage(url)
    seen = 0
    for stop_at in range(20):
        statements = []

        def stop(connection, cursor, statement, *rest, at=stop_at, statements=statements) -> None:
            if statement.startswith("INSERT"):
                statements.append(statement)
                if len(statements) > at:
                    raise KeyboardInterrupt

        sqlalchemy.event.listen(storage.engine, "before_cursor_execute", stop)
        try:
            make(storage)
            break
        except KeyboardInterrupt:
            seen += 1
        finally:
            sqlalchemy.event.remove(storage.engine, "before_cursor_execute", stop)
        assert optuna.get_all_study_names(open_storage(url)) == []
    assert seen == 4  # the study, its directions, its attributes, the names of its metrics
    here, there = (dict(HeldStudy(make(one)).attrs) for one in (open_storage(url), storage))
    assert here == there, "also its declaration: the first one's stays"


@pytest.mark.parametrize("written", range(len(stored(HELD)) + 1))
def test_a_study_that_version_0_1_0_left_half_made_is_completed(url, written) -> None:
    storage = open_storage(url)
    half = optuna.create_study(study_name="lenet", storage=storage, directions=["maximize", "minimize"])
    for key, value in list(stored(HELD).items())[:written]:
        half.set_user_attr(key, value)
    held = {**HeldStudy(make(storage)).attrs}
    ledger = [held.pop(key)["entry"] for key in ("declaration",) if key in held], held.pop("ledger", None) is None
    assert ledger == (([0], False) if written < len(stored(HELD)) else ([], True)), "whole as it was it gets none"
    assert held == {key: list(value) if isinstance(value, tuple) else value for key, value in stored(HELD).items()}


def test_a_study_of_another_kind_or_program_is_refused(url) -> None:
    storage = open_storage(url)
    ablation = HeldAblation(ablation="{}", metrics=("test_accuracy",), trials=3)
    open_or_make(storage, "mine", "ablation", [("maximize", "test_accuracy")], lambda: ablation)
    with pytest.raises(SpecError, match=r"^mine exists and is no search; choose another name with --name$"):
        make(storage, "mine")
    theirs = optuna.create_study(study_name="theirs", storage=storage)
    theirs.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(SpecError, match=r"^theirs exists and is no search"):
        make(storage, "theirs")
    assert theirs.user_attrs == {}
    with pytest.raises(UsageError, match=r"^--name: 'a/b' may hold letters"):
        make(storage, "a/b")
    with pytest.raises(UsageError, match=r"^mine is an ablation"):
        existing_study("mine", storage)
    with pytest.raises(UsageError, match=r"^no study 'lenet' in this storage \(mine, theirs\)"):
        existing_study("lenet", storage)


def test_a_confirmation_is_part_of_its_search(url) -> None:
    storage = open_storage(url)
    searched = make(storage, "l" * 100)  # a name as long as a name may be
    assert confirmation_study(searched, storage) is None
    made = make_confirmation(searched, storage, ("maximize", "test_accuracy"))
    assert HeldStudy(made).attrs.items() >= stored(HeldConfirmation(of=searched.study_name)).items()
    assert study_names(storage) == ["l" * 100]
    assert kind_of_study(made.study_name, storage) == "confirm"
    assert confirmation_study(searched, storage).study_name == made.study_name


def test_settings_say_where_the_storage_is(tmp_path) -> None:
    assert Settings(runs_dir=tmp_path).url == f"sqlite:///{tmp_path / 'archsearch.db'}"
    assert Settings(storage="sqlite:///x.db").url == "sqlite:///x.db"
