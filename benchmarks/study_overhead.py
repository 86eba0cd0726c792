"""What a trial costs beside its training: sampling, storage, bookkeeping, at 1,000 or 10,000 trials.

    python benchmarks/study_overhead.py --trials 1000

Every trial of the study is answered by a stand-in for training that returns at once, so that what is left is the
overhead: taking a slot, sampling a configuration that fits, noting it, telling the result. Prints median and 95th
percentile per trial over a tenth of the study at a time, in milliseconds, and how much memory it came to hold.

    python benchmarks/study_overhead.py --trials 10000 --sampler auto --report
    python benchmarks/study_overhead.py --trials 10000 --storage postgresql+psycopg://postgres@localhost/empty
"""

from __future__ import annotations

import argparse
import gc
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from archsearch.experiment_plan import ExperimentPlan
from archsearch.report.make import Where, make
from archsearch.report.write import write
from archsearch.search.jobs import SearchJob
from archsearch.search.search import open_study
from archsearch.search.search_file import load_study
from archsearch.study import worker
from archsearch.study.network_runner import NetworkRunner, outcome_of, plan_of
from archsearch.study.runner import Assignment, Job, Outcome, Workplace
from archsearch.study.storage import open_storage
from archsearch.study.taken import TakenTrial
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
    parser.add_argument("--storage", help="URL of an empty storage; else SQLite in a temporary folder")
    parser.add_argument("--report", action="store_true", help="write the report at the end, and say how long it took")
    arguments = parser.parse_args()
    times: list[tuple[float, float]] = []
    memory: list[float] = []
    do = worker._do

    def timed(place: Workplace, job: Job, trial: TakenTrial, most: float) -> int:
        count = do(place, job, trial, most)
        times.append((time.perf_counter(), time.process_time()))
        if len(times) % 100 == 0:
            memory.append(_megabytes())
        return count

    worker._do = timed
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.storage or f"sqlite:///{folder}/archsearch.db"
        storage = open_storage(url)
        study = load_study(arguments.study)
        opened = open_study(study, storage, study.spec.name, 0, arguments.sampler, arguments.trials)
        job = SearchJob(opened)
        job.runner = Instant("never", goes_on=True)
        worker.work(Workplace(storage, opened, Path(folder)), job)
        _print(times, memory)
        if arguments.report:
            began = time.perf_counter()
            document = make([study.spec.name], Where(Path(folder), None, url)).document
            [path] = write(document, Path(folder) / "report.html", "html")
            seconds, size = time.perf_counter() - began, path.stat().st_size / 2**20
            print(f"report: {size:.1f} MB in {seconds:.0f} s, then {_megabytes():.0f} MB of memory")


def _print(times: list[tuple[float, float]], memory: list[float]) -> None:
    """Print wall and processor time for a trial: what a user waits, and what of it a busy machine has no part in."""
    each = [(1000 * (b[0] - a[0]), 1000 * (b[1] - a[1])) for a, b in itertools.pairwise(times)]
    width = max(100, len(each) // 10)
    for start in range(0, len(each), width):
        wall, processor = zip(*each[start : start + width], strict=True)
        print(
            f"trials {start:5} to {start + len(wall):5}: median {statistics.median(wall):6.1f} ms, "
            f"95 % below {_p95(wall):6.1f} ms, processor {statistics.median(processor):6.1f} ms, "
            f"95 % below {_p95(processor):6.1f} ms"
        )
    wall, processor = zip(*each, strict=True)
    print(f"all: 95 % below {_p95(wall):.1f} ms, of the processor {_p95(processor):.1f} ms, n = {len(each)}")
    if len(memory) > 1:
        print(f"memory: {memory[0]:.0f} MB after 100 trials, {memory[-1]:.0f} MB after {100 * len(memory)}")


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def _megabytes() -> float:
    """Give the memory that this process holds now."""
    gc.collect()
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


if __name__ == "__main__":
    main()
