"""Plans: names, limits, and the canonical form that run ids are made of."""

from __future__ import annotations

import re
import time
import tracemalloc
from typing import Any

import pytest
from pydantic import TypeAdapter
from torch import nn

from archsearch.errors import LimitError
from archsearch.spec.layers import Layer
from archsearch.spec.network import Limits, PlanError, build_network, layer_names, plan_network
from archsearch.spec.reserved import RESERVED_NAMES
from archsearch.spec.text.yaml import read_text

LAYERS = TypeAdapter(list[Layer])


def plan(text: str, shape: tuple[int, ...] = (1, 28, 28), **options: Any):
    tree: Any = read_text(f"[{text}]", "s").plain()
    return plan_network(LAYERS.validate_python(tree), shape, 10, **options)


CONV = "conv2d: {out_channels: 4, kernel_size: 5}"
POOL = "max_pool2d: {kernel_size: 2}"


def test_names_count_within_the_family_and_own_names_keep_their_position() -> None:
    kinds = [
        ("conv2d", None),
        ("tanh", None),
        ("conv1d", "wide"),
        ("relu", "last"),
        ("conv2d", None),
        ("max_pool2d", None),
        ("avg_pool2d", None),
        ("linear", None),
        ("residual", None),
        ("sequential", None),
        ("parallel", None),
        ("batch_norm1d", None),
        ("dropout", None),
        ("flatten", None),
    ]
    assert layer_names(kinds) == [
        "conv1",
        "act1",
        "wide",
        "last",
        "conv3",
        "pool1",
        "pool2",
        "fc1",
        "res1",
        "block1",
        "par1",
        "norm1",
        "drop1",
        "flatten1",
    ]


def test_names_inside_blocks_begin_with_the_block_and_count_anew() -> None:
    found = plan(f"{CONV}, residual: {{name: stage, layers: [tanh, sequential: {{layers: [relu]}}]}}, tanh")
    assert [row.name for row in found.walk()] == [
        "conv1",
        "stage",
        "stage.act1",
        "stage.block1",
        "stage.block1.act1",
        "act1",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tanh: {name: a}, relu: {name: a}", "the name 'a' is taken by another layer"),
        ("tanh: {name: conv1}, " + CONV, "the name 'conv1' is taken by another layer"),
        ("tanh: {name: conv2d}", "the name 'conv2d' means something else already"),
        ("tanh: {name: train}", "the name 'train' means something else already"),
        ("tanh: {name: expect}", "the name 'expect' means something else already"),
        ("tanh: {name: pop}", "the name 'pop' means something else already"),
        ("residual: {layers: [tanh: {name: projection}]}", "the name 'projection' means something else already"),
    ],
)
def test_name_that_is_taken_or_reserved_is_refused(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=f"^{message}; give the layer another `name`$"):
        plan(text)


def test_no_legal_layer_name_is_one_that_torch_refuses() -> None:
    taken = {name for name in dir(nn.Sequential()) if re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name)}
    assert taken - RESERVED_NAMES == set()
    with pytest.raises(KeyError, match="attribute 'pop' already exists"):
        nn.Sequential().add_module("pop", nn.Tanh())


def test_every_key_of_a_spec_is_reserved_so_that_addresses_stay_clear() -> None:
    from archsearch.spec.experiment import ExperimentSpec

    assert {*ExperimentSpec.model_fields, "extends", "edits"} <= RESERVED_NAMES


