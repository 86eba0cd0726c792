"""What a recipe does within an epoch, against loops of plain torch that are written here."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from archsearch.data.prepare import load
from archsearch.train.streams import stream
from tests.train.conftest import tiny
from tests.train.test_loop import assert_equal, begun, trained, weights
from tests.train.test_run import id_of


def order_of(epoch: int, count: int) -> torch.Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(stream(5, "order", epoch)))


# -- several batches a step --------------------------------------------------------------------------------------------


def test_accumulated_gradients_are_those_of_a_loop_that_calls_backward_for_each_batch():
    changes = {"data": {"limit": 16}, "train": {"batch_size": 16, "accumulate": 4, "clip_grad_norm": 0.5}}
    spec = tiny(**changes)
    data = load(spec.data)  # 160 samples: steps of 64, 64 and 32, so four, four and two batches
    x, y = data.x_train.float(), data.y_train
    model = begun(spec)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    losses = []
    for epoch in range(3):
        total = 0.0
        for together in order_of(epoch, 160).split(16 * 4):
            optimizer.zero_grad()
            for rows in together.split(16):
                loss = F.cross_entropy(model(x[rows]), y[rows])
                (loss * (len(rows) / len(together))).backward()
                total += loss.item() * len(rows)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
        losses.append(total / 160)
    mine = trained(seed=5, **changes)
    assert_equal(weights(mine.model), weights(model))  # shares are powers of two: to the bit
    assert [record.train_loss for record in mine.progress.history] == pytest.approx(losses, rel=1e-5)


@pytest.mark.parametrize("engine", ["torch", "native"])
def test_accumulated_batches_are_one_large_batch(engine):
    """16 + 16 + 16 of 200 samples, the last step has 8: the mean over samples is the same, whatever it is cut into."""
    schedule = {"cosine": {"warmup_epochs": 1}}
    cut = trained(train={"batch_size": 16, "accumulate": 3, "schedule": schedule, "engine": engine})
    whole = trained(train={"batch_size": 48, "schedule": schedule, "engine": engine})
    for name, value in weights(whole.model).items():
        torch.testing.assert_close(weights(cut.model)[name], value, rtol=2e-3, atol=2e-4)
    for one, other in zip(cut.progress.history, whole.progress.history, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-4)
        assert one.lr == other.lr


def test_more_batches_than_an_epoch_has_are_one_step_an_epoch():
    cut = trained(train={"batch_size": 50, "accumulate": 1000})
    whole = trained(train={"batch_size": 200})
    for name, value in weights(whole.model).items():
        torch.testing.assert_close(weights(cut.model)[name], value, rtol=1e-4, atol=1e-6)


def test_layer_that_some_batches_do_not_use_gets_the_gradient_of_those_that_do():
    from archsearch.train.epoch import _gather

    model = torch.nn.ModuleList([torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)])
    gathered: dict = {}
    for used, share in (([0], 0.25), ([0, 1], 0.25), ([1], 0.5)):
        for index, layer in enumerate(model):
            layer.weight.grad = torch.full((1, 1), 8.0) if index in used else None
        _gather(gathered, model, share)
    assert [float(gathered[layer.weight]) for layer in model] == [4.0, 6.0]


def test_divergence_names_the_step_where_several_batches_are_one():
    outcome = trained(train={"accumulate": 2, "optimizer": {"sgd": {"lr": 1e20}}})
    assert outcome.reason is not None
    assert outcome.reason.startswith("epoch 1: the loss is nan at step ")


def test_accumulation_is_part_of_the_id_only_where_there_is_some():
    spec = tiny()
    assert "accumulate" not in spec.model_dump(mode="json")["train"]
    assert id_of(tiny(train={"accumulate": 1})) == id_of(spec) != id_of(tiny(train={"accumulate": 2}))
