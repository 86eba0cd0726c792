"""Predictions and evaluations of a trained network, and how evaluations are kept."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from archsearch.data.given import other_test_part
from archsearch.data.prepare import load
from archsearch.errors import UsageError
from archsearch.spec.dataset import DataSpec
from archsearch.train.evaluation import evaluate_on, keep_evaluation, kept_evaluations
from archsearch.train.prediction import outputs_of, predict
from archsearch.train.trained import open_trained

DIGITS = DataSpec(name="digits", limit=20)


@pytest.fixture
def network(train_tiny):
    return open_trained(train_tiny(seed=1, data={"normalize": True}).run_dir)


def given_to(network, data_dir):
    return other_test_part(DIGITS, network.inputs, network.spec.data, data_dir=data_dir)


def test_predictions_are_the_likeliest_classes_of_the_runs_own_outputs(network, data_dir):
    found = predict(network, given_to(network, data_dir))
    with np.load(network.directory / "predictions.npz") as held:
        outputs = torch.from_numpy(held["test_outputs"])
    wanted = torch.softmax(outputs, 1).topk(3)
    assert [one.best.name for one in found.predictions] == [str(k) for k in wanted.indices[:, 0].tolist()]
    shares = [[each.probability for each in one.top] for one in found.predictions]
    np.testing.assert_allclose(shares, wanted.values, atol=1e-5)
    assert found.predictions[7].sample == "x_test[7]"


def test_more_classes_are_asked_for_than_there_are(network, data_dir):
    assert len(predict(network, given_to(network, data_dir), most=50).predictions[0].top) == 10


def test_outputs_that_are_no_probabilities_stand_alone(train_tiny, data_dir):
    network = open_trained(train_tiny(train={"loss": "mse"}).run_dir)
    found = predict(network, given_to(network, data_dir))
    assert found.predictions[0].best.probability is None
    assert "no probabilities" in found.meaning
    record = evaluate_on(network, given_to(network, data_dir), "digits")
    assert record.calibration is None


def test_an_evaluation_on_the_runs_own_test_data_is_the_runs_result(network, data_dir):
    record = evaluate_on(network, given_to(network, data_dir), "digits")
    assert record.metrics["accuracy"] == network.result.test_accuracy == record.own_test
    assert record.metrics["loss"] == pytest.approx(network.result.test_loss, rel=1e-5)
    assert sum(map(sum, record.confusion)) == record.samples == 200
    right = sum(record.confusion[k][k] for k in range(10))
    assert right / 200 == record.metrics["accuracy"]
    assert record.calibration is not None
    assert sum(record.calibration.counts) == 200


def test_evaluations_are_kept_once_for_each_data_and_read_back(network, data_dir):
    first = evaluate_on(network, given_to(network, data_dir), "digits")
    for _ in range(2):
        path = keep_evaluation(network.directory, first)
    assert [one.name for one in (network.directory / "evaluations").iterdir()] == [path.name]
    assert kept_evaluations(network.directory) == [first]
    assert first.calibration is not None
    assert first.calibration.of(first.calibration.bins(200)) == first.calibration


def test_an_altered_evaluation_is_named_and_not_used(network, data_dir):
    path = keep_evaluation(network.directory, evaluate_on(network, given_to(network, data_dir), "digits"))
    path.write_text(path.read_text().replace('"samples": 200', '"samples": 201'))
    assert kept_evaluations(network.directory) == [f"{path} was altered, or is of another version, and is not used"]
    path.write_text(json.dumps({}))
    assert len(kept_evaluations(network.directory)) == 1


def test_outputs_that_are_not_finite_name_the_sample(network, data_dir):
    given = given_to(network, data_dir)
    with torch.no_grad():
        next(network.model.parameters()).fill_(1e38)
    with pytest.raises(UsageError, match=r"outputs for x_test\[0\] are not finite"):
        outputs_of(network, given)


def test_other_samples_have_another_fingerprint(network, data_dir):
    one = evaluate_on(network, given_to(network, data_dir), "a")
    other = other_test_part(DataSpec(name="digits", limit=10), network.inputs, network.spec.data, data_dir=data_dir)
    assert evaluate_on(network, other, "a").fingerprint != one.fingerprint
    assert evaluate_on(network, given_to(network, data_dir), "b").fingerprint == one.fingerprint
    assert load(DIGITS, data_dir=data_dir).facts.test == 200
