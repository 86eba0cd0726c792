"""Ctrl-C and SIGTERM at eight moments of run, study and ablate: the promised code and one line, the slot waits again,
and the same call goes on to the same bits.

pytest -m faults tests/faults/test_signals.py                          # one moment of each
pytest -m "faults and slow" tests/faults/test_signals.py               # all eight
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.study.held import HeldTrial
from archsearch.study.storage import open_storage
from tests.faults.verified import wrong

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]
MAIN = "from archsearch.cli import main; main()"
MOMENTS = [0.1, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95]  # shares of the time that the call takes by itself
FEW = [MOMENTS[3]]
FILES = {
    "tiny.yaml": """
name: tiny
data: {name: digits, validation: 300}
network: [{conv2d: {out_channels: 8, kernel_size: 3}}, relu, flatten, {linear: {out_features: classes}}]
train: {epochs: 60, batch_size: 50, optimizer: {adam: {lr: 1e-3}}}
""",
    "train.yaml": """
program: {command: [sh, train.sh, "{seed}", "{how}"], files: [train.sh], parallel: true}
values: {how: 0}
metrics: {loss: {last: 'loss=(.*)'}}
objective: {minimize: loss}
""",
    "train.sh": "sleep 0.2\necho loss=$2.$1\n",
    "ablation.yaml": "baseline: train.yaml\nfactors: {how: {l1: [set: {values.how: 1}]}}\nseeds: 10\n",
    "search.yaml": "base: train.yaml\nspace: {values.how: {int: [0, 1000]}}\n",
}
CALLS = {
    "run": ("run", "tiny.yaml"),
    "study": ("study", "search.yaml", "--trials", "16", "--confirm", "0", "--sampler", "random"),
    "ablate": ("ablate", "ablation.yaml"),
}


@dataclass
class Ended:
    code: int
    out: str
    err: str
    seconds: float


@dataclass
class Folder:
    """A folder in which a call is made, interrupted and made again."""

    path: Path
    data_dir: Path
    arguments: tuple[str, ...]

    def call(self, number: int | None = None, after: float = 0.0) -> Ended:
        """Make the call; send its process group a signal after so many seconds, as a terminal does."""
        self.path.mkdir(exist_ok=True)
        for name, text in FILES.items():
            (self.path / name).write_text(text)
        environment = os.environ | {
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "ARCHSEARCH_TRUST": "1",
            "ARCHSEARCH_DATA": str(self.data_dir),
        }
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, *self.arguments], cwd=self.path, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        if number is not None:
            time.sleep(after)
            if process.poll() is None:
                os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
        out, err = process.communicate(timeout=300)
        return Ended(process.returncode, out, err, time.monotonic() - began)

    def told(self) -> object:
        """Give what came out, without times: the bits of the weights of runs, the values of trials."""
        weights = {
            path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.path.glob("runs/*/model.safetensors"))
        }
        if weights:
            return weights
        storage = open_storage(f"sqlite:///{self.path / 'runs' / 'archsearch.db'}", reading=True)
        [name] = optuna.get_all_study_names(storage)
        trials = optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
        storage.engine.dispose()
        assert {trial.state for trial in trials} == {TrialState.COMPLETE}
        return sorted((HeldTrial(trial).slot, trial.values, sorted(trial.params.items())) for trial in trials)

    def running(self) -> int:
        """Count the slots that are under way, where nobody works any more."""
        path = self.path / "runs" / "archsearch.db"
        if not path.exists():
            return 0
        storage = open_storage(f"sqlite:///{path}", reading=True)
        count = sum(
            trial.state == TrialState.RUNNING
            for name in optuna.get_all_study_names(storage)
            for trial in optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
        )
        storage.engine.dispose()
        return count


WHOLE: dict[tuple[str, int], tuple[object, float]] = {}


def whole(command: str, workers: int, parent: Path, data_dir: Path) -> tuple[object, float]:
    """Make a call without a signal, once for all moments: what comes out, and how long it takes."""
    if (command, workers) not in WHOLE:
        folder = Folder(parent / "whole", data_dir, arguments(command, workers))
        folder.call() if command == "run" else None  # what is prepared once is not what is timed
        (parent / "whole").rename(parent / "first") if command == "run" else None
        ended = folder.call()
        assert ended.code == 0, ended.err
        WHOLE[command, workers] = folder.told(), ended.seconds
    return WHOLE[command, workers]


def arguments(command: str, workers: int) -> tuple[str, ...]:
    return CALLS[command] if command == "run" else (*CALLS[command], "--workers", str(workers))


def check(command: str, workers: int, number: int, share: float, tmp_path: Path, data_dir: Path) -> None:
    expected, seconds = whole(command, workers, tmp_path, data_dir)
    folder = Folder(tmp_path / "stopped", data_dir, arguments(command, workers))
    ended = folder.call(number, share * seconds)
    # 0: it was quicker this time; a signal that comes while Python leaves is the system's
    assert ended.code in (0, 128 + number, -number), ended.err
    assert "Traceback" not in ended.out + ended.err
    if ended.code > 0:
        assert ended.err.splitlines()[-1].startswith(("error: interrupted", "interrupted")), ended.err
    assert folder.running() == 0
    again = folder.call()
    assert again.code == 0, again.err
    assert folder.told() == expected
    assert wrong(folder.path / "runs") == []


CASES = [("run", 1), ("study", 1), ("study", 2), ("ablate", 1), ("ablate", 2)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
@pytest.mark.parametrize("share", FEW)
@pytest.mark.parametrize(("command", "workers"), CASES)
def test_signal_at_one_moment(command, workers, share, number, tmp_path, data_dir):
    check(command, workers, number, share, tmp_path, data_dir)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
@pytest.mark.parametrize("share", [one for one in MOMENTS if one not in FEW])
@pytest.mark.parametrize(("command", "workers"), CASES)
def test_signal_at_the_other_moments(command, workers, share, number, tmp_path, data_dir):
    check(command, workers, number, share, tmp_path, data_dir)
