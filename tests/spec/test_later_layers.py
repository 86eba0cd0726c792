"""The later layer kinds against torch and torchvision: values, gradients, first weights, what is refused and why."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from archsearch.spec.layers import LAYER_KINDS, Layer
from archsearch.spec.network import PlanError, build_network, plan_network
from archsearch.spec.reserved import RESERVED_NAMES
from tests.spec import oracle
from tests.spec.layer_cases import LATER

LAYERS = TypeAdapter(list[Layer])

# Further settings, each a way that a layer may go.
MORE: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "linear, each step": ("linear", {"out_features": 5, "per_step": True}, (4, 3)),
    "layer norm, each step": ("layer_norm", {"per_step": True}, (4, 3)),
    "layer norm, each place": ("layer_norm", {"per_step": True, "eps": 1e-6}, (4, 5, 3)),
    "rms norm of all": ("rms_norm", {}, (4, 3)),
    "flatten of each channel": ("flatten", {"start_dim": 2}, (4, 3, 5)),
    "depthwise": ("conv2d", {"out_channels": 8, "kernel_size": 3, "groups": "in", "padding": 1}, (4, 5, 5)),
    "instance norm of signals": ("instance_norm", {}, (4, 9)),
    "instance norm of volumes": ("instance_norm", {"affine": True}, (4, 2, 3, 3)),
    "zeros before a signal": ("zero_pad", {"padding": [3, 0]}, (4, 9)),
    "zeros around a volume": ("zero_pad", {"padding": 1}, (4, 2, 3, 3)),
    "upsampled signal": ("upsample", {"scale_factor": 2, "mode": "linear"}, (4, 9)),
    "glu of features": ("glu", {}, (8,)),
    "one slope": ("prelu", {}, (4, 9)),
    "excited, hard": ("squeeze_excite", {"squeeze_channels": 3, "scale_activation": "hard_sigmoid"}, (8, 4, 4)),
    "layer scale of features": ("layer_scale", {"init": 0.5, "per_step": True}, (4, 3)),
    "lstm, all steps": ("lstm", {"hidden_size": 3, "output": "all", "bidirectional": True}, (5, 4)),
    "gru, last, both ways": ("gru", {"hidden_size": 3, "bidirectional": True, "num_layers": 2}, (5, 4)),
    "rnn, all steps": ("rnn", {"hidden_size": 3, "output": "all"}, (5, 4)),
    "attention without bias": ("multihead_attention", {"num_heads": 4, "bias": False}, (5, 8)),
    "encoder, norms behind": ("transformer_encoder_layer", {"nhead": 2, "dim_feedforward": 12}, (5, 8)),
    "encoder without bias": (
        "transformer_encoder_layer",
        {"nhead": 2, "dim_feedforward": 12, "bias": False, "norm_first": True, "layer_norm_eps": 1e-6},
        (5, 8),
    ),
    "sines": ("positional_encoding", {}, (7, 6)),
    "sines of an odd width": ("positional_encoding", {}, (7, 5)),
    "same, in a volume": ("conv3d", {"out_channels": 2, "kernel_size": 3, "padding": "same"}, (4, 3, 4, 5)),
    "scaled, overlapping": ("scaled_avg_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1}, (4, 7, 7)),
}
CASES = {kind: (kind, *case[:2]) for kind, case in LATER.items()} | MORE


def samples(kind: str, shape: tuple[int, ...]) -> torch.Tensor:
    draws = torch.Generator().manual_seed(1)
    if kind == "embedding":
        return torch.randint(0, LATER[kind][0]["num_embeddings"], (3, *shape), generator=draws).float()
    return torch.randn(3, *shape, generator=draws)


def both(name: str) -> tuple[nn.Module, nn.Module, torch.Tensor]:
    """Our layer, the oracle's with our weights, and samples."""
    kind, fields, shape = CASES[name]
    ours = build_network(plan_network(LAYERS.validate_python([{kind: fields}]), shape, 10))
    theirs, _ = oracle.torch_network([{kind: fields}], shape)
    theirs = theirs.to_empty(device="cpu")
    draws = torch.Generator().manual_seed(2)
    assert len(list(ours.parameters())) == len(list(theirs.parameters()))
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.copy_(torch.randn(mine.shape, generator=draws) / 3)
            other.copy_(mine)
        for mine, other in zip(ours.buffers(), theirs.buffers(), strict=False):
            other.copy_(mine)
    return ours, theirs, samples(kind, shape)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("name", list(CASES))
