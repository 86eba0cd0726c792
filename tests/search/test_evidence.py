"""What stands behind a search's answer, read from the storage alone."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from archsearch.search.evidence import search_evidence
from archsearch.search.progress import progress_of
from archsearch.search.search import SearchSettings, report_on, search
from archsearch.search.space.locate import locate
from archsearch.study.lifecycle import existing_study
from archsearch.study.queue import slots_of
from archsearch.study.storage import default_url, open_storage


@pytest.fixture(scope="module")
def finished(make_study, tmp_path_factory, data_dir):
    """A search of six trials that confirmed two finalists on two seeds."""
    tmp_path = tmp_path_factory.mktemp("evidence")
    search(
        make_study(),
        SearchSettings(trials=6, confirm=2, confirm_seeds=2, runs_dir=tmp_path / "runs", data_dir=data_dir),
    )
    storage = open_storage(default_url(tmp_path / "runs"))
    return existing_study("small", storage), storage


def test_evidence_holds_the_runs_of_the_finalists_and_their_reads_of_the_test_set(finished):
    study, storage = finished
    report, evidence = report_on(study, storage), search_evidence(study, storage)
    rows = {row.candidate: row for row in report.confirmed.candidates}
    assert list(evidence.confirmed) == list(rows)
    for name, runs in evidence.confirmed.items():
        assert {str(run.seed): run.test_accuracy for run in runs} == rows[name].test_accuracies
        assert [run.seed for run in runs] == sorted(run.seed for run in runs)
    assert (evidence.test_reads, evidence.earlier_test_reads) == (report.confirmed.test_reads, 0) == (6, 0)
    assert evidence.ranked[0].number == report.selected.number
    assert evidence.ranked[0].result.spec == report.selected.spec
    assert evidence.objective == (("maximize", "val_accuracy"),)
    assert sum(evidence.fingerprints.values()) == sum(machine.runs for machine in evidence.machines)
    assert evidence.lost == ()
    assert type(evidence).model_validate_json(evidence.model_dump_json()) == evidence


def test_evidence_finds_the_base_among_the_trials_only_where_it_is_one(finished, make_study):
    study, storage = finished
    located = locate(make_study().space, make_study().space.base)
    assert (search_evidence(study, storage).base_trial is not None) == (located is not None)


def test_evidence_names_every_lost_run_with_its_reason(finished):
    study, storage = finished
    optuna.copy_study(from_study_name="small", from_storage=storage, to_storage=storage, to_study_name="with-failures")
    copy = optuna.load_study(study_name="with-failures", storage=storage)
    spec = slots_of(study)[0].user_attrs["spec"]
    for number, attrs in enumerate(
        [
            {"outcome": "diverged", "failure": "the loss is nan", "seed": 0, "spec": spec},
            {"attempts": 21},
        ]  # as the queue leaves it after 20 deaths
    ):
        copy.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"slot": 6 + number, **attrs}))
    lost = search_evidence(copy, storage).lost
    assert [(one.part, one.trial, one.outcome, one.reason, one.seed) for one in lost] == [
        ("search", 6, "diverged", "the loss is nan", 0),
        ("search", 7, "failed", "its worker died 20 times", None),
    ]


def test_progress_counts_the_slots_and_keeps_the_best_so_far(finished):
    study, storage, *_ = finished
    report, progress = report_on(study, storage), progress_of(study)
    assert (progress.done, progress.running, progress.total) == (report.trials, 0, report.trials)
    assert len(progress.history) == report.completed
    assert progress.history == sorted(progress.history)
    assert progress.best == progress.history[-1] == report.selected.values[0]
