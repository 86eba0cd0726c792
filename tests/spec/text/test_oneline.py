"""Networks in one line."""

from __future__ import annotations

import pytest

from archsearch.experiment_plan import load_spec
from archsearch.spec.text.oneline import network_line


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("lenet5", "conv6(5) tanh avg2 conv16(5) tanh avg2 conv120(5) tanh fc84 tanh fc(classes) softmax"),
        (
            "lenet_best_logits",
            "conv10(5) tanh max2/1 conv20(5) tanh avg2/1 conv50(5) tanh avg2 conv150(5) tanh fc80 tanh fc(classes)",
        ),
    ],
)
def test_shipped_network_in_one_line(name, line):
    network = load_spec(name).model_dump(mode="json")["network"]
    assert network_line(network) == line


def test_what_is_not_usual_is_written_and_what_changes_nothing_is_not():
    inside = [{"conv2d": {"out_channels": 8, "kernel_size": 3, "stride": 1, "padding": 1}}, "relu"]
    layers = [
        {"conv2d": {"out_channels": 8, "kernel_size": [3, 5], "stride": 2, "padding": "same"}},
        "identity",
        {"max_pool2d": {"kernel_size": 3, "stride": 2, "padding": 1}},
        {"residual": {"layers": inside}},
        "flatten",
        {"linear": {"out_features": 5}},
    ]
    assert network_line(layers) == "conv8(3x5)/2+same max3/2+1 residual[conv8(3)+1 relu] fc5"
