"""The runner of programs: starts each assignment by itself, or takes the run that is there already.

ProgramRunner().run([assignment], place, watch)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from archsearch.data.location import data_dir
from archsearch.errors import BusyError, SpecError, UntrustedError
from archsearch.files import locked
from archsearch.program.experiment import ProgramExperiment, program_run_id
from archsearch.program.program_result import HistoryRow, ProgramResult
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.run import FilesChangedError, FinishedProgram, run_program
from archsearch.study.runner import IDLE_SECONDS, Assignment, CannotKeepError, Outcome, RefusedError, Workplace

if TYPE_CHECKING:
    from archsearch.train.result import EpochRecord
    from archsearch.train.watch import Watch


GPUS_VARIABLE = "ARCHSEARCH_GPUS"  # how many GPUs this machine has for programs; workers inherit it
REPEATS = "repeats"  # the folder among the runs of those that were made again with the same seed


class ProgramRunner:
    """Starts programs; each run has a GPU of its own where the program says how many there are.

    `trusted` allows what they start, for this runner alone. What this machine's user did not allow, or what is not the
    same here as when the study was planned, is left to another worker; a run that fails is a slot that fails.
    """

    def __init__(self, *, trusted: bool = False) -> None:
        self.trusted = trusted

    def run(
        self, assignments: Sequence[Assignment], place: Workplace, watch: Callable[[Assignment], Watch]
    ) -> Sequence[Outcome]:
        """Run each assignment's program, one after the other."""
        return [self._outcome(one, place, watch) for one in assignments]

    def key(self, assignment: Assignment) -> str:
        """Give the id of the run."""
        return program_run_id(program_of(assignment), assignment.seed)

    def together(self, one: Assignment, other: Assignment) -> bool:
        """Programs are run one by one."""
        return False

    def _outcome(self, assignment: Assignment, place: Workplace, watch: Callable[[Assignment], Watch]) -> Outcome:
        finished = self._run(assignment, place, watch)
        if finished.result.status != "completed":
            raise RefusedError(f"{finished.result.complaint()}\n(all of it is in {finished.run_dir})")
        outcome = program_outcome(finished)
        if assignment.twice:
            again = self._run(assignment, place, watch, place.runs_dir / REPEATS).result
            outcome.record["repeat"] = _what_came(again) if again.status == "completed" else None
        return outcome

    def _run(
        self,
        assignment: Assignment,
        place: Workplace,
        watch: Callable[[Assignment], Watch],
        runs_dir: Path | None = None,
    ) -> FinishedProgram:
        """Run a program; where another worker is at the very same run, wait for its result."""
        experiment = program_of(assignment)
        while True:
            try:
                with _a_gpu(gpus_of(experiment.spec)) as device:
                    return run_program(
                        experiment,
                        seed=assignment.seed,
                        runs_dir=runs_dir or place.runs_dir,
                        device=device,
                        watch=_following(watch(assignment)),
                        trusted=self.trusted,
                    )
            except BusyError:
                time.sleep(IDLE_SECONDS)
            except (UntrustedError, FilesChangedError) as error:
                raise CannotKeepError(str(error)) from None
            except SpecError as error:
                raise RefusedError(str(error)) from None


def program_of(assignment: Assignment) -> ProgramExperiment:
    """Give the program that an assignment is about."""
    if not isinstance(assignment.experiment, ProgramExperiment):
        raise TypeError(f"{assignment.experiment.name} is no program")
    return assignment.experiment


def program_outcome(finished: FinishedProgram) -> Outcome:
    """Give a finished run as what a trial carries: its spec stands beside it, its metrics are keys of their own."""
    return Outcome(
        run_id=finished.result.run_id,
        metrics=dict(finished.result.metrics),
        record=program_record(finished.result),
        files=finished.run_dir,
        cached=finished.cached,
    )


def program_record(result: ProgramResult) -> dict[str, Any]:
    """Give a result as a trial has it, with the keys that every kind of run has."""
    held = result.model_dump(mode="json", exclude={"spec", "metrics", "history", "files"})
    history = [{"epoch": row.epoch, **row.metrics} for row in result.history]
    return {
        **held,
        "files": result.files.model_dump(mode="json", exclude={"files"}),
        "history": history,
        "epochs": len({row.epoch for row in result.history}),
        "data_fingerprint": "",  # what its numbers depend on is part of the program
        "test_reads": 0,
        **result.metrics,
    }


def _what_came(result: ProgramResult) -> dict[str, Any]:
    """Give the numbers of a run as its record has them."""
    record = program_record(result)
    return {name: record[name] for name in ("history", *result.metrics)}


def _following(watch: Watch) -> Callable[[int, Mapping[str, float]], None]:
    """Tell a study's watch of each row of the history as of an epoch."""
    watch.start(0, (), 0)
    return lambda step, values: watch.epoch(cast("EpochRecord", HistoryRow(epoch=step, metrics=dict(values))))


def gpus_of(spec: ProgramSpec) -> int | None:
    """Say how many GPUs there are to share: as the machine's user said (--gpus), else as the file says."""
    said = os.environ.get(GPUS_VARIABLE, "")
    return int(said) if said.isdigit() and int(said) else spec.program.gpus


@contextmanager
def _a_gpu(gpus: int | None) -> Iterator[int | None]:
    """Hold one of so many GPUs for a run, of all workers of this machine; None where there is no talk of any."""
    if gpus is None:
        yield None
        return
    while True:
        for index in range(gpus):
            held = locked(_lock_of(index), "in use")
            try:
                held.__enter__()
            except BusyError:
                continue
            try:
                yield index
            finally:
                held.__exit__(None, None, None)
            return
        time.sleep(IDLE_SECONDS / 5)


def _lock_of(index: int) -> Path:
    return data_dir() / "programs" / f"gpu{index}.lock"
