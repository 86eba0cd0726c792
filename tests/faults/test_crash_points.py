"""A process that dies at a named point of a search: one plain call afterwards ends it, as if nothing had been.

Commands are forked from a process that has imported everything, so that each takes a moment.
"""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.crash import CRASH_POINTS
from archsearch.files import read_sealed
from archsearch.study.held import HeldTrial
from archsearch.study.storage import open_storage
from tests.faults.verified import wrong

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
PACKAGE = Path(__file__).parents[2] / "archsearch"
SPEC = """\
name: tiny
data: {name: digits, train_limit: 300}
network:
  - conv2d: {out_channels: 2, kernel_size: 3}
  - relu
  - flatten
  - linear: {out_features: classes}
train: {epochs: 2, batch_size: 50, device: cpu}
"""
STUDY = """\
base: tiny.yaml
objective: {maximize: val_accuracy}
network:
  - conv2d: {out_channels: {int: [2, 6]}, kernel_size: {choice: [3, 5]}}
  - relu
  - flatten
  - linear: {out_features: classes}
trials: 4
sampler: random
confirm: 1
confirm_seeds: 2
"""
FORKS = """
import os, signal, sys
from archsearch.train.directory import RunDirectory
import archsearch.cli, archsearch.api.functions, archsearch.report.make, archsearch.report.write
import archsearch.cli.report, archsearch.search.search, archsearch.study.network_runner, archsearch.cli.console
from archsearch import crash
print("ready", flush=True)
for line in sys.stdin:
    point, seconds, folder, *words = line.rstrip("\\n").split("\\t")
    pid = os.fork()
    if pid == 0:
        os.environ["ARCHSEARCH_CHECKPOINT_SECONDS"] = seconds
        os.chdir(folder)
        said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1), os.dup2(said, 2)
        crash.crash_at(point)
        if not point.startswith("report"):  # which a search writes at its end, and takes seconds
            archsearch.cli.report.write_at_end = lambda *given: None
        if point.startswith("given back"):  # by a signal, which comes when an epoch is kept
            kept = RunDirectory.keep
            RunDirectory.keep = lambda *given: (kept(*given), signal.raise_signal(signal.SIGINT))
        sys.argv = ["archsearch", *words]
        code = 1
        try:
            archsearch.cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""
# where another point than the name alone is meant: the third file is a checkpoint, one of 9 is the first trial's result
COUNTS = {
    "file begun": (1, 4, 9),
    "file written": (1, 4, 9),
    "file renamed": (1, 4, 9),
    "slot planned": (1, 3, 5),
    "claimed": (1, 3, 6),
    "told": (1, 4, 5),
    "ran": (1, 4, 6),
    "study half": (1, 3),
    "study begun": (1, 2),
    "mid-epoch": (1, 12),
}
REAPING = {"burying", "buried"}
REPORTING = {"report made"}
POINTS = [  # each point once is quick enough for every change; its other times are not
    pytest.param(f"{point}:{count}", marks=[] if count == COUNTS.get(point, (1,))[0] else pytest.mark.slow)
    for point in CRASH_POINTS
    for count in COUNTS.get(point, (1,))
]


class Forks:
    """Runs commands in processes that are forked from one that has imported everything."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKS],
            env=os.environ | {"PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1", "COLUMNS": "80"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def __call__(self, folder: Path, *words: str, point: str = "", seconds: float = 0) -> int:
        """Run a command; `seconds` of its training are in memory only, by default none: every epoch is a file."""
        assert self.process.stdin is not None
        self.process.stdin.write("\t".join([point, str(seconds), str(folder), *words]) + "\n")
        self.process.stdin.flush()
        return int(self._answer())


@pytest.fixture(scope="module")
def forks(data_dir: Path) -> Iterator[Forks]:
    os.environ["ARCHSEARCH_DATA"] = str(data_dir)
    forks = Forks()
    yield forks
    forks.process.communicate(timeout=30)


@pytest.fixture(scope="module")
def whole(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What comes out where nothing goes wrong."""
    folder = begun(tmp_path_factory.mktemp("whole"))
    found = ended(forks, folder)
    assert forks(folder, "report", "mine", "-o", "report.html") == 0, (folder / "said").read_text()
    return found


def begun(folder: Path) -> Path:
    (folder / "tiny.yaml").write_text(SPEC)
    (folder / "mine.yaml").write_text(STUDY)
    return folder


def ended(forks: Forks, folder: Path) -> dict[str, object]:
    """End a study by one plain call, and give all that counts of it."""
    assert forks(folder, "study", "mine.yaml", "--workers", "1") == 0, (folder / "said").read_text()
    assert "Traceback" not in (folder / "said").read_text()
    storage = open_storage(f"sqlite:///{folder / 'runs' / 'archsearch.db'}")
    found: dict[str, object] = {}
    for name in optuna.get_all_study_names(storage):
        study = optuna.load_study(study_name=name, storage=storage)
        trials = study.get_trials()
        assert Counter(HeldTrial(one).slot for one in trials) == dict.fromkeys(range(len(trials)), 1)
        assert {one.state for one in trials} == {TrialState.COMPLETE}
        found[name] = {HeldTrial(one).slot: (one.params, one.values, HeldTrial(one).run_id) for one in trials}
    storage.engine.dispose()
    results = sorted((folder / "runs").glob("*/result.json"))
    found["runs"] = {path.parent.name: read_sealed(path)["files"]["model.safetensors"] for path in results}
    found["best"] = (folder / "runs" / "mine" / "best.yaml").read_text()
    assert wrong(folder / "runs") == []
    return found


@pytest.mark.parametrize("point", POINTS)
def test_one_plain_call_recovers_from_a_crash(forks: Forks, whole, tmp_path: Path, point: str) -> None:
    folder, name = begun(tmp_path), point.partition(":")[0]
    if name in REAPING:
        assert forks(folder, "study", "mine.yaml", "--workers", "1", point="mid-epoch:3") == -signal.SIGKILL
    if name in REPORTING:
        assert forks(folder, "study", "mine.yaml", "--workers", "1") == 0
        assert forks(folder, "report", "mine", "-o", "report.html", point=point) == -signal.SIGKILL
        assert not (folder / "report.html").exists()
        assert forks(folder, "report", "mine", "-o", "report.html") == 0, (folder / "said").read_text()
        assert (folder / "report.html").read_text().endswith("</html>")
    else:
        assert forks(folder, "study", "mine.yaml", "--workers", "1", point=point) == -signal.SIGKILL, "never passed"
    assert ended(forks, folder) == whole


@pytest.mark.parametrize("point", ["epoch kept:2", "reported:3", "mid-epoch:12"])
def test_one_plain_call_recovers_from_a_crash_that_takes_epochs_along(forks: Forks, whole, tmp_path, point) -> None:
    folder = begun(tmp_path)
    code = forks(folder, "study", "mine.yaml", "--workers", "1", point=point, seconds=3600)
    assert code == -signal.SIGKILL, "never passed"
    assert not list(folder.rglob("checkpoint.pt"))
    assert ended(forks, folder) == whole


def test_every_point_that_is_passed_is_listed_and_the_other_way_round() -> None:
    passed = [
        node.args[0].value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "crash_point"
        and isinstance(node.args[0], ast.Constant)
    ]
    assert set(passed) == set(CRASH_POINTS)
    assert len(CRASH_POINTS) >= 16
