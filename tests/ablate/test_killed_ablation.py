"""An ablation of a program whose workers are killed at random moments: every run counted once, no process left.

Workers are forked from a process that has imported everything, so that a kill hits the work and not the imports.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.ablate.ablation import report_on
from archsearch.program.program_directory import kept_programs
from archsearch.study.held import HeldTrial
from archsearch.study.storage import open_storage
from tests.study.test_killed_workers import marked

KILLS = int(os.environ.get("ARCHSEARCH_TEST_KILLS", "100"))
ABLATION = """\
baseline: train.yaml
factors: {how: {SAME}}
seeds: 10
"""
PROGRAM = """\
program: {command: [sh, train.sh, "{seed}", "{how}"], files: [train.sh], parallel: true}
values: {how: 0}
metrics: {loss: {last: 'loss=(.*)'}}
objective: {minimize: loss}
"""
# what it leaves in the background must not outlive the worker either
SCRIPT = "echo $1 $2 >> begun\nsleep SECONDS & sleep SECONDS\necho $1 $2 >> ended\necho loss=$2.$1\n"
FORKS = """
import os, sys
from pathlib import Path
from archsearch.ablate.ablation import ablate
from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.planned import plan_ablation
from archsearch.study import program_runner  # else each worker would import it
from archsearch.study.lifecycle import Settings
planned = plan_ablation(load_ablation("same.yaml"))
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            report = ablate(planned, Settings(runs_dir=Path("runs")))
            code = 0 if report.complete else 3
        finally:
            os._exit(code)
    print(pid, flush=True)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


def kill_and_count(folder: Path, monkeypatch: pytest.MonkeyPatch, cells: int, kills: int, seconds: float) -> str:
    """Kill workers of an ablation, let a last one end it, and hold what must hold; say what the kills hit."""
    monkeypatch.chdir(folder)
    for name, text in {"train.yaml": PROGRAM, "train.sh": SCRIPT, "same.yaml": ABLATION}.items():
        levels = ", ".join(f"l{n}: [set: {{values.how: {n}}}]" for n in range(1, cells))
        (folder / name).write_text(text.replace("SAME", levels).replace("SECONDS", str(seconds)))
    mark = folder.name
    environment = os.environ | {
        "KILLTEST": mark,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "ARCHSEARCH_TRUST": "1",
        "ARCHSEARCH_DATA": str(folder / "cache"),
    }
    dice = random.Random(7)
    forks = subprocess.Popen(
        [sys.executable, "-c", FORKS], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert forks.stdin is not None
    assert forks.stdout is not None

    def begin() -> int:
        forks.stdin.write("go\n")
        forks.stdin.flush()
        return int(forks.stdout.readline())

    hit = 0
    try:
        for _ in range(kills):
            pid = begin()
            time.sleep(dice.uniform(0.02, 2.0))
            os.kill(pid, signal.SIGKILL)
            code = int(forks.stdout.readline())
            assert code in (-signal.SIGKILL, 0), "0: nothing was left to do"
            hit += code != 0
            end = time.monotonic() + 30
            while len(left := marked(mark)) > 1:  # the one that forks
                assert time.monotonic() < end, left
                time.sleep(0.02)
        begin()
        assert int(forks.stdout.readline()) == 0
    finally:
        forks.communicate(timeout=30)
    storage = open_storage(f"sqlite:///{folder / 'runs' / 'archsearch.db'}")
    [name] = optuna.get_all_study_names(storage)
    study = optuna.load_study(study_name=name, storage=storage)
    trials, report = study.get_trials(), report_on(study)
    storage.engine.dispose()
    completed = Counter(
        (HeldTrial(trial).cell, HeldTrial(trial).pair) for trial in trials if trial.state == TrialState.COMPLETE
    )
    assert len(completed) == cells * 10
    assert set(completed.values()) == {1}
    assert len(trials) == cells * 10, "a slot that comes back is the same trial"
    assert (report.complete, report.runs.completed, report.runs.failed) == (True, cells * 10, 0)
    assert len(list(kept_programs(folder / "runs"))) == cells * 10
    # the numbers are those of the program: level 3 with seed 7 is 3.7
    [third] = [cell.values for cell in report.cells if cell.moved.get("how") == f"l{cells - 1}"]
    assert third == {str(seed): float(f"{cells - 1}.{seed}") for seed in range(10)}
    assert marked(mark) == []
    begun, ended = ((folder / name).read_text().splitlines() for name in ("begun", "ended"))
    return f"{hit} of {kills} kills hit a worker, {len(begun) - len(ended)} a run; {len(begun)} runs begun"


def test_few_kills_lose_nothing_and_count_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_and_count(tmp_path, monkeypatch, cells=2, kills=5, seconds=0.15)


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_workers_lose_nothing_and_count_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    print(kill_and_count(tmp_path, monkeypatch, cells=6, kills=KILLS, seconds=0.8))
