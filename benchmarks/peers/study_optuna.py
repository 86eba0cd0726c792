"""A study as people write it around Optuna: one process, a storage, a report to the pruner after every epoch.

`python -m benchmarks.peers.study_optuna asked.json`; the loop around torch is the ready tensors' or the notebook's.
"""

from __future__ import annotations

import time
from pathlib import Path

import optuna
import torch

from benchmarks.peers.asked import Asked, Trial, read_asked
from benchmarks.peers.torch_loops import (
    notebook_accuracy,
    notebook_epoch,
    notebook_loader,
    ready_accuracy,
    ready_epoch,
    small_lenet,
)


def main() -> None:
    """Run the study and write the answer."""
    asked = read_asked()
    epoch, accuracy = _notebook(asked) if asked.loop == "notebook" else _ready(asked)
    trials: list[Trial] = []

    def objective(trial: optuna.Trial) -> float:
        network = {
            "conv1.out_channels": trial.suggest_int("conv1.out_channels", 4, 12),
            "conv1.kernel_size": trial.suggest_categorical("conv1.kernel_size", [3, 5]),
            "conv2.out_channels": trial.suggest_int("conv2.out_channels", 8, 32),
            "conv2.kernel_size": trial.suggest_categorical("conv2.kernel_size", [3, 5]),
            "fc1.out_features": trial.suggest_int("fc1.out_features", 40, 120),
        }
        began = time.time()
        torch.manual_seed(0)
        model = small_lenet(network)
        optimizer = torch.optim.Adam(model.parameters(), lr=asked.lr)
        for number in range(asked.epochs):
            loss = epoch(model, optimizer)
            value = accuracy(model)
            trial.report(value, number)
        trials.append(Trial(loss, value, began, time.time()))
        return value

    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(storage="sqlite:///optuna.db", direction="maximize", sampler=sampler)
    for network in asked.networks:
        study.enqueue_trial(network)
    study.optimize(objective, n_trials=len(asked.networks))
    print(study.best_trial.number, study.best_value)
    asked.answer(trials)


def _ready(asked: Asked):  # type: ignore[no-untyped-def]
    images, labels = asked.arrays()
    x, y = torch.from_numpy(images).float().div_(255), torch.from_numpy(labels)
    n = asked.train
    return (
        lambda model, optimizer: ready_epoch(model, optimizer, x[:n], y[:n], asked.batch),
        lambda model: ready_accuracy(model, x[n:], y[n:]),
    )


def _notebook(asked: Asked):  # type: ignore[no-untyped-def]
    raw, n = Path(asked.raw), asked.train
    train = notebook_loader(raw, 32, range(n), asked.batch, shuffle=True)
    validation = notebook_loader(raw, 32, range(n, asked.samples), asked.batch, shuffle=False)
    return (
        lambda model, optimizer: notebook_epoch(model, optimizer, train),
        lambda model: notebook_accuracy(model, validation),
    )


if __name__ == "__main__":
    main()
