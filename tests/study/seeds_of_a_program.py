"""A job whose slots are the seeds of one program: light, so that a test's worker begins at once. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna

from archsearch.program.experiment import ProgramExperiment, plan_program
from archsearch.program.program_spec import ProgramSpec
from archsearch.study.held import HeldTrial
from archsearch.study.program_runner import ProgramRunner
from archsearch.study.runner import Assignment, Outcome, Workplace
from archsearch.study.storage import open_storage

if TYPE_CHECKING:
    from archsearch.train.watch import Watch


class Unseen:
    """A watch that looks at nothing."""

    def start(self, epochs: int, history: Sequence[Any], samples: int) -> None:
        """Nothing to see."""

    def batch(self, epoch: int, samples: int, loss: float) -> None:
        """Nothing to see."""

    def epoch(self, record: Any) -> None:
        """Nothing to see."""


def program(tmp_path: Path, line: str, **section: Any) -> ProgramExperiment:
    (tmp_path / "train.py").write_text("")
    tree = {
        "name": "mine",
        "program": {"command": ["sh", "-c", line], "folder": str(tmp_path), "files": ["train.py"], **section},
        "values": {"shift": 0.5} if "{shift}" in line else {},
        "metrics": {"loss": {"last": r"loss=(\S+)"}},
        "history": {"csv": "log.csv", "columns": ["loss"]} if "log.csv" in line else None,
    }
    return plan_program(ProgramSpec.model_validate(tree))


def place_of(tmp_path: Path) -> Workplace:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    storage = open_storage(url)
    study = optuna.create_study(study_name="mine", storage=storage, load_if_exists=True)
    return Workplace(storage, study, tmp_path / "runs")


class SeedsJob:
    """A slot is a seed of one program."""

    def __init__(self, experiment: ProgramExperiment, watch: Watch | None = None, *, trusted: bool = True) -> None:
        self.runner = ProgramRunner(trusted=trusted)
        self.experiment = experiment
        self.follows = watch or Unseen()

    def plan_ahead(self, storage: Any) -> None:
        pass

    def assignment(self, trial: optuna.Trial) -> Assignment:
        return Assignment(self.experiment, HeldTrial(trial).attrs["run_seed"])

    def watch(self, trial: optuna.Trial) -> Watch:
        return self.follows

    def values(self, assignment: Assignment, outcome: Outcome) -> Sequence[float | None]:
        return [outcome.metrics["loss"]]
