"""A look into the first epoch: what is seen is what a plain loop has learned by then, and nothing changes by it."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from archsearch.data.prepare import load
from archsearch.data.split import divide
from archsearch.train.epoch import Part
from archsearch.train.look import look_at_parts, part_to_look_at, undisturbed
from archsearch.train.streams import split_seeds, stream
from archsearch.train.watch import Silent
from tests.train.conftest import tiny
from tests.train.test_loop import assert_equal, begun, trained, weights


class Looks(Silent):
    """Keeps what is seen; raises after the look that is `last`."""

    def __init__(self, *parts: float, last: float = math.inf) -> None:
        self.parts, self.last = parts, last
        self.seen: list[tuple[float, float | None]] = []

    def looks(self):
        return self.parts

    def look(self, part, metrics):
        self.seen.append((part, metrics["val_accuracy"]))
        if part == self.last:
            raise EnoughError(f"after {part}")


class EnoughError(Exception):
    pass


HELD_OUT = {"data": {"limit": 20, "validation": 60}}
NORM_AND_DROPOUT = [
    {"conv2d": {"out_channels": 4, "kernel_size": 3}},
    "batch_norm2d",
    "relu",
    "flatten",
    {"dropout": {"p": 0.3}},
    {"linear": {"out_features": "classes"}},
]
WITHOUT_NORM = [row for row in NORM_AND_DROPOUT if row != "batch_norm2d"]


@pytest.mark.parametrize(
    "changes",
    [
        {"network": NORM_AND_DROPOUT, "train": {"ema": 0.9, "accumulate": 2, "batch_size": 16}},
        {"network": WITHOUT_NORM, "train": {"engine": "native"}},
    ],
    ids=["torch", "native"],
)
def test_run_that_is_looked_into_is_the_run_that_is_not(changes):
    watch = Looks(0.125, 0.25, 0.5)
    looked_into, plain = trained(watch=watch, **HELD_OUT, **changes), trained(**HELD_OUT, **changes)
    assert [part for part, _ in watch.seen] == [0.125, 0.25, 0.5]
    assert_equal(weights(looked_into.model), weights(plain.model))
    for mine, other in zip(looked_into.progress.history, plain.progress.history, strict=True):
        assert mine.metrics == other.metrics


def test_what_is_seen_is_what_a_plain_torch_loop_has_learned_by_then():
    spec = tiny(**HELD_OUT)
    model = begun(spec)
    data = load(spec.data)
    fit, held_out = divide(spec.data, data.facts, data.y_train, *split_seeds(5))
    x, y = data.x_train.float(), data.y_train
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    order = torch.randperm(len(fit), generator=torch.Generator().manual_seed(stream(5, "order", 0)))
    expected = []
    for rows in fit[order].split(32):  # 140 samples: five steps
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
        with torch.no_grad():
            expected.append((model(x[held_out]).argmax(1) == y[held_out]).double().mean().item())
    watch = Looks(0.125, 0.5)
    trained(seed=5, watch=watch, **HELD_OUT)
    assert watch.seen == [(0.125, pytest.approx(expected[0])), (0.5, pytest.approx(expected[2]))]


def test_looks_come_after_the_first_step_at_which_a_part_is_over():
    told = []
    after_step = look_at_parts((0.125, 0.25, 0.5), lambda part, done: told.append((part, done)))
    for epoch in (0, 1):
        for step in range(84):  # 50,000 images in batches of 600
            after_step(epoch, step, 84, min(600 * (step + 1), 50_000))
    assert told == [(0.125, 6600), (0.25, 12_600), (0.5, 25_200)]  # 10.5, 21 and 42 steps


@pytest.mark.parametrize(("steps", "parts"), [(1, []), (2, [0.125, 0.5]), (3, [0.125, 0.5])])
def test_the_whole_epoch_is_no_part_of_it(steps, parts):
    told = []
    after_step = look_at_parts((0.125, 0.5, 0.9), lambda part, done: told.append(part))
    for step in range(steps):
        after_step(0, step, steps, 10 * (step + 1))
    assert told == parts


def test_a_run_that_goes_on_after_an_epoch_is_not_looked_into():
    kept = []
    trained(keep=lambda progress: kept.append(progress), **HELD_OUT, train={"epochs": 1})
    watch = Looks(0.5)
    trained(progress=kept[0], watch=watch, **HELD_OUT)
    assert watch.seen == []


def test_who_has_seen_enough_ends_the_run_and_the_next_one_is_the_whole_run():
    watch = Looks(0.25, 0.5, last=0.25)
    with pytest.raises(EnoughError, match=r"^after 0\.25$"):
        trained(watch=watch, **HELD_OUT)
    assert len(watch.seen) == 1
    assert_equal(weights(trained(**HELD_OUT).model), weights(trained(watch=Looks(0.25), **HELD_OUT).model))


def test_without_validation_data_nothing_is_seen():
    watch = Looks(0.5)
    trained(watch=watch)
    assert watch.seen == []


def test_outputs_that_are_not_finite_are_not_told():
    watch = Looks(0.25, 0.5)
    diverged = trained(watch=watch, **HELD_OUT, train={"optimizer": {"sgd": {"lr": 1e20}}})
    assert diverged.reason is not None
    assert watch.seen == []


def samples(count: int, classes: int = 10) -> Part:
    """Held-out samples that lie class by class, behind 500 others."""
    y = torch.arange(count + 500) * classes // (count + 500)
    return Part(torch.zeros(count + 500, 1), y, torch.arange(500, count + 500))


@pytest.mark.parametrize(("trained_on", "read"), [(100, 1000), (4000, 1000), (6600, 1650), (25_200, 6300)])
def test_a_look_reads_a_quarter_of_what_was_trained_on_but_a_thousand_at_the_least(trained_on, read):
    validation = samples(10_000)
    part = part_to_look_at(validation, trained_on, seed=3)
    assert len(part) == len(set(part.rows.tolist())) == read
    assert set(part.rows.tolist()) <= set(validation.rows.tolist())
    assert torch.equal(part.rows, part_to_look_at(validation, trained_on, seed=3).rows)


def test_all_of_a_small_validation_part_is_read():
    validation = samples(800)
    assert part_to_look_at(validation, 100, seed=0) is validation


def test_samples_that_lie_class_by_class_are_read_from_all_classes():
    validation = samples(10_000)
    counts = torch.bincount(validation.y[part_to_look_at(validation, 100, seed=0).rows], minlength=10)
    assert counts[1:].min() > 60  # of about 105 each; drawn evenly, 60 is 4.6 standard deviations away


def test_random_numbers_go_on_as_they_were():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    with undisturbed("cpu"):
        torch.rand(7)
    assert torch.equal(torch.rand(4), expected)
