"""What a run is: everything that decides its numbers, and the id that is made of it. Imports no torch.

    run_id(identity(plan, seed, dataset.fingerprint, "cpu"))

Same id, same numbers; two ways to write the same network give the same id.
"""

from __future__ import annotations

from typing import Any

from archsearch.data.facts import training_count, validation_count
from archsearch.experiment_plan import ExperimentPlan
from archsearch.files import seal
from archsearch.spec.training import EVAL_LOSS, TrainSpec, minimises_eval_loss
from archsearch.train.compute import choose_engine

# Part of every run id: raised whenever the same spec and seed would give other numbers.
SEMANTICS = 1
# Of runs whose validation loss decides when they stop, and whose training minimises something else: they once watched
# the loss that they were trained on, and now `train.eval_loss`.
_SEMANTICS_WATCHING_ANOTHER_LOSS = 2


def identity(plan: ExperimentPlan, seed: int, fingerprint: str, device: str) -> dict[str, Any]:
    """Give all that decides a run's numbers, each thing written in one way only."""
    data = plan.spec.data.model_dump(mode="json", exclude={"path"})
    data["validation"] = validation_count(plan.spec.data.validation, plan.facts.train)
    if data.pop("train_limit", None) is not None:
        kept = training_count(plan.spec.data, plan.facts.train)
        if kept < plan.facts.train - data["validation"]:  # all of them is what silence says too
            data["train_limit"] = kept
    train_part = plan.spec.train.model_dump(mode="json") | {"device": device}
    train_part["engine"] = choose_engine(plan.network, plan.spec.train, device).name
    if train_part["engine"] == "torch":  # said by silence: runs from before there was a choice keep their id
        del train_part["engine"]
    return {
        "semantics": _semantics(plan.spec.train),
        "seed": seed,
        "fingerprint": fingerprint,
        "data": data,
        "network": plan.network.canonical(),
        "train": train_part,
    }


def _semantics(train: TrainSpec) -> int:
    rule = train.early_stopping
    watches = rule is not None and rule.monitor == "val_loss"
    other = not minimises_eval_loss(train.loss, EVAL_LOSS)
    return _SEMANTICS_WATCHING_ANOTHER_LOSS if watches and other else SEMANTICS


def run_id(identity: dict[str, Any]) -> str:
    """Give the id: the first 16 hexadecimal digits of the identity's SHA-256."""
    return seal(identity)[:16]
