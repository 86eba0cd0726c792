"""Stacked runs beside the same runs one by one: the same but for rounding, and who falls out of step goes on alone.

On the CPU, where nobody stacks: the logic is the same there. With a CUDA device once more on that.
"""

from __future__ import annotations

import copy
import signal
from dataclasses import replace

import pytest
import torch

from archsearch.data.prepare import load
from archsearch.errors import Interrupted
from archsearch.experiment_plan import ExperimentPlan, plan_experiment
from archsearch.train.compute import Compute
from archsearch.train.device import numerics
from archsearch.train.interrupt import Interruption
from archsearch.train.loop import Trained, train
from archsearch.train.progress import Progress
from archsearch.train.stacked import Stacked, train_stacked, why_not_stacked
from archsearch.train.watch import Silent
from tests.train.conftest import tiny

SEEDS = (3, 0, 11)
ON_CPU = Compute("cpu", "torch", "", "contiguous_format", "fp32", 1)
ON_CUDA = replace(ON_CPU, device="cuda")
MAPS = [
    # without a bias: before a batch norm its gradient is rounding, of which Adam makes whole steps
    {"conv2d": {"out_channels": 4, "kernel_size": 3, "bias": False}},
    "batch_norm2d",
    "relu",
    {"residual": {"layers": [{"conv2d": {"out_channels": 4, "kernel_size": 3, "padding": "same"}}, "tanh"]}},
    {"max_pool2d": {"kernel_size": 2}},
    "flatten",
    {"linear": {"out_features": "classes"}},
]
HELD_OUT = {"validation": 40, "limit": 20}
RECIPES = {
    "sgd": {"data": HELD_OUT, "train": {"optimizer": {"sgd": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}}}},
    "adam": {
        "data": {**HELD_OUT, "normalize": True},
        "network": MAPS,
        "train": {"optimizer": {"adam": {"lr": 3e-3}}, "schedule": {"cosine": {"warmup_epochs": 1}}, "loss": "mse"},
    },
    "no validation": {"train": {"epochs": 2, "label_noise": 0.2, "optimizer": {"rmsprop": {"lr": 1e-3}}}},
}


def plan_of(**changes: object) -> ExperimentPlan:
    return plan_experiment(tiny(**changes))


def alone(plan: ExperimentPlan, seed: int, compute: Compute = ON_CPU, progress: Progress | None = None) -> Trained:
    """The run by the loop for one run."""
    with numerics(compute):
        return train(
            plan,
            seed,
            load(plan.spec.data),
            compute,
            read_test="end" if plan.spec.data.validation else "each_epoch",
            interruption=Interruption(),
            watch=Silent(),
            progress=progress,
            also=("val_f1_macro",),
        )


def stacked(plan: ExperimentPlan, runs: list[Stacked], compute: Compute = ON_CPU) -> list[Trained | None]:
    with numerics(compute):
        return train_stacked(
            plan,
            runs,
            load(plan.spec.data),
            compute,
            read_test="end" if plan.spec.data.validation else "each_epoch",
            interruption=Interruption(),
            also=("val_f1_macro",),
        )


def close(one: Trained, other: Trained) -> None:
    """Two trainings are the same but for rounding: weights, outputs, every number of the history."""
    ours, theirs = one.model.state_dict(), other.model.state_dict()
    assert list(ours) == list(theirs)
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-3, atol=1e-4)
    assert (one.reason, one.progress.test_reads, one.inputs) == (other.reason, other.progress.test_reads, other.inputs)
    for part in ("validation", "test"):
        mine, its = getattr(one, part), getattr(other, part)
        assert (mine is None) == (its is None)
        if mine is not None:
            torch.testing.assert_close(mine.outputs, its.outputs, rtol=1e-3, atol=1e-3)
    assert torch.equal(one.y_validation, other.y_validation)
    assert torch.equal(one.y_test, other.y_test)
    for record, wanted in zip(one.progress.history, other.progress.history, strict=True):
        assert (record.epoch, record.lr, list(record.metrics)) == (wanted.epoch, wanted.lr, list(wanted.metrics))
        mine, its = ({k: v for k, v in of.metrics.items() if v is not None} for of in (record, wanted))
        assert mine == pytest.approx(its, rel=1e-3, abs=0.03)  # a sample of 40 is 0.025


@pytest.mark.parametrize("name", RECIPES)
def test_stacked_runs_are_the_runs_alone_but_for_rounding(name):
    plan = plan_of(**RECIPES[name])
    for seed, found in zip(SEEDS, stacked(plan, [Stacked(seed) for seed in SEEDS]), strict=True):
        assert found is not None
        close(found, alone(plan, seed))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("name", RECIPES)
