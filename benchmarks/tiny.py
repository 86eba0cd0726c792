"""What a trial of a tiny network costs beside its arithmetic, in processor seconds of this process.

    python benchmarks/tiny.py
    python benchmarks/tiny.py --kind search --trials 30
    python benchmarks/tiny.py --profile 30

A worker takes slots of a study around `digits_quickstart` (20 epochs, one thread), as `archsearch ablate` and
`archsearch study` have it: claim, plan, train, checkpoint, tell. After each trial a bare loop trains the same network
on the same batches: the engine's gradients, the optimiser's step, the validation part after every epoch, the test part
at the end, and nothing else. Both take turns in one process, so that a slow moment hits both; imports and the first
trial, which loads the data, are left out. Printed are medians with their ranges, and the ratio within the pairs; with
`--profile` the functions that the trials spend most in, by their own time.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from archsearch.ablate.ablation import open_ablation
from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.jobs import ablate_job
from archsearch.ablate.planned import plan_ablation
from archsearch.data.prepare import Dataset, load
from archsearch.experiment_plan import ExperimentPlan
from archsearch.search.jobs import search_job
from archsearch.search.search import open_study
from archsearch.search.search_file import load_study
from archsearch.study.compute import Keeper, fix
from archsearch.study.network_runner import plan_of
from archsearch.study.runner import Assignment, Job, Outcome, Workplace
from archsearch.study.storage import Storage, Study, open_storage
from archsearch.study.worker import work
from archsearch.train.compute import Compute
from archsearch.train.device import numerics
from archsearch.train.engine import make_engine
from archsearch.train.epoch import Part
from archsearch.train.loop import EVALUATION_BATCH, initial_network, inputs_of, parts
from archsearch.train.losses import measure

ABLATION = """\
baseline: digits_quickstart
factors:
  activation: {{tanh: [{{replace: {{relu: tanh}}}}]}}
seeds: {seeds}
screen: true
"""
SEARCH = """\
base: digits_quickstart
objective: {maximize: val_accuracy}
sampler: random
pruner: none
network:
  - conv2d: {out_channels: {int: [12, 20]}, kernel_size: 3, padding: same}
  - relu
  - max_pool2d: {kernel_size: 2}
  - conv2d: {out_channels: {int: [24, 40]}, kernel_size: 3}
  - relu
  - flatten
  - linear: {out_features: {int: [48, 80]}}
  - relu
  - linear: {out_features: classes}
"""


def bare_seconds(plan: ExperimentPlan, seed: int, dataset: Dataset, compute: Compute) -> float:
    """Train as a trial does, with nothing around it; give the processor seconds from the first batch to the last."""
    train = plan.spec.train
    model = initial_network(plan, seed)
    optimizer = train.optimizer.build(model.parameters(), "cpu")
    training, validation, test = parts(plan, seed, dataset, "cpu")
    assert validation is not None
    inputs, loss_of = inputs_of(plan, dataset, training), measure(train.eval_loss)
    engine = make_engine(compute, plan, model, inputs.reader("cpu"), train.loss, inputs.restore)
    draws = torch.Generator().manual_seed(seed)

    def evaluate(part: Part) -> None:
        for rows in torch.split(part.rows, EVALUATION_BATCH):
            outputs = engine.outputs(part.x, rows)
            float(loss_of(outputs, part.y[rows]))
            int((outputs.argmax(1) == part.y[rows]).sum())

    with numerics(compute):
        began = time.process_time()
        for _ in range(train.epochs):
            order = training.rows[torch.randperm(len(training), generator=draws)]
            for rows in torch.split(order, train.batch_size):
                engine.learn(training.x, training.y, rows, draws)
                optimizer.step()
            evaluate(validation)
        evaluate(test)
        return time.process_time() - began


class Timed:
    """A job whose trials are timed from the end of one bare loop to the end of the trial."""

    def __init__(self, job: Job, keeper: Keeper, profile: cProfile.Profile | None) -> None:
        self.job, self.keeper, self.profile = job, keeper, profile
        self.last: Assignment | None = None
        self.began = time.process_time()
        self.pairs: list[tuple[float, float]] = []
        self.dataset: Dataset | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self.job, name)

    def values(self, assignment: Assignment, outcome: Outcome) -> Sequence[float | None]:
        """Note what was trained."""
        self.last = assignment
        return self.job.values(assignment, outcome)

    def look(self) -> None:
        """Time a bare loop after a trial."""
        seconds = time.process_time() - self.began
        if self.profile is not None:
            self.profile.disable()
        assert self.last is not None
        plan = plan_of(self.last)
        if self.dataset is None:
            self.dataset = load(plan.spec.data)
        bare = bare_seconds(plan, self.last.seed, self.dataset, self.keeper.compute(plan))
        self.pairs.append((seconds, bare))
        if self.profile is not None and len(self.pairs) > 1:
            self.profile.enable()
        self.began = time.process_time()


def begun(kind: str, folder: Path, storage: Storage, trials: int) -> tuple[Study, Callable[[Study], Job]]:
    """Begin a study of so many trials."""
    path = folder / "mine.yaml"
    if kind == "ablation":
        path.write_text(ABLATION.format(seeds=trials // 2))
        ablation = plan_ablation(load_ablation(str(path)))
        study = open_ablation(ablation, storage, "mine")
        fix(storage, study, [ablation.kind.plan(cell.spec) for cell in ablation.cells], workers=2)
        return study, ablate_job
    path.write_text(SEARCH)
    study = open_study(load_study(str(path)), storage, "mine", 0, None, trials)
    fix(storage, study, (), workers=2)
    return study, search_job


def said(values: Sequence[float], unit: str = " ms", scale: float = 1e3) -> str:
    """Write a median and its range."""
    low, middle, high = (scale * one for one in (min(values), statistics.median(values), max(values)))
    return f"{middle:.2f}{unit} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Run the study and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=("ablation", "search"), default="ablation")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--profile", type=int, metavar="LINES", help="print so many lines of a profile of the trials")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    profile = cProfile.Profile(time.process_time) if arguments.profile else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        storage = open_storage(f"sqlite:///{folder}/archsearch.db")
        study, make_job = begun(arguments.kind, folder, storage, arguments.trials)
        timed = Timed(make_job(study), Keeper(storage, study), profile)
        work(Workplace(storage, study, folder / "runs"), timed, timed.look)
    trials, bare = zip(*timed.pairs[1:], strict=True)
    ratios = [one / other for one, other in timed.pairs[1:]]
    print(f"a trial {said(trials)}, its arithmetic {said(bare)}, ratio {said(ratios, '', 1)}")
    print(f"{arguments.kind}, n = {len(ratios)}, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}")
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(arguments.profile)


if __name__ == "__main__":
    main()
