"""Workers of a study whose runs do nothing but report: as many processes as a test likes. Imports no torch.

python -m tests.faults.nothing URL STUDY FOLDER SECONDS [MACHINE]     works until no slot is left

Every run is noted in `FOLDER/begun` and `FOLDER/ended`; of four seeds two report nothing before they are told. MACHINE
makes the process one of another machine, whose workers are thought dead when they have not beaten for a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import FloatDistribution

from archsearch.errors import ArchsearchError
from archsearch.study import alive, worker
from archsearch.study.held import HeldSearch, HeldStudy, HeldTrial
from archsearch.study.lifecycle import open_or_make
from archsearch.study.queue import Slot, refill
from archsearch.study.runner import Assignment, Outcome, PrunedError, Workplace
from archsearch.study.storage import Storage, Study, open_storage

if TYPE_CHECKING:
    from archsearch.train.watch import Watch

EPOCHS = 3


def made(storage: Storage, name: str, slots: int) -> Study:
    """Make a study of so many slots, or open it."""
    held = HeldSearch(
        text="base: tiny\n",
        stem=name,
        base={"name": "tiny"},
        seed=0,
        sampler="random",
        identity={"space": {}},
        metrics=("val_accuracy",),
        minimize_learned=False,
        trials=slots,
    )
    return open_or_make(storage, name, "search", [("maximize", "val_accuracy")], lambda: held)


def reports(seed: int) -> bool:
    """Say whether a run of this seed reports its epochs; of two workers in turn each has some of both kinds."""
    return seed % 4 >= 2


class Nothing:
    """What every run is: no experiment at all."""

    name = "nothing"
    written: dict[str, Any] = {"name": "nothing"}  # noqa: RUF012
    sizes: dict[str, int] = {}  # noqa: RUF012


class NothingRunner:
    """Sleeps through its epochs and gives the number of the seed."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder, self.seconds = folder, seconds

    def run(
        self, assignments: Sequence[Assignment], place: Workplace, watch: Callable[[Assignment], Watch]
    ) -> Sequence[Outcome]:
        return [self._run(one, watch(one)) for one in assignments]

    def _run(self, assignment: Assignment, watch: Any) -> Outcome:
        self._note("begun", assignment.seed)
        for epoch in range(EPOCHS):
            time.sleep(self.seconds / EPOCHS)
            if reports(assignment.seed):
                watch.report(epoch, assignment.seed)
        self._note("ended", assignment.seed)
        identity = {"run_id": f"run-{assignment.seed}", "seed": assignment.seed}
        record = {**identity, "environment": {}, "data_fingerprint": "", "test_reads": 0, "seconds": self.seconds}
        return Outcome(f"run-{assignment.seed}", {"val_accuracy": float(assignment.seed)}, record)

    def key(self, assignment: Assignment) -> str:
        return f"run-{assignment.seed}"

    def together(self, one: Assignment, other: Assignment) -> bool:
        return False

    def _note(self, file: str, seed: int) -> None:
        with (self.folder / file).open("a") as lines:
            lines.write(f"{seed} {os.getpid()}\n")


class Reports:
    """Reports and asks the pruner, as the watch of a search does."""

    def __init__(self, trial: optuna.Trial) -> None:
        self.trial = trial

    def report(self, epoch: int, value: float) -> None:
        self.trial.report(value, epoch)
        if self.trial.should_prune():
            raise PrunedError


class NothingJob:
    """A slot is its number, which is also the seed."""

    def __init__(self, study: Study, folder: Path, seconds: float) -> None:
        self.study = study
        self.runner = NothingRunner(folder, seconds)
        study.pruner = optuna.pruners.MedianPruner(n_startup_trials=10**6)

    def plan_ahead(self, storage: Storage) -> None:
        refill(storage, self.study, HeldStudy(self.study).trials, Slot)

    def assignment(self, trial: optuna.Trial) -> Assignment:
        number = HeldTrial(trial).slot
        assert number is not None
        return Assignment(Nothing(), number, params={"x": (FloatDistribution(0.0, 1.0), 0.5)})  # type: ignore[arg-type]

    def watch(self, trial: optuna.Trial) -> Any:
        return Reports(trial)

    def values(self, assignment: Assignment, outcome: Outcome) -> Sequence[float | None]:
        return [outcome.metrics["val_accuracy"]]


def begin(url: str, name: str, folder: Path, seconds: float, *machine: str, **env: str) -> subprocess.Popen[str]:
    """Start a worker as a process of its own; what it says goes to a file of its number."""
    with (folder / f"said-{time.monotonic_ns()}").open("w") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nothing", url, name, str(folder), str(seconds), *machine],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])} | env,
            stdout=said,
            stderr=said,
            text=True,
        )


def said(folder: Path) -> str:
    """What all workers have said, without what they say of a storage that is away."""
    lines = [line for path in sorted(folder.glob("said-*")) for line in path.read_text().splitlines()]
    return "\n".join(line for line in lines if "the storage does not answer (" not in line)


def _main(url: str, name: str, folder: str, seconds: str, machine: str = "") -> int:
    if machine:
        alive._host = lambda: machine
        alive.GRACE_SECONDS, worker.BEAT_SECONDS, worker.REAP_SECONDS = 1.0, 0.2, 0.2
    try:
        storage = open_storage(url)
        study = optuna.load_study(study_name=name, storage=storage)
        worker.work(Workplace(storage, study, Path(folder)), NothingJob(study, Path(folder), float(seconds)))
    except ArchsearchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
