"""Spec -> PyTorch source -> spec is the identity: the same canonical network, so the same run id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from torch import nn

from archsearch.experiment_plan import load_plan, plan_experiment
from archsearch.export.import_blocks import layers_of_graph
from archsearch.export.import_graph import Graph, GraphValue, LayerStep
from archsearch.export.import_network import import_network
from archsearch.export.import_source import ModuleSource
from archsearch.export.import_trace import trace
from archsearch.export.pytorch import model_source, pytorch_source
from archsearch.spec.layers import LAYER_KINDS, Layer
from archsearch.spec.network import NetworkPlan, plan_network
from archsearch.train.compute import Compute
from archsearch.train.identity import identity, run_id
from tests.export.networks import random_plan
from tests.spec.test_layers import CASES

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
LAYERS = TypeAdapter(list[Layer])
ON_CPU = Compute(device="cpu", engine="torch", reason="", layout="", precision="fp32", threads=1)


def built(text: str) -> nn.Module:
    """What the file's `build_model` gives."""
    space: dict[str, Any] = {}
    exec(compile(text, "model.py", "exec"), space)
    return space["build_model"]()


def again(plan: NetworkPlan, outputs: int) -> NetworkPlan:
    """The network, written as PyTorch and imported."""
    copied, body = model_source(plan)
    found = layers_of_graph(trace(built(f"{copied.text()}\n{body}"), plan.input_shape))
    return plan_network(found.layers, plan.input_shape, outputs)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_shipped_spec_comes_back_with_its_run_id(path: Path) -> None:
    plan = load_plan(str(path))
    name = plan.spec.data.name
    wanted = plan.facts.shape
    module = built(pytorch_source(plan))
    found = import_network(ModuleSource(module, "again", "again.py", {}), data=name, input_shape=wanted)
    assert [layer.kind for layer in found.plan.spec.network] == [layer.kind for layer in plan.spec.network]
    spec = plan.spec.model_copy(update={"network": found.plan.spec.network})
    ids = [run_id(identity(one, 0, "fingerprint", ON_CPU)) for one in (plan, plan_experiment(spec))]
    assert ids[0] == ids[1]


def test_weights_of_layers_that_have_parts_come_back_too() -> None:
    """Attention, excitation and recurrence hold modules of their own, or several tensors."""
    tree = [
        {"conv2d": {"out_channels": 6, "kernel_size": 3}},
        {"squeeze_excite": {"reduction": 2}},
        {"flatten": {"start_dim": 2}},
        {"permute": {"dims": [2, 1]}},
        "positional_encoding",
        {"transformer_encoder_layer": {"nhead": 2, "dim_feedforward": 8, "norm_first": True}},
        {"multihead_attention": {"num_heads": 3}},
        {"lstm": {"hidden_size": 5, "num_layers": 2, "bidirectional": True}},
        {"linear": {"out_features": 10}},
    ]
    copied, body = model_source(plan_network(LAYERS.validate_python(tree), (1, 8, 8), 10))
    module = built(f"{copied.text()}\n{body}")
    found = import_network(ModuleSource(module, "again", "again.py", {}), data="digits")
    assert found.difference <= 1e-6
    assert sum(value.numel() for value in module.state_dict().values()) == found.plan.network.parameters


@pytest.mark.parametrize("kind", [kind for kind in LAYER_KINDS if kind != "own"])
def test_every_kind_of_layer_comes_back(kind: str) -> None:
    fields, shape, *_ = CASES[kind]
    plan = plan_network(LAYERS.validate_python([{kind: fields} if fields else kind]), shape, 10)
    found = again(plan, 10)
    assert found.canonical() == plan.canonical()
    assert [row.kind for row in found.rows] == [kind]


