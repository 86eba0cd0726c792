"""How long a trained network takes for one sample: a metric that is measured, not counted."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import torch

from archsearch.experiment_plan import ExperimentPlan
from archsearch.train.directory import RunDirectory
from archsearch.train.loop import initial_network

RUNS, WARM_UP = 100, 10


def latency_ms(plan: ExperimentPlan, run_dir: Path) -> float:
    """Measure a forward pass of one sample on one CPU thread: the median of 100 in milliseconds, after 10 to warm up.

    One thread: several that wait for each other on a busy machine take a thousand times as long now and then.
    """
    model = initial_network(plan, seed=0).eval()
    model.load_state_dict(RunDirectory(run_dir).weights())
    x = torch.zeros(1, *plan.facts.shape)
    times, threads = [], torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            for _ in range(WARM_UP + RUNS):
                began = time.perf_counter()
                model(x)
                times.append(1000 * (time.perf_counter() - began))
    finally:
        torch.set_num_threads(threads)
    return statistics.median(times[WARM_UP:])
