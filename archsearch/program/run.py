"""Run a program with a seed, once, and keep what it gave.

    finished = run_program(plan_program(load_program("train.yaml")), seed=3, runs_dir=Path("runs"))
    finished.result.metrics, finished.run_dir, finished.cached

A finished run is not run again. One that fails is a result too (see its status), which the next call tries again. What
the program writes is on disk as it comes; when this process ends, however it does, the program ends with it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from archsearch.data.location import data_dir
from archsearch.errors import BusyError, SpecError, UnavailableError, UsageError
from archsearch.files import locked, seal, write_whole
from archsearch.program.check import names_used, result_files, shares_results
from archsearch.program.digest import changed_files, hash_files
from archsearch.program.ended import Attempt, facts_of, judged
from archsearch.program.experiment import ProgramExperiment, Resolved, executable_of, program_run_id, resolve
from archsearch.program.follow import Following
from archsearch.program.function import call_function, function_of
from archsearch.program.measure import Places, state_of
from archsearch.program.output import last_lines
from archsearch.program.permission import program_subject
from archsearch.program.process import CannotStartError, Running, Start, start_program
from archsearch.program.program_directory import ProgramDirectory
from archsearch.program.program_result import ProgramResult
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.snapshot import Snapshot
from archsearch.program.tree import Workfolder, with_changes
from archsearch.train.interrupt import Interruption, interruptible
from archsearch.trust import must_be_trusted

Follow = Callable[[int, Mapping[str, float]], None]
_LOOK_SECONDS = 0.2  # between two looks at the history and for signals; the end is told at once
_KEPT = "the run begins anew at the next call"


class FilesChangedError(UnavailableError):
    """A program's files are not those that it was planned with; nothing was run."""


@dataclass(frozen=True, slots=True)
class FinishedProgram:
    """A result with where it lies; `cached` says that it was there already."""

    result: ProgramResult
    run_dir: Path
    cached: bool


def run_program(
    experiment: ProgramExperiment,
    *,
    seed: int,
    runs_dir: Path,
    device: int | None = None,
    fresh: bool = False,
    watch: Follow | None = None,
    trusted: bool = False,
) -> FinishedProgram:
    """Run a program with a seed, or give the result that is there already.

    `device` is the index of the GPU that it gets; `watch` is called with each new row of the history, its step and its
    values, and what it raises ends the program and is let pass. `trusted` allows it for this call.
    Raises `UntrustedError`, `FilesChangedError`, `BusyError`, `DamagedFileError` and `Interrupted`.
    """
    if seed < 0:
        raise UsageError(f"a seed is a whole number from 0 on, got {seed}")
    directory = ProgramDirectory((runs_dir / program_run_id(experiment, seed)).absolute())
    if not fresh and (result := _finished(directory)) is not None:
        return FinishedProgram(result, directory.path, cached=True)
    must_be_trusted(program_subject(experiment.spec), trusted)
    with interruptible() as interruption, directory.locked():
        if not fresh and (result := _finished(directory)) is not None:
            return FinishedProgram(result, directory.path, cached=True)
        run = _Run(experiment, seed, directory, device, watch, interruption)
        result = run.function() if experiment.spec.program.function is not None else run.command()
        directory.finish(result)
    return FinishedProgram(result, directory.path, cached=False)


def _finished(directory: ProgramDirectory) -> ProgramResult | None:
    result = directory.result()
    return result if result is not None and result.status == "completed" else None