def test_values_and_gradients_equal_those_of_torch(name: str, training: bool) -> None:
    ours, theirs, x = both(name)
    y = x.clone()
    if name != "embedding":
        x.requires_grad_()
        y.requires_grad_()
    found = []
    for net, given in ((ours.train(training), x), (theirs.train(training), y)):
        torch.manual_seed(3)  # dropout, depth
        out = net(given)
        out.square().sum().backward()
        found.append(out.detach())
    torch.testing.assert_close(found[0], found[1])
    if name != "embedding":
        torch.testing.assert_close(x.grad, y.grad)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


@pytest.mark.parametrize("kind", [kind for kind, case in LATER.items() if case[3]])
def test_first_weights_are_those_that_torch_draws(kind: str) -> None:
    fields, shape, *_ = LATER[kind]
    torch.manual_seed(5)
    ours = build_network(plan_network(LAYERS.validate_python([{kind: fields}]), shape, 10))
    torch.manual_seed(5)
    made = oracle.torch_layer(kind, dict(fields), shape)
    for mine, other in zip(ours.parameters(), made.parameters(), strict=True):
        assert torch.equal(mine, other)
    (layer,) = ours.children()
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    for value in layer.parameters():
        nn.init.constant_(value, 7.0)
    torch.manual_seed(5)
    layer.reset_parameters()  # draws what was drawn: an exported script makes the weights so
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())


def test_stochastic_depth_takes_whole_samples_and_keeps_the_mean() -> None:
    (layer,) = build_network(plan_network(LAYERS.validate_python([{"stochastic_depth": {"p": 0.25}}]), (3, 2), 10))
    torch.manual_seed(0)
    out = layer.train()(torch.ones(4000, 3, 2))
    kept = out[:, 0, 0] > 0
    assert torch.equal(out, torch.where(kept, 4 / 3, 0.0)[:, None, None].expand_as(out))
    assert abs(kept.float().mean() - 0.75) < 4 * (0.25 * 0.75 / 4000) ** 0.5


@pytest.mark.parametrize("kind", list(LATER))
def test_outputs_of_a_layer_count_at_least_what_comes_out(kind: str) -> None:
    fields, shape, *_ = LATER[kind]
    (row,) = plan_network(LAYERS.validate_python([{kind: fields}]), shape, 10).rows
    out = 1
    for size in row.output_shape:
        out *= size
    assert row.outputs >= out


def test_attention_keeps_a_weight_for_each_pair_of_steps() -> None:
    """Three heads of 4 steps: queries, keys, values, mixtures, output 4x6 each, and 3 * 4 * 4 weights."""
    (row,) = plan_network(LAYERS.validate_python([{"multihead_attention": {"num_heads": 3}}]), (4, 6), 10).rows
    assert row.outputs == 5 * 24 + 48


def test_groups_in_is_the_number_of_channels_and_the_same_network_as_that_number() -> None:
    written = [{"conv2d": {"out_channels": 8, "kernel_size": 3, "groups": groups}} for groups in ("in", 4)]
    plans = [plan_network(LAYERS.validate_python([one]), (4, 5, 5), 10) for one in written]
    assert plans[0].canonical() == plans[1].canonical()
    # 8 filters of 1x3x3, and a bias each; 8*3*3 outputs of 9
    assert (plans[0].parameters, plans[0].macs) == (80, 648)
    assert LAYERS.dump_python(LAYERS.validate_python([written[0]])) == [written[0] | {"conv2d": {
        "name": None, "out_channels": 8, "groups": "in", "bias": True, "kernel_size": 3, "stride": 1, "padding": 0,
        "dilation": 1}}]  # fmt: skip


