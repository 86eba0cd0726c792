"""What a first screen within an epoch saves, and how often it throws out what would have been the best.

    python benchmarks/screen.py table                   # the networks of lenet_table.yaml, looked at within epoch 1
    python benchmarks/screen.py drawn --seeds 200       # chance draws from the tables, a rule stops: no training
    python benchmarks/screen.py replay --seeds 30       # studies by the search's sampler over the whole tables

The table, `lenet_parts.csv`, holds for each network of `lenet_table.csv` the validation accuracy after parts of the
first epoch as a search sees it then (on some of the validation data: archsearch/train/look.py); the values after the
first epoch and the second one, which a network is judged by, are those of `lenet_table.csv`. A replayed trial is
trained to where the pruner stops it; it costs the multiply-accumulates of its training (three for each one forward) and
of its evaluations.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import random
import statistics
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial
from samplers import TRIALS, read_table

from archsearch.experiment_plan import ExperimentPlan, plan_experiment
from archsearch.search.jobs import search_job
from archsearch.search.sampling.samplers import make_pruner, parts_of
from archsearch.search.search import open_study
from archsearch.search.search_file import SearchFile, load_study, stored_study
from archsearch.search.space.count import each_feasible
from archsearch.stats.intervals import t_interval
from archsearch.stats.race import looks_for
from archsearch.study.held import stored
from archsearch.study.network_runner import plan_of
from archsearch.study.queue import take
from archsearch.study.runner import PrunedError
from archsearch.study.storage import open_storage
from archsearch.study.transaction import write_down
from archsearch.train.identity import experiment_key
from archsearch.train.look import LEAST_LOOKED_AT, TRAINED_PER_LOOK
from archsearch.train.result import EpochRecord
from archsearch.train.run import run
from archsearch.train.watch import Silent

HERE = Path(__file__).parent
PARTS_TABLE = HERE / "lenet_parts.csv"
STUDY = str(HERE / "lenet_table.yaml")
PARTS = (1 / 8, 1 / 4, 1 / 2)


class _EnoughError(Exception):
    """Raised after half of the first epoch: what comes later is in the other table."""


class _Looks(Silent):
    def __init__(self) -> None:
        self.seen: dict[float, float | None] = {}

    def looks(self) -> tuple[float, ...]:
        return PARTS

    def look(self, part: float, metrics: Mapping[str, float | None]) -> None:
        self.seen[part] = metrics["val_accuracy"]
        if part == PARTS[-1]:
            raise _EnoughError


def make_table(runs_dir: Path, workers: int) -> None:
    """Train what the table does not hold yet, and write it after every few networks."""
    done = read_parts() if PARTS_TABLE.exists() else {}
    space = load_study(STUDY).space
    plans = [space.with_values(values) for values in each_feasible(space)]
    plans.sort(key=experiment_key)  # by a hash: what is done is at any time drawn by chance
    left = [plan for plan in plans if experiment_key(plan) not in done]
    with ProcessPoolExecutor(workers, initializer=_one_thread) as pool:
        for key, seen in pool.map(_train, left, [runs_dir] * len(left)):
            done[key] = seen
            if len(done) % 4 == 0 or len(done) == len(plans):
                _write(done)
    print(f"{len(done)} networks in {PARTS_TABLE.name}")


def _write(done: Mapping[str, Mapping[float, float]]) -> None:
    with PARTS_TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["network", *(f"part{1 / part:g}" for part in PARTS)])
        writer.writerows([key, *(round(seen[part], 5) for part in PARTS)] for key, seen in sorted(done.items()))


def read_parts() -> dict[str, dict[float, float]]:
    """Give the accuracy of each network by how much of the first epoch it was trained for."""
    with PARTS_TABLE.open(newline="") as file:
        return {
            row["network"]: {part: float(row[f"part{1 / part:g}"]) for part in PARTS} for row in csv.DictReader(file)
        }


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _train(plan: ExperimentPlan, runs_dir: Path) -> tuple[str, dict[float, float]]:
    watch = _Looks()
    with contextlib.suppress(_EnoughError):
        run(plan, seed=0, runs_dir=runs_dir, read_test="never", watch=watch, fresh=True)
    return experiment_key(plan), {part: value or 0.0 for part, value in watch.seen.items()}


class Replayed(NamedTuple):
    """A study over the tables: work in multiply-accumulates, and what became of the networks that it tried.

    `picked` is the value of the network that the study calls best, `best` that of the best it tried; `thrown_out` says
    at which rung that one was stopped, None where it was not.
    """

    searched: float
    confirmed: float
    picked: float
    best: float
    thrown_out: float | None
    pruned: dict[float, int]


def replay(rule: str, seed: int, epochs: int, sampler: str) -> Replayed:
    """Run a study by a rule whose trials are answered from the tables; a whole run is counted as so many epochs."""
    early, whole = read_parts() if PARTS_TABLE.exists() else {}, read_table()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        storage = open_storage(f"sqlite:///{folder}/study.db")
        study = open_study(_study(rule), storage, "replay", seed, sampler, TRIALS)
        job = search_job(study)
        searched, ended, pruned = 0.0, {}, Counter[float]()
        for _ in range(TRIALS):
            job.plan_ahead(storage)
            trial = take(storage, study)
            assert trial is not None
            assigned = job.assignment(trial)
            write_down(storage, trial, stored(assigned.held), assigned.params)
            key, plan = assigned.held.network or "", plan_of(assigned)
            trained, stopped = 1.0 * epochs, None
            watch = job.watch(trial)
            parts = watch.looks()  # without any the whole table will do
            for part in parts:
                try:
                    watch.look(part, {"val_accuracy": early[key][part]})
                except PrunedError:
                    trained = stopped = part
                    break
            if stopped is None:
                try:
                    watch.epoch(_record(1, whole[key][0]))
                except PrunedError:
                    trained = stopped = 1.0
            searched += _work(plan, trained, [part for part in parts if part <= trained])
            if stopped is None:
                study.tell(trial, whole[key][1])
            else:
                study.tell(trial, state=TrialState.PRUNED)
                pruned[stopped] += 1
            ended[key] = (whole[key][1], stopped, plan)
    return _came_to(searched, ended, pruned, epochs)


def drawn(rule: str, seed: int, epochs: int) -> Replayed:
    """Let chance choose networks of the tables, each once, and stop them by a rule; the pruner is the search's own.

    Of a table of parts that is not complete half of the networks are drawn: with all of them each study has the same.
    """
    early, whole = read_parts(), read_table()
    plans = planned_networks()
    pruner = make_pruner(_study(rule).pruner, 2)
    keys = random.Random(seed).sample(sorted(early), min(TRIALS, len(early) // 2))
    study = optuna.create_study(direction="maximize")
    searched, ended, pruned = 0.0, {}, Counter[float]()
    for key in keys:
        learned = {part: early[key][part] for part in parts_of(pruner)} | {1: whole[key][0]}
        seen: dict[float, float] = {}
        stopped = None
        for rung, value in learned.items():
            seen[rung] = value
            if pruner.prune(study, _trial(seen, TrialState.RUNNING)):
                stopped = float(rung)
                break
        study.add_trial(_trial(seen, TrialState.COMPLETE if stopped is None else TrialState.PRUNED, whole[key][1]))
        trained = 1.0 * epochs if stopped is None else stopped
        searched += _work(plans[key], trained, [rung for rung in seen if rung < 1])
        pruned[stopped or 0.0] += 1
        ended[key] = (whole[key][1], stopped, plans[key])
    return _came_to(searched, ended, pruned, epochs)


def _trial(seen: Mapping[float, float], state: TrialState, value: float | None = None) -> FrozenTrial:
    early = {str(part): learned for part, learned in seen.items() if part < 1}
    epochs = {int(epoch): learned for epoch, learned in seen.items() if epoch >= 1}
    done = value if state == TrialState.COMPLETE else None
    return create_trial(state=state, value=done, intermediate_values=epochs, user_attrs={"early": early})


def _came_to(
    searched: float,
    ended: Mapping[str, tuple[float, float | None, ExperimentPlan]],
    pruned: Mapping[float, int],
    epochs: int,
) -> Replayed:
    """Say what a study came to; a confirmation runs the two best of it and LeNet-5's kind up to the first look."""
    kept = sorted((value, _work(plan, epochs, ())) for value, stopped, plan in ended.values() if stopped is None)
    finalists = sum(work for _, work in kept[-2:])
    confirmed = looks_for(3)[0] * (_work(plan_of_base(), epochs, ()) + finalists)
    tried = [(value, stopped) for value, stopped, _ in ended.values()]
    best, thrown_out = max(tried, key=lambda one: (one[0], one[1] is None))
    return Replayed(searched, confirmed, kept[-1][0], best, thrown_out, dict(pruned))