@dataclass(slots=True)
class _Run:
    """One run, from its files to its result."""

    experiment: ProgramExperiment
    seed: int
    directory: ProgramDirectory
    device: int | None
    watch: Follow | None
    interruption: Interruption

    def begin(self) -> None:
        self.directory.begin({"spec": self.experiment.written, "seed": self.seed})

    # -- a command

    def command(self) -> ProgramResult:
        spec = self.experiment.spec
        where = with_changes(spec.program)
        _as_planned(self.experiment, where)
        self.begin()
        resolved = resolve(self.experiment, self.seed, self.directory.own, self.device)
        resolved = replace(resolved, folder=where.path)
        with self._alone():
            attempt = self._try(resolved, where)
            while attempt.result.status == "failed" and attempt.ended_badly and attempt.tries <= spec.program.retries:
                self.directory.again()
                attempt = self._try(resolved, where, attempt.tries + 1)
        return attempt.result

    def _try(self, resolved: Resolved, where: Workfolder, tries: int = 1) -> Attempt:
        spec, directory = self.experiment.spec, self.directory
        self._write_inputs(resolved)
        before = Snapshot(where.path, where.names)
        began = datetime.now(UTC)
        there = {name: state_of(where.path / name) for name in result_files(spec)}
        places = Places(directory.own, where.path, directory.stdout, directory.stderr, there)
        following = Following(spec.history, places, shared=shares_results(spec))
        timed_out, failure, ended = False, None, None
        try:
            with start_program(self._start(resolved)) as running:
                timed_out = self._follow(running, following)
                ended = running.ended
        except CannotStartError as error:
            failure = str(error)
        for row in following.new(ended=True):
            if self.watch is not None:
                self.watch(row.epoch, row.metrics)
        now = hash_files(where.path, where.names)
        if now.digest != self.experiment.files.digest:
            failure = _void(changed_files(self.experiment.files, now), spec)
        return judged(
            Attempt(self.experiment, self.seed, resolved, ended, following, places, began, tries),
            timed_out=timed_out,
            void=now.digest != self.experiment.files.digest,
            failure=failure,
            wrote=before.written(Snapshot(where.path, where.names), (*result_files(spec),), directory.path.parent),
        )

    def _write_inputs(self, resolved: Resolved) -> None:
        for path, text in resolved.config.items():
            file = self.directory.own / path  # a path from the root stays what it is
            if not file.resolve().is_relative_to(self.directory.own.resolve()):
                raise UsageError(f"program.config.to: {path} is not in {{run_dir}}, so all runs would share it")
            write_whole(file, text.encode(), synced=False)
        if resolved.stdin is not None:
            write_whole(self.directory.stdin, resolved.stdin.encode(), synced=False)

    def _start(self, resolved: Resolved) -> Start:
        environment = dict(os.environ) | {"PWD": str(resolved.folder)} | resolved.environment
        if self.device is not None and "device" not in names_used(self.experiment.spec):
            environment["CUDA_VISIBLE_DEVICES"] = str(self.device)
        stdin = self.directory.stdin if resolved.stdin is not None else Path(os.devnull)
        return Start(resolved.argv, environment, resolved.folder, stdin, self.directory.stdout, self.directory.stderr)

    def _follow(self, running: Running, following: Following) -> bool:
        """Follow the program to its end; say whether its time was over."""
        timeout = self.experiment.spec.program.timeout
        until = None if timeout is None else time.monotonic() + timeout
        timed_out = False
        try:
            while running.wait(_look(until)) is None:
                self.interruption.check(_KEPT)
                if self.watch is not None:
                    for row in following.new():
                        self.watch(row.epoch, row.metrics)
                if until is not None and not timed_out and time.monotonic() >= until:
                    timed_out, until = True, None
                    running.end()
        except Exception:
            running.end()
            while running.wait(_LOOK_SECONDS) is None:
                pass
            raise
        return timed_out

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other run write the files of its metrics in the same folder meanwhile.

        A copy of the folder links to what is in it, so that one lock is for all of them.
        """
        if not shares_results(self.experiment.spec):
            yield
            return
        lock = data_dir() / "programs" / f"{seal(self.experiment.spec.program.folder)[:32]}.lock"
        while True:
            held: AbstractContextManager[None] = locked(lock, "busy")
            try:
                held.__enter__()
                break
            except BusyError:
                self.interruption.check(_KEPT)
                time.sleep(_LOOK_SECONDS / 4)
        try:
            yield
        finally:
            held.__exit__(None, None, None)

    # -- a function

    def function(self) -> ProgramResult:
        self.begin()
        began, clock = datetime.now(UTC), time.monotonic()
        values: dict[str, float] = {}
        failure: str | None = None
        with (
            self.directory.stdout.open("w", encoding="utf-8") as out,
            self.directory.stderr.open("w", encoding="utf-8") as err,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                values = call_function(self.experiment.spec, self.seed)
            except (Exception, SystemExit) as error:  # whatever the user's function raises, or exits with: a failed run
                failure = f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error)
        return _of_function(self, values, failure, began, time.monotonic() - clock)


def _void(changed: Sequence[str], spec: ProgramSpec) -> str:
    """Say that a run does not count, and what to do where the program itself writes what it depends on."""
    names = ", ".join(changed) or "a file of the program"
    own = [name for name in changed if name in result_files(spec)]
    way_out = f" (the program writes {own[0]} itself: say with files what it depends on)" if own else ""
    return f"{names} changed while the run was under way, so nobody can say what it ran; it does not count{way_out}"


def _look(until: float | None) -> float:
    return _LOOK_SECONDS if until is None else max(0.0, min(_LOOK_SECONDS, until - time.monotonic()))


def why_not_startable(experiment: ProgramExperiment) -> str:
    """Say why this machine cannot run a program that was planned on another one; "" where it can.

    Its files are not in the storage of a study: the same must lie in the same folder here. Nothing is executed.
    """
    try:
        if experiment.spec.program.function is not None:
            function_of(experiment.spec)
        else:
            _as_planned(experiment, with_changes(experiment.spec.program))
    except (SpecError, UnavailableError) as error:
        return str(error)
    return ""


def _as_planned(experiment: ProgramExperiment, where: Workfolder) -> None:
    """Refuse to run files that are not those that were planned: the run would be another one."""
    now = hash_files(where.path, where.names)
    if now.digest != experiment.files.digest:
        names = ", ".join(changed_files(experiment.files, now)) or "files of the program"
        raise FilesChangedError(
            f"{names} in {experiment.spec.program.folder} changed since {experiment.name} was planned; put them back, "
            "or begin anew with what is there now"
        )
    executable_of(experiment.spec, where.path)


def _of_function(
    run: _Run, values: dict[str, float], failure: str | None, began: datetime, seconds: float
) -> ProgramResult:
    import resource

    spec = run.experiment.spec
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    measured = {"seconds": seconds, "peak_memory": float(peak)}
    metrics = {
        name: values[name] if source.measured is None else measured[source.measured]
        for name, source in spec.metrics.items()
        if source.measured is not None or name in values
    }
    return ProgramResult(
        **facts_of(run.experiment, run.seed, began),
        status="completed" if failure is None else "failed",
        reason=failure,
        metrics=metrics,
        command=(f"{spec.program.function}(seed={run.seed})",),
        seconds=seconds,
        peak_memory=peak,
        last_lines=last_lines(run.directory.stderr, 10),
    )
