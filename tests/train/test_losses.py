from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_pinball_loss
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torchvision.ops import sigmoid_focal_loss

from archsearch.spec.losses import (
    L1,
    LOSS_KINDS,
    Bce,
    CrossEntropy,
    Focal,
    Huber,
    LossFunction,
    Mse,
    Nll,
    PoissonNll,
    Quantile,
    SmoothL1,
    loss_words,
    losses_for,
)
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


# -- torch's own, values and gradients ---------------------------------------------------------------------------------

NUMBERS = torch.Generator().manual_seed(3)
LOGITS = 2 * torch.randn(40, 5, generator=NUMBERS)
CLASSES = torch.randint(0, 5, (40,), generator=NUMBERS)
ROWS = torch.randint(0, 2, (40, 5), generator=NUMBERS, dtype=torch.uint8)
REAL = 3 * torch.randn(40, 5, generator=NUMBERS)
WEIGHTS = (0.5, 1.0, 2.0, 3.0, 0.1)


def both(ours: LossFunction, theirs: LossFunction, outputs: Tensor, ours_on: Tensor, theirs_on: Tensor) -> None:
    """Hold value and gradient of one loss against those of another."""
    found = []
    for function, targets in ((ours, ours_on), (theirs, theirs_on)):
        given = outputs.clone().requires_grad_()
        value = function(given, targets)
        value.backward()
        found.append((value.detach(), given.grad))
    assert torch.allclose(found[0][0], found[1][0], rtol=1e-6)
    assert torch.allclose(found[0][1], found[1][1], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ("ours", "theirs", "ours_on", "theirs_on"),
    [
        (CrossEntropy(weight=WEIGHTS), nn.CrossEntropyLoss(torch.tensor(WEIGHTS)), CLASSES, CLASSES),
        (
            CrossEntropy(weight=WEIGHTS, label_smoothing=0.2),
            nn.CrossEntropyLoss(torch.tensor(WEIGHTS), label_smoothing=0.2),
            CLASSES,
            CLASSES,
        ),
        (Bce(), nn.BCEWithLogitsLoss(), ROWS, ROWS.float()),
        (Bce(pos_weight=(3.0,)), nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)), ROWS, ROWS.float()),
        (Bce(pos_weight=WEIGHTS), nn.BCEWithLogitsLoss(pos_weight=torch.tensor(WEIGHTS)), ROWS, ROWS.float()),
        (Mse(), nn.MSELoss(), REAL, REAL),
        (L1(), nn.L1Loss(), REAL, REAL),
        (Huber(delta=0.7), nn.HuberLoss(delta=0.7), REAL, REAL),
        (SmoothL1(beta=0.3), nn.SmoothL1Loss(beta=0.3), REAL, REAL),
        (PoissonNll(), nn.PoissonNLLLoss(), REAL.abs().round(), REAL.abs().round()),
        (
            Focal(gamma=1.5, alpha=0.25),
            lambda outputs, y: sigmoid_focal_loss(outputs, y, alpha=0.25, gamma=1.5, reduction="mean"),
            ROWS,
            ROWS.float(),
        ),
        (Focal(gamma=0), nn.CrossEntropyLoss(), CLASSES, CLASSES),
        # gamma 2 of classes, written out: the one-hot row picks p
        (
            Focal(),
            lambda outputs, y: (-((1 - outputs.softmax(1)) ** 2) * outputs.log_softmax(1))[torch.arange(40), y].mean(),
            CLASSES,
            CLASSES,
        ),
    ],
)
def test_a_loss_is_torchs_in_value_and_gradient(
    ours: Any, theirs: LossFunction, ours_on: Tensor, theirs_on: Tensor
) -> None:
    both(ours.function(), theirs, LOGITS, ours_on, theirs_on)


def test_one_output_is_compared_with_labels_as_a_column() -> None:
    one, labels = LOGITS[:, :1], ROWS[:, 0].long()
    both(Bce().function(), nn.BCEWithLogitsLoss(), one, labels, labels.float()[:, None])
    both(Mse().function(), nn.MSELoss(), one, labels, labels.float()[:, None])


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.95])
def test_quantile_is_scikit_learns_pinball_loss(quantile: float) -> None:
    found = Quantile(quantile=quantile).function()(LOGITS, REAL).item()
    assert found == pytest.approx(mean_pinball_loss(REAL.numpy(), LOGITS.numpy(), alpha=quantile), rel=1e-6)


