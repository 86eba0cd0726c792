"""The moving average of weights (`train.ema`): against torch's `AveragedModel` in a loop written here."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from archsearch.data.prepare import load
from archsearch.experiment_plan import plan_experiment
from archsearch.train.loop import initial_network
from archsearch.train.moving import MovingAverage, in_the_network
from archsearch.train.progress import OtherNetworkError, Progress, go_on
from archsearch.train.streams import stream
from archsearch.train.watch import Silent
from tests.train.conftest import tiny
from tests.train.test_average import WITH_BATCH_NORM
from tests.train.test_loop import assert_equal, begun, trained, weights
from tests.train.test_run import id_of

NORMALISED = {"network": WITH_BATCH_NORM["network"], "train": {"ema": 0.9}}


def loop_by_hand(decay: float, **changes) -> tuple[AveragedModel, torch.nn.Module, list[float]]:
    """Three epochs of Adam with an average after each step; the test accuracy of the average after each epoch."""
    spec = tiny(**changes)
    model, data = begun(spec), load(spec.data)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    x, y = data.x_train.float(), data.y_train
    accuracies = []
    for epoch in range(3):
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(stream(5, "order", epoch)))
        torch.manual_seed(stream(5, "dropout", epoch))
        model.train()
        for rows in order.split(32):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            averaged.update_parameters(model)
        outputs = averaged.module.eval()(data.x_test.float())
        accuracies.append((outputs.argmax(1) == data.y_test).float().mean().item())
    return averaged, model, accuracies


def test_run_is_measured_by_torchs_averaged_model_after_each_epoch_and_keeps_it():
    averaged, own, accuracies = loop_by_hand(0.9, **NORMALISED)
    kept: list[Progress] = []
    outcome = trained(seed=5, read_test="each_epoch", keep=lambda p: kept.append(copy.deepcopy(p)), **NORMALISED)
    assert_equal(weights(outcome.model), weights(averaged.module))
    assert [record.test_accuracy for record in outcome.progress.history] == pytest.approx(accuracies)
    assert outcome.test is not None
    assert outcome.test.metrics["accuracy"] == outcome.progress.history[-1].test_accuracy
    assert outcome.progress.test_reads == 3
    assert_equal(kept[-1].model, weights(own))  # what is trained on is the network's own weights


@pytest.mark.parametrize("engine", ["torch", "native"])
def test_average_is_the_sum_of_all_steps_by_their_weights(engine):
    """One step an epoch: w1, then 3/4 of what was and 1/4 of what is."""
    kept: list[dict[str, torch.Tensor]] = []
    train = {"ema": 0.75, "batch_size": 200, "engine": engine}
    outcome = trained(keep=lambda p: kept.append(copy.deepcopy(p.model)), train=train)
    for name, value in weights(outcome.model).items():
        first, second, third = (state[name].double() for state in kept)
        by_hand = 0.75 * (0.75 * first + 0.25 * second) + 0.25 * third
        torch.testing.assert_close(value.double(), by_hand, rtol=1e-6, atol=1e-7)


def test_training_itself_stays_what_it_was():
    lists = []
    for train in ({"ema": 0.5}, {}):
        kept: list[dict[str, torch.Tensor]] = []
        outcome = trained(keep=lambda p, kept=kept: kept.append(copy.deepcopy(p.model)), train=train)
        lists.append((kept, [record.train_loss for record in outcome.progress.history]))
    (averaged, losses), (plain, same) = lists
    assert losses == same
    for one, other in zip(averaged, plain, strict=True):
        assert_equal(one, other)


def test_early_stopping_keeps_the_average_of_the_best_epoch():
    outcome = trained(
        data={"validation": 40},
        train={
            "ema": 0.8,
            "early_stopping": {"patience": 2},
            "epochs": 30,
            "optimizer": {"adam": {"lr": 0.02}},
        },
    )
    history, best = outcome.progress.history, outcome.progress.best_epoch
    assert best is not None
    assert best < len(history) < 30
    assert outcome.validation is not None
    assert outcome.validation.metrics["accuracy"] == history[best - 1].val_accuracy
    assert outcome.validation.metrics["loss"] == pytest.approx(history[best - 1].val_loss)


def test_network_has_its_own_weights_again_after_an_error():
    model = torch.nn.Linear(2, 1)
    moving = MovingAverage(model, 0.5)
    moving.update()
    before = weights(model)
    with torch.no_grad():
        model.weight.add_(1)
    changed = weights(model)

    def fail_inside():
        with in_the_network(moving):
            assert_equal(weights(model), before)
            raise ValueError("inside")

    with pytest.raises(ValueError, match=r"^inside$"):
        fail_inside()
    assert_equal(weights(model), changed)


def test_checkpoint_without_the_average_is_no_checkpoint_of_the_run():
    kept: list[Progress] = []
    trained(keep=lambda p: kept.append(copy.deepcopy(p)))
    model = initial_network(plan_experiment(tiny()), 0)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    with pytest.raises(OtherNetworkError, match="Missing key"):
        go_on(kept[0], model, optimizer, MovingAverage(model, 0.9))


def test_checkpoint_of_a_whole_training_still_gives_the_average():
    kept: list[Progress] = []
    whole = trained(keep=lambda p: kept.append(copy.deepcopy(p)), **NORMALISED)
    again = trained(progress=kept[-1], **NORMALISED)
    assert_equal(weights(again.model), weights(whole.model))
    assert again.test is not None
    assert whole.test is not None
    assert again.test.metrics == whole.test.metrics


def test_run_directory_keeps_the_average_while_it_trains(train_tiny):
    class StopError(Exception):
        pass

    class Stop(Silent):
        def epoch(self, record):
            if record.epoch == 2:
                raise StopError("after the second epoch")

    whole = train_tiny(**NORMALISED)
    wanted = (whole.run_dir / "model.safetensors").read_bytes()
    with pytest.raises(StopError, match=r"^after the second epoch$"):
        train_tiny(fresh=True, watch=Stop(), **NORMALISED)
    resumed = train_tiny(**NORMALISED)
    assert (resumed.run_dir / "model.safetensors").read_bytes() == wanted
    assert resumed.result.metrics == whole.result.metrics


def test_average_is_part_of_the_id_only_where_one_is_asked_for():
    spec = tiny()
    assert "ema" not in spec.model_dump(mode="json")["train"]
    assert len({id_of(spec), id_of(tiny(train={"ema": 0.9})), id_of(tiny(train={"ema": 0.99}))}) == 3
    assert type(spec).model_validate(tiny(train={"ema": 0.9}).model_dump(mode="json")).train.ema == 0.9
