"""Every layer kind against torch: shapes, parameters, multiply-accumulates, and what must be refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from archsearch.errors import SpecError
from archsearch.spec.layers import LAYER_KINDS
from archsearch.spec.layers.base import window_count
from archsearch.spec.network import PlanError, build_network
from tests.spec import oracle
from tests.spec.layer_cases import LATER
from tests.spec.random_networks import BLOCKS, KINDS, LAYERS, plan

# torch says so once in a process, of any even kernel with `same`; its numbers are right
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")


# -- one case by hand for each kind ------------------------------------------------------------------------------------

# kind: (fields, input shape, output shape, parameters, MACs), by hand
CASES: dict[str, tuple[dict[str, Any], tuple[int, ...], tuple[int, ...], int, int]] = {
    # (20 + 2*1 - 2*2 - 1) // 3 + 1 = 6; 8 * 4/2 * 3 + 8 = 56; 8*6 outputs * 4/2 * 3 = 288
    "conv1d": (
        {"out_channels": 8, "kernel_size": 3, "stride": 3, "padding": 1, "dilation": 2, "groups": 2},
        (4, 20),
        (8, 6),
        56,
        288,
    ),
    # 6 * 1 * 25 + 6 = 156; 6*28*28 outputs * 25 = 117,600
    "conv2d": ({"out_channels": 6, "kernel_size": 5}, (1, 32, 32), (6, 28, 28), 156, 117_600),
    "max_pool1d": ({"kernel_size": 3, "stride": 2, "padding": 1}, (2, 9), (2, 5), 0, 0),  # (9 + 2 - 3) // 2 + 1
    "max_pool2d": ({"kernel_size": 2, "stride": 1}, (10, 28, 28), (10, 27, 27), 0, 0),
    "avg_pool1d": ({"kernel_size": 4, "ceil_mode": True}, (2, 9), (2, 3), 0, 0),  # ceil(5 / 4) + 1 = 3
    "avg_pool2d": ({"kernel_size": [2, 3]}, (6, 13, 13), (6, 6, 4), 0, 0),
    "adaptive_avg_pool1d": ({"output_size": 7}, (3, 5), (3, 7), 0, 0),
    "adaptive_avg_pool2d": ({"output_size": [2, 1]}, (3, 5, 5), (3, 2, 1), 0, 0),
    "flatten": ({}, (16, 5, 5), (400,), 0, 0),
    "linear": ({"out_features": 84}, (120,), (84,), 120 * 84 + 84, 120 * 84),
    "batch_norm1d": ({}, (7, 9), (7, 9), 14, 0),
    "batch_norm2d": ({}, (7, 9, 2), (7, 9, 2), 14, 0),
    "layer_norm": ({}, (7, 9, 2), (7, 9, 2), 2 * 126, 0),
    "group_norm": ({"num_groups": 3}, (6, 4), (6, 4), 12, 0),
    "dropout": ({"p": 0.2}, (5,), (5,), 0, 0),
    "dropout2d": ({"p": 0.2}, (5, 2, 2), (5, 2, 2), 0, 0),
    "tanh": ({}, (5,), (5,), 0, 0),
    "relu": ({}, (5, 3), (5, 3), 0, 0),
    "leaky_relu": ({"negative_slope": 0.3}, (5,), (5,), 0, 0),
    "elu": ({"alpha": 0.5}, (5,), (5,), 0, 0),
    "selu": ({}, (5,), (5,), 0, 0),
    "gelu": ({"approximate": "tanh"}, (5,), (5,), 0, 0),
    "silu": ({}, (5,), (5,), 0, 0),
    "mish": ({}, (5,), (5,), 0, 0),
    "hardtanh": ({"min_val": -2.0, "max_val": 3.0}, (5,), (5,), 0, 0),
    "sigmoid": ({}, (5,), (5,), 0, 0),
    "softplus": ({"beta": 2.0, "threshold": 5.0}, (5,), (5,), 0, 0),
    "softmax": ({}, (5, 2, 2), (5, 2, 2), 0, 0),
    "log_softmax": ({}, (5, 2), (5, 2), 0, 0),
    "identity": ({}, (5, 2), (5, 2), 0, 0),
    "pad_channels": ({"out_channels": 7, "stride": 2}, (4, 5, 6), (7, 3, 3), 0, 0),
    # 3x3 2->4: 72 + 4; then 4 batch-norm pairs; 4*6*6 outputs * 18
    "sequential": (
        {"layers": [{"conv2d": {"out_channels": 4, "kernel_size": 3}}, "batch_norm2d"]},
        (2, 8, 8),
        (4, 6, 6),
        84,
        2592,
    ),
    # body as above with stride 2 and padding 1: 4x4x4, MACs 64 * 18; projection 1x1 2->4 without bias: 8, MACs 64 * 2
    "residual": (
        {"projection": True, "layers": [{"conv2d": {"out_channels": 4, "kernel_size": 3, "stride": 2, "padding": 1}}]},
        (2, 8, 8),
        (4, 4, 4),
        76 + 8,
        1152 + 128,
    ),
    # 1x1 2->3: 6 + 3, MACs 3*8*8 * 2; 3x3 2->4: 72 + 4, MACs 4*8*8 * 18; the input: 3 + 4 + 2 channels
    "parallel": (
        {
            "branches": [
                [{"conv2d": {"out_channels": 3, "kernel_size": 1}}, "relu"],
                [{"conv2d": {"out_channels": 4, "kernel_size": 3, "padding": 1}}],
                [],
            ]
        },
        (2, 8, 8),
        (9, 8, 8),
        9 + 76,
        384 + 4608,
    ),
}
CASES = {**{k: v for k, v in CASES.items() if k not in BLOCKS}, **LATER, **{k: CASES[k] for k in BLOCKS}}


def test_every_layer_kind_has_a_case_here_and_a_torch_class_in_the_oracle() -> None:
    assert list(CASES) == KINDS
    assert [*oracle.TORCH_NAMES, *BLOCKS] == KINDS
    assert len(LAYER_KINDS) == 68


@pytest.mark.parametrize("kind", KINDS)
def test_layer_shape_and_counts_equal_hand_arithmetic_and_torch(kind: str) -> None:
    fields, shape, output, parameters, macs = CASES[kind]
    planned = plan([{kind: fields} if fields else kind], shape)
    assert (planned.output_shape, planned.parameters, planned.macs) == (output, parameters, macs)
    module, torch_output = oracle.torch_network([{kind: fields}], shape)
    counted = sum(p.numel() for p in module.parameters())
    assert (torch_output, counted, oracle.macs(module, shape)) == (output, parameters, macs)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in (*oracle.NOT_IN_TORCH_NN, "pad_channels")])
def test_layer_build_gives_the_module_that_torch_prints_the_same(kind: str) -> None:
    """The repr holds every argument, eps and slopes included."""
    fields, shape, *_ = CASES[kind]
    ours = build_network(plan([{kind: fields}], shape))
    theirs, _ = oracle.torch_network([{kind: fields}], shape)
    assert comparable(ours) == comparable(theirs)


def comparable(module: nn.Module) -> str:
    """Leave out the children's names (conv1 against 0) and our block's; torch prints 2 and (2, 2) apart."""
    text = re.sub(r"\([a-z0-9]+\): |Branches|Sum|Joined|\n *join=[a-z]+", "", repr(module))
    return re.sub(r"\((\d+)(?:, \1)+\)", r"\1", text)


@pytest.mark.parametrize("kind", KINDS)
def test_layer_written_out_reads_back_the_same(kind: str) -> None:
    layer = LAYERS.validate_python([{kind: CASES[kind][0]}])
    assert LAYERS.validate_python(LAYERS.dump_python(layer, mode="json")) == layer


def test_conv2d_output_shape_with_same_padding_and_even_kernel() -> None:
    layer = [{"conv2d": {"out_channels": 3, "kernel_size": [4, 2], "padding": "same", "dilation": [3, 1]}}]
    assert plan(layer, (2, 9, 5)).output_shape == (3, 9, 5) == oracle.torch_network(layer, (2, 9, 5))[1]


def test_classes_stands_for_the_number_of_classes_in_linear_and_in_convolutions() -> None:
    tree = [
        {"conv2d": {"out_channels": "classes", "kernel_size": 1}},
        "flatten",
        {"linear": {"out_features": "classes"}},
    ]
    # conv 1 -> 7 of 1x1: 14; linear 28 -> 7: 203
    assert (plan(tree, (1, 2, 2), 7).output_shape, plan(tree, (1, 2, 2), 7).parameters) == ((7,), 217)


@given(
    size=st.integers(1, 40),
    kernel=st.integers(1, 8),
    stride=st.integers(1, 8),
    dilation=st.integers(1, 4),
    data=st.data(),
)
@settings(max_examples=500, deadline=None)
def test_window_count_of_any_window_is_the_number_of_places_that_fit(
    size: int, kernel: int, stride: int, dilation: int, data: st.DataObject
) -> None:
    padding = data.draw(st.integers(0, 9))
    reach = dilation * (kernel - 1) + 1
    places = [start for start in range(-padding, size + padding, stride) if start + reach <= size + padding]
    assert window_count(size, kernel, stride, padding, dilation) == len(places)


# -- what is refused ---------------------------------------------------------------------------------------------------

REFUSED: list[tuple[list[Any], tuple[int, ...], str]] = [
    (
        [{"conv2d": {"out_channels": 3, "kernel_size": 5}}],
        (1, 3, 4),
        "conv1 (conv2d): kernel 5x5 does not fit its 3x4 input. Use kernel_size <= 3, or padding: same.",
    ),
    (
        [{"max_pool2d": {"kernel_size": 4}}, {"conv2d": {"out_channels": 3, "kernel_size": 3}}],
        (1, 8, 8),
        "conv1 (conv2d): kernel 3x3 does not fit its 2x2 input. Use kernel_size <= 2, padding: same, or drop pool1.",
    ),
    (
        [{"max_pool2d": {"kernel_size": 2}}, {"linear": {"out_features": 3}}],
        (1, 8, 8),
        "fc1 (linear): needs a flat input, its input is 1x4x4. Put flatten before it, or put "
        "adaptive_avg_pool2d: {output_size: 1} and flatten before it.",
    ),
    (
        [{"linear": {"out_features": 3}}],
        (2, 9),
        "fc1 (linear): needs a flat input, its input is 2x9. Put flatten before it, or put "
        "adaptive_avg_pool1d: {output_size: 1} and flatten before it.",
    ),
    (
        ["flatten", {"conv2d": {"out_channels": 3, "kernel_size": 3}}],
        (1, 8, 8),
        "conv1 (conv2d): needs a map (channels x height x width), its input is 64. Put it before flatten, or drop it.",
    ),
    (
        [{"conv1d": {"out_channels": 3, "kernel_size": 3}}],
        (1, 8, 8),
        "conv1 (conv1d): needs a signal (channels x length), its input is 1x8x8. Use the 2d kind, or drop it.",
    ),
    (
        ["batch_norm1d"],
        (1, 8, 8),
        "norm1 (batch_norm1d): needs a flat input or a signal (channels x length), its input is 1x8x8. "
        "Use batch_norm2d, or put flatten before it.",
    ),
    (
        [{"conv2d": {"out_channels": 9, "kernel_size": 1, "groups": 6}}],
        (4, 8, 8),
        "conv1 (conv2d): groups 6 does not divide its 9 out_channels. Use groups: 1, or change out_channels.",
    ),
    (
        [{"conv2d": {"out_channels": 3, "kernel_size": 3, "stride": 2, "padding": "same"}}],
        (1, 8, 8),
        "conv1 (conv2d): padding: same needs stride 1. Use stride: 1, or give padding as a number.",
    ),
    (
        [{"avg_pool1d": {"kernel_size": 3, "padding": 2}}],
        (1, 8),
        "pool1 (avg_pool1d): padding 2 is more than half of the kernel 3. Use padding <= 1, or use kernel_size >= 4.",
    ),
    (
        [{"group_norm": {"num_groups": 4}}],
        (6, 2, 2),
        "norm1 (group_norm): num_groups 4 does not divide its 6 channels. "
        "Use num_groups: 2 or 3 or 6, or change the channels before it.",
    ),
    (
        [{"group_norm": {"num_groups": 6}}],
        (6, 1, 1),
        "norm1 (group_norm): each of its groups holds one value, there is nothing to normalise. Drop it.",
    ),
    (
        [{"residual": {"layers": [{"conv2d": {"out_channels": 3, "kernel_size": 3}}]}}],
        (1, 8, 8),
        "res1 (residual): its layers give 3x6x6, its input is 1x8x8. Set projection: true, or make its layers keep "
        "the shape (padding: same, equal channels).",
    ),
    (
        [{"residual": {"projection": True, "layers": [{"conv2d": {"out_channels": 3, "kernel_size": 3}}]}}],
        (1, 8, 8),
        "res1 (residual): no stride of a 1x1 projection takes 8x8 to 6x6. "
        "Use padding: same in its convolutions, or use a stride that divides the input.",
    ),
    (
        [{"residual": {"projection": "pad", "layers": [{"conv2d": {"out_channels": 3, "kernel_size": 1}}]}}],
        (4, 8, 8),
        "res1 (residual): projection: pad only adds channels, its layers give 3 of 4. Use projection: true, or end its "
        "layers with 4 channels or more.",
    ),
    (
        [{"residual": {"projection": "pad", "layers": [{"conv2d": {"out_channels": 4, "kernel_size": 3}}]}}],
        (4, 8, 8),
        "res1 (residual): no stride of subsampling takes 8x8 to 6x6. "
        "Use padding: same in its convolutions, or use a stride that divides the input.",
    ),
    (
        [{"residual": {"layers": ["tanh"], "shortcut": [{"conv2d": {"out_channels": 3, "kernel_size": 1}}]}}],
        (4, 8, 8),
        "res1 (residual): its layers give 4x8x8, its shortcut gives 3x8x8. End both with as many channels, use the "
        "same strides in both, or padding: same in its convolutions.",
    ),
    (
        [{"residual": {"layers": ["tanh"], "shortcut": ["relu", {"max_pool2d": {"kernel_size": 9}}]}}],
        (1, 8, 8),
        "res1.shortcut.pool1 (max_pool2d): kernel 9x9 does not fit its 8x8 input. Use kernel_size <= 8, or drop it.",
    ),
    (
        [{"pad_channels": {"out_channels": 3}}],
        (4, 8, 8),
        "pad1 (pad_channels): gives 3 channels of 4; it only adds some. Use out_channels >= 4, or use a convolution "
        "with kernel_size: 1.",
    ),
    (
        [{"pad_channels": {"out_channels": 5, "stride": 2}}],
        (4,),
        "pad1 (pad_channels): a flat input has no pixels to leave out. Use stride: 1.",
    ),
    (
        [{"pad_channels": {"out_channels": 5, "stride": [2, 1]}}],
        (4, 9),
        "pad1 (pad_channels): a signal has one stride. Give the stride as one number.",
    ),
    (
        [{"parallel": {"branches": [[{"max_pool2d": {"kernel_size": 2}}], []]}}],
        (3, 8, 8),
        "par1 (parallel): the channels of branches can be put together only where their maps are equal: branch1 gives "
        "3x4x4, branch2 gives 3x8x8. Give its convolutions padding: same and its poolings stride: 1, or use the same "
        "strides in every branch.",
    ),
    (
        [{"parallel": {"join": "add", "branches": [[{"linear": {"out_features": 5}}], []]}}],
        (4,),
        "par1 (parallel): branches can be added only where they give the same shape: branch1 gives 5, branch2 gives 4. "
        "End each branch with as many channels, or use join: concat.",
    ),
    (
        [{"parallel": {"join": "add", "branches": [[{"conv1d": {"out_channels": 4, "kernel_size": 3}}], []]}}],
        (4, 6),
        "par1 (parallel): branches can be added only where they give the same shape: branch1 gives 4x4, branch2 gives "
        "4x6. Give its convolutions padding: same and its poolings stride: 1, or use the same strides in every branch.",
    ),
    (
        [{"parallel": {"branches": [["flatten"], []]}}],
        (3, 8, 8),
        "par1 (parallel): the channels of branches can be put together only where their maps are equal: branch1 gives "
        "192, branch2 gives 3x8x8. Put flatten at the end of every branch, or of none.",
    ),
    (
        [{"parallel": {"join": "multiply", "branches": [[{"conv1d": {"out_channels": 5, "kernel_size": 1}}], []]}}],
        (4, 6),
        "par1 (parallel): branches can be multiplied only where they give the same shape, or one value per channel: "
        "branch1 gives 5x6, branch2 gives 4x6. End each branch with as many channels, or end a gate with "
        "adaptive_avg_pool2d: {output_size: 1}.",
    ),
    (
        ["tanh", {"residual": {"layers": ["tanh", {"max_pool2d": {"kernel_size": 9}}]}}],
        (1, 8, 8),
        "res1.pool1 (max_pool2d): kernel 9x9 does not fit its 8x8 input. Use kernel_size <= 8, or drop it.",
    ),
]


@pytest.mark.parametrize(("tree", "shape", "message"), REFUSED, ids=[m.split(")")[0] + ")" for *_, m in REFUSED])
def test_layer_that_does_not_fit_is_refused_with_ways_out(
    tree: list[Any], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(PlanError, match=f"^{re.escape(message)}$"):
        plan(tree, shape)


WAY = re.compile(r"^[a-z0-9]+ .*\. Use (kernel_size|padding|groups|num_groups|stride)(?:: | <= )([0-9]+)")
WITH_A_NUMBER = [case for case in REFUSED if WAY.search(case[2])]


@pytest.mark.parametrize(
    ("tree", "shape", "message"), WITH_A_NUMBER, ids=[m.split(")")[0] + ")" for *_, m in WITH_A_NUMBER]
)
def test_first_way_out_that_is_a_number_does_help(tree: list[Any], shape: tuple[int, ...], message: str) -> None:
    way = WAY.search(message)
    assert way is not None
    kind, chosen = next(iter(tree[-1].items()))
    plan([*tree[:-1], {kind: chosen | {way[1]: int(way[2])}}], shape)


def test_plan_error_inside_a_block_carries_the_rows_before_the_block_too() -> None:
    tree = ["tanh", {"residual": {"layers": ["relu", {"max_pool2d": {"kernel_size": 9}}]}}]
    with pytest.raises(PlanError, match=r"^res1\.pool1 ") as caught:
        plan(tree, (1, 8, 8))
    assert [row.name for row in caught.value.rows] == ["act1", "res1.act1"]
    assert (caught.value.layer, caught.value.kind) == ("res1.pool1", "max_pool2d")
    assert caught.value.reason == "kernel 9x9 does not fit its 8x8 input"
    assert caught.value.problems[0].reason == "(max_pool2d): kernel 9x9 does not fit its 8x8 input"
    assert (caught.value.input_shape, caught.value.loc) == ((1, 8, 8), ("network", 1, "residual", "layers", 1))


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"hardtanh": {"min_val": 2.0, "max_val": 1.0}}, "min_val must be smaller than max_val"),
        ({"dropout": {"p": 1.0}}, "Input should be less than 1"),
        ({"batch_norm2d": {"momentum": 0.0}}, "Input should be greater than 0"),
        ({"conv2d": {"out_channels": 0, "kernel_size": 3}}, "must be between 1 and 2147483647"),
        ({"conv2d": {"out_channels": 2, "kernel_size": [3, 3, 3]}}, "expected a number or a pair [height, width]"),
        ({"conv1d": {"out_channels": 2, "kernel_size": [3, 3]}}, "Input should be a valid integer"),
        ({"sequential": {"layers": []}}, "should have at least 1 item"),
        (
            {"residual": {"layers": ["tanh"], "shortcut": ["tanh"], "projection": True}},
            "shortcut gives the layers beside its own, and projection makes one: keep one of them",
        ),
        (
            {"residual": {"layers": [{"tanh": {"name": "shortcut"}}], "shortcut": ["tanh"]}},
            "one of its layers is called shortcut, as the list beside is; give the layer another name",
        ),
        ({"residual": {"layers": ["tanh"], "projection": "zeros"}}, "Input should be"),
        ({"parallel": {"branches": []}}, "should have at least 1 item"),
        ({"parallel": {"branches": [[], []]}}, "every branch is empty"),
        ({"parallel": {"branches": ["none", None]}}, "every branch is empty"),
        ({"parallel": {"branches": [["tanh"]], "join": "sum"}}, "Input should be 'concat', 'add' or 'multiply'"),
        ({"linear": {"out_features": 2.0}}, "expected a whole number or the word classes"),
        ({"linear": {"out_features": True}}, "expected a whole number or the word classes"),
        ({"linear": {"out_features": "class"}}, "expected a whole number or the word classes"),
        ({"tanh": {"alpha": 1.0}}, "Extra inputs are not permitted"),
    ],
)
def test_layer_with_a_field_out_of_range_is_refused(tree: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        LAYERS.validate_python([tree])


def test_plan_error_is_a_spec_error_with_exit_code_3() -> None:
    assert issubclass(PlanError, SpecError)
    assert PlanError("x", (), (), ()).exit_code == 3


def test_build_enters_around_once_for_each_layer_with_its_full_name() -> None:
    from contextlib import nullcontext

    tree = ["tanh", {"residual": {"projection": True, "layers": [{"conv2d": {"out_channels": 4, "kernel_size": 1}}]}}]
    seen: list[str] = []
    model = build_network(plan(tree, (2, 3, 3)), lambda name: nullcontext(seen.append(name)))
    assert sorted(seen) == ["act1", "res1.conv1", "res1.projection"]
    assert isinstance(model, nn.Sequential)
    assert list(model.state_dict()) == ["res1.body.conv1.weight", "res1.body.conv1.bias", "res1.shortcut.weight"]


def test_written_shortcut_is_built_under_its_own_names() -> None:
    conv = {"conv2d": {"out_channels": 4, "kernel_size": 1, "bias": False}}
    planned = plan([{"residual": {"layers": [conv], "shortcut": [conv, "batch_norm2d"]}}], (2, 3, 3))
    assert [row.name for row in planned.walk()] == [
        "res1", "res1.conv1", "res1.shortcut.conv1", "res1.shortcut.norm1"
    ]  # fmt: skip
    seen: list[str] = []
    from contextlib import nullcontext

    model = build_network(planned, lambda name: nullcontext(seen.append(name)))
    assert sorted(seen) == ["res1.conv1", "res1.shortcut.conv1", "res1.shortcut.norm1"]
    assert [name for name, _ in model.named_parameters()] == [
        "res1.body.conv1.weight", "res1.shortcut.conv1.weight", "res1.shortcut.norm1.weight", "res1.shortcut.norm1.bias"
    ]  # fmt: skip


SQUEEZE = [{"adaptive_avg_pool2d": {"output_size": 1}}, "flatten", {"linear": {"out_features": 2}}, "sigmoid"]
JOINS = {
    "inception": {"branches": [[{"conv2d": {"out_channels": 3, "kernel_size": 1}}, "relu"], ["tanh"], []]},
    "squeeze and excitation": {"join": "multiply", "branches": [[], SQUEEZE]},
    "dense": {"branches": [[], [{"conv2d": {"out_channels": 5, "kernel_size": 3, "padding": 1}}]]},
    "one of three left out": {"branches": [["tanh"], "none", [{"conv2d": {"out_channels": 3, "kernel_size": 1}}]]},
    "sum of three": {"join": "add", "branches": [["tanh"], ["relu"], []]},
}
NORM: dict[str, Any] = {"group_norm": {"num_groups": 5}}
HALVED: list[Any] = [{"conv2d": {"out_channels": 5, "kernel_size": 3, "stride": 2, "padding": 1}}, NORM]
POOLED: list[Any] = [{"avg_pool2d": {"kernel_size": 2}}, {"pad_channels": {"out_channels": 5}}]
ONE_BY_ONE = {"conv2d": {"out_channels": 5, "kernel_size": 1, "stride": 2, "bias": False}}
BLOCKS_THAT_JOIN: dict[str, Any] = {
    **{name: {"parallel": fields} for name, fields in JOINS.items()},
    "projection with a normalisation": {"residual": {"layers": HALVED, "shortcut": [ONE_BY_ONE, NORM]}},
    "pooled shortcut": {"residual": {"layers": HALVED, "shortcut": POOLED}},
    "option A": {"residual": {"layers": HALVED, "projection": "pad"}},
    "nothing beside": {"residual": {"layers": HALVED, "projection": "none"}},
    "channels padded": {"pad_channels": {"out_channels": 5}},
    "channels padded, one way subsampled": {"pad_channels": {"out_channels": 5, "stride": [2, 1]}},
}


@pytest.mark.parametrize("name", list(BLOCKS_THAT_JOIN))
def test_joined_branches_equal_torch_in_values_and_gradients(name: str) -> None:
    """The oracle is a module written without ours; it gets our weights."""
    shape = (2, 6, 6)
    ours = build_network(plan([BLOCKS_THAT_JOIN[name]], shape))
    theirs = oracle.torch_network([BLOCKS_THAT_JOIN[name]], shape)[0].to_empty(device="cpu")
    weights = list(ours.parameters())
    with torch.no_grad():
        for mine, other in zip(weights, theirs.parameters(), strict=True):
            other.copy_(mine)
    x = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1), requires_grad=True)
    y = x.detach().clone().requires_grad_()
    out, expected = ours(x), theirs(y)
    assert torch.equal(out, expected)
    assert out.shape[1:] == plan([BLOCKS_THAT_JOIN[name]], shape).output_shape
    out.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    for mine, other in zip(weights, theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_layers_in_branches_have_names_of_their_own_and_keep_them_in_the_state() -> None:
    tree = [{"parallel": {"name": "mix", "branches": [[], ["tanh", {"linear": {"out_features": 3}}]]}}]
    planned = plan(tree, (4,))
    assert [row.name for row in planned.walk()] == ["mix", "mix.branch2.act1", "mix.branch2.fc1"]
    assert list(build_network(planned).state_dict()) == ["mix.branch2.fc1.weight", "mix.branch2.fc1.bias"]
    assert planned.canonical() == [
        {
            "kind": "parallel",
            "branches": [
                [],
                [{"kind": "tanh"}, {"kind": "linear", "out_features": 3, "bias": True, "name": "mix.branch2.fc1"}],
            ],
            "join": "concat",
            "name": "mix",
        }
    ]


def test_a_branch_that_is_none_is_not_there_and_the_others_keep_their_names() -> None:
    branches: list[Any] = [[{"linear": {"out_features": 2}}], None, [{"linear": {"out_features": 3}}]]
    planned = plan([{"parallel": {"branches": branches}}], (4,))
    assert planned.output_shape == (5,)
    assert [row.name for row in planned.walk()] == [
        "par1", "par1.branch1.fc1", "par1.branch3.fc1"
    ]  # fmt: skip
    assert list(build_network(planned).state_dict())[2:] == ["par1.branch3.fc1.weight", "par1.branch3.fc1.bias"]
    with pytest.raises(PlanError, match=r"branch1 gives 2, branch3 gives 3\."):
        plan([{"parallel": {"branches": branches, "join": "add"}}], (4,))


def test_error_in_a_branch_has_its_place() -> None:
    tree = [{"parallel": {"branches": [["tanh"], ["relu", {"max_pool2d": {"kernel_size": 9}}]]}}]
    with pytest.raises(PlanError, match=r"^par1\.branch2\.pool1 ") as caught:
        plan(tree, (1, 8, 8))
    assert caught.value.loc == ("network", 0, "parallel", "branches", 1, 1)


def test_channels_of_volumes_are_padded_and_subsampled_every_way() -> None:
    planned = plan([{"pad_channels": {"out_channels": 5, "stride": 2}}], (3, 4, 5, 6))
    x = torch.arange(2 * 3 * 4 * 5 * 6.0).reshape(2, 3, 4, 5, 6)
    found = build_network(planned)(x)
    assert tuple(found.shape[1:]) == planned.output_shape == (5, 2, 3, 3)
    assert torch.equal(found[:, :3], x[:, :, ::2, ::2, ::2])
    assert not found[:, 3:].any()
    with pytest.raises(PlanError, match=r"a volume has the same stride every way\. Give the stride as one number\."):
        plan([{"pad_channels": {"out_channels": 5, "stride": [2, 1]}}], (3, 4, 5, 6))
