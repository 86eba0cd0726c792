"""The record of a search: everything from the storage, nothing from the run directories."""

from __future__ import annotations

import shutil
import time
from datetime import datetime

import pytest

from archsearch.search.record import SearchRecord, importances_of, search_record
from archsearch.search.search import SearchSettings, report_on, search
from archsearch.study.lifecycle import existing_study
from archsearch.study.queue import slots_of
from archsearch.study.storage import default_url, open_storage
from tests.search.conftest import HEAD, SMALL

SCREENED = HEAD + "pruner: {screen: {epochs: 1, keep: 0.3, startup_trials: 2}}\n"


@pytest.fixture
def searched(tmp_path, make_study):
    """Search, delete every run directory, and give what the storage holds: the record, and Optuna's study."""

    def call(trials=8, text=SMALL, head=HEAD, **settings):
        runs = tmp_path / "runs"
        search(make_study(text, head), SearchSettings(trials=trials, runs_dir=runs, **{"confirm": 0, **settings}))
        for path in runs.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
        storage = open_storage(default_url(runs))
        study = existing_study("small", storage)
        return search_record(study, storage), study, storage

    return call


def test_record_holds_what_the_trials_hold_and_goes_to_json_and_back(searched):
    record, study, storage = searched(trials=8, head=SCREENED, confirm=2, confirm_seeds=2, sampler="random")
    trials = slots_of(study)
    assert [t.slot for t in record.trials] == list(range(8))
    for ours in record.trials:
        theirs = trials[ours.slot]
        assert (ours.number, ours.params) == (theirs.number, theirs.params)
        assert ours.values == (tuple(theirs.values) if theirs.state.name == "COMPLETE" else None)
        assert dict(ours.learned) == theirs.intermediate_values
        assert ours.spec == theirs.user_attrs["spec"]
        assert ours.worker.endswith(f":{theirs.user_attrs['owner']['pid']}")
        assert (ours.parameters, ours.macs) == (theirs.user_attrs["parameters"], theirs.user_attrs["macs"])
    done = [t for t in record.trials if t.outcome == "completed"]
    pruned = [t for t in record.trials if t.outcome == "pruned"]
    assert len(done) + len(pruned) == 8
    assert all(len(t.history) == 2 and t.history[-1].val_accuracy == t.values[0] for t in done)
    assert all(t.engine in ("native", "torch") and t.run_id for t in done)
    assert pruned
    assert all([epoch for epoch, _ in t.learned] == [1] and not t.history for t in pruned)
    assert record.report == report_on(study, storage)
    assert record.report.confirmed is not None
    assert (record.baseline, record.main, record.planned) == (None, 0, 8)
    assert record.pruner == "screen (epochs 1, keep 0.3, startup_trials 2)"
    assert SearchRecord.model_validate_json(record.model_dump_json()) == record


def test_open_values_come_in_the_order_of_the_file_with_their_ranges(searched):
    record, _, _ = searched(trials=8)
    names = [value.name for value in record.space]
    assert names[:4] == ["activation", "conv.depth", "conv1.out_channels", "conv1.kernel_size"]
    by_name = {value.name: value for value in record.space}
    assert by_name["activation"].labels == ("relu", "tanh")
    assert (by_name["conv1.out_channels"].low, by_name["conv1.out_channels"].high) == (2, 4)


def test_trial_0_is_the_baseline_where_the_base_lies_in_the_space(searched):
    record, _, _ = searched(trials=2, text="train: {batch_size: {int: [8, 128]}}\n")
    base = record.trial(record.baseline)
    assert base is not None
    assert (base.number, base.outcome) == (0, "completed")
    assert base.params["train.batch_size"] == record.base["train"]["batch_size"]


def test_gaps_are_named(searched):
    record, study, storage = searched(trials=3)
    study.set_user_attr("trials", 5)
    again = search_record(existing_study("small", storage), storage)
    assert again.missing == (
        "2 trials wait and 0 run: this is a search on its way",
        "the base is no trial: it does not lie in the space, or is larger than the study allows",
        "nothing was confirmed on fresh seeds: values are those the search selected by, and look too good",
    )
    assert record.missing == again.missing[1:]


def test_diverged_trial_keeps_its_reason(searched):
    record, _, _ = searched(trials=2, text="train: {optimizer: {sgd: {lr: {choice: [0.01, 1.0e+20]}}}}")
    (bad,) = [trial for trial in record.trials if trial.outcome == "diverged"]
    assert bad.values is None
    assert bad.failure
    assert record.missing[-1] == "1 trial diverged: no value"


def test_several_objectives_are_ranked_by_the_learned_one_and_keep_the_curves_of_pruned_trials(searched):
    head = "base: digits_quickstart\nobjective: [{minimize: macs}, {maximize: val_accuracy}]\n"
    head += "pruner: {screen: {epochs: 1, keep: 0.3, startup_trials: 2}}\nlimits: {macs: 1M}\n"
    record, _, _ = searched(trials=8, head=head, sampler="random")
    assert [(m.name, m.direction) for m in record.metrics] == [("macs", "minimize"), ("val_accuracy", "maximize")]
    assert (record.main, record.most_macs, record.most_parameters) == (1, 1_000_000, None)
    pruned = [t for t in record.trials if t.outcome == "pruned"]
    assert pruned
    assert all([epoch for epoch, _ in t.learned] == [1] and 0 <= t.learned[0][1] <= 1 for t in pruned)


def test_times_are_utc_wherever_the_search_runs(searched, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        record, study, _ = searched(trials=1)
    finally:
        monkeypatch.undo()
        time.tzset()
    trial = record.trials[0]
    trained = datetime.fromisoformat(slots_of(study)[0].user_attrs["result"]["started"])  # the run's own clock, UTC
    started, finished = (datetime.fromisoformat(text) for text in (trial.started, trial.finished))
    assert started.utcoffset().total_seconds() == 0
    assert abs((started - trained).total_seconds()) < 60
    assert finished >= started
    assert 0 < trial.seconds <= (finished - started).total_seconds() + 1


def test_importances_look_at_final_values_and_at_what_stopped_trials_had_too(searched):
    record, _, _ = searched(trials=20, head=SCREENED, sampler="random")
    final, early = record.importances
    done = [t for t in record.trials if t.values is not None]
    assert (final.target, final.epoch, final.n) == ("final val_accuracy", None, len(done))
    assert (early.target, early.epoch, early.n) == ("val_accuracy after epoch 1", 1, 20)
    assert final.groups[0].why_none == f"only {len(done)} trials, at least 15 are needed"
    assert early.groups[0].shares
    assert importances_of(record.space, record.trials, 0, "val_accuracy") == record.importances
