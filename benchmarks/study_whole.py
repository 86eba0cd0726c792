"""What a study costs beside its trials: from the command to the first batch, from the last trial to the end.

    python benchmarks/study_whole.py --rounds 3
    python benchmarks/study_whole.py --rounds 3 --against ../other/checkout

Twelve trials of one epoch on 6,000 images of MNIST, around LeNet-5, with two workers: the command as users type it, in
an empty folder, with everything (imports, storage, report). Printed are seconds, median and range: wall time; processor
time of all its processes; from the command to the first batch of the first trial (its end less the seconds of its
epoch); from there to the last trial's end; from there to the end of the command. Beside it: one import of torch, the
same study called again with nothing left to do, and, with `--against`, another checkout's in turn. Needs MNIST in the
data folder (`archsearch data get mnist`).
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

STUDY = """\
base: base.yaml
objective: {maximize: val_accuracy}
sampler: random
pruner: none
network:
  - conv2d: {out_channels: {int: [4, 12]}, kernel_size: {choice: [3, 5]}}
  - tanh
  - avg_pool2d: {kernel_size: 2}
  - conv2d: {out_channels: {int: [8, 32]}, kernel_size: {choice: [3, 5]}}
  - tanh
  - avg_pool2d: {kernel_size: 2}
  - flatten
  - linear: {out_features: {int: [40, 120]}}
  - tanh
  - linear: {out_features: classes}
"""
BASE = """\
data: {name: mnist, size: 32, train_limit: 6000, validation: 1000}
network: [flatten, {linear: {out_features: classes}}]
train: {epochs: 1, batch_size: 100, optimizer: {adam: {lr: 1e-3}}}
"""
MAIN = "from archsearch.cli import main; main()"
NAMES = ("wall", "processor", "to the first batch", "trials", "after the last")
Figures = tuple[float, ...]


def call(checkout: Path, folder: Path, *arguments: str) -> tuple[float, float, datetime]:
    """Call the command line; give wall and processor seconds of all its processes, and when it began."""
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    before, began, clock = _processor(), datetime.now(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    seconds = time.perf_counter() - clock
    if done.returncode:
        raise SystemExit(done.stderr)
    return seconds, _processor() - before, began


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def study(checkout: Path, trials: int, workers: int) -> tuple[Figures, Figures]:
    """Run the study in an empty folder, and once more when it is done; give the figures of `NAMES` for both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mine.yaml").write_text(STUDY)
        (folder / "base.yaml").write_text(BASE)
        arguments = ["study", "mine.yaml", "--trials", str(trials), "--workers", str(workers), "--confirm", "0"]
        wall, processor, began = call(checkout, folder, *arguments)
        first, last = _moments(folder / "runs" / "archsearch.db", began)
        again = call(checkout, folder, *arguments)
    return (wall, processor, first, last - first, wall - last), again[:2]


def _moments(database: Path, began: datetime) -> tuple[float, float]:
    """Give when the first batch was learned and when the last trial ended, in seconds after a moment."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    [summary] = optuna.get_all_study_summaries(f"sqlite:///{database}")
    trials = optuna.load_study(study_name=summary.study_name, storage=f"sqlite:///{database}").get_trials()
    ended = [(trial.datetime_complete - began).total_seconds() for trial in trials]
    spent = [sum(epoch["seconds"] for epoch in trial.user_attrs["result"]["history"]) for trial in trials]
    return min(end - seconds for end, seconds in zip(ended, spent, strict=True)), max(ended)


def said(rows: Sequence[Figures], names: Sequence[str] = NAMES) -> str:
    """Write medians and ranges."""
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return "; ".join(f"{name} {statistics.median(of):.2f} ({min(of):.2f} to {max(of):.2f})" for name, of in columns)


def main() -> None:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--against", type=Path, help="another checkout, measured in turn")
    arguments = parser.parse_args()
    here = Path(__file__).resolve().parents[1]
    checkouts = {"here": here} | ({"other": arguments.against.resolve()} if arguments.against else {})
    found: dict[str, list[tuple[Figures, Figures]]] = {name: [] for name in checkouts}
    imports = []
    for _ in range(arguments.rounds):
        clock = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch"], check=True)
        imports.append((time.perf_counter() - clock,))
        for name, checkout in checkouts.items():
            found[name].append(study(checkout, arguments.trials, arguments.workers))
    print(f"n = {arguments.rounds}; load {os.getloadavg()[0]:.1f}; {said(imports, ['import torch'])}")
    for name, rows in found.items():
        print(f"{name}: {said([first for first, _ in rows])}")
        print(f"{name}, called again: {said([again for _, again in rows], NAMES[:2])}")


if __name__ == "__main__":
    main()