def test_fields_younger_than_the_first_release_change_no_network_that_does_not_set_them() -> None:
    tree = ["flatten", {"linear": {"out_features": 3}}, "layer_norm"]
    plan = plan_network(LAYERS.validate_python(tree), (2, 4), 10)
    assert plan.canonical() == [
        {"kind": "flatten"},
        {"kind": "linear", "out_features": 3, "bias": True, "name": "fc1"},
        {"kind": "layer_norm", "eps": 1e-5, "elementwise_affine": True, "name": "norm1"},
    ]
    written = LAYERS.dump_python(LAYERS.validate_python(tree), mode="json")
    assert written == [
        {"flatten": {"name": None}},
        {"linear": {"name": None, "out_features": 3, "bias": True}},
        {"layer_norm": {"name": None, "eps": 1e-5, "elementwise_affine": True}},
    ]
    set_ = [{"layer_norm": {"per_step": True}}]
    assert LAYERS.dump_python(LAYERS.validate_python(set_))[0]["layer_norm"]["per_step"] is True


def test_layer_of_an_older_spec_may_be_called_as_a_later_kind_is() -> None:
    assert set(LATER) & RESERVED_NAMES == set()
    plan = plan_network(LAYERS.validate_python([{"linear": {"out_features": 3, "name": "embedding"}}]), (2,), 10)
    assert [row.name for row in plan.rows] == ["embedding"]


def test_every_later_kind_is_in_the_language() -> None:
    assert set(LATER) <= set(LAYER_KINDS)


