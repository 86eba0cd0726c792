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
from pathlib import Path
from typing import Any

import optuna

from archsearch.search.jobs import SearchJob
from archsearch.search.search import open_study
from archsearch.search.search_file import load_study
from archsearch.study import worker
from archsearch.study.storage import open_storage
from archsearch.train.result import RunResult
from archsearch.train.run import FinishedRun


def instant(spec: Any, *, seed: int, runs_dir: Path, **_: Any) -> FinishedRun:
    """Stand in for training: a result at once, its value a smooth function of the size."""
    parameters = sum(len(str(layer)) for layer in spec.network)
    value = 1 - 1 / parameters
    result = RunResult(
        run_id=f"{parameters}",
        status="completed",
        name=spec.name,
        seed=seed,
        spec={},
        data_fingerprint="",
        epochs=1,
        history=(),
        val_accuracy=value,
        val_loss=1 - value,
        test_reads=0,
        parameters=parameters,
        macs=0,
        seconds=0.0,
        started="",
        finished="",
        environment={},
    )
    return FinishedRun(result, runs_dir, cached=False)


def main() -> None:
    """Run the study and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", default="digits")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--trials", type=int, default=1000)
    arguments = parser.parse_args()
    times: list[float] = []
    do = worker._do

    def timed(place: worker.Workplace, job: worker.Job, trial: optuna.Trial) -> None:
        do(place, job, trial)
        times.append(time.perf_counter())

    worker.run, worker._do = instant, timed
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(f"sqlite:///{folder}/study.db")
        study = load_study(arguments.study)
        opened = open_study(study, storage, study.spec.name, 0, arguments.sampler, arguments.trials)
        opened.set_user_attr("trials", arguments.trials)
        job = SearchJob(opened)
        worker.work(worker.Workplace(storage, opened, Path(folder)), job)
    each = [1000 * (b - a) for a, b in itertools.pairwise(times)]
    for start in range(0, len(each), 100):
        window = each[start : start + 100]
        middle, most = statistics.median(window), max(window)
        print(f"trials {start:4} to {start + len(window):4}: median {middle:6.1f} ms, max {most:6.1f} ms")
    print(f"all: median {statistics.median(each):.1f} ms, mean {statistics.fmean(each):.1f} ms, n = {len(each)}")


if __name__ == "__main__":
    main()