def test_what_minimises_the_quantile_loss_is_the_quantile() -> None:
    y = torch.arange(100.0)[:, None]
    guesses = torch.arange(0.0, 100.0, 0.5)
    loss = Quantile(quantile=0.9).function()
    values = [loss(guess.expand(100, 1), y).item() for guess in guesses]
    assert 89 <= guesses[values.index(min(values))] <= 90


def test_balanced_weights_are_scikit_learns() -> None:
    labels = torch.tensor([0] * 7 + [1] * 2 + [2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels.numpy())
    assert CrossEntropy(weight="balanced").fitted(labels, 3).weight == pytest.approx(expected)
    rows = torch.tensor([[1, 0], [0, 0], [1, 1], [1, 0]], dtype=torch.uint8)
    assert Bce(pos_weight="balanced").fitted(rows, 2).pos_weight == pytest.approx((1 / 3, 3.0))
    assert Bce(pos_weight="balanced").fitted(rows[:, 0].long(), 1).pos_weight == pytest.approx((1 / 3,))
    assert Bce(pos_weight=2.0).fitted(rows, 2) == Bce(pos_weight=2.0)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    ("outputs", "targets"),
    [([[200.0, -200.0], [1.0, 0.0]], [0, 1]), ([[200.0], [1.0]], [1, 0])],
    ids=["classes", "one output"],
)
def test_focal_loss_of_a_sample_that_is_right_beyond_doubt_is_0_and_so_is_its_gradient(
    gamma: float, outputs: list[list[float]], targets: list[int]
) -> None:
    # the other sample has p = 1 / (1 + e): its loss is (1 - p)^gamma * -log p, of the mean a half
    given = torch.tensor(outputs, requires_grad=True)
    loss = Focal(gamma=gamma).function()(given, torch.tensor(targets))
    loss.backward()
    p = 1 / (1 + math.e)
    assert loss.item() == pytest.approx((1 - p) ** gamma * -math.log(p) / 2, rel=1e-6)
    assert given.grad is not None
    assert given.grad.isfinite().all()
    assert given.grad[0].abs().max() == 0


def test_losses_say_what_they_are_for() -> None:
    assert losses_for("classification", None) == ("cross_entropy", "nll", "mse", "l1", "focal")
    assert losses_for("binary", None) == losses_for("multilabel", None) == ("mse", "l1", "focal", "bce")
    assert losses_for("regression", None) == ("mse", "l1", "huber", "smooth_l1", "quantile", "poisson_nll")
    assert losses_for("regression", ("mse",)) == ("mse",)
    assert (
        CrossEntropy(weight=(1.0, 2.0)).misfit("classification", 3) == "weight has 2 numbers, and there are 3 classes"
    )
    assert Bce(pos_weight=(1.0, 2.0)).misfit("multilabel", 3) == "pos_weight has 2 numbers, and there are 3 labels"
    assert Bce(pos_weight=(2.0,)).misfit("multilabel", 3) is None
    assert "alpha is for binary and multilabel" in (Focal(alpha=0.3).misfit("classification", 3) or "")
    assert PoissonNll().refuses(torch.tensor([[1.0], [-2.0]])) == (
        "poisson_nll is for counts, 0 and above, and the targets begin at -2"
    )


def test_losses_are_said_in_words() -> None:
    assert loss_words(CrossEntropy(weight="balanced", label_smoothing=0.1)) == (
        "cross_entropy with label smoothing 0.1 and weight balanced"
    )
    assert loss_words(Bce(pos_weight=3)) == "bce with pos weight 3"
    assert loss_words(Mse()) == "mse"


@pytest.mark.parametrize("kind", LOSS_KINDS, ids=lambda kind: kind.kind)
def test_fields_that_are_younger_are_said_by_silence(kind: Any) -> None:
    made = kind(quantile=0.5) if kind is Quantile else kind()
    assert None not in made.model_dump().values()
    assert CrossEntropy().model_dump() == {"label_smoothing": 0.0}  # what run ids of 0.1.0 were made of