def test_reference_has_every_kind_with_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "layers.md").read_text(encoding="utf-8")
    for kind, cls in LAYER_KINDS.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{kind}` |")]
        for field in set(cls.model_fields) - {"name"}:
            assert re.search(rf"\b{field}\b", row.rpartition("|")[0].rpartition("|")[2]), (kind, field)


# -- what is refused ---------------------------------------------------------------------------------------------------

REFUSED: list[tuple[list[Any], tuple[int, ...], str]] = [
    ([{"lstm": {"hidden_size": 3}}], (1, 8, 8), "rnn1 (lstm): needs a sequence (steps x features), its input is 1x8x8. "
     "Put flatten: {start_dim: 2} and permute: {dims: [2, 1]} before it."),
    (["class_token"], (8,), "token1 (class_token): needs a sequence (steps x features), its input is 8. "
     "Put unflatten: {unflattened_size: [steps, features]} before it, or put embedding before it."),
    ([{"multihead_attention": {"num_heads": 5}}], (6, 12), "attn1 (multihead_attention): 5 heads do not divide the 12 "
     "features of its input. Use num_heads: 3 or 4 or 6, or change the features before it."),
    ([{"transformer_encoder_layer": {"nhead": 3}}], (6, 8), "encoder1 (transformer_encoder_layer): 3 heads do not "
     "divide the 8 features of its input. Use nhead: 1 or 2 or 4, or change the features before it."),
    ([{"prelu": {"num_parameters": 3}}], (4, 5), "act1 (prelu): 3 slopes do not go with the 4 channels of its input "
     "4x5. Use num_parameters: 1, or use num_parameters: 4."),
    (["glu"], (5,), "act1 (glu): needs an even number of channels to halve, its input is 5. "
     "Give the layer before it 6 channels or features."),
    ([{"permute": {"dims": [2, 1]}}], (3, 8, 8), "perm1 (permute): dims names 2 sizes, its input 3x8x8 has 3. "
     "Use dims: [2, 3, 1]."),
    ([{"unflatten": {"unflattened_size": [3, 5]}}], (16,), "unflatten1 (unflatten): 3x5 is 15 values, and size 1 of "
     "its "
     "input 16 is 16. Use sizes whose product is 16."),
    ([{"zero_pad": {"padding": [1, 0]}}], (3, 8, 8), "pad1 (zero_pad): padding has 2 numbers, its input 3x8x8 has 4 "
     "sides. Use padding: [left, right, top, bottom], or give one number for all sides."),
    ([{"select_channels": {"channels": [0, 4]}}], (4, 8), "select1 (select_channels): there is no channel 4: its input "
     "4x8 has 0 to 3. Name others, or give the layer before it more channels."),
    ([{"select_step": {"step": 4}}], (4, 8), "select1 (select_step): there is no step 4: its input has 4 steps, 0 "
     "to 3. "
     "Use step: 0."),
    ([{"upsample": {"scale_factor": 2, "mode": "linear"}}], (3, 8, 8), "up1 (upsample): mode linear is not for an "
     "input "
     "of 3x8x8. Use mode: bilinear, or mode: nearest."),
    ([{"pixel_shuffle": {"upscale_factor": 2}}], (6, 8, 8), "shuffle1 (pixel_shuffle): upscale_factor 2 needs a "
     "multiple of 4 channels, its input is 6x8x8. Give the layer before it 8 channels."),
    ([{"conv_transpose1d": {"out_channels": 2, "kernel_size": 3, "stride": 2, "output_padding": 2}}], (4, 9),
     "conv1 (conv_transpose1d): output_padding 2 must be smaller than its stride 2 or dilation 1. "
     "Use output_padding: 1."),
    ([{"conv_transpose2d": {"out_channels": 2, "kernel_size": 1, "padding": 1}}], (4, 2, 2),
     "conv1 (conv_transpose2d): padding takes all of its output: it would be 0x0. Use padding: 0, or use a larger "
     "kernel_size."),
    ([{"conv3d": {"out_channels": 2, "kernel_size": 3}}], (4, 8, 8), "conv1 (conv3d): needs a volume (channels x depth "
     "x height x width), its input is 4x8x8. Use the 2d kind, or drop it."),
    ([{"avg_pool3d": {"kernel_size": 3, "padding": 1}}], (4, 2, 4, 4), "pool1 (avg_pool3d): kernel 3x3x3 is larger "
     "than "
     "its 2x4x4 input without padding. Use kernel_size <= 2, or drop it."),
    (["instance_norm"], (4, 1, 1), "norm1 (instance_norm): each of its channels has one value, there is nothing to "
     "normalise. Drop it."),
    ([{"flatten": {"start_dim": 3}}], (4, 5), "flatten1 (flatten): start_dim 3 is beyond the 2 sizes of its input 4x5. "
     "Use start_dim: 1, or drop it."),
    ([{"linear": {"out_features": 3, "per_step": True}}], (4,), "fc1 (linear): per_step needs a sequence (steps x "
     "features), its input is 4. Remove per_step."),
    ([{"embedding": {"num_embeddings": 5, "embedding_dim": 3}}], (1, 4), "embed1 (embedding): needs a flat input, its "
     "input is 1x4. Put flatten before it, or put adaptive_avg_pool1d: {output_size: 1} and flatten before it."),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "shape", "message"), REFUSED, ids=[m.split(")")[0] + ")" for *_, m in REFUSED])
def test_layer_that_does_not_fit_is_refused_with_ways_out(
    tree: list[Any], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(PlanError, match=f"^{re.escape(message)}$"):
        plan_network(LAYERS.validate_python(tree), shape, 10)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"lstm": {"hidden_size": 3, "dropout": 0.2}}, "dropout stands between recurrent layers, and there is one"),
        ({"rnn": {"hidden_size": 3, "output": "first"}}, "Input should be 'last' or 'all'"),
        ({"embedding": {"num_embeddings": 3, "embedding_dim": 2, "padding_idx": 3}}, "padding_idx 3 is none of the 3"),
        ({"permute": {"dims": [0, 2, 1]}}, "dims must name each size once, from 1 on (0 is the batch)"),
        ({"squeeze_excite": {"reduction": 4, "squeeze_channels": 2}}, "squeeze_channels and reduction say the same"),
        ({"zero_pad": {"padding": [1, 2, 3]}}, "expected a number, [left, right], [left, right, top, bottom]"),
        ({"conv3d": {"out_channels": 2, "kernel_size": [3, 3]}}, "expected a number or three, [depth, height, width]"),
        ({"conv2d": {"out_channels": 2, "kernel_size": 3, "groups": "all"}}, "expected a whole number or the word in"),
        ({"upsample": {"scale_factor": 1.5}}, "Input should be a valid integer"),
        ({"stochastic_depth": {"p": 1.0}}, "Input should be less than 1"),
    ],
)
def test_layer_with_a_field_out_of_range_is_refused(tree: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        LAYERS.validate_python([tree])
