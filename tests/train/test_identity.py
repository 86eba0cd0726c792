from __future__ import annotations

import json

import pytest

from archsearch.experiment_plan import plan_experiment
from archsearch.train.compute import Resources, decide
from archsearch.train.directory import read_sealed
from archsearch.train.identity import experiment_key, experiment_key_of, identity, run_id
from tests.train.conftest import tiny

CPU = Resources("cpu", native=True, threads=1)
CUDA = Resources("cuda", native=True, threads=1)
CONV = [
    {"conv2d": {"out_channels": 8, "kernel_size": 3}},
    "tanh",
    "flatten",
    {"linear": {"out_features": "classes"}},
]


def plan_of(**changes):
    return plan_experiment(tiny(**changes))


def test_the_key_of_a_plan_is_that_of_each_of_its_runs():
    plan = plan_of(train={"device": "auto", "engine": "auto"}, network=CONV)
    seen = []
    for seed, fingerprint, resources in ((0, "a", CPU), (7, "a", CPU), (0, "b", CPU), (0, "a", CUDA)):
        held = identity(plan, seed, fingerprint, decide(plan, resources))
        seen.append((run_id(held), experiment_key_of(json.loads(json.dumps(held)))))
    assert {key for _, key in seen} == {experiment_key(plan)}
    assert len({id_ for id_, _ in seen}) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other", "summary": "Other words."},
        {"data": {"validation": 40}},  # a count where the other gives the fraction
        {"data": {"validation": 0.2, "train_limit": 160}},  # all there are
        {"train": {"device": "auto", "engine": "auto"}},
        {"network": [{"conv2d": {"out_channels": 4, "kernel_size": [3, 3]}}, *tiny().model_dump()["network"][1:]]},
    ],
    ids=["words", "count", "limit", "place", "written otherwise"],
)
def test_two_ways_to_write_one_experiment_have_one_key(changes):
    changed = {"data": {"validation": 0.2}} | changes
    assert experiment_key(plan_of(**changed)) == experiment_key(plan_of(data={"validation": 0.2}))


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"validation": 41}},
        {"data": {"validation": 0.2, "train_limit": 159}},
        {"train": {"epochs": 4}},
        {"train": {"precision": "bf16"}},
        {"train": {"eval_loss": "mse"}},
        {"network": CONV},
    ],
    ids=str,
)
def test_another_experiment_has_another_key(changes):
    assert experiment_key(plan_of(**{"data": {"validation": 0.2}} | changes)) != experiment_key(
        plan_of(data={"validation": 0.2})
    )


def test_run_json_gives_the_key_of_its_spec(train_tiny):
    done = train_tiny(seed=3)
    assert experiment_key_of(read_sealed(done.run_dir / "run.json")) == experiment_key(plan_of())
