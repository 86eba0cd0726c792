"""What is known of a network beside what it learned: counted in its plan, read from its files, measured on the machine.

    of_kept(plan, seconds, run_dir, "latency_ms")
    is_timed("seconds"), shuffled(["baseline", "wide"], 3, "mine")

Times hang on the machine and on what else runs there: they are measured one at a time, the cells of an ablation in an
order that changes, and never compared over two machines.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archsearch.experiment_plan import ExperimentPlan
from archsearch.files import seal
from archsearch.metrics import METRICS
from archsearch.train.run_files import WEIGHTS

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_OF_THE_MACHINE = ("host", "processor")  # keys of a run's environment that a measured time depends on
SAID = {
    "seconds": "seconds of training, of this machine and with whatever else ran on it then; a run that was there "
    "already counts as it was measured",
    "latency_ms": "latency is a forward pass of one sample by torch on one thread of this machine (the median of "
    "100), one network after the other, with whatever else ran on it",
}


def is_timed(metric: str) -> bool:
    """Say whether a metric is a time of the machine."""
    return metric in SAID


def of_kept(plan: ExperimentPlan, seconds: float, folder: Path, metric: str) -> float | None:
    """Give what is not learned of a finished run, which took so many seconds; None where its weights are gone."""
    row = METRICS[metric]
    if row.compute is not None:
        return float(row.compute(plan.network))
    if metric == "seconds":
        return seconds
    if not (folder / WEIGHTS).exists():
        return None
    if metric == "file_size":
        return float((folder / WEIGHTS).stat().st_size)
    from archsearch.train.latency import latency_ms

    measures = {"latency_ms": latency_ms}
    return measures[metric](plan, folder)


def shuffled(cells: Sequence[str], seed: int, study: str) -> list[str]:
    """Shuffle the cells of a seed, by the study's name: a machine that warms up or slows down hits all alike."""
    order = list(cells)
    random.Random(seal([study, seed])).shuffle(order)
    return order


def on_two_machines(runs: Mapping[tuple[str, int], FrozenTrial], first: str, metric: str) -> dict[tuple[str, int], str]:
    """Say which runs' times were measured on another machine than those of the cell `first` with that seed."""
    return measured_on_two_machines(runs, first, metric) if metric == "seconds" else {}


def measured_on_two_machines(
    runs: Mapping[tuple[str, int], FrozenTrial], first: str, metric: str
) -> dict[tuple[str, int], str]:
    """Say the same of any metric that is measured while a run is under way."""
    from archsearch.study.held import HeldRun

    held = {key: HeldRun(trial) for key, trial in runs.items()}
    found = {}
    for (cell, seed), run in held.items():
        partner = held.get((first, seed))
        if partner is None or cell == first:
            continue
        mine, theirs = ([one.environment.get(key) for key in _OF_THE_MACHINE] for one in (run, partner))
        if mine != theirs:
            words = " and ".join(" ".join(str(word) for word in one if word) or "unknown" for one in (mine, theirs))
            found[cell, seed] = f"{metric} was measured on two machines ({words})"
    return found