SAME = [
    ("stride of a pool written out", POOL, "max_pool2d: {kernel_size: 2, stride: 2}"),
    ("a pair of equal numbers", CONV, "conv2d: {out_channels: 4, kernel_size: [5, 5], stride: [1, 1]}"),
    (
        "defaults written out",
        CONV,
        "conv2d: {out_channels: 4, kernel_size: 5, padding: 0, dilation: 1, groups: 1, bias: true}",
    ),
    (
        "same written as a number",
        "conv2d: {out_channels: 4, kernel_size: 5, padding: same}",
        "conv2d: {out_channels: 4, kernel_size: 5, padding: 2}",
    ),
    (
        "same written as a pair",
        "conv2d: {out_channels: 4, kernel_size: [3, 5], padding: same, dilation: [2, 1]}",
        "conv2d: {out_channels: 4, kernel_size: [3, 5], padding: [2, 2], dilation: [2, 1]}",
    ),
    ("identity left out", f"{CONV}, identity, tanh, {POOL}", f"{CONV}, tanh, {POOL}"),
    ("a name where there are no weights", f"{CONV}, tanh: {{name: squash}}", f"{CONV}, tanh"),
    ("the automatic name given", "conv2d: {name: conv1, out_channels: 4, kernel_size: 5}", CONV),
    ("fields of a bare word", "leaky_relu", "leaky_relu: {negative_slope: 0.01}"),
    ("classes as a number", "flatten, linear: {out_features: classes}", "flatten, linear: {out_features: 10}"),
    ("a whole number for a float", "softplus: {beta: 1}", "softplus"),
    ("a shortcut of nothing", "residual: {layers: [tanh]}", "residual: {layers: [tanh], shortcut: [identity]}"),
    ("a padding that is not needed", "residual: {layers: [tanh]}", "residual: {projection: pad, layers: [tanh]}"),
    ("a projection that is not needed", "residual: {layers: [tanh]}", "residual: {projection: true, layers: [tanh]}"),
]
_ONE, _TWO = "conv2d: {out_channels: 4, kernel_size: 1}", "conv2d: {out_channels: 4, kernel_size: 3, padding: 1}"
DIFFERENT = [
    (
        "join",
        f"parallel: {{branches: [[{_ONE}], [{_TWO}]], join: add}}",
        f"parallel: {{branches: [[{_ONE}], [{_TWO}]]}}",
    ),
    (
        "order of branches",
        f"parallel: {{branches: [[{_ONE}], [{_TWO}]]}}",
        f"parallel: {{branches: [[{_TWO}], [{_ONE}]]}}",
    ),
    ("stride", POOL, "max_pool2d: {kernel_size: 2, stride: 1}"),
    ("kind of pool", POOL, "avg_pool2d: {kernel_size: 2}"),
    (
        "kernel turned",
        "conv2d: {out_channels: 4, kernel_size: [3, 5]}",
        "conv2d: {out_channels: 4, kernel_size: [5, 3]}",
    ),
    (
        "same with an even kernel",
        "conv2d: {out_channels: 4, kernel_size: 4, padding: same}",
        "conv2d: {out_channels: 4, kernel_size: 4, padding: 2}",
    ),
    ("bias", CONV, "conv2d: {out_channels: 4, kernel_size: 5, bias: false}"),
    ("activation", "tanh", "relu"),
    ("slope", "leaky_relu", "leaky_relu: {negative_slope: 0.2}"),
    ("order", f"{CONV}, tanh, {POOL}", f"{CONV}, {POOL}, tanh"),
    ("a name that seeds weights", CONV, "conv2d: {name: first, out_channels: 4, kernel_size: 5}"),
    ("residual or not", "residual: {layers: [tanh]}", "sequential: {layers: [tanh]}"),
    (
        "projection or not",
        "residual: {projection: true, layers: [conv2d: {out_channels: 2, kernel_size: 1}]}",
        "sequential: {layers: [conv2d: {out_channels: 2, kernel_size: 1}]}",
    ),
    (
        "what a projection is",
        "residual: {projection: true, layers: [conv2d: {out_channels: 2, kernel_size: 1}]}",
        "residual: {projection: pad, layers: [conv2d: {out_channels: 2, kernel_size: 1}]}",
    ),
    ("shortcut or not", "residual: {layers: [tanh]}", "residual: {layers: [tanh], shortcut: [relu]}"),
    ("dropout", "dropout", "dropout: {p: 0.1}"),
    ("softmax or not", "flatten, softmax", "flatten"),
    ("ceil", "max_pool2d: {kernel_size: 2, ceil_mode: true}", POOL),
]


@pytest.mark.parametrize(("one", "other"), [case[1:] for case in SAME], ids=[case[0] for case in SAME])
def test_canonical_form_is_equal_for_two_ways_to_write_one_network(one: str, other: str) -> None:
    assert plan(one).canonical() == plan(other).canonical()


