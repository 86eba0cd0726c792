"""Workers that have nothing but a storage's URL."""

from __future__ import annotations

import threading
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.ablate.ablation import ablate, report_on
from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.planned import plan_ablation
from archsearch.cluster.visits import Visit, Visited, visit
from archsearch.errors import UnavailableError, UsageError
from archsearch.search.search import SearchSettings, search
from archsearch.search.search_file import load_study
from archsearch.study.alive import this_process
from archsearch.study.compute import fixed_of
from archsearch.study.held import HeldTrial
from archsearch.study.lifecycle import Settings
from archsearch.study.queue import slots_of
from archsearch.study.storage import open_storage


def opened(url: str, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=open_storage(url))


def states(url: str, name: str) -> list[TrialState]:
    return [trial.state for trial in slots_of(opened(url, name)).values()]


def go(url: str, folder: Path, study: str | None = None, **more: object) -> tuple[Visited, list[str]]:
    said: list[str] = []
    return visit(Visit(url, study, runs_dir=folder / "there", **more), said.append), said


def test_a_visitor_does_every_study_of_a_storage_and_each_trial_once(begun, url, folder):
    begun("widths", "norm")
    assert fixed_of(opened(url, "widths")) is None  # left to the first worker, whose devices may be other ones
    told, said = go(url, folder)
    assert told.trials == {"widths": 3, "norm": 4}
    assert said == ["widths: 3 trials by now", "norm: 4 trials by now"]
    assert states(url, "widths") == [TrialState.COMPLETE] * 3
    assert states(url, "norm") == [TrialState.COMPLETE] * 4
    assert fixed_of(opened(url, "widths")).threads == fixed_of(opened(url, "norm")).threads == 1
    assert not list((folder / "head").glob("*/result.json"))
    assert len(list((folder / "there").glob("*/result.json"))) == len(list((folder / "there").glob("*/run.json")))
    assert go(url, folder) == (Visited(), [])


def test_what_visitors_find_is_what_the_same_ablation_finds_here(begun, url, folder):
    begun("norm")
    assert go(url, folder, "norm", most=3)[0].trials == {"norm": 3}
    assert states(url, "norm").count(TrialState.COMPLETE) == 3
    assert go(url, folder / "another", "norm")[0].trials == {"norm": 1}
    here = ablate(plan_ablation(load_ablation(str(folder / "norm.yaml"))), Settings(runs_dir=folder / "alone"))
    there = report_on(opened(url, "norm"))
    assert there.complete
    assert [cell.values for cell in there.cells] == [cell.values for cell in here.cells]


def test_the_studys_own_command_confirms_with_visitors_and_judges(begun, url, folder):
    worker = threading.Thread(target=go, args=(url, folder, "widths"), kwargs={"idle_exit": 60.0, "most": 7})
    worker.start()  # before there is a study: it waits
    settings = SearchSettings(storage=url, runs_dir=folder / "head", elsewhere=True)
    report = search(load_study(str(folder / "widths.yaml")), settings)
    worker.join(60)
    assert not worker.is_alive()
    assert (report.completed, report.waiting, report.running) == (3, 0, 0)
    assert [len(row.test_accuracies) for row in report.confirmed.candidates] == [2, 2]
    assert states(url, "widths.confirm") == [TrialState.COMPLETE] * 4
    assert not list((folder / "head").glob("*/result.json"))
    assert (folder / "head" / "widths" / "best.yaml").is_file()


def test_the_slot_of_a_worker_that_died_is_done_by_the_next(begun, url, folder):
    begun("norm")
    go(url, folder, "norm", most=1)
    storage = open_storage(url)
    study = optuna.load_study(study_name="norm", storage=storage)
    waiting = next(t for t in study.get_trials() if t.state == TrialState.WAITING)
    storage.set_trial_state_values(waiting._trial_id, TrialState.RUNNING)
    storage.set_trial_user_attr(waiting._trial_id, HeldTrial.owner.key, {**this_process(), "started": "1"})
    told, _ = go(url, folder, "norm")
    assert told.trials == {"norm": 3}
    assert states(url, "norm") == [TrialState.COMPLETE] * 4


