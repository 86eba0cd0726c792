"""Several runs of one plan at once, each with the files, the id and the result that it has alone.

    found = run_stacked(plan, {0: watch, 1: other}, dataset=dataset, compute=compute, read_test="end", ...)
    found.keys()            # the seeds that are finished; `run` makes the others, from their last whole epoch on

See `stacked.py` for what is computed, and when that can be.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archsearch.data.prepare import Dataset
from archsearch.errors import BusyError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.train.compute import Compute
from archsearch.train.device import numerics
from archsearch.train.directory import RunDirectory
from archsearch.train.identity import identity, run_id
from archsearch.train.interrupt import interruptible
from archsearch.train.keeping import Keeping
from archsearch.train.loop import ReadTest
from archsearch.train.run import FinishedRun, finished_result, result_of
from archsearch.train.run_files import CHECKPOINT, RESULT
from archsearch.train.stacked import Stacked, train_stacked
from archsearch.train.watch import Watch


@dataclass(frozen=True, slots=True)
class _Begun:
    """A run that is locked and begun."""

    seed: int
    identity: dict[str, Any]
    directory: RunDirectory
    keeping: Keeping


def run_stacked(
    plan: ExperimentPlan,
    watches: Mapping[int, Watch],
    *,
    runs_dir: Path,
    dataset: Dataset,
    compute: Compute,
    read_test: ReadTest,
    keep_seconds: float,
    also: Sequence[str] = (),
) -> dict[int, FinishedRun]:
    """Train at once those seeds that nobody has begun; give the runs that are finished, by seed.

    Not among them: what another process is at, what was begun before, what fell out of step. Raises `Interrupted`.
    """
    found: dict[int, FinishedRun] = {}
    with ExitStack() as held, interruptible() as interruption, numerics(compute):
        begun: list[_Begun] = []
        for seed in watches:
            identity_ = identity(plan, seed, dataset.fingerprint, compute)
            directory = RunDirectory(runs_dir / run_id(identity_))
            if (result := finished_result(directory, read_test)) is not None:
                found[seed] = FinishedRun(result, directory.path, cached=True)
            elif _begin(directory, identity_, held):
                keeping = held.enter_context(Keeping(directory.keep, keep_seconds))
                begun.append(_Begun(seed, identity_, directory, keeping))
        if len(begun) < 2:
            return found
        started, clock = datetime.now(UTC), time.monotonic()
        runs = [Stacked(one.seed, watches[one.seed], one.keeping) for one in begun]
        trained = train_stacked(plan, runs, dataset, compute, read_test=read_test, interruption=interruption, also=also)
        seconds = (time.monotonic() - clock) / len(begun)
        for one, of in zip(begun, trained, strict=True):
            if of is None:
                one.keeping.flush()
                continue
            result = result_of(plan, one.identity, compute, of, dataset, started, seconds, len(begun))
            one.directory.finish(result, of)
            found[one.seed] = FinishedRun(result, one.directory.path, cached=False)
    return found


def _begin(directory: RunDirectory, identity_: dict[str, Any], held: ExitStack) -> bool:
    """Lock a run and begin it; say whether nobody has before."""
    if any((directory.path / name).exists() for name in (CHECKPOINT, RESULT)):
        return False
    try:
        held.enter_context(directory.locked())
    except BusyError:
        return False
    directory.begin(identity_)
    return True