@pytest.mark.parametrize(("one", "other"), [case[1:] for case in DIFFERENT], ids=[case[0] for case in DIFFERENT])
def test_canonical_form_differs_where_the_computation_does(one: str, other: str) -> None:
    assert plan(one).canonical() != plan(other).canonical()


def test_canonical_form_of_a_small_network_written_out() -> None:
    assert plan("flatten, identity, linear: {out_features: classes}, softmax", (1, 2, 2)).canonical() == [
        {"kind": "flatten"},
        {"kind": "linear", "out_features": 10, "bias": True, "name": "fc1"},
        {"kind": "softmax"},
    ]


TOO_LARGE = {
    "conv2d: {out_channels: 1000000000, kernel_size: 5}":
    # 10^9 * 25 weights and 10^9 biases
    "conv1: 26,000,000,000 parameters up to here are more than the limit of 100,000,000; make the layers narrower, "
    "or raise it with --max-parameters",
    "flatten, linear: {out_features: 10000000}":  # 10^7 * 784 + 10^7
    "fc1: 7,850,000,000 parameters up to here are more than the limit of 100,000,000; make the layers narrower, "
    "or raise it with --max-parameters",
    "conv2d: {out_channels: 2000000, kernel_size: 1, bias: false}, tanh":  # 2 * 10^6 * 784 floats: 6.27e9 bytes
    "conv1: 5.8 GiB of outputs for a batch of 1 up to here are more than the limit of 4.0 GiB; use a smaller "
    "train.batch_size or narrower layers, or raise it with --max-activations",
    "conv2d: {out_channels: 1, kernel_size: 1, padding: 2000000000}":  # (4 * 10^9 + 28)^2 floats
    "conv1: 59,604,645,609.9 GiB of outputs for a batch of 1 up to here are more than the limit of 4.0 GiB; use a "
    "smaller train.batch_size or narrower layers, or raise it with --max-activations",
    ", ".join(["tanh"] * 513): "513 layers are more than the limit of 512; raise it with --max-layers",
    "sequential: {layers: ["
    + ", ".join(["tanh"] * 512)
    + "]}": "513 layers are more than the limit of 512; raise it with --max-layers",
}


@pytest.mark.parametrize("text", list(TOO_LARGE), ids=lambda text: text[:40])
def test_network_over_a_limit_is_refused_at_once_with_exit_code_6(text: str) -> None:
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(LimitError, match=f"^{re.escape(TOO_LARGE[text])}$") as caught:
        plan(text)
    assert caught.value.exit_code == 6
    assert time.process_time() - start < 0.6
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_limits_are_reached_exactly_and_can_be_raised() -> None:
    # 784 * 10 + 10 = 7,850 parameters; 784 + 10 floats, batch 3: 9,528 bytes; 2 layers
    text = "flatten, linear: {out_features: 10}"
    fits = Limits(parameters=7850, activation_bytes=9528, layers=2)
    assert plan(text, batch_size=3, limits=fits).activation_bytes(3) == 9528
    for tight in (Limits(parameters=7849), Limits(activation_bytes=9527), Limits(layers=1)):
        with pytest.raises(LimitError, match="more than the limit of"):
            plan(text, batch_size=3, limits=tight)
    assert plan(", ".join(["tanh"] * 600), limits=Limits(layers=600)).output_shape == (1, 28, 28)


def test_activation_bytes_count_the_layers_in_a_block_its_projection_and_its_sum() -> None:
    # body 2x3x3 and tanh 2x3x3, projection 2x3x3, sum 2x3x3: 4 * 18 floats
    found = plan("residual: {projection: true, layers: [conv2d: {out_channels: 2, kernel_size: 1}, tanh]}", (1, 3, 3))
    assert found.activation_bytes(1) == 4 * 4 * 18


def test_built_network_has_the_planned_names_as_children() -> None:
    model = build_network(plan(f"{CONV}, tanh, flatten, linear: {{out_features: classes}}"))
    assert [name for name, _ in model.named_children()] == ["conv1", "act1", "flatten1", "fc1"]
