"""Every kernel beside torch's: all fields of every layer kind, in double to nearly the last digit, and in float."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.native.conftest import CLASSES, assert_same, available, pair

HEAD: list[Any] = ["flatten", {"linear": {"out_features": "classes"}}]
FIRST: list[Any] = [{"conv2d": {"out_channels": 3, "kernel_size": 3, "padding": 1}}]


def conv(**fields: Any) -> list[Any]:
    return [{"conv2d": {"out_channels": 4, "kernel_size": 3} | fields}]


def conv1(**fields: Any) -> list[Any]:
    return [{"conv1d": {"out_channels": 4, "kernel_size": 3} | fields}]


MAPS: dict[str, list[Any]] = {
    "conv": conv(),
    "conv without bias": conv(bias=False),
    "conv 1x1": conv(kernel_size=1),
    "conv 5x5": conv(kernel_size=5),
    "conv oblong": conv(kernel_size=[2, 5]),
    "conv stride": conv(stride=2),
    "conv strides": conv(stride=[3, 1], kernel_size=[2, 3]),
    "conv padding": conv(padding=2),
    "conv paddings": conv(padding=[0, 3], kernel_size=[1, 4]),
    "conv same": conv(padding="same", kernel_size=5),
    "conv same, even": conv(padding="same", kernel_size=[4, 2]),
    "conv dilation": conv(dilation=2),
    "conv all": conv(kernel_size=[3, 2], stride=[2, 3], padding=[1, 2], dilation=[2, 1]),
    "conv groups": conv(out_channels=6, groups=3),
    "conv depthwise": conv(out_channels=3, groups=3, padding=1),
    "conv depthwise, all": conv(out_channels=3, groups=3, kernel_size=[2, 3], padding=[2, 0], dilation=[1, 2]),
    "conv depthwise after depthwise": [
        *conv(out_channels=3, groups=3, kernel_size=3),
        "tanh",
        *conv(out_channels=3, groups=3, kernel_size=[5, 1], bias=False),
    ],
    "conv depthwise, stride": conv(out_channels=3, groups=3, stride=2),
    "conv depthwise, more outputs": conv(out_channels=6, groups=3, padding=1),
    "conv depthwise to one pixel": conv(out_channels=3, groups=3, kernel_size=[9, 8]),
    "conv many outputs": conv(out_channels=37),
    "conv many outputs, few pixels": conv(out_channels=37, kernel_size=7),
    "conv over the whole map": conv(out_channels=33, kernel_size=[9, 8]),
    "conv after conv": [*conv(out_channels=19, kernel_size=2), *conv(out_channels=23)],
    "max pool": [{"max_pool2d": {"kernel_size": 2}}],
    "max pool 3, stride 2": [{"max_pool2d": {"kernel_size": 3, "stride": 2}}],
    "max pool overlapping": [{"max_pool2d": {"kernel_size": 2, "stride": 1}}],
    "max pool padding": [{"max_pool2d": {"kernel_size": 3, "padding": 1}}],
    "max pool ceil": [{"max_pool2d": {"kernel_size": 2, "stride": 3, "ceil_mode": True}}],
    "max pool dilation": [{"max_pool2d": {"kernel_size": 2, "dilation": 3, "padding": 1, "stride": 2}}],
    "max pool oblong": [{"max_pool2d": {"kernel_size": [2, 3], "stride": [1, 2]}}],
    "avg pool": [{"avg_pool2d": {"kernel_size": 2}}],
    "avg pool overlapping": [{"avg_pool2d": {"kernel_size": 3, "stride": 1}}],
    "avg pool padding": [{"avg_pool2d": {"kernel_size": 3, "padding": 1, "stride": 2}}],
    "avg pool ceil": [{"avg_pool2d": {"kernel_size": [3, 2], "stride": [2, 3], "padding": 1, "ceil_mode": True}}],
    "adaptive pool 1": [{"adaptive_avg_pool2d": {"output_size": 1}}],
    "adaptive pool uneven": [{"adaptive_avg_pool2d": {"output_size": [4, 3]}}],
    "softmax over channels": ["softmax"],
    "log_softmax over channels": ["log_softmax"],
    "identity and dropout of nothing": ["identity", {"dropout": {"p": 0.0}}],
    "sequential": [{"sequential": {"layers": [*conv(), "tanh"]}}],
    "residual": [{"residual": {"layers": [*conv(out_channels=3, padding=1), "tanh"]}}, "relu"],
    "residual of an activation": [{"residual": {"layers": ["tanh"]}}],
    "residual with projection": [
        {"residual": {"projection": True, "layers": [*conv(padding=1, stride=2), "relu", *conv(padding=1)]}},
        "relu",
    ],
    "residual in residual": [
        {
            "residual": {
                "layers": [
                    {"residual": {"layers": [*conv(out_channels=3, padding=1), "gelu"]}},
                    "silu",
                    *conv(out_channels=3, padding=1),
                ]
            }
        },
        "tanh",
    ],
    "batch norm": ["batch_norm2d"],
    "batch norm, fields": [{"batch_norm2d": {"eps": 0.1, "momentum": 0.3, "affine": False}}],
    "batch norm and tanh": [*conv(), "batch_norm2d", "tanh"],
    "batch norm and leaky_relu": [*conv(), "batch_norm2d", {"leaky_relu": {"negative_slope": -0.5}}],
    "batch norm and softmax": [*conv(), "batch_norm2d", "softmax"],
    "two batch norms": [*conv(padding=1), "batch_norm2d", "relu", *conv(), "batch_norm2d", "gelu"],
    "batch norm after batch norm": ["batch_norm2d", {"batch_norm2d": {"affine": False}}, *conv()],
    "batch norm, pool, conv, batch norm": [
        "batch_norm2d",
        "relu",
        {"max_pool2d": {"kernel_size": 2}},
        *conv(padding="same"),
        "batch_norm2d",
        "silu",
        {"avg_pool2d": {"kernel_size": 2}},
    ],
    "batch norm in a residual": [
        {
            "residual": {
                "projection": True,
                "layers": [*conv(padding=1, stride=2), "batch_norm2d", "relu", *conv(padding=1), "batch_norm2d"],
            }
        },
        "relu",
    ],
    "batch norm before a residual": ["batch_norm2d", {"residual": {"layers": ["batch_norm2d", "tanh"]}}, "gelu"],
    "residual of a batch norm": [*conv(), {"residual": {"layers": ["batch_norm2d"]}}, "batch_norm2d", "relu"],
    "batch norm 1d": ["flatten", {"linear": {"out_features": 20}}, "batch_norm1d", "tanh"],
    "dropout": [*conv(), {"dropout": {"p": 0.3}}],
    "dropout after relu": [*conv(), "relu", {"dropout": {"p": 0.3}}, *conv()],
    "dropout2d": [*conv(), {"dropout2d": {"p": 0.4}}, "gelu"],
    "dropouts": [{"dropout": {"p": 0.1}}, "gelu", {"dropout": {"p": 0.1}}, {"dropout2d": {"p": 0.1}}, "tanh"],
    "batch norm and dropout": [
        *conv(padding=1),
        "batch_norm2d",
        "relu",
        {"dropout": {"p": 0.2}},
        *conv(),
        "batch_norm2d",
        {"dropout": {"p": 0.2}},
    ],
    "layer norm": [*conv(), "layer_norm", "tanh"],
    "layer norm, fields": [{"layer_norm": {"eps": 0.1, "elementwise_affine": False}}, "relu"],
    "layer norm of features": ["flatten", {"linear": {"out_features": 21}}, "layer_norm"],
    "group norm": [*conv(), {"group_norm": {"num_groups": 2}}, "relu"],
    "group norm, fields": [*conv(), {"group_norm": {"num_groups": 4, "eps": 0.1, "affine": False}}],
    "group norm of one pixel": [
        *conv(kernel_size=[9, 8], out_channels=9),
        {"group_norm": {"num_groups": 3}},
        "tanh",
    ],
    "instance norm": [*conv(), "instance_norm", "gelu"],
    "instance norm, fields": [{"instance_norm": {"affine": True, "eps": 0.01}}],
    "residual of norms": [{"residual": {"layers": [{"group_norm": {"num_groups": 3}}, "relu", "layer_norm"]}}, "relu"],
    "concat": [{"parallel": {"branches": [conv(padding=1), ["relu"], []]}}, "relu", *conv()],
    "concat of one": [{"parallel": {"branches": [["tanh"]]}}],
    "concat of the same": [{"parallel": {"branches": [[], [], ["identity"]]}}],
    "concat of features": ["flatten", {"parallel": {"branches": [[{"linear": {"out_features": 7}}], ["tanh"], []]}}],
    "concat of batch norms": [
        {
            "parallel": {
                "branches": [[*conv(), "batch_norm2d", "relu"], [*conv(kernel_size=1), *conv(), "batch_norm2d"]]
            }
        },
        "batch_norm2d",
        "relu",
    ],
    "add": [{"parallel": {"join": "add", "branches": [conv(padding=1), conv(kernel_size=1), conv(kernel_size=1)]}}],
    "add its input": [{"parallel": {"join": "add", "branches": [[], ["tanh"], [], ["relu"]]}}, "relu"],
    "add in a residual": [
        {"residual": {"layers": [{"parallel": {"join": "add", "branches": [[], ["batch_norm2d"]]}}, "batch_norm2d"]}}
    ],
    "residual with nothing beside": [
        {"residual": {"projection": "none", "layers": [*conv(padding=1, stride=2), "batch_norm2d", "relu"]}},
        "gelu",
    ],
    "residual with a shortcut": [
        {
            "residual": {
                "layers": [*conv(stride=2, padding=1), "batch_norm2d", "relu", *conv(padding=1), "batch_norm2d"],
                "shortcut": [*conv(kernel_size=1, stride=2, bias=False), "batch_norm2d"],
            }
        },
        "relu",
    ],
    "residual of linear layers": [
        "flatten",
        {"residual": {"projection": True, "layers": [{"linear": {"out_features": 7}}]}},
    ],
}
ACTIVATIONS: list[Any] = [
    "tanh",
    "relu",
    "leaky_relu",
    {"leaky_relu": {"negative_slope": -0.5}},
    "elu",
    {"elu": {"alpha": 0.3}},
    "selu",
    "gelu",
    {"gelu": {"approximate": "tanh"}},
    "silu",
    "mish",
    "hardtanh",
    {"hardtanh": {"min_val": -0.2, "max_val": 0.4}},
    "sigmoid",
    "softplus",
    {"softplus": {"beta": 3.0, "threshold": 2.0}},
    "softmax",
    "log_softmax",
]
SIGNALS: dict[str, list[Any]] = {
    "conv1d": conv1(),
    "conv1d all": conv1(kernel_size=2, stride=2, padding=1, dilation=2),
    "conv1d depthwise": conv1(out_channels=3, groups=3, kernel_size=4, padding=1),
    "conv1d same": conv1(padding="same", kernel_size=4),
    "max pool": [{"max_pool1d": {"kernel_size": 3, "stride": 2, "padding": 1}}],
    "avg pool": [{"avg_pool1d": {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}}],
    "adaptive pool": [{"adaptive_avg_pool1d": {"output_size": 4}}],
    "residual with projection": [{"residual": {"projection": True, "layers": conv1(stride=2, padding=1)}}],
    "batch norm": [*conv1(), "batch_norm1d", "relu", *conv1(), "batch_norm1d"],
    "dropout": [*conv1(), {"dropout": {"p": 0.3}}],
}


@pytest.mark.parametrize("written", MAPS.values(), ids=MAPS.keys())
def test_map_kernel_equals_torch_in_double(written):
    assert_same(pair([*FIRST, *written, *HEAD], (2, 9, 8)), 1e-11)


@pytest.mark.parametrize("written", [*MAPS.values()], ids=MAPS.keys())
@pytest.mark.parametrize("variant", available())
def test_map_kernel_equals_torch_in_float_on_every_variant(written, variant):
    assert_same(pair([*FIRST, *written, *HEAD], (2, 9, 8), dtype=torch.float32, variant=variant), 2e-5)


@pytest.mark.parametrize("written", SIGNALS.values(), ids=SIGNALS.keys())
def test_signal_kernel_equals_torch(written):
    first = [{"conv1d": {"out_channels": 3, "kernel_size": 3, "padding": 1}}]
    assert_same(pair([*first, *written, *HEAD], (2, 11)), 1e-11)


@pytest.mark.parametrize("written", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("variant", available())
def test_activation_equals_torch(written, variant):
    network = [{"linear": {"out_features": 12}}, written, {"linear": {"out_features": "classes"}}]
    assert_same(pair(network, (10,), variant=variant), 1e-11)
    assert_same(pair(network, (10,), variant=variant, dtype=torch.float32), 1e-5)
    # twice in a row, so that one does not work in place on what the other's way back needs
    assert_same(pair([network[0], written, written, network[2]], (10,), variant=variant), 1e-11)


@pytest.mark.parametrize("written", ACTIVATIONS, ids=str)
def test_activation_in_float_holds_over_the_whole_range(written):
    """One weight and one input at a time, from -60 to 60, beside torch in double."""
    one = pair([{"linear": {"out_features": CLASSES, "bias": False}}, written], (1,), dtype=torch.float32, n=8)
    with torch.no_grad():
        one.model[0].weight.copy_(torch.tensor([[1.0], [0.3], [-1.0], [2.0], [-0.01]]))
    x = torch.cat([torch.linspace(-30, 30, 4001), torch.logspace(-6, 0, 200), -torch.logspace(-6, 0, 200)]).unsqueeze(1)
    given = one.native.outputs(x, torch.arange(len(x)))
    expected = one.model.double()(x.double()).detach()
    error = (given - expected).abs()
    assert float((error / expected.abs().amax(1, keepdim=True).clamp_min(1.0)).max()) < 1e-6


@pytest.mark.parametrize(
    "name", ["conv all", "conv groups", "max pool overlapping", "avg pool ceil", "residual in residual"]
)
@pytest.mark.parametrize("activation", ["tanh", "gelu", "mish", "softplus", "softmax", "log_softmax"])
def test_gradient_is_the_finite_difference_of_the_loss(name, activation):
    """No torch in it: (L(w + h d) - L(w - h d)) / 2h along random directions d, one for each parameter."""
    one = pair([*FIRST, activation, *MAPS[name], *HEAD], (2, 9, 8), n=5)
    gradients = one.native_step().gradients
    generator = torch.Generator().manual_seed(1)
    step = 1e-5
    for parameter, gradient in zip(one.model.parameters(), gradients, strict=True):
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        losses = []
        for sign in (1, -2):
            with torch.no_grad():
                parameter.add_(direction, alpha=sign * step)
            losses.append(one.native.gradients(one.x, one.rows, one.y[one.rows])[0] / len(one.rows))
        with torch.no_grad():
            parameter.add_(direction, alpha=step)
        slope = (losses[0] - losses[1]) / (2 * step)
        assert float((gradient * direction).sum()) == pytest.approx(slope, rel=1e-5, abs=1e-8)