def test_data_that_are_not_on_this_machine_leave_the_slots_to_others(begun, url, folder, monkeypatch):
    import numpy as np

    x = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    y = np.arange(40) % 2
    np.savez(folder / "own.npz", x_train=x, y_train=y, x_test=x[:8], y_test=y[:8])
    network = "network: [{linear: {out_features: classes}}]\n"
    data = f"data: {{name: npz, path: {folder / 'own.npz'}, validation: 8}}\n"
    (folder / "tiny.yaml").write_text(f"name: tiny\n{data}{network}train: {{epochs: 1, device: cpu}}\n")
    (folder / "norm.yaml").write_text(
        "baseline: tiny.yaml\nfactors: {lr: {low: [{set: {train.optimizer.adam.lr: 0.1}}]}}\nseeds: 2\nscreen: true\n"
    )
    begun("norm")
    (folder / "own.npz").rename(folder / "away.npz")
    with pytest.raises(UnavailableError, match=r"^nothing was run; norm waits for a worker elsewhere: .*own\.npz"):
        go(url, folder)
    assert TrialState.FAIL not in states(url, "norm")
    (folder / "away.npz").rename(folder / "own.npz")
    assert go(url, folder)[0].trials == {"norm": 4}


PROGRAM = """\
program: {command: [sh, run.sh, "{seed}", "{add}"], files: [run.sh]}
values: {add: 1}
metrics: {score: {last: 'score=(\\S+)', direction: maximize}}
"""
PROGRAM_ABLATION = """\
baseline: program.yaml
factors: {add: {more: [{set: {values.add: 5}}]}}
seeds: 2
screen: true
"""


@pytest.fixture
def script(folder: Path, begun, monkeypatch) -> Path:
    """A program's file, of which an ablation lies in the storage."""
    (folder / "run.sh").write_text("echo $1 >> ran; echo score=$(($1 + $2))\n")
    (folder / "program.yaml").write_text(PROGRAM)
    (folder / "adding.yaml").write_text(PROGRAM_ABLATION)
    begun("adding")
    return folder / "run.sh"


@pytest.mark.parametrize("what", ["gone", "another"])
def test_a_program_whose_files_are_not_here_is_left_to_others(url, folder, script, monkeypatch, what):
    monkeypatch.setenv("ARCHSEARCH_TRUST", "1")
    before = script.read_text()
    script.unlink() if what == "gone" else script.write_text("echo score=0\n")
    with pytest.raises(UnavailableError, match=r"^nothing was run; adding waits for a worker elsewhere: .*run\.sh"):
        go(url, folder)
    assert TrialState.FAIL not in states(url, "adding")
    assert not (folder / "ran").exists()
    script.write_text(before)
    assert go(url, folder)[0].trials == {"adding": 4}
    assert sorted(trial.values[0] for trial in slots_of(opened(url, "adding")).values()) == [1.0, 2.0, 5.0, 6.0]


def test_a_program_of_a_storage_runs_only_where_it_was_allowed(url, folder, script):
    with pytest.raises(
        UnavailableError,
        match=r"^nothing was run; adding waits for a worker elsewhere: its program was not .*sh run\.sh",
    ):
        go(url, folder)
    assert not (folder / "ran").exists()


def test_a_study_that_is_not_there_is_named_with_those_that_are(begun, url, folder):
    with pytest.raises(UsageError, match=r"^there is no storage .*studies\.db yet; --idle-exit waits for a study"):
        go(url, folder)
    assert not (folder / "studies.db").exists()
    begun("norm")
    with pytest.raises(UsageError, match=r"^no study 'nrm' in this storage \(norm\); --idle-exit waits for one$"):
        go(url, folder, "nrm")
    assert go(url, folder, "nrm", idle_exit=0.1) == (Visited(), [])


def test_a_study_of_another_program_is_not_touched(url, folder):
    optuna.create_study(study_name="other", storage=open_storage(url)).enqueue_trial({})
    assert go(url, folder) == (Visited(), [])
    assert opened(url, "other").trials[0].state == TrialState.WAITING


def test_what_a_worker_is_told_shows_no_password():
    assert "secret" not in repr(Visit("postgresql+psycopg://me:secret@db/x", "norm"))
