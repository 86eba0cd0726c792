"""Crossings of learning curves against straight lines worked out by hand, and a bootstrap written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from archsearch.stats.crossing import learning_curve


def test_a_crossing_lies_straight_between_two_sizes_on_the_logarithmic_axis() -> None:
    """-0.02 at 100 and +0.02 at 10,000: halfway, at 1,000; -0.03 and +0.01: three quarters of the way, at 3,162."""
    assert learning_curve("relu", "tanh", {100: [-0.02] * 2, 10_000: [0.02] * 2}).crossing == pytest.approx(1000)
    curve = learning_curve("relu", "tanh", {100: [-0.03] * 2, 10_000: [0.01] * 2})
    assert curve.crossing == pytest.approx(10**3.5)
    assert curve.crossing95 is None  # two pairs say nothing of the spread
    assert curve.sentence == (
        "relu overtakes tanh at about 3,200 training samples, 2 paired seeds: not shown, as the verdicts on the two "
        "sides are not opposite."
    )


def test_the_interval_is_that_of_a_bootstrap_over_pairs() -> None:
    dice = np.random.default_rng(5)
    noise = dice.normal(0, 0.01, size=(3, 12))
    shifts = (-0.03, 0.0, 0.03)
    table = {10 ** (2 + place): (shift + noise[place]).tolist() for place, shift in enumerate(shifts)}
    curve = learning_curve("relu", "tanh", table, {100: "worse", 10_000: "better"})
    theirs = []
    for _ in range(4000):
        drawn = dice.integers(12, size=12)
        means = [float(np.mean(np.asarray(table[size])[drawn])) for size in (100, 1000, 10_000)]
        place = 0 if means[1] > 0 else 1
        theirs.append(2 + place - means[place] / (means[place + 1] - means[place]))
    low, high = np.percentile(theirs, [2.5, 97.5])
    assert curve.crossing95 is not None
    assert [math.log10(float(end)) for end in curve.crossing95] == [
        pytest.approx(low, abs=0.03), pytest.approx(high, abs=0.03)
    ]  # fmt: skip
    assert curve.shown
    assert curve.sentence.endswith("12 paired seeds: shown, as the verdicts on the two sides are opposite.")


def test_an_end_outside_of_the_sizes_is_said_so() -> None:
    table = {100: [-0.01, 0.012, -0.008, 0.004], 1000: [0.02, 0.021, 0.03, 0.02]}
    curve = learning_curve("relu", "tanh", table)
    assert curve.crossing95 is not None
    assert curve.crossing95[0] == "below"
    assert "(95 % below 100 to " in curve.sentence


def test_a_loss_that_rises_falls_behind() -> None:
    curve = learning_curve("relu", "tanh", {10: [-0.1] * 3, 100: [0.1] * 3}, direction="minimize", pairs="fold")
    assert curve.sentence.startswith(
        "relu falls behind tanh at about 32 training samples (95 % 32 to 32), 3 paired folds"
    )


@pytest.mark.parametrize(
    ("means", "said"),
    [
        ((0.1, 0.2, 0.1), "relu stays ahead of tanh between 10 and 1,000 training samples: the curves do not cross."),
        ((-0.1, 0.0, -0.2), "relu stays behind tanh between 10 and 1,000 training samples: the curves do not cross."),
        ((-0.1, 0.1, -0.2), "relu and tanh cross 2 times between 10 and 1,000 training samples: neither overtakes the"),
        ((0.0, 0.0, 0.0), "relu and tanh are the same between 10 and 1,000 training samples."),
    ],
)
def test_curves_that_do_not_cross_once(means: tuple[float, ...], said: str) -> None:
    curve = learning_curve("relu", "tanh", {10 ** (i + 1): [value] * 3 for i, value in enumerate(means)})
    assert curve.sentence.startswith(said)
    assert curve.crossing is None