def _record(epoch: int, accuracy: float) -> EpochRecord:
    return EpochRecord(epoch=epoch, metrics={"val_accuracy": accuracy}, lr=1e-3, seconds=0.0)


def _work(plan: ExperimentPlan, epochs: float, looks: Sequence[float]) -> float:
    """Count multiply-accumulates: three for each one forward, the validation samples of whole epochs and of looks."""
    validation = plan.spec.data.validation
    samples = plan.facts.train - validation
    looked_at = sum(min(validation, max(LEAST_LOOKED_AT, int(part * samples) // TRAINED_PER_LOOK)) for part in looks)
    return plan.network.macs * (3 * samples * epochs + validation * int(epochs) + looked_at)


@cache
def planned_networks() -> dict[str, ExperimentPlan]:
    """Plan every network of the tables."""
    space = load_study(STUDY).space
    return {experiment_key(plan): plan for plan in map(space.with_values, each_feasible(space))}


@cache
def plan_of_base() -> ExperimentPlan:
    """Plan LeNet-5's kind of network, which a confirmation runs beside its finalists."""
    return plan_experiment(load_study(STUDY).space.base)


@cache
def _study(rule: str) -> SearchFile:
    """Read the study of the table with another rule of stopping and sampling: some lines of YAML."""
    text = Path(STUDY).read_text().replace("pruner: none\n", rule)
    return stored_study(text, "lenet_table", load_study(STUDY).space.base.model_dump(mode="json"))


RULES = {  # the first is the one that the others are compared with
    "screen 0.2": "pruner: {screen: {epochs: 1, keep: 0.2, startup_trials: 1}}\n",
    "halving 0.5": "pruner: {halving: {first: 0.125, keep: 0.5, startup_trials: 1}}\n",
    "halving 0.6": "pruner: {halving: {first: 0.125, keep: 0.6, startup_trials: 1}}\n",
    "screen 0.2, 3 proposals": "pruner: {screen: {epochs: 1, keep: 0.2, startup_trials: 1}}\nproposals: 3\n",
    "halving 0.5, 3 proposals": "pruner: {halving: {first: 0.125, keep: 0.5, startup_trials: 1}}\nproposals: 3\n",
    "halving 0.6, 3 proposals": "pruner: {halving: {first: 0.125, keep: 0.6, startup_trials: 1}}\nproposals: 3\n",
}


def print_rules(found: Mapping[str, Sequence[Replayed]]) -> None:
    """Print a line for each rule: means over the study seeds, paired differences from the first rule's."""
    first = next(iter(found.values()))
    print(f"{'rule':26} n   search    whole   picked   of tried  difference of the pick        best thrown out at")
    for name, each in found.items():
        of_first = list(zip(each, first, strict=True))
        searched = statistics.fmean(one.searched / other.searched for one, other in of_first)
        whole = statistics.fmean(
            (one.searched + one.confirmed) / (other.searched + other.confirmed) for one, other in of_first
        )
        picked = 100 * statistics.fmean(one.picked for one in each)
        lost = 100 * statistics.fmean(one.picked - one.best for one in each)
        line = f"{name:26} {len(each):2}  {searched:6.2f}   {whole:6.2f}   {picked:.3f}  {lost:+.3f}  "
        differences = [100 * (one.picked - other.picked) for one, other in of_first]
        if any(differences):
            low, high = t_interval(differences)
            line += f"  {statistics.fmean(differences):+.3f} ({low:+.3f} to {high:+.3f})"
        out = Counter(one.thrown_out for one in each if one.thrown_out is not None)
        print(f"{line:78}  " + (", ".join(f"{part:g}: {count}" for part, count in sorted(out.items())) or "never"))


def main() -> None:
    """Make the table, or replay it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["table", "replay", "drawn"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/screen"))
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=2, help="of a whole run, for its cost")
    parser.add_argument("--sampler", default="local")
    parser.add_argument("--rules", nargs="+", default=list(RULES), help="lines of YAML, or names of rules")
    arguments = parser.parse_args()
    if arguments.what == "table":
        make_table(arguments.runs_dir, arguments.workers)
        return
    jobs = [(rule, seed) for seed in range(arguments.seeds) for rule in arguments.rules]
    rules = [RULES.get(rule, f"{rule}\n".replace(";", "\n")) for rule, _ in jobs]
    seeds, count = [seed for _, seed in jobs], len(jobs)
    with ProcessPoolExecutor(arguments.workers, initializer=_one_thread) as pool:
        if arguments.what == "drawn":
            results = list(pool.map(drawn, rules, seeds, [arguments.epochs] * count))
        else:
            results = list(pool.map(replay, rules, seeds, [arguments.epochs] * count, [arguments.sampler] * count))
    found: dict[str, list[Replayed]] = {}
    for (rule, _), result in zip(jobs, results, strict=True):
        found.setdefault(rule, []).append(result)
    print_rules(found)


if __name__ == "__main__":
    main()
