"""Searches whose objective is the mean over folds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import FrozenTrial, TrialState

from archsearch.errors import SpecError
from archsearch.export.bundled import of_trial
from archsearch.report.figures.history import history_data
from archsearch.search.evidence import search_evidence
from archsearch.search.folds import FoldsRunner, split_said
from archsearch.search.record import search_record
from archsearch.search.search import SearchSettings, StudyReport, search
from archsearch.search.search_file import SearchFile, load_study
from archsearch.spec.catalog import read_spec
from archsearch.study import network_runner
from archsearch.study.held import HeldTrial
from archsearch.study.lifecycle import existing_study
from archsearch.study.queue import slots_of
from archsearch.study.runner import Assignment, Outcome
from archsearch.study.snapshot import snapshot_of
from archsearch.study.storage import default_url, open_storage
from archsearch.study.verify import verify

BASE = """\
extends: digits_quickstart
edits:
  - set: {data.limit: 20, data.validation: 40, train.device: cpu, train.epochs: 1}
"""
FILE = """\
base: mine.yaml
objective: {maximize: val_accuracy}
network: [flatten, {linear: {out_features: {choice: [4, 8, 16]}}}, relu, {linear: {out_features: classes}}]
"""
THREE = "split: {folds: 3}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("folds")
    (folder / "mine.yaml").write_text(BASE)
    return folder


@pytest.fixture(scope="module")
def study_of(folder: Path) -> Callable[[str], SearchFile]:
    def call(more: str) -> SearchFile:
        path = folder / "small.yaml"
        path.write_text(FILE + more)
        return load_study(str(path))

    return call


@pytest.fixture(scope="module")
def searched(folder: Path, study_of: Callable[[str], SearchFile]) -> tuple[StudyReport, Path]:
    """A search of two trials on three folds each, and its confirmation."""
    settings = SearchSettings(trials=2, runs_dir=folder / "runs", confirm=1, confirm_seeds=2)
    return search(study_of(THREE), settings), folder / "runs"


def trials_of(runs: Path) -> list[FrozenTrial]:
    return list(slots_of(existing_study("small", open_storage(default_url(runs)))).values())


def accuracy(folder: Path) -> float:
    """Count right answers among the validation predictions that a run has kept."""
    with np.load(folder / "predictions.npz") as kept:
        assert sorted(kept.files) == ["val_labels", "val_outputs"]  # nothing of the test part
        return float((kept["val_outputs"].argmax(1) == kept["val_labels"]).mean())


def test_value_of_a_trial_is_the_mean_over_its_folds(searched: tuple[StudyReport, Path]) -> None:
    report, runs = searched
    assert (report.completed, report.pruned) == (2, 0)
    for trial in trials_of(runs):
        ids = [run.run_id for run in HeldTrial(trial).runs]
        assert len(set(ids)) == 3
        folds = [accuracy(runs / one) for one in ids]
        assert trial.values == pytest.approx([np.mean(folds)])
        begun = [json.loads((runs / one / "run.json").read_text()) for one in ids]
        assert [one["data"]["fold"] for one in begun] == [
            {"of": 3, "number": number, "repeat": 0, "part": "validation"} for number in range(3)
        ]
        if trial.number == report.selected.number:
            assert report.selected.folds.values == pytest.approx(folds)
            assert report.selected.folds.deviation == pytest.approx(np.std(folds, ddof=1))


def test_the_confirmation_is_of_the_network_without_folds(searched: tuple[StudyReport, Path]) -> None:
    report, runs = searched
    assert report.confirmed is not None
    assert report.confirmed.test_reads == 4  # two networks on two seeds
    storage = open_storage(default_url(runs))
    evidence = search_evidence(existing_study("small", storage), storage)
    datas = [run.result.spec["data"] for run in evidence.ranked]
    assert all("fold" in data for data in datas)
    for found in evidence.confirmed.values():
        assert [("fold" in run.spec["data"], run.spec["data"]["validation"]) for run in found] == [(False, 40)] * 2
    assert (evidence.test_reads, evidence.earlier_test_reads) == (4, 0)
    assert "fold" not in report.best.spec["data"]
    written = read_spec(str(runs / "small" / "best.yaml")).spec
    assert (written.data.fold, written.data.validation) == (None, 40)


def test_what_is_held_of_folds_is_well_and_shown(searched: tuple[StudyReport, Path]) -> None:
    _, runs = searched
    assert verify(runs).findings == []
    storage = open_storage(default_url(runs))
    study = existing_study("small", storage)
    record = search_record(study, storage)
    assert all(trial.learned[-1][1] == pytest.approx(trial.values[0]) for trial in record.trials)
    data = history_data(record)
    assert not isinstance(data, str)
    assert "Each value is the mean of 3 folds." in data.says
    assert data.table.columns[3].title == "standard deviation over folds"
    assert data.table.rows[0][3] == pytest.approx(np.std(record.trials[0].folds.values, ddof=1))
    snapshot = snapshot_of(study)
    bundled = [run for trial in snapshot.trials for run in of_trial(trial, snapshot)]
    assert len({run.key for run in bundled}) == 6
    assert {run.spec["data"]["fold"]["number"] for run in bundled} == {0, 1, 2}


def test_a_damaged_fold_is_found(searched: tuple[StudyReport, Path], tmp_path: Path) -> None:
    _, runs = searched
    third = HeldTrial(trials_of(runs)[1]).runs[2]
    path = runs / third.run_id / "result.json"
    before = path.read_bytes()
    path.write_text("{}")
    try:
        assert any(third.run_id in finding.where for finding in verify(runs).findings)
    finally:
        path.write_bytes(before)


def test_another_split_is_another_search(
    searched: tuple[StudyReport, Path], study_of: Callable[[str], SearchFile]
) -> None:
    settings = SearchSettings(trials=2, runs_dir=searched[1], confirm=0)
    with pytest.raises(SpecError, match=r"another space \(split was 3 folds, is 4 folds\)"):
        search(study_of("split: {folds: 4}\n"), settings)
    with pytest.raises(SpecError, match=r"another space \(split was 3 folds, is none\)"):
        search(study_of(""), settings)
    assert split_said({"shuffled": 4, "test": 0.5}) == "4 random validation parts of 50%"


def test_killed_worker_goes_on_with_the_folds_that_are_done(
    study_of: Callable[[str], SearchFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = network_runner.run, list[bool]()

    def run(*args: Any, **kwargs: Any) -> Any:
        if len(made) == 2:
            made.append(True)
            raise KeyboardInterrupt("stopped by hand")
        finished = real(*args, **kwargs)
        made.append(finished.cached)
        return finished

    monkeypatch.setattr(network_runner, "run", run)
    study, settings = study_of(THREE), SearchSettings(trials=1, runs_dir=tmp_path, confirm=0)
    with pytest.raises(KeyboardInterrupt, match="stopped by hand"):
        search(study, settings)
    assert [trial.state for trial in trials_of(tmp_path)] == [TrialState.WAITING]
    assert search(study, settings).completed == 1
    assert made == [False, False, True, True, True, False]


class Runs:
    """Gives outcomes that are told beforehand."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self.outcomes = outcomes

    def run(self, assignments: Any, place: Any, watch: Any) -> list[Outcome]:
        return [self.outcomes.pop(0) for _ in assignments]

    def key(self, assignment: Assignment) -> str:
        return "a"

    def together(self, one: Assignment, other: Assignment) -> bool:
        return False


