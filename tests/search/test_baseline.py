"""What a search is compared with: the base, trained as the candidates are; what still differs is said."""

from __future__ import annotations

import pytest

from archsearch.search.baseline import notes_on, unlike

NETWORK = "network: [flatten, {linear: {out_features: {choice: [4, 8]}}}, {linear: {out_features: classes}}]\n"
# digits_quickstart: 20 epochs, batches of 64, adam with lr 3e-3, cosine


@pytest.fixture
def space(make_study):
    return lambda train: make_study(NETWORK + f"train: {train}\n").space


def test_closed_values_hold_for_the_baseline_and_open_ones_do_not(space):
    found = space("{epochs: 3, optimizer: {adam: {lr: {float: [0.001, 0.01]}, weight_decay: 0.1}}}")
    train = found.baseline.train
    assert (train.epochs, train.batch_size) == (3, 64)
    assert (train.optimizer.kind, train.optimizer.lr, train.optimizer.weight_decay) == ("adam", 0.003, 0.1)
    assert notes_on(found) == (
        "the baseline digits_quickstart is trained as the candidates are: "
        "train.epochs 3 (its own: 20), train.optimizer.adam.weight_decay 0.1 (its own: 0)",
    )


def test_nothing_is_said_where_the_study_changes_nothing(space):
    found = space("{epochs: 20, batch_size: {choice: [32, 64]}}")
    assert found.baseline is found.base
    assert notes_on(found) == ()


def test_an_open_value_of_one_value_is_closed(space):
    assert space("{epochs: {int: [3, 3]}, batch_size: {choice: [16]}}").baseline.train.epochs == 3


def test_another_kind_is_taken_over_only_where_all_of_it_is_closed(space):
    assert space("{optimizer: {sgd: {lr: 0.1}}}").baseline.train.optimizer.kind == "sgd"
    found = space("{optimizer: {sgd: {lr: {float: [0.01, 0.1]}}}}")
    assert found.baseline.train.optimizer.kind == "adam"
    assert notes_on(found) == (
        "the baseline digits_quickstart is not trained as the candidates are: "
        "train.optimizer is adam for the baseline and sgd for the candidates",
    )


def test_an_open_value_whose_range_does_not_hold_the_baselines_is_said(space):
    assert notes_on(space("{epochs: {int: [2, 10]}}")) == (
        "the baseline digits_quickstart is not trained as the candidates are: "
        "train.epochs is 20 for the baseline and 2 to 10 for the candidates",
    )
    assert notes_on(space("{epochs: {int: [2, 30]}}")) == ()


def test_closed_values_that_the_base_cannot_take_are_said(make_study):
    text = NETWORK + "train: {epochs: 3, schedule: {cosine: {warmup_epochs: {choice: [0.5, 1.0]}}}}\n"
    assert make_study(text).space.baseline.train.epochs == 3


def test_specs_of_an_earlier_confirmation_are_compared_outside_the_space(space):
    found = space("{epochs: 3, batch_size: {choice: [32, 64]}}")
    parts = {"data", "train"}
    own = found.base.model_dump(mode="json", include=parts)  # as it was trained before: on its own terms
    finalist = found.baseline.model_dump(mode="json", include=parts)
    finalist["train"]["batch_size"] = 32  # inside the space: no news
    assert unlike(found, finalist, own, "trial 4") == ("train.epochs is 20 for the baseline and 3 for trial 4",)
