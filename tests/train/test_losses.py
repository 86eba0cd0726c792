from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from archsearch.spec.training import L1, CrossEntropy, Mse, Nll
from archsearch.train.losses import measure

OUTPUTS = torch.tensor([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2]])
LABELS = torch.tensor([1, 2])


def test_l1_is_the_mean_over_all_outputs_against_the_one_hot_label():
    # |.2| + |.5-1| + |.3| + |.7| + |.1| + |.2-1| = 2.6, over 6 outputs
    assert L1().function()(OUTPUTS, LABELS).item() == pytest.approx(2.6 / 6)


def test_mse_is_the_mean_over_all_outputs_against_the_one_hot_label():
    # .04 + .25 + .09 + .49 + .01 + .64 = 1.52, over 6 outputs
    assert Mse().function()(OUTPUTS, LABELS).item() == pytest.approx(1.52 / 6)


def test_nll_takes_log_probabilities():
    expected = -(math.log(0.5) + math.log(0.2)) / 2
    assert Nll().function()(OUTPUTS.log(), LABELS).item() == pytest.approx(expected)


def test_cross_entropy_with_label_smoothing_is_torchs():
    expected = nn.CrossEntropyLoss(label_smoothing=0.1)(OUTPUTS, LABELS)
    assert torch.equal(CrossEntropy(label_smoothing=0.1).function()(OUTPUTS, LABELS), expected)


def test_cross_entropy_of_a_perfect_softmax_cannot_fall_below_its_floor():
    # ten classes: -log(e / (e + 9)) = ln(1 + 9/e) = 1.4612, the write-up's stray softmax
    perfect = torch.eye(10)
    assert CrossEntropy().function()(perfect, torch.arange(10)).item() == pytest.approx(1.4612, abs=5e-5)


def test_measure_of_cross_entropy_is_torchs_without_smoothing():
    assert torch.equal(measure("cross_entropy")(OUTPUTS, LABELS), nn.CrossEntropyLoss()(OUTPUTS, LABELS))


def test_measure_finds_every_loss_by_its_name():
    assert measure("mse")(OUTPUTS, LABELS).item() == pytest.approx(1.52 / 6)
    assert measure("l1")(OUTPUTS, LABELS).item() == pytest.approx(2.6 / 6)
    assert measure("nll")(OUTPUTS.log(), LABELS).item() == pytest.approx(-(math.log(0.5) + math.log(0.2)) / 2)
