"""What goes to the dashboard: the drawn figures, and the answer."""

from __future__ import annotations

from optuna.trial import create_trial

from archsearch.report.dashboard import search_note, trial_note, view_of_search
from archsearch.study.held import HeldTrial
from tests.report.figures.records import confirmation, long_record, record, trial


def test_dashboard_gets_every_figure_there_is_and_the_gaps():
    given = view_of_search(long_record(60).model_copy(update={"missing": ("something",)}))
    assert list(given.figures)[:2] == ["search-history", "search-importances"]
    assert len(given.figures) == 11
    assert given.note.endswith("\n\n- something")


def test_answer_says_what_is_confirmed_and_what_is_not():
    trials = [trial(0, value=0.90), trial(1, value=0.95)]
    assert search_note(record(trials)) == (
        "The best so far is trial 1 with 95.00 % validation accuracy, +5.00 points from the baseline; "
        "nothing is confirmed on fresh seeds yet."
    )
    assert search_note(record(trials, confirmed=confirmation())) == "Trial 1 is first."
    assert search_note(record([trial(0, "running", None)])) == "No trial has completed yet."


def test_trial_of_a_program_shows_command_values_metrics_and_steps():
    spec = {
        "name": "mine",
        "program": {"command": ["train", "{lr}"]},
        "values": {"lr": 0.1},
        "metrics": {"loss": {"last": "loss=(.*)"}},
    }
    result = {"loss": 0.25, "history": [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]}
    trial = create_trial(value=0.25, user_attrs={"spec": spec, "result": result, "outcome": "completed"})
    note = trial_note(HeldTrial(trial), "complete")
    assert note.startswith("**completed**")
    assert "    train '{lr}'" in note
    assert "| lr | 0.1 |" in note
    assert "| loss | 0.2500 |" in note
    assert "| 1 | 0.5000 |" in note


def test_trial_of_folds_shows_the_means_of_the_epochs_that_all_folds_have():
    spec = {
        "name": "mine",
        "data": {"name": "digits", "fold": {"of": 2, "number": 0, "part": "validation"}},
        "network": ["flatten", {"linear": {"out_features": "classes"}}],
        "train": {"epochs": 2, "batch_size": 32},
    }
    first = [{"epoch": 1, "train_loss": 0.5, "val_loss": 0.7}, {"epoch": 2, "train_loss": 0.25, "val_loss": 0.5}]
    second = [{"epoch": 1, "train_loss": 0.75, "val_loss": 0.9}]
    held = {"spec": spec, "outcome": "completed", "folds": [spec["data"]["fold"], {"of": 2, "number": 1}]}
    results = {"result": {"history": first}, "fold_results": [{"history": second, "run_id": "b"}]}
    note = trial_note(HeldTrial(create_trial(value=0.5, user_attrs=held | results)), "complete")
    assert "Means over 2 folds, of the epochs that all of them have:" in note
    assert "| 1 | 0.6250 | 0.8000 |" in note
    assert "\n| 2 |" not in note
