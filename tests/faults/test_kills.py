"""kill -9 of random workers of the command line's own pool: every slot counted once, none lost, nothing told wrong.

pytest -m faults tests/faults/test_kills.py         # 40 kills for each kind of study and storage
ARCHSEARCH_TEST_KILLS=500 pytest -m faults tests/faults/test_kills.py
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.study.held import HeldTrial
from archsearch.study.storage import open_storage
from tests.faults.verified import wrong
from tests.study.test_killed_workers import marked

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3000)]
KILLS = int(os.environ.get("ARCHSEARCH_TEST_KILLS", "40"))
EACH = 40  # kills at most in one study; more of them are those of several
SLOTS = 60
MAIN = "from archsearch.cli import main; main()"
LEVELS = ", ".join(f"l{level}: [set: {{values.how: {level}}}]" for level in range(1, 6))
FILES = {
    "train.yaml": """
program: {command: [sh, train.sh, "{seed}", "{how}"], files: [train.sh], parallel: true}
values: {how: 0}
metrics: {loss: {last: 'loss=(.*)'}}
objective: {minimize: loss}
""",
    # a value that says which seed and level it belongs to; what is left in the background must end too
    "train.sh": "sleep 0.15 &\nsleep 0.15\necho loss=$2.$1\n",
    "ablation.yaml": f"baseline: train.yaml\nfactors: {{how: {{{LEVELS}}}}}\nseeds: 10\n",
    "search.yaml": "base: train.yaml\nspace: {values.how: {int: [0, 1000]}}\n",
}


@dataclass
class Call:
    """The command that is started again and again, in a folder with programs, on a storage."""

    folder: Path
    url: str
    arguments: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "KILLTEST": self.folder.name,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "ARCHSEARCH_TRUST": "1",
            "ARCHSEARCH_DATA": str(self.folder / "cache"),
        }

    def start(self) -> subprocess.Popen[str]:
        arguments = [*self.arguments, "--workers", "3", "--storage", self.url]
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, *arguments], cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def workers(self, call: int) -> tuple[list[int], list[int]]:
        """Give the workers of a call, and the processes that start them: the call itself and, where there is one, the
        process that forks them.
        """
        nurseries = _children(call)
        return [worker for one in nurseries for worker in _children(one)], [call, *nurseries]


def _children(parent: int) -> list[int]:
    """Give a process's children, but for what Python starts beside them."""
    found = []
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            with contextlib.suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


def without_half_started(said: str) -> str:
    """Take out what Python says of a process whose parent is killed while starting it: no code of ours runs there."""
    return re.sub(r"Traceback \(most recent call last\):\n(?:  .*\n)*?.*spawn_main(?:.*\n)*?EOFError: .*\n", "", said)


def kill_until(call: Call, kills: int, dice: random.Random) -> tuple[int, int]:
    """Kill random workers, now and then the call or what starts them; give how many kills, in how many calls."""
    done, calls = 0, 0
    while done < kills:
        process = call.start()
        calls += 1
        while process.poll() is None and done < kills:
            time.sleep(dice.uniform(0.1, 0.8))
            workers, starters = call.workers(process.pid)
            if workers:
                os.kill(dice.choice([*workers, *starters] if dice.random() < 0.2 else workers), signal.SIGKILL)
                done += 1
        if process.poll() is None and done >= kills:
            process.kill()
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in without_half_started(out + err), err
        assert process.returncode in (0, 4, 75, -signal.SIGKILL), err
        end = time.monotonic() + 60
        while left := marked(call.folder.name):
            assert time.monotonic() < end, left
            time.sleep(0.05)
        if process.returncode == 0:
            break  # nothing is left to be killed
    return done, calls


@pytest.mark.parametrize("storage", ["sqlite", "postgres"])
@pytest.mark.parametrize("kind", ["study", "ablate"])
def test_killed_workers_lose_nothing_and_count_nothing_twice(
    kind: str, storage: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    killed = 0
    for study in itertools.count():
        folder = tmp_path / f"{kind}-{storage}-{study}-{tmp_path.name}"  # marks its processes: the only one
        folder.mkdir()
        done, calls = one_study(kind, storage, folder, min(KILLS - killed, EACH), request, random.Random(11 + study))
        print(f"{kind} on {storage}: {done} kills in {calls} calls")
        killed += done
        if killed >= KILLS:
            break
        assert done, "a study that ends before anybody is killed shows nothing"


def one_study(
    kind: str, storage: str, tmp_path: Path, kills: int, request: pytest.FixtureRequest, dice: random.Random
) -> tuple[int, int]:
    """Kill in one study of its own until it is done or there were enough kills; say how many, in how many calls."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    name = f"kills-{tmp_path.name}"
    sqlite = f"sqlite:///{tmp_path / 'runs' / 'archsearch.db'}"
    url = sqlite if storage == "sqlite" else request.getfixturevalue("postgres")
    more = ("--trials", str(SLOTS), "--confirm", "0", "--sampler", "random") if kind == "study" else ()
    file = "search.yaml" if kind == "study" else "ablation.yaml"
    call = Call(tmp_path, url, (kind, file, "--name", name, *more))
    done, calls = kill_until(call, kills, dice)
    last = call.start()
    _, err = last.communicate(timeout=900)
    assert last.returncode == 0, err
    opened = open_storage(url, reading=True)
    trials = optuna.load_study(study_name=name, storage=opened).get_trials(deepcopy=False)
    opened.engine.dispose()
    completed = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert len(trials) == len(completed) == SLOTS, Counter(trial.state.name for trial in trials)
    assert Counter(HeldTrial(trial).slot for trial in completed) == dict.fromkeys(range(SLOTS), 1)
    for trial in completed:
        held = HeldTrial(trial)
        assert held.spec is not None
        assert trial.values == [float(f"{held.spec['values']['how']}.{held.seed}")]
    assert marked(tmp_path.name) == []
    assert wrong(tmp_path / "runs", url) == []
    return done, calls
