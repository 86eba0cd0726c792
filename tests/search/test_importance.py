"""Importances, against functions whose variance is known."""

from __future__ import annotations

import itertools
import random

import pytest

from archsearch.search.importance import LEAST_TRIALS, OpenValue, TrialSample, importances

A = OpenValue(name="a", kind="choice", labels=("x", "y"))
B = OpenValue(name="b", kind="int", low=0, high=1, step=1)
WIDTH = OpenValue(name="conv3.width", kind="int", low=1, high=100, log=True, step=1)


def factorial(value, repeats: int = 10) -> list[TrialSample]:
    cells = list(itertools.product(("x", "y"), (0, 1))) * repeats
    return [TrialSample(i, {"a": a, "b": b}, value(a, b)) for i, (a, b) in enumerate(cells)]


def test_shares_are_those_of_the_variance():
    """2a + b over a balanced design: variances 1 and 1/4, so 80 % and 20 %."""
    found = importances((A, B), factorial(lambda a, b: 2.0 * (a == "y") + b), "value")
    (group,) = found.groups
    assert (found.n, group.n, group.always, group.names, group.why_none) == (40, 40, True, ("a", "b"), None)
    assert {share.name: share.share for share in group.shares} == pytest.approx({"a": 0.8, "b": 0.2}, abs=0.04)
    assert group.explained == pytest.approx(1.0, abs=0.01)
    assert found.ranked() == ["a", "b"]
    assert found.evaluator == "fANOVA (32 trees of depth 6, seed 0)"


def test_value_of_some_trials_only_is_judged_among_those():
    dice = random.Random(1)
    samples = []
    for i in range(80):
        params = {"a": dice.choice("xy"), "b": dice.randint(0, 1)}
        if params["b"]:
            params["conv3.width"] = dice.randint(1, 100)
        samples.append(TrialSample(i, params, 0.1 * (params["a"] == "x") + params.get("conv3.width", 0) / 100))
    with_it = sum("conv3.width" in sample.params for sample in samples)
    always, some = importances((A, B, WIDTH), samples, "value").groups
    assert (always.names, always.n) == (("a", "b"), 80)
    assert (some.names, some.n, some.always) == (("conv3.width",), with_it, False)
    assert some.shares[0].share > 0.8


def test_same_samples_give_the_same_shares_whatever_numbers_were_drawn_before():
    dice = random.Random(5)
    samples = factorial(lambda a, b: 2.0 * (a == "y") + b + dice.random())
    first = importances((A, B), samples, "value")
    random.random()
    assert importances((A, B), samples, "value") == first


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        (factorial(lambda a, b: float(b))[: LEAST_TRIALS - 1], "only 14 trials, at least 15 are needed"),
        (factorial(lambda a, b: 0.5), "all 40 trials have the same value"),
        ([TrialSample(i, {"a": "x", "b": 1}, i / 20) for i in range(20)], "nothing varies among these 20 trials"),
    ],
)
def test_where_there_is_nothing_to_judge_the_reason_is_given(samples, why):
    (group,) = importances((A, B), samples, "value").groups
    assert (group.shares, group.explained, group.why_none) == ((), None, why)


def test_noise_is_told_by_what_the_forest_cannot_predict():
    dice = random.Random(4)
    (group,) = importances((A, B), factorial(lambda a, b: dice.random()), "value").groups
    assert group.explained is not None
    assert group.explained < 0.1
    assert sum(share.share for share in group.shares) == pytest.approx(1.0)


def test_no_samples_give_no_groups():
    assert importances((A, B), [], "value").groups == ()
