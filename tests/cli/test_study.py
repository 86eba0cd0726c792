"""The commands around a search, each once from the outside."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from archsearch.experiment_plan import load_plan
from tests.cli.conftest import PROGRAM

STUDY = """\
summary: A tiny one.
base: tiny.yaml
objective: {maximize: val_accuracy}
network:
  - conv2d: {out_channels: {int: [2, 6]}, kernel_size: {choice: [3, 5, 9]}}
  - relu
  - flatten
  - linear: {out_features: classes}
confirm: 1
confirm_seeds: 2
"""


@pytest.fixture
def mine(tiny, tmp_path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


NEVER = """
base: tiny.yaml
objective: {maximize: val_accuracy}
network:
  - flatten
  - linear: {out_features: {int: [8, 64]}}
  - conv2d: {out_channels: 4, kernel_size: 3}
  - linear: {out_features: classes}
"""


def test_search_in_which_nothing_fits_is_refused_with_the_layer_before_anything_begins(cli, tiny, tmp_path):
    (tmp_path / "never.yaml").write_text(NEVER)
    sentence = "never.yaml:7:5: none of the 57 configurations fits: conv1 (conv2d): "
    for command in ("check", "study"):
        done = cli(command, "never.yaml")
        assert (done.code, done.out) == (3, "")
        assert sentence in done.err
    assert not (tmp_path / "runs").exists()
    counted = cli("space", "never.yaml", "--json").json
    ((configurations, others),) = [(one["configurations"], one["others"]) for one in counted["misfits"]]
    assert (configurations, others) == (57, 56)


def test_space_counts_exactly(cli, mine):
    document = cli("space", "mine.yaml", "--json").json
    assert (document["total"], document["feasible"], document["distinct"], document["exact"]) == (15, 10, 10, True)
    assert document["misfits"][0]["reason"] == "(conv2d): kernel 9x9 does not fit its 8x8 input"
    text = cli("space", "mine.yaml").out
    assert "conv1.out_channels  2 to 6" in text
    assert "configurations  15" in text
    lines = cli("space", "mine.yaml", "--list", "--json").out.splitlines()
    assert len(lines) == 10
    assert json.loads(lines[0]) == {"conv1.out_channels": 2, "conv1.kernel_size": 3}


def test_study_status_and_best_tell_the_same_story(cli, mine, tmp_path):
    done = cli("study", "mine.yaml", "--trials", "4", "--workers", "1", "--json")
    assert done.code == 0, done.err
    document = done.json
    assert document["study"] == "mine"
    assert document["trials"] == document["completed"] + document["pruned"] == 4
    assert {"infeasible", "repeated", "diverged", "best", "confirmed"} <= set(document)
    assert set(document["best"]) >= {"value", "params", "spec", "run_id"}
    assert len(document["confirmed"]["candidates"]) == 2
    assert cli("status", "--json").json["studies"] == [document]
    assert cli("best", "mine", "--json").json == document["best"]
    text = cli("best", "mine").out
    assert "confirmed on fresh seeds" in text
    assert "the test set was read 4 times, only for this table" in text
    (tmp_path / "again.yaml").write_text(cli("best", "mine", "--yaml").out)
    plan = load_plan(str(tmp_path / "again.yaml"))
    assert plan.spec.network == load_plan(str(tmp_path / "runs" / "mine" / "best.yaml")).spec.network
    assert "mine    4/4" in cli("status").out


def test_search_that_looks_into_the_first_epoch_says_where_it_stopped(cli, mine):
    mine.write_text(f"{STUDY}pruner: {{halving: {{first: 0.25, keep: 0.3, startup_trials: 1}}}}\nproposals: 2\n")
    done = cli("study", "mine.yaml", "--trials", "8", "--workers", "1", "--confirm", "0", "--seed", "1")
    assert done.code == 0, done.err
    [found] = cli("status", "--json").json["studies"]
    assert sum(one["trials"] for one in found["stopped"]) == found["pruned"] >= 2
    words = {0.25: "1/4 of an epoch", 0.5: "1/2 of an epoch", 1.0: "epoch 1"}
    said = ", ".join(f"{one['trials']} after {words[one['after']]}" for one in found["stopped"])
    assert f"stopped early: {said}" in done.out.splitlines()


def test_search_over_folds_says_means_and_spread_everywhere(cli, mine, tmp_path):
    mine.write_text(f"{STUDY}split: {{folds: 3}}\n", encoding="utf-8")
    done = cli("study", "mine.yaml", "--trials", "2", "--confirm", "0", "--json")
    assert done.code == 0, done.err
    assert "each trial is trained on 3 folds of its training samples, and none is stopped early" in done.err
    selected = done.json["selected"]
    values = selected["folds"]["values"]
    assert len(values) == 3
    assert selected["value"] == pytest.approx(sum(values) / 3)
    said = f"mean of 3 folds, standard deviation {statistics.stdev(values):.3g}"
    assert said in cli("best", "mine").out
    assert "3 folds)" in cli("status").out
    page = (tmp_path / "runs" / "mine" / "report.html").read_text(encoding="utf-8")
    assert "Each value is the mean of 3 folds." in page
    assert "mean of 3 folds, standard deviation" in page
    mine.write_text(f"{STUDY}split: {{folds: 50}}\n", encoding="utf-8")
    refused = cli("study", "mine.yaml")
    assert refused.code == 3
    assert "mine.yaml:11:1: split: 50 folds are more than the 20 samples of the rarest class of digits" in refused.err


def test_status_uses_the_words_of_the_report(cli, mine):
    cli("study", "mine.yaml", "--trials", "3", "--workers", "1")
    text = cli("status", env={"COLUMNS": "80"}).out
    said = " ".join(text.split("mine: ", 1)[1].split())
    assert said in cli("best", "mine").out
    assert said.startswith(("No network is shown to be better than the baseline", "A network better", "Trial "))


def test_what_the_study_file_fixes_is_said_before_anything_runs(cli, mine):
    mine.write_text(STUDY + "train: {epochs: 1}\n")
    note = "the baseline tiny is trained as the candidates are: train.epochs 1 (its own: 2)"
    assert note in cli("check", "mine.yaml").err.splitlines()
    done = cli("study", "mine.yaml", "--trials", "1", "--workers", "1", "--confirm", "0")
    assert done.err.splitlines()[0] == note


def test_study_without_a_name_says_what_it_will_do_and_goes_on_in_a_pipe(cli, tiny, tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "lenet.yaml").write_text(STUDY.replace("base: tiny.yaml", "base: ../tiny.yaml"))
    done = cli("study", "--trials", "2", "--workers", "1", "--json")
    assert (done.code, done.json["completed"] + done.json["pruned"]) == (0, 2)
    said = done.err.splitlines()
    assert said[1] == "no study was named: lenet is searched. A tiny one."
    assert said[2] == (
        "2 of 2 trials around tiny on digits are to do, then 4 runs to confirm the best ones, with 1 worker; "
        "results go to runs"
    )
    assert said[3].startswith("about ")
    assert "estimated from timed batches of the baseline and 3 sampled networks" in said[3]
    assert "no study was named" not in cli("study", "lenet", "--trials", "2", "--workers", "1").err


def test_study_says_what_is_wrong(cli, mine, tmp_path):
    assert cli("study", "nosuch").code == 3
    assert cli("study", "mine.yaml", "--sampler", "tpee").err.splitlines()[-1] == (
        "error: --sampler: unknown sampler 'tpee'; did you mean 'tpe'?"
    )
    assert cli("study", "mine.yaml", "--workers", "none").code == 2
    assert cli("study", "mine.yaml", "--storage", "nonsense").code == 2
    away = "postgresql+psycopg://u@127.0.0.1:1/d?connect_timeout=1"
    assert cli("study", "mine.yaml", "--workers", "1", "--storage", away).code == 75
    assert cli("status").code == 2
    cli("study", "mine.yaml", "--trials", "1", "--workers", "1", "--confirm", "0")
    mine.write_text(STUDY.replace("[2, 6]", "[2, 7]"))
    done = cli("study", "mine.yaml", "--trials", "1", "--workers", "1", "--confirm", "0")
    assert done.code == 3
    assert "exists with another space (conv1.out_channels was 2 to 6, is 2 to 7)" in done.err
    assert cli("best", "other").err.splitlines()[-1] == "error: no study 'other' in this storage (mine)"


def test_dashboard_serves_on_loopback_and_gives_each_trial_a_note(cli, mine, tmp_path):
    cli("study", "mine.yaml", "--trials", "2", "--workers", "1", "--confirm", "0")
    with _dashboard(tmp_path) as url:
        studies = _get(f"{url}/api/studies")
        assert [one["study_name"] for one in studies["study_summaries"]] == ["mine"]
        study = _get(f"{url}/api/studies/1?after=0")
        assert all("| conv1 | conv2d |" in trial["note"]["body"] for trial in study["trials"])
        assert study["note"]["body"].startswith("### What archsearch makes of it")
        drawn = {one["id"] for one in study["plotly_graph_objects"]}
        assert {"archsearch-search-history", "archsearch-search-curves"} <= drawn


@pytest.mark.slow
def test_three_workers_and_a_busy_dashboard_share_one_file(cli, mine, tmp_path, data_dir):
    cli("study", "mine.yaml", "--trials", "1", "--workers", "1", "--confirm", "0")
    more = ["study", "mine.yaml", "--trials", "40", "--workers", "3", "--confirm", "0", "--sampler", "random"]
    settings = {**os.environ, "ARCHSEARCH_DATA": str(data_dir)}
    with _dashboard(tmp_path) as url:
        said = tmp_path / "study.txt"
        with said.open("w") as stream:
            study = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *more], cwd=tmp_path, env=settings, stdout=stream, stderr=stream
            )
            reads = 0
            while study.poll() is None:
                _get(f"{url}/api/studies/1?after=0")
                reads += 1
        assert study.returncode == 0, said.read_text()
        assert "locked" not in said.read_text()
        assert reads > 3
        trials = _get(f"{url}/api/studies/1?after=0")["trials"]
    assert [trial["number"] for trial in trials] == list(range(40))
    assert {trial["state"] for trial in trials} <= {"Complete", "Pruned"}
    attrs = [{one["key"]: one["value"] for one in trial["user_attrs"]} for trial in trials]
    assert sorted(int(held["slot"]) for held in attrs) == list(range(40))
    assert len({held["owner"] for held in attrs[1:]}) == 3


@contextmanager
def _dashboard(folder: Path) -> Iterator[str]:
    """Serve the storage in a folder with `archsearch dashboard`; give its address."""
    pytest.importorskip("optuna_dashboard")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    said = folder / "said.txt"
    command = [sys.executable, "-c", PROGRAM, "dashboard", "--port", str(port)]
    with said.open("w") as stream, subprocess.Popen(command, cwd=folder, stdout=stream, stderr=stream) as server:
        try:
            _wait_for_answer(server, port, said)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def _wait_for_answer(server: subprocess.Popen, port: int, said: Path) -> None:
    end = time.monotonic() + 120
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert server.poll() is None, said.read_text()
        assert time.monotonic() < end, f"the dashboard does not answer: {said.read_text()}"
        time.sleep(0.2)


def _get(url: str):
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=30) as answer:
        return json.loads(answer.read())