def test_stacked_runs_on_a_gpu_are_the_runs_alone_but_for_rounding(name):
    plan = plan_of(**RECIPES[name])
    for seed, found in zip(SEEDS, stacked(plan, [Stacked(seed) for seed in SEEDS], ON_CUDA), strict=True):
        assert found is not None
        close(found, alone(plan, seed, ON_CUDA))


def test_what_is_kept_of_a_stacked_run_goes_on_alone():
    plan = plan_of(**RECIPES["adam"])
    kept: list[Progress] = []
    runs = [Stacked(0), Stacked(3, keep=lambda progress: kept.append(copy.deepcopy(progress)))]
    _, whole = stacked(plan, runs)
    assert [progress.epoch for progress in kept] == [1, 2, 3]
    assert whole is not None
    close(alone(plan, 3, progress=kept[0]), whole)


class Raises(Silent):
    """A watch that stops its run after an epoch."""

    def epoch(self, record):
        if record.epoch == 2:
            raise RuntimeError("too weak")


def test_who_raises_falls_out_of_step_and_the_others_do_not_notice():
    plan = plan_of(**RECIPES["sgd"])
    kept: list[int] = []
    runs = [Stacked(3), Stacked(0, Raises(), lambda progress: kept.append(progress.epoch)), Stacked(11)]
    found = stacked(plan, runs)
    assert kept == [1, 2]
    assert found[1] is None
    for seed, one in ((3, found[0]), (11, found[2])):
        assert one is not None
        close(one, alone(plan, seed))


def test_runs_that_diverge_are_left_to_go_on_alone():
    plan = plan_of(data=HELD_OUT, train={"optimizer": {"sgd": {"lr": 1e20}}})
    assert stacked(plan, [Stacked(0), Stacked(3)]) == [None, None]
    assert alone(plan, 3).reason is not None


class InterruptAfter(Silent):
    def __init__(self, interruption: Interruption) -> None:
        self.interruption = interruption

    def epoch(self, record):
        self.interruption.receive(signal.SIGINT, None)


def test_an_interruption_ends_all_of_them_with_their_epoch_kept():
    plan, interruption, kept = plan_of(**RECIPES["sgd"]), Interruption(), list[int]()
    runs = [Stacked(seed, keep=lambda progress: kept.append(progress.epoch)) for seed in (0, 1)]
    runs.append(Stacked(2, InterruptAfter(interruption)))
    with pytest.raises(Interrupted, match=r"^interrupted; epoch 1 of 3 is kept, the same call goes on from there$"):
        train_stacked(plan, runs, load(plan.spec.data), ON_CPU, read_test="end", interruption=interruption)
    assert kept == [1, 1]


def test_a_layer_without_a_batched_kernel_is_for_runs_alone():
    recurrent = [{"flatten": {"start_dim": 2}}, {"permute": {"dims": [2, 1]}}, {"gru": {"hidden_size": 4}}]
    plan = plan_of(network=[*recurrent, {"linear": {"out_features": "classes"}}])
    assert stacked(plan, [Stacked(0), Stacked(3)]) == [None, None]


def test_weights_of_classes_that_follow_from_the_samples_are_for_runs_alone():
    balanced = {"cross_entropy": {"weight": "balanced"}}
    plan = plan_of(train={"loss": balanced, "label_noise": 0.3})
    assert stacked(plan, [Stacked(0), Stacked(3)]) == [None, None]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"train": {"precision": "bf16"}}, "train.precision is bf16"),
        ({"train": {"accumulate": 2}}, "train.accumulate is set"),
        ({"train": {"sampler": "balanced"}}, "train.sampler is balanced"),
        ({"train": {"ema": 0.9}}, "train.ema is set"),
        ({"train": {"clip_grad_norm": 1.0}}, "train.clip_grad_norm is set"),
        ({"train": {"schedule": "plateau"}, "data": HELD_OUT}, "the schedule follows what is measured"),
        ({"train": {"early_stopping": {"patience": 2}}, "data": HELD_OUT}, "train.early_stopping is set"),
        ({"data": {"augment": [{"shift": {"pixels": 1}}]}}, "samples are augmented"),
        ({"network": ["flatten", {"dropout": {"p": 0.1}}, {"linear": {"out_features": "classes"}}]},
         "layers draw random numbers"),
        ({"network": ["flatten", {"linear": {"out_features": 1_000_000}}, {"linear": {"out_features": "classes"}}]},
         "a batch of it fills the device"),
    ],
)  # fmt: skip
def test_what_is_not_stacked_says_why(changes, why):
    assert why_not_stacked(plan_of(**changes), ON_CUDA) == why


def test_nothing_is_stacked_on_a_cpu():
    assert why_not_stacked(plan_of(), ON_CPU) == "it is for cuda, and the run is on cpu"