# Blocks that compute nothing, or the same as another block would.
ALIKE: dict[str, list[Any]] = {
    "one branch": [{"parallel": {"branches": [["tanh"]]}}],
    "one branch, added": [{"parallel": {"branches": [["tanh"]], "join": "add"}}, "relu"],
    "one branch, multiplied, within": [{"sequential": {"layers": [{"parallel": {"branches": [["relu"]]}}]}}],
    "sum with the input": [{"parallel": {"branches": [["tanh"], []], "join": "add"}}],
    "input first": [{"parallel": {"branches": [[], ["tanh"]], "join": "add"}}],
    "residual": [{"residual": {"layers": ["tanh"]}}],
    "residual of nothing": [{"residual": {"layers": ["identity"]}}],
    "nothing beside": [
        {"residual": {"layers": [{"conv2d": {"out_channels": 4, "kernel_size": 3}}], "projection": "none"}}
    ],
    "nothing beside, in a residual": [
        {"residual": {"layers": [{"residual": {"layers": ["tanh", "relu"], "projection": "none"}}]}}
    ],
    "residual in residual": [{"residual": {"layers": [{"residual": {"layers": ["tanh"]}}]}}],
    "sequential in residual": [{"residual": {"layers": [{"sequential": {"layers": ["tanh", "relu"]}}]}}],
    "sequential in sequential": [{"sequential": {"layers": [{"sequential": {"layers": ["tanh"]}}, "relu"]}}],
    "projection": [
        {"residual": {"projection": True, "layers": [{"conv2d": {"out_channels": 4, "kernel_size": 1}}]}},
    ],
    "layers in the shortcut": [
        {
            "residual": {
                "layers": [{"conv2d": {"out_channels": 4, "kernel_size": 3, "padding": 1}}],
                "shortcut": [{"conv2d": {"out_channels": 4, "kernel_size": 1, "bias": False}}, "batch_norm2d"],
            }
        }
    ],
    "a projection written as the shortcut": [
        {
            "residual": {
                "layers": [{"conv2d": {"out_channels": 4, "kernel_size": 1}}],
                "shortcut": [{"conv2d": {"out_channels": 4, "kernel_size": 1, "bias": False}}],
            }
        }
    ],
    "projection written as a branch": [
        {
            "parallel": {
                "join": "add",
                "branches": [
                    [{"conv2d": {"out_channels": 4, "kernel_size": 3, "padding": 1}}],
                    [{"conv2d": {"out_channels": 4, "kernel_size": 1, "bias": False}}],
                ],
            }
        }
    ],
    "three added": [{"parallel": {"join": "add", "branches": [["tanh"], ["relu"], ["sigmoid"]]}}],
    "two added, then one": [
        {
            "parallel": {
                "join": "add",
                "branches": [[{"parallel": {"join": "add", "branches": [["tanh"], ["relu"]]}}], ["sigmoid"]],
            }
        }
    ],
    "the input twice": [{"parallel": {"branches": [[], [], ["tanh"]]}}],
    "the input twice, added": [{"parallel": {"join": "add", "branches": [[], [], ["tanh"]]}}],
    "flat gate": [
        {
            "parallel": {
                "join": "multiply",
                "branches": [[], [{"adaptive_avg_pool2d": {"output_size": 1}}, "flatten", "sigmoid"]],
            }
        }
    ],
    "names": [
        {"conv2d": {"name": "stem", "out_channels": 2, "kernel_size": 1}},
        {"conv2d": {"out_channels": 2, "kernel_size": 1}},
        {"residual": {"name": "body", "layers": [{"conv2d": {"name": "if", "out_channels": 2, "kernel_size": 1}}]}},
    ],
}


@pytest.mark.parametrize("what", ALIKE)
def test_blocks_that_compute_alike_stay_what_they_are(what: str) -> None:
    plan = plan_network(LAYERS.validate_python(ALIKE[what]), (2, 6, 6), 10)
    assert again(plan, 10).canonical() == plan.canonical()


def comes_back(number: int) -> None:
    plan = random_plan(number)
    assert again(plan.network, plan.facts.classes).canonical() == plan.network.canonical()


@pytest.mark.parametrize("tens", range(10))
def test_random_networks_come_back(tens: int) -> None:
    for number in range(10 * tens, 10 * tens + 10):
        comes_back(number)


@pytest.mark.slow
@pytest.mark.parametrize("hundreds", range(1, 5))
def test_many_random_networks_come_back(hundreds: int) -> None:
    for number in range(100 * hundreds, 100 * hundreds + 100):
        comes_back(number)


def test_graph_says_what_was_read_and_by_what() -> None:
    graph: Graph = trace(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), (1, 2, 2))
    assert [value.shape for value in graph.values] == [(1, 2, 2), (4,), (3,)]
    assert graph.output.path == "1"
    assert isinstance(graph.output.step, LayerStep)
    assert isinstance(graph.input, GraphValue)
    assert [scope.plain for scope in graph.output.scopes] == [True]
