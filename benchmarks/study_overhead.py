"""What a trial costs beside its training: sampling, storage, bookkeeping, at up to 1,000 trials.

    python benchmarks/study_overhead.py --trials 1000

Every trial of the study is answered by a stand-in for training that returns at once, so that what is left is the
overhead: taking a slot, sampling a configuration that fits (TPE), noting it, telling the result. Prints the median per
trial over windows of a hundred, in milliseconds, with SQLite in a temporary folder.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import optuna

from archsearch.experiment_plan import ExperimentPlan
from archsearch.search.jobs import SearchJob
from archsearch.search.search import open_study
from archsearch.search.search_file import load_study
from archsearch.study import worker
from archsearch.study.network_runner import NetworkRunner, outcome_of, plan_of
from archsearch.study.runner import Assignment, Job, Outcome, Workplace
from archsearch.study.storage import open_storage
from archsearch.train.loop import Watch
from archsearch.train.result import RunResult
from archsearch.train.run import FinishedRun


class Instant(NetworkRunner):
    """Stands in for training: an outcome at once, its value a smooth function of the size."""

    def run(
        self, assignments: Sequence[Assignment], place: Workplace, watch: Callable[[Assignment], Watch]
    ) -> Sequence[Outcome]:
        """Give each assignment's outcome."""
        return [_outcome(plan_of(one), one.seed) for one in assignments]


def _outcome(plan: ExperimentPlan, seed: int) -> Outcome:
    value = 1 - 1 / plan.network.parameters
    result = RunResult(
        run_id=f"{plan.network.parameters}",
        status="completed",
        name=plan.name,
        seed=seed,
        spec={},
        data_fingerprint="",
        epochs=1,
        history=(),
        val_accuracy=value,
        val_loss=1 - value,
        test_reads=0,
        parameters=plan.network.parameters,
        macs=0,
        seconds=0.0,
        started="",
        finished="",
        environment={},
    )
    return outcome_of(FinishedRun(result, Path(), cached=False))


def main() -> None:
    """Run the study and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", default="digits")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--trials", type=int, default=1000)
    arguments = parser.parse_args()
    times: list[float] = []
    do = worker._do

    def timed(place: Workplace, job: Job, trial: optuna.Trial) -> None:
        do(place, job, trial)
        times.append(time.perf_counter())

    worker._do = timed
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(f"sqlite:///{folder}/study.db")
        study = load_study(arguments.study)
        opened = open_study(study, storage, study.spec.name, 0, arguments.sampler, arguments.trials)
        job = SearchJob(opened)
        job.runner = Instant("never", goes_on=True)
        worker.work(Workplace(storage, opened, Path(folder)), job)
    each = [1000 * (b - a) for a, b in itertools.pairwise(times)]
    for start in range(0, len(each), 100):
        window = each[start : start + 100]
        middle, most = statistics.median(window), max(window)
        print(f"trials {start:4} to {start + len(window):4}: median {middle:6.1f} ms, max {most:6.1f} ms")
    print(f"all: median {statistics.median(each):.1f} ms, mean {statistics.fmean(each):.1f} ms, n = {len(each)}")


if __name__ == "__main__":
    main()
