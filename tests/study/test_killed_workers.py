"""Workers of programs that are killed at random moments: every run counted once, none lost, no process left."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from optuna.trial import TrialState

from archsearch.program.program_directory import kept_programs
from archsearch.study.held import HeldCell, HeldTrial
from archsearch.study.queue import Slot, add_slots
from tests.study.seeds_of_a_program import place_of, program

KILLS = int(os.environ.get("ARCHSEARCH_TEST_KILLS", "10"))
RUNS = 60
WORKER = """
import sys
from pathlib import Path
from archsearch.study.worker import work
from tests.study.seeds_of_a_program import SeedsJob, place_of, program
folder = Path(sys.argv[1])
place, job = place_of(folder), SeedsJob(program(folder, sys.argv[2]))
print("ready", flush=True)
work(place, job)
"""


def marked(mark: str) -> list[str]:
    """The processes that have a variable of the test, but for its workers."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"KILLTEST={mark}".encode() in environ.read_bytes():
                command = environ.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append(command)
        except OSError:
            continue
    return [command for command in found if command]


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_workers_lose_nothing_and_count_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path / "cache"))
    mark = tmp_path.name
    line = f"echo {{seed}} >> {tmp_path}/begun; sleep 0.2 & sleep 0.2; echo {{seed}} >> {tmp_path}/ended"
    line += "; echo loss={seed}"
    program(tmp_path, line)
    place = place_of(tmp_path)
    slots = [Slot(n, {}, HeldCell(cell="baseline", pair=n, run_seed=n, retry=0)) for n in range(RUNS)]
    add_slots(place.storage, place.study, slots)
    place.storage.engine.dispose()
    environment = os.environ | {"KILLTEST": mark, "PYTHONPATH": str(Path(__file__).parents[2])}
    dice = random.Random(3)

    def worker() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), line], env=environment, stdout=subprocess.PIPE, text=True
        )

    for _ in range(KILLS):
        process = worker()
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        # long enough for a run or two, so that kills come in the middle of every step of one
        time.sleep(dice.uniform(0.05, 2.0))
        process.kill()
        process.wait()
        process.stdout.close()
        end = time.monotonic() + 20
        while marked(mark):
            assert time.monotonic() < end, marked(mark)
            time.sleep(0.02)
    last = worker()
    last.communicate(timeout=600)
    assert last.returncode == 0
    trials = place_of(tmp_path).study.get_trials()
    completed = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert Counter(HeldTrial(trial).pair for trial in completed) == dict.fromkeys(range(RUNS), 1)
    assert len(trials) == RUNS, "a slot that comes back is the same trial"
    assert {HeldTrial(trial).pair: trial.values for trial in completed} == {n: [float(n)] for n in range(RUNS)}
    assert sorted(result.seed for _, result in kept_programs(tmp_path / "runs")) == list(range(RUNS))
    assert marked(mark) == []
    begun, ended = ((tmp_path / name).read_text().split() for name in ("begun", "ended"))
    print(f"{KILLS} kills, {len(begun) - len(ended)} of them in the middle of a run; {len(begun)} runs begun")
