"""Training in float16 with a scaled loss, against a loop with torch's GradScaler; on the CPU, which has it too."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

from archsearch.data.prepare import load
from archsearch.errors import SpecError
from archsearch.experiment_plan import plan_experiment
from archsearch.train.compute import Resources, decide, resources_here
from archsearch.train.loop import initial_network
from archsearch.train.progress import OtherNetworkError, Progress, go_on
from archsearch.train.streams import stream
from tests.train.conftest import tiny
from tests.train.test_loop import assert_equal, begun, trained, weights
from tests.train.test_run import id_of

FP16 = {"precision": "fp16", "clip_grad_norm": 0.5, "epochs": 2}


def test_run_takes_the_steps_of_a_torch_loop_with_torchs_scaler():
    spec = tiny(train=FP16)
    model, data = begun(spec), load(spec.data)
    x, y = data.x_train.float(), data.y_train
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    scaler = torch.amp.GradScaler("cpu")
    scales = []
    for epoch in range(2):
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(stream(5, "order", epoch)))
        for rows in order.split(32):
            with torch.autocast("cpu", dtype=torch.float16):
                loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            scaler.step(optimizer)
            scaler.update()
        scales.append(scaler.get_scale())
    kept: list[Progress] = []
    mine = trained(seed=5, keep=lambda p: kept.append(copy.deepcopy(p)), train=FP16)
    assert_equal(weights(mine.model), weights(model))
    assert [progress.scaler["scale"] for progress in kept] == scales
    assert all(value.dtype == torch.float32 for value in mine.model.state_dict().values())


def test_step_whose_gradients_overflow_is_skipped_and_the_scale_halved():
    """From a scale at which float16 overflows: three batches an epoch, each halves it and changes nothing."""
    first: list[Progress] = []
    train = {"precision": "fp16", "batch_size": 67, "epochs": 2}
    trained(keep=lambda p: first.append(copy.deepcopy(p)), train=train)
    begun = first[0]
    begun.scaler["scale"] = 2.0**60
    kept: list[Progress] = []
    trained(progress=copy.deepcopy(begun), keep=lambda p: kept.append(copy.deepcopy(p)), train=train)
    assert kept[0].scaler["scale"] == 2.0**57
    assert_equal(kept[0].model, begun.model)


def test_checkpoint_without_the_scale_is_no_checkpoint_of_the_run():
    kept: list[Progress] = []
    trained(keep=lambda p: kept.append(copy.deepcopy(p)), train={"epochs": 1})
    model = initial_network(plan_experiment(tiny()), 0)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    with pytest.raises(OtherNetworkError, match="source state dict is empty"):
        go_on(kept[0], model, optimizer, scaler=torch.amp.GradScaler("cpu"))


def test_device_without_it_is_named_and_the_native_engine_leaves_it_to_torch():
    plan = plan_experiment(tiny(train={"precision": "fp16", "device": "auto", "engine": "auto"}))
    with pytest.raises(SpecError, match=r"^train\.precision: fp16 is for cuda and cpu, and the run is on mps; use fp3"):
        decide(plan, Resources("mps", native=False, threads=1))
    compute = decide(plan, resources_here("cpu", 1))
    assert (compute.engine, compute.reason) == ("torch", "train.precision: fp16 is not float32")
    assert id_of(tiny(train={"precision": "fp16"})) != id_of(tiny())


@pytest.mark.gpu
def test_cuda_run_repeats_bit_for_bit_and_learns(train_tiny):
    train = {"device": "cuda", "precision": "fp16"}
    first = train_tiny(train=train)
    again = train_tiny(train=train, fresh=True)
    assert first.result.metrics == again.result.metrics
    assert first.result.history[-1].train_loss < first.result.history[0].train_loss
