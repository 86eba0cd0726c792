"""The loop against a plain torch loop written here, and what must not change its numbers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from archsearch.data.prepare import load
from archsearch.experiment_plan import plan_experiment
from archsearch.spec.experiment import ExperimentSpec
from archsearch.train.compute import decide
from archsearch.train.device import memory_format, numerics
from archsearch.train.divergence import first_not_finite
from archsearch.train.interrupt import Interruption
from archsearch.train.loop import finite, initial_network, parts, train
from archsearch.train.progress import Progress
from archsearch.train.streams import stream
from archsearch.train.watch import Silent
from tests.train.conftest import tiny


def trained(
    seed: int = 0, progress: Progress | None = None, keep=lambda p: None, watch=None, read_test="end", **changes
):
    spec = tiny(**changes)
    plan = plan_experiment(spec)
    return train(
        plan,
        seed,
        load(spec.data),
        decide(plan),
        read_test=read_test,
        interruption=Interruption(),
        watch=watch or Silent(),
        progress=progress,
        keep=keep,
    )


def begun(spec: ExperimentSpec, seed: int = 5) -> torch.nn.Module:
    """Give the network as a run begins with it, in the layout of this machine: another adds up in another order."""
    plan = plan_experiment(spec)
    return initial_network(plan, seed).to(memory_format=memory_format(decide(plan)))


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def test_loop_takes_the_steps_of_a_plain_torch_loop():
    spec = tiny()
    model = begun(spec)
    data = load(spec.data)
    x, y = data.x_train.float(), data.y_train
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    losses = []
    for epoch in range(3):
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(stream(5, "order", epoch)))
        total = 0.0
        for rows in order.split(32):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(y))
    mine = trained(seed=5)
    assert_equal(weights(mine.model), weights(model))
    assert [r.train_loss for r in mine.progress.history] == pytest.approx(losses, rel=1e-5)
    model.eval()
    correct = (model(data.x_test.float()).argmax(1) == data.y_test).float().mean().item()
    assert mine.test is not None
    assert mine.test.metrics["accuracy"] == pytest.approx(correct)


def test_same_seed_gives_the_same_bits_and_another_seed_does_not():
    first, again, other = trained(seed=1), trained(seed=1), trained(seed=2)
    assert_equal(weights(first.model), weights(again.model))
    assert not torch.equal(weights(first.model)["fc1.weight"], weights(other.model)["fc1.weight"])


def test_initial_weights_depend_on_seed_and_layer_name_only():
    small = initial_network(plan_experiment(tiny()), 3).state_dict()
    network = [
        {"conv2d": {"out_channels": 4, "kernel_size": 3}},
        "tanh",
        "dropout",
        "flatten",
        {"linear": {"out_features": 7, "name": "extra"}},
        {"linear": {"out_features": "classes", "name": "fc1"}},
    ]
    other = initial_network(plan_experiment(tiny(network=network)), 3).state_dict()
    assert torch.equal(small["conv1.weight"], other["conv1.weight"])
    torch.manual_seed(stream(3, "init", "conv1"))
    assert torch.equal(small["conv1.weight"], torch.nn.Conv2d(1, 4, 3).weight)


def test_training_leaves_the_callers_random_state_alone(train_tiny):
    torch.manual_seed(123)
    expected = torch.rand(3)
    torch.manual_seed(123)
    train_tiny()
    assert torch.equal(torch.rand(3), expected)


REGIMES = {
    "plain": {},
    "dropout and batch norm": {
        "network": [
            {"conv2d": {"out_channels": 4, "kernel_size": 3}},
            "batch_norm2d",
            "relu",
            "dropout2d",
            "flatten",
            "dropout",
            {"linear": {"out_features": "classes"}},
        ]
    },
    "augmentation and normalisation": {
        "data": {
            "augment": [{"shift": {"pixels": 1}}, {"rotate": {"degrees": 15}}],
            "normalize": True,
            "validation": 40,
        }
    },
    "momentum and schedule": {
        "train": {
            "optimizer": {"sgd": {"lr": 0.05, "momentum": 0.9}},
            "schedule": {"one_cycle": {}},
            "clip_grad_norm": 1.0,
            "epochs": 4,
        }
    },
    "mean of the last epochs": {
        "network": [
            {"conv2d": {"out_channels": 4, "kernel_size": 3}},
            "batch_norm2d",
            "relu",
            "flatten",
            "dropout",
            {"linear": {"out_features": "classes"}},
        ],
        "train": {"average": 2},
    },
    "moving average, several batches a step": {
        "network": [
            {"conv2d": {"out_channels": 4, "kernel_size": 3}},
            "batch_norm2d",
            "relu",
            "flatten",
            "dropout",
            {"linear": {"out_features": "classes"}},
        ],
        "train": {"ema": 0.9, "accumulate": 3, "batch_size": 16},
    },
    "mixup and cutmix": {"train": {"mixup": 0.4, "cutmix": 1.0}},
    "fp16": {"train": {"precision": "fp16", "epochs": 3}},
    "balanced sampler, label noise": {"train": {"sampler": "balanced", "label_noise": 0.2}},
    "plateau": {
        "data": {"validation": 40},
        "train": {"schedule": {"plateau": {"patience": 0, "threshold": 0.1}}, "optimizer": {"sgd": {"lr": 0.3}}},
    },
    "all of it at once": {
        "network": [
            {"conv2d": {"out_channels": 4, "kernel_size": 3}},
            "batch_norm2d",
            "relu",
            "flatten",
            "dropout",
            {"linear": {"out_features": "classes"}},
        ],
        "data": {"validation": 40, "augment": [{"shift": {"pixels": 1}}], "normalize": True},
        "train": {
            "epochs": 4,
            "batch_size": 20,
            "schedule": {"plateau": {"patience": 0, "threshold": 0.1, "warmup_epochs": 0.5}},
            "early_stopping": {"patience": 3},
            "clip_grad_norm": 1.0,
            "ema": 0.8,
            "accumulate": 2,
            "sampler": "balanced",
            "label_noise": 0.1,
            "mixup": 0.2,
            "cutmix": 1.0,
            "precision": "fp16",
        },
    },
    "early stopping": {
        "data": {"validation": 40},
        "train": {"early_stopping": {"patience": 2}, "epochs": 8, "optimizer": {"adam": {"lr": 0.05}}},
    },
}


@pytest.mark.parametrize("changes", REGIMES.values(), ids=REGIMES.keys())
@pytest.mark.parametrize("stop_after", [1, 2])
def test_a_run_stopped_after_an_epoch_goes_on_to_the_same_bits(changes, stop_after):
    whole = trained(**changes)

    class Stop(Exception):
        pass

    class StopAfter(Silent):
        def epoch(self, record):
            if record.epoch == stop_after:
                raise Stop("after this epoch")

    kept: list[Progress] = []

    def keep(p: Progress) -> None:
        import copy

        kept.append(copy.deepcopy(p))

    with pytest.raises(Stop, match=r"^after this epoch$"):
        trained(keep=keep, watch=StopAfter(), **changes)
    assert kept[-1].epoch == stop_after
    resumed = trained(progress=kept[-1], **changes)
    assert_equal(weights(whole.model), weights(resumed.model))
    without_time = [r.model_dump(exclude={"seconds"}) for r in whole.progress.history]
    assert [r.model_dump(exclude={"seconds"}) for r in resumed.progress.history] == without_time


def test_a_loss_that_is_not_finite_stops_the_run_within_its_epoch():
    outcome = trained(train={"optimizer": {"sgd": {"lr": 1e20}}})
    assert outcome.reason is not None
    assert outcome.reason.startswith("epoch 1: the loss is nan at batch ")
    assert outcome.progress.history == []
    assert outcome.test is None


ONE_STEP = {"epochs": 1, "batch_size": 2000}


@pytest.mark.parametrize("engine", ["torch", "native"])
def test_weights_that_are_not_finite_after_the_last_step_are_a_divergence(engine):
    outcome = trained(train={**ONE_STEP, "optimizer": {"sgd": {"lr": 1e300}}, "engine": engine})
    assert outcome.reason == "epoch 1: after its last step the weight of conv1 is not finite (lr 1e+300)"
    assert (outcome.progress.history, outcome.validation, outcome.test) == ([], None, None)
    assert outcome.progress.test_reads == 0


@pytest.mark.parametrize("engine", ["torch", "native"])
def test_outputs_of_finite_weights_that_are_not_finite_are_a_divergence(engine):
    train = {**ONE_STEP, "optimizer": {"sgd": {"lr": 1e30}}, "engine": engine}
    outcome = trained(data={"validation": 40}, train=train)
    assert outcome.reason == "epoch 1: the outputs on the validation data are not finite, first in fc1"
    assert all(value.isfinite().all() for value in outcome.model.state_dict().values())
    assert (outcome.progress.history, outcome.progress.test_reads) == ([], 0)


@pytest.mark.parametrize(("read_test", "epochs"), [("each_epoch", 0), ("end", 1)])
def test_outputs_on_the_test_data_count_where_nothing_is_held_out(read_test, epochs):
    outcome = trained(read_test=read_test, train={**ONE_STEP, "optimizer": {"sgd": {"lr": 1e30}}})
    assert outcome.reason == "epoch 1: the outputs on the test data are not finite, first in fc1"
    assert (outcome.progress.epoch, outcome.progress.test_reads, outcome.test) == (epochs, 1, None)


def test_run_that_diverges_after_its_best_epoch_has_diverged_and_keeps_the_weights_of_that_epoch():
    best = []

    def spoil(progress: Progress) -> None:
        if progress.epoch == 1:
            best.append({name: value.clone() for name, value in progress.best_model.items()})
            progress.model["fc1.bias"][3] = float("inf")

    outcome = trained(data={"validation": 40}, train={"early_stopping": {"patience": 3}}, keep=spoil)
    assert outcome.reason is not None
    assert outcome.reason.startswith("epoch 2: the loss is ")
    assert (outcome.validation, outcome.test) == (None, None)
    assert_equal(weights(outcome.model), best[0])


def test_checkpoint_whose_weights_are_not_finite_does_not_complete():
    kept: list[Progress] = []
    trained(keep=kept.append)
    kept[-1].model["fc1.bias"][3] = float("nan")
    outcome = trained(progress=kept[-1])
    assert outcome.reason == "epoch 3: after its last step the bias of fc1 is not finite"


def test_first_not_finite_looks_at_buffers_and_is_not_misled_by_a_sum_that_overflows():
    norm = torch.nn.Sequential()
    norm.add_module("norm1", torch.nn.BatchNorm1d(2))
    assert first_not_finite(norm.state_dict()) is None
    norm[0].running_var[1] = float("inf")
    assert first_not_finite(norm.state_dict()) == "norm1.running_var"
    large = torch.full((4,), 3e38)
    assert not torch.isfinite(large.sum())
    assert first_not_finite({"large": large, "counted": torch.tensor(3)}) is None


def test_early_stopping_keeps_the_weights_of_the_best_epoch():
    outcome = trained(
        data={"validation": 40},
        train={"early_stopping": {"patience": 2}, "epochs": 30, "optimizer": {"adam": {"lr": 0.02}}},
    )
    history = outcome.progress.history
    best = max(range(len(history)), key=lambda i: (history[i].val_accuracy, -i)) + 1
    assert outcome.progress.best_epoch == best
    assert len(history) == min(best + 2, 30)
    assert outcome.validation is not None
    assert outcome.validation.metrics["accuracy"] == history[best - 1].val_accuracy


def test_early_stopping_on_the_loss_wants_it_smaller():
    outcome = trained(
        data={"validation": 40},
        train={
            "early_stopping": {"patience": 1, "monitor": "val_loss"},
            "epochs": 5,
            "optimizer": {"adam": {"lr": 1e-3}},
        },
    )
    losses = [r.val_loss for r in outcome.progress.history]
    assert outcome.progress.best_epoch == losses.index(min(losses)) + 1 == 5


@pytest.mark.parametrize(("read_test", "reads"), [("never", 0), ("end", 1), ("each_epoch", 3)])
def test_test_set_is_read_as_often_as_asked(read_test, reads):
    outcome = trained(read_test=read_test)
    assert outcome.progress.test_reads == reads
    assert (outcome.test is None) == (reads == 0)
    assert [r.test_accuracy is not None for r in outcome.progress.history] == [read_test == "each_epoch"] * 3


def test_validation_part_is_held_out_of_training():
    spec = tiny(data={"validation": 40})
    training, validation, test = parts(plan_experiment(spec), 0, load(spec.data), "cpu")
    assert validation is not None
    assert len(validation) == 40
    assert sorted([*training.rows.tolist(), *validation.rows.tolist()]) == list(range(200))
    assert len(test) == 200  # 20 per class, ten classes


def test_normalisation_uses_the_mean_and_deviation_of_the_training_part():
    class Seen(Silent):
        pass

    spec = tiny(data={"normalize": True, "validation": 40})
    plan, data = plan_experiment(spec), load(spec.data)
    training, _, _ = parts(plan, 0, data, "cpu")
    from archsearch.train.loop import inputs_of

    x = inputs_of(plan, data, training).reader()(data.x_train[training.rows])
    assert x.mean().item() == pytest.approx(0, abs=1e-5)
    assert x.std(unbiased=False).item() == pytest.approx(1, abs=1e-5)


def test_finite_turns_what_json_cannot_say_into_none():
    assert [finite(v) for v in (1.5, float("inf"), float("nan"), None)] == [1.5, None, None, None]


@pytest.mark.gpu
def test_cuda_run_repeats_bit_for_bit():
    plan = plan_experiment(tiny(train={"device": "cuda"}))
    compute = decide(plan)
    with numerics(compute):  # what a run sets is what makes it repeatable there
        first, again = (
            train(
                plan,
                0,
                load(tiny().data),
                compute,
                read_test="end",
                interruption=Interruption(),
                watch=Silent(),
            )
            for _ in range(2)
        )
    assert_equal(weights(first.model), weights(again.model))
