"""PyTorch source: every shipped spec and hundreds of random networks, read back by Python, against the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from archsearch.experiment_plan import ExperimentPlan, load_plan
from archsearch.export.pytorch import pytorch_source
from archsearch.spec.layers import LAYER_KINDS
from archsearch.train.loop import initial_network
from tests.export.networks import plan_of, random_plan
from tests.spec.layer_cases import LATER

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore:Using padding=.same. with even kernel"),
]
QUICK = range(100)
MANY = range(100, 600)


def built(source: str) -> nn.Sequential:
    """Run a file and make its model."""
    space: dict[str, Any] = {"__name__": "exported"}
    exec(compile(source, "exported.py", "exec"), space)
    model: nn.Sequential = space["build_model"]()
    return model


def one_step(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Train on one batch; give the outputs before, and the state after."""
    torch.manual_seed(3)  # dropout
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    outputs = model(x)
    nn.functional.cross_entropy(outputs, y).backward()
    optimizer.step()
    return outputs.detach(), model.state_dict()


def must_be_the_same(plan: ExperimentPlan) -> None:
    """Keys, parameters, outputs and one training step are those of the network, bit for bit."""
    source = pytorch_source(plan)
    assert "archsearch" not in source
    ours, theirs = initial_network(plan, 0), built(source)
    assert sum(p.numel() for p in theirs.parameters()) == plan.network.parameters
    theirs.load_state_dict(ours.state_dict())  # strict: the same keys and shapes
    assert list(theirs.state_dict()) == list(ours.state_dict())
    draws = torch.Generator().manual_seed(1)
    x = torch.rand(4, *plan.facts.shape, generator=draws)
    y = torch.randint(0, plan.facts.classes, (4,), generator=draws)
    assert torch.equal(ours.eval()(x), theirs.eval()(x))
    outputs, state = one_step(ours.train(), x, y)
    their_outputs, their_state = one_step(theirs.train(), x, y)
    assert torch.equal(outputs, their_outputs)
    assert all(torch.equal(value, their_state[key]) for key, value in state.items())


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_shipped_spec_is_the_same_network_in_torch_alone(path: Path) -> None:
    must_be_the_same(load_plan(str(path)))


def test_random_networks_are_the_same_in_torch_alone() -> None:
    for number in QUICK:
        must_be_the_same(random_plan(number))


@pytest.mark.slow
def test_hundreds_of_random_networks_are_the_same_in_torch_alone() -> None:
    for number in MANY:
        must_be_the_same(random_plan(number))


@pytest.mark.parametrize("kind", LATER)
def test_layer_of_a_later_kind_is_the_same_in_torch_alone(kind: str) -> None:
    fields, shape, *_ = LATER[kind]
    must_be_the_same(plan_of([{kind: fields}], shape, kind))


def test_networks_here_have_every_layer_kind() -> None:
    found = {row.kind for number in QUICK for row in random_plan(number).network.walk()}
    assert found | {*LATER, "pad_channels"} == set(LAYER_KINDS) - {"own"}  # these have tests of their own
    assert len(found) > 55
