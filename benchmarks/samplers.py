"""Which sampler finds the better network in 50 trials? Live on the digits, and by replay over networks trained once.

    python benchmarks/samplers.py table                       # train every network of lenet_table.yaml once (resumable)
    python benchmarks/samplers.py replay --seeds 30           # studies over the table: no training
    python benchmarks/samplers.py live --seeds 10             # `archsearch study digits --trials 50`, one per seed

The table, `lenet_table.csv`, holds the validation accuracy of each network after one epoch and after two, on 10,000
training images of MNIST, seed 0. A replayed trial is answered from it. Printed for each sampler, over the study seeds:
the best value after 10, 25 and 50 trials, the mean of the best value so far over the 50 trials, and the paired
difference of that mean from the first sampler's with a 95 % t interval.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from optuna.trial import TrialState

from archsearch.search.jobs import search_job
from archsearch.search.search import SearchSettings, open_study, search
from archsearch.search.search_file import load_study
from archsearch.search.space.count import each_feasible
from archsearch.stats.intervals import t_interval
from archsearch.study.held import stored
from archsearch.study.lifecycle import existing_study
from archsearch.study.queue import slots_of, take
from archsearch.study.storage import default_url, open_storage
from archsearch.study.transaction import write_down
from archsearch.train.identity import experiment_key
from archsearch.train.run import run

HERE = Path(__file__).parent
TABLE = HERE / "lenet_table.csv"
STUDY = str(HERE / "lenet_table.yaml")
TRIALS = 50
MARKS = (10, 25, 50)


def make_table(runs_dir: Path, workers: int) -> None:
    """Train what is not in the run cache yet, and write the table."""
    space = load_study(STUDY).space
    spaces = list(each_feasible(space))
    with ProcessPoolExecutor(workers, initializer=_one_thread) as pool:
        rows = list(pool.map(_train, spaces, [runs_dir] * len(spaces), chunksize=4))
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["network", "parameters", "macs", "epoch1", "epoch2"])
        writer.writerows(sorted(rows))
    print(f"{len(rows)} networks in {TABLE.name}")


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _train(values: dict[str, str | int | float | bool | None], runs_dir: Path) -> list[str | int | float | None]:
    plan = load_study(STUDY).space.with_values(values)
    result = run(plan.spec, seed=0, runs_dir=runs_dir, read_test="never").result
    accuracies = [record.val_accuracy for record in result.history]
    return [experiment_key(plan), plan.network.parameters, plan.network.macs, *accuracies]


def read_table() -> dict[str, list[float]]:
    """Give the accuracies after each epoch for every network of the table."""
    with TABLE.open(newline="") as file:
        return {row["network"]: [float(row["epoch1"]), float(row["epoch2"])] for row in csv.DictReader(file)}


def replay(sampler: str, seed: int) -> list[float]:
    """Run a study whose trials are answered from the table; give its values in order."""
    table, source = read_table(), load_study(STUDY)
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(f"sqlite:///{folder}/study.db")
        study = open_study(source, storage, "replay", seed, sampler, TRIALS)
        job = search_job(study)
        values = []
        for _ in range(TRIALS):
            job.plan_ahead(storage)
            trial = take(storage, study)
            assert trial is not None
            assigned = job.assignment(trial)
            write_down(storage, trial, stored(assigned.held), assigned.params)
            values.append(table[assigned.held.network or ""][-1])
            study.tell(trial, values[-1])
    return values


def live(sampler: str, seed: int, runs_dir: Path) -> list[float]:
    """Run the digits study itself; give the values of its trials in order; a stopped one counts as 0."""
    name = f"{sampler}-{seed}"
    search(
        load_study("digits"),
        SearchSettings(trials=TRIALS, name=name, seed=seed, sampler=sampler, confirm=0, runs_dir=runs_dir),
    )
    trials = slots_of(existing_study(name, open_storage(default_url(runs_dir)))).values()
    return [t.values[0] if t.state == TrialState.COMPLETE else 0.0 for t in sorted(trials, key=lambda t: t.number)]


def best_so_far(values: list[float]) -> list[float]:
    """Give the best value up to each trial."""
    return [max(values[: n + 1]) for n in range(len(values))]


def print_table(found: dict[str, list[list[float]]]) -> None:
    """Print one line per sampler; differences are paired by study seed."""
    first = next(iter(found))
    print(f"{'sampler':12} n   " + "  ".join(f"best@{n:<3}" for n in MARKS) + "   mean   difference from " + first)
    means = {name: [statistics.fmean(best_so_far(values)) for values in each] for name, each in found.items()}
    for name, each in found.items():
        at = [statistics.fmean(best_so_far(values)[n - 1] for values in each) for n in MARKS]
        line = f"{name:12} {len(each):2}  " + "  ".join(f"{100 * value:8.3f}" for value in at)
        line += f"  {100 * statistics.fmean(means[name]):8.3f}"
        if name != first:
            differences = [a - b for a, b in zip(means[name], means[first], strict=True)]
            line += f"  {100 * statistics.fmean(differences):+.3f}"
            if len(differences) >= 2:
                between = t_interval(differences)
                line += f" ({100 * between[0]:+.3f} to {100 * between[1]:+.3f})"
        print(line)


def main() -> None:
    """Make the table, replay it, or run live."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["table", "replay", "live"])
    parser.add_argument("--samplers", nargs="+", default=["tpe", "local", "random"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/samplers"))
    arguments = parser.parse_args()
    if arguments.what == "table":
        make_table(arguments.runs_dir, arguments.workers)
        return
    jobs = [(sampler, seed) for seed in range(arguments.seeds) for sampler in arguments.samplers]
    names, seeds = zip(*jobs, strict=True)
    with ProcessPoolExecutor(arguments.workers, initializer=_one_thread) as pool:
        if arguments.what == "replay":
            results = list(pool.map(replay, names, seeds))
        else:
            results = list(pool.map(live, names, seeds, [arguments.runs_dir] * len(jobs)))
    found: dict[str, list[list[float]]] = {}
    for (sampler, _), values in zip(jobs, results, strict=True):
        found.setdefault(sampler, []).append(values)
    if arguments.what == "replay":
        table = [row[-1] for row in read_table().values()]
        print(f"{len(table)} networks, the best {100 * max(table):.2f} %")
    print_table(found)


if __name__ == "__main__":
    main()
