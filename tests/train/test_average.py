"""The mean of the last epochs' weights: against torch's `AveragedModel` and `update_bn`, and against sums by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.optim.swa_utils import AveragedModel, update_bn

from archsearch.data.prepare import load
from archsearch.train.progress import Progress
from archsearch.train.streams import stream
from archsearch.train.watch import Silent
from tests.train.conftest import tiny
from tests.train.test_loop import assert_equal, begun, trained, weights
from tests.train.test_run import id_of

WITH_BATCH_NORM = {
    "network": [
        {"conv2d": {"out_channels": 4, "kernel_size": 3}},
        "batch_norm2d",
        "relu",
        "flatten",
        "dropout",
        {"linear": {"out_features": "classes"}},
    ],
    "train": {"epochs": 4, "average": 3},
}


def epochs_of(**changes):
    """Train, and give the outcome with the weights after each epoch."""
    kept: list[dict[str, torch.Tensor]] = []
    outcome = trained(seed=5, keep=lambda progress: kept.append(copy.deepcopy(progress.model)), **changes)
    return outcome, kept


def test_kept_weights_are_those_of_torchs_averaged_model_with_batch_norms_measured_anew():
    outcome, after_epochs = epochs_of(**WITH_BATCH_NORM)
    spec = tiny(**WITH_BATCH_NORM)
    model, data = begun(spec), load(spec.data)
    averaged = AveragedModel(model)
    for state in after_epochs[-3:]:
        model.load_state_dict(state)
        averaged.update_parameters(model)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(stream(5, "order", "average")))
    torch.manual_seed(stream(5, "dropout", "average"))
    update_bn([data.x_train[rows].float() for rows in order.split(32)], averaged.module)
    torch.testing.assert_close(weights(outcome.model), weights(averaged.module), rtol=1e-6, atol=1e-7)
    outputs = averaged.module.eval()(data.x_test.float())
    assert outcome.test is not None
    right = (outputs.argmax(1) == data.y_test).float().mean().item()
    assert outcome.test.metrics["accuracy"] == pytest.approx(right)
    assert outcome.test.metrics["loss"] == pytest.approx(torch.nn.functional.cross_entropy(outputs, data.y_test).item())


@pytest.mark.parametrize("engine", ["torch", "native"])
@pytest.mark.parametrize("count", [2, 3])
def test_kept_weights_are_the_sum_of_the_last_epochs_over_their_number(engine, count):
    outcome, after_epochs = epochs_of(train={"average": count, "engine": engine})
    for name, value in weights(outcome.model).items():
        by_hand = sum(state[name].double() for state in after_epochs[-count:]) / count
        torch.testing.assert_close(value.double(), by_hand, rtol=1e-6, atol=1e-7)
        assert not torch.equal(value, after_epochs[-1][name])


def test_training_itself_and_what_is_said_of_its_epochs_stay_what_they_were():
    (averaged, after), (plain, before) = epochs_of(train={"average": 2}), epochs_of()
    for one, other in zip(after, before, strict=True):
        assert_equal(one, other)
    records = [[record.metrics for record in run.progress.history] for run in (averaged, plain)]
    assert records[0] == records[1]
    assert_equal(weights(plain.model), before[-1])


@pytest.mark.parametrize(("read_test", "reads"), [("each_epoch", 4), ("end", 1), ("never", 0)])
def test_mean_is_a_further_read_of_the_test_set_where_that_is_read_after_each_epoch(read_test, reads):
    outcome = trained(read_test=read_test, train={"average": 3})
    assert outcome.progress.test_reads == reads
    assert (outcome.test is None) == (reads == 0)


def test_validation_data_are_measured_by_the_mean_too():
    outcome = trained(data={"validation": 40}, train={"average": 3})
    assert outcome.validation is not None
    rows = outcome.validation.outputs.argmax(1) == outcome.y_validation
    assert outcome.validation.metrics["accuracy"] == pytest.approx(rows.float().mean().item())
    assert outcome.validation.metrics["loss"] != outcome.progress.history[-1].metrics["val_loss"]


def test_checkpoint_of_a_whole_training_still_gives_the_mean():
    kept: list[Progress] = []
    whole = trained(keep=lambda progress: kept.append(copy.deepcopy(progress)), **WITH_BATCH_NORM)
    assert_equal(weights(trained(progress=kept[-1], **WITH_BATCH_NORM).model), weights(whole.model))


def test_mean_is_part_of_the_id_only_where_one_is_asked_for():
    spec = tiny()
    assert "average" not in spec.model_dump(mode="json")["train"]
    assert len({id_of(spec), id_of(tiny(train={"average": 2})), id_of(tiny(train={"average": 3}))}) == 3
    assert type(spec).model_validate(tiny(train={"average": 2}).model_dump(mode="json")).train.average == 2


def test_run_keeps_the_mean_and_goes_on_after_a_stop(train_tiny, runs_dir):
    class StopError(Exception):
        pass

    class Stop(Silent):
        def epoch(self, record):
            if record.epoch == 3:
                raise StopError("after the third epoch")

    whole = train_tiny(**WITH_BATCH_NORM)
    wanted = (whole.run_dir / "model.safetensors").read_bytes()
    with pytest.raises(StopError, match=r"^after the third epoch$"):
        train_tiny(fresh=True, watch=Stop(), **WITH_BATCH_NORM)
    assert (whole.run_dir / "checkpoint.pt").exists()
    resumed = train_tiny(**WITH_BATCH_NORM)
    assert (resumed.run_dir / "model.safetensors").read_bytes() == wanted
    assert resumed.result.metrics == whole.result.metrics