def outcome(name: str, loss: float | None, failure: str | None = None, cached: bool = False) -> Outcome:
    return Outcome(name, {"val_loss": loss}, {"run_id": name}, cached=cached, failure=failure)


def run_folds(*outcomes: Outcome) -> tuple[Outcome, int]:
    """Run three folds; give the outcome, and how many were not run."""
    left = list(outcomes)
    experiment: Any = None
    assignment = Assignment(experiment, 0, parts=(experiment,) * 3)
    [found] = FoldsRunner(Runs(left)).run([assignment], None, lambda one: None)  # type: ignore[arg-type, return-value]
    return found, len(left)


def test_fold_that_diverges_ends_its_trial_and_is_named() -> None:
    found, left = run_folds(outcome("a", 1.0), outcome("b", None, "loss is nan"), outcome("c", 3.0))
    assert (found.failure, found.run_id, left) == ("fold 2 of 3: loss is nan", "a", 1)
    found, _ = run_folds(outcome("a", 1.0), outcome("b", None), outcome("c", 3.0))
    assert found.metrics == {"val_loss": None}


def test_trial_is_repeated_only_where_all_its_folds_are() -> None:
    found, _ = run_folds(outcome("a", 1.0, cached=True), outcome("b", 2.0, cached=True), outcome("c", 6.0))
    assert (found.metrics, found.cached) == ({"val_loss": 3.0}, False)
    found, _ = run_folds(*(outcome(name, 1.0, cached=True) for name in "abc"))
    assert found.cached


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("split: {folds: 1}\n", r"small.yaml:4:16: split.folds: must be at least 2, got 1"),
        ("split: {folds: 50}\n", r"small.yaml:4:1: split: .*50 folds are more than the 20 samples of the rarest class"),
        ("split: {folds: 3, group: subject}\n", r"4:1: split: .*digits says of no sample which subject it belongs to"),
        ("split: {folds: 3}\npruner: median\n", r"every trial is trained on all its folds.*take pruner median out"),
        ("split: {folds: 3, shuffled: 2}\n", r"a split has folds .* or random parts .*, one of them"),
    ],
)
def test_bad_split_is_said_where_it_stands(study_of: Callable[[str], SearchFile], more: str, why: str) -> None:
    with pytest.raises(SpecError, match=why):
        study_of(more)


def test_split_without_a_learned_objective_or_of_one_fold_is_refused(folder: Path) -> None:
    path = folder / "other.yaml"
    path.write_text(FILE.replace("maximize: val_accuracy", "minimize: macs") + THREE)
    with pytest.raises(SpecError, match=r"macs is the same on every fold: take split out, or add an objective"):
        load_study(str(path))
    (folder / "one.yaml").write_text("extends: mine.yaml\nedits: [set: {data.fold: {of: 5, number: 0}}]\n")
    path.write_text(FILE.replace("mine.yaml", "one.yaml") + THREE)
    with pytest.raises(SpecError, match=r"split: one is on fold 1 of 5 only; take data.fold out of it"):
        load_study(str(path))


def test_split_of_a_program_is_refused(folder: Path) -> None:
    (folder / "train.yaml").write_text(
        "program: {command: [python, train.py, --seed, '{seed}', --lr, '{lr}']}\nvalues: {lr: 0.1}\n"
        "metrics: {acc: {last: 'acc=(\\S+)'}}\nobjective: {maximize: acc}\n"
    )
    path = folder / "lr.yaml"
    path.write_text("base: train.yaml\nspace: {values.lr: {float: [0.001, 0.1]}}\n" + THREE)
    with pytest.raises(SpecError, match=r"lr.yaml:3:1: split: folds divide the data of networks; a program reads"):
        load_study(str(path))
