"""Can an experiment that fits together be trained here? What a run would refuse as its first step, asked beforehand.

    check_runs_here(plan)           # raises as the run would: `SpecError` for the engine, `UsageError` for the device

Imports torch only where a device is named that may be missing, or the native engine is asked for.
"""

from __future__ import annotations

from archsearch.experiment_plan import ExperimentPlan
from archsearch.spec.training import TrainSpec
from archsearch.train.compute import choose_engine, resolve_device


def check_device(train: TrainSpec) -> str:
    """Give the device of a training, `auto` where it need not be known; raise `UsageError` where it is missing."""
    if train.device == "cpu" or (train.device == "auto" and train.engine != "native"):
        return train.device
    return resolve_device(train.device)


def check_runs_here(plan: ExperimentPlan) -> None:
    """Raise `UsageError` or `SpecError` where device or engine that the spec asks for cannot be used."""
    train = plan.spec.train
    device = check_device(train)
    if train.engine == "native":
        choose_engine(plan.network, train, device, task=plan.facts.task, weighted=plan.facts.weighted)
