"""The study by Ray Tune: a core for each trial and torch on one thread, the arrays once in Ray's store.

`python -m benchmarks.peers.study_ray asked.json`. No dashboard. By default Ray Tune starts a process for each trial;
asked to `reuse`, it takes one again, which is allowed to functions that leave nothing behind.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}

import ray
from ray import tune

from benchmarks.peers.asked import Trial, read_asked


def train(config: dict[str, Any], x: Any, y: Any, n: int, epochs: int, batch: int, lr: float) -> None:
    """Train a network and report after every epoch."""
    import torch

    from benchmarks.peers.torch_loops import ready_accuracy, ready_epoch, small_lenet

    began = time.time()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    images, labels = torch.tensor(x).float().div_(255), torch.tensor(y)
    model = small_lenet(config["network"])
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(epochs):
        loss = ready_epoch(model, optimizer, images[:n], labels[:n], batch)
        value = ready_accuracy(model, images[n:], labels[n:])
        tune.report({"accuracy": value, "loss": loss, "began": began, "ended": time.time()})


def main() -> None:
    """Run the study and write the answer."""
    asked = read_asked()
    ray.init(num_cpus=asked.workers, include_dashboard=False, logging_level="ERROR")
    x, y = asked.arrays()
    given = tune.with_parameters(train, x=x, y=y, n=asked.train, epochs=asked.epochs, batch=asked.batch, lr=asked.lr)
    tuner = tune.Tuner(
        tune.with_resources(given, {"cpu": 1}),
        param_space={"network": tune.grid_search(asked.networks)},
        tune_config=tune.TuneConfig(
            metric="accuracy", mode="max", max_concurrent_trials=asked.workers, reuse_actors=asked.loop == "reuse"
        ),
        run_config=tune.RunConfig(storage_path=str(Path("ray_results").absolute()), verbose=0),
    )
    found = tuner.fit()
    print(found.get_best_result().metrics["accuracy"])
    names = ("loss", "accuracy", "began", "ended")
    asked.answer([Trial(**{name: one.metrics[name] for name in names}) for one in found])


if __name__ == "__main__":
    main()
