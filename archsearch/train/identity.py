"""What a run is: everything that decides its numbers, and the id that is made of it. Imports no torch.

    held = identity(plan, seed, dataset.fingerprint, compute)       # as run.json has it
    run_id(held)
    experiment_key(plan) == experiment_key_of(held)                 # the same but for the seed

Same id, same numbers; two ways to write the same network give the same id. Two runs with one experiment key differ in
nothing but the seed, the version of the data and what computed them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archsearch.data.facts import DataFacts, training_count, validation_count
from archsearch.experiment_plan import ExperimentPlan
from archsearch.files import seal
from archsearch.spec.dataset import DataSpec
from archsearch.spec.losses import EVAL_LOSS, minimises_eval_loss
from archsearch.spec.training import TrainSpec
from archsearch.train.compute import Compute

# Part of every run id: raised whenever the same spec and seed would give other numbers.
SEMANTICS = 1
# Of runs whose validation loss decides when they stop, and whose training minimises something else: they once watched
# the loss that they were trained on, and now `train.eval_loss`.
_SEMANTICS_WATCHING_ANOTHER_LOSS = 2
_PLACE = ("device", "engine")  # keys of `train` that say what computed, not what
_PLACES: dict[str, Any] = {**dict.fromkeys(_PLACE, True), "early_stopping": {"own": {"path"}}}  # a file is its content


def identity(plan: ExperimentPlan, seed: int, fingerprint: str, compute: Compute) -> dict[str, Any]:
    """Give all that decides a run's numbers, each thing written in one way only."""
    experiment = _experiment(plan)
    place = {"device": compute.device, "engine": compute.engine}
    if compute.engine == "torch":  # said by silence: runs from before there was a choice keep their id
        del place["engine"]
    return experiment | {"seed": seed, "fingerprint": fingerprint, "train": experiment["train"] | place}


def _experiment(plan: ExperimentPlan) -> dict[str, Any]:
    """Give the part of an identity that a plan decides."""
    return recipe(plan.spec.data, plan.spec.train, plan.facts) | {"network": plan.network.canonical()}


def recipe(data: DataSpec, train: TrainSpec, facts: DataFacts) -> dict[str, Any]:
    """Give what an experiment is beside its network."""
    written = data.model_dump(mode="json", exclude={"path", "labels"})
    written["validation"] = validation_count(data.validation, facts.train)
    if written.pop("train_limit", None) is not None:
        kept = training_count(data, facts.train)
        if kept < facts.train - written["validation"]:  # all of them is what silence says too
            written["train_limit"] = kept
    return {
        "semantics": _semantics(train),
        "data": written,
        "train": train.model_dump(mode="json", exclude=_PLACES),
    }


def experiment_key(plan: ExperimentPlan) -> str:
    """Name what is run but for the seed: the one answer to "are these two the same experiment".

    Not part of it: names and words, where it is computed and by which engine, and which version of the data there is
    (that is known only where they are loaded; compare fingerprints beside the key).
    """
    return seal(_experiment(plan))


def experiment_key_of(held: Mapping[str, Any]) -> str:
    """Give the `experiment_key` of a run from its identity, as run.json holds it; KeyError for what is none."""
    train = {key: value for key, value in held["train"].items() if key not in _PLACE}
    return seal({key: held[key] for key in ("semantics", "data", "network")} | {"train": train})


def _semantics(train: TrainSpec) -> int:
    rule = train.early_stopping
    watches = rule is not None and rule.monitor == "val_loss"
    other = not minimises_eval_loss(train.loss, EVAL_LOSS)
    return _SEMANTICS_WATCHING_ANOTHER_LOSS if watches and other else SEMANTICS


def run_id(identity: dict[str, Any]) -> str:
    """Give the id: the first 16 hexadecimal digits of the identity's SHA-256."""
    return seal(identity)[:16]
