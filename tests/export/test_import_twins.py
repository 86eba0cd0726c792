"""Modules of torch and torchvision that layers of ours equal: recurrence, attention, embeddings, excitation, depth.

Torch computes both networks; what is compared are the outputs of the module as it is written with those of the spec.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from archsearch.errors import SpecError
from archsearch.export.import_network import import_network
from archsearch.export.import_source import ModuleSource
from archsearch.export.import_twins import TWINS, twin_of
from archsearch.spec.layers import LAYER_KINDS
from archsearch.spec.network import build_network
from archsearch.spec.text.write import spec_yaml


class Recurrent(nn.Module):
    """Rows of the digits as steps; `take` picks the result."""

    def __init__(self, net: nn.Module, width: int, take: Any) -> None:
        super().__init__()
        self.net, self.take, self.out = net, take, nn.Linear(width, 10)

    def forward(self, x):
        return self.out(self.take(self.net(x.squeeze(1))))


class Transformer(nn.Module):
    """A ViT in small: a token, positions, torch's encoder, an attention of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.token, self.places = nn.Parameter(torch.randn(1, 1, 12)), nn.Parameter(torch.randn(1, 9, 12))
        self.patches, self.norm, self.out = nn.Linear(8, 12), nn.LayerNorm(12), nn.Linear(12, 10)
        layer = nn.TransformerEncoderLayer(12, 2, 20, 0.0, batch_first=True, **options)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.attention = nn.MultiheadAttention(12, 4, batch_first=True, bias=False)

    def forward(self, x):
        x = self.patches(x.flatten(1, 2))
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.places
        x = self.encoder(x)
        return self.out(self.norm(x + self.attention(x, x, x, need_weights=False)[0])[:, 0])


class Words(nn.Module):
    """Each pixel's level as a word."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(17, 5, padding_idx=0), nn.Linear(5, 10)

    def forward(self, x):
        return self.out(self.table(x.flatten(1).long()).mean(1))


class Excited(nn.Module):
    """A block as ConvNeXt and MobileNetV3 have it."""

    def __init__(self, gate: type[nn.Module] = nn.Hardsigmoid, mode: str = "row") -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(1, 8, 3, padding=1), nn.Linear(8, 10)
        self.excite = torchvision.ops.SqueezeExcitation(8, 2, scale_activation=gate)
        self.factor = nn.Parameter(torch.full((8, 1, 1), 0.5))
        self.drop, self.order = torchvision.ops.StochasticDepth(0.2, mode), torchvision.ops.Permute([0, 2, 3, 1])
        self.norm = nn.LayerNorm(8)

    def forward(self, x):
        x = self.conv(x)
        x = x + self.drop(self.factor * self.excite(x))
        return self.out(self.norm(self.order(x)).permute(0, 3, 1, 2).mean((2, 3)))


class Shuffled(nn.Module):
    """Channels shuffled between groups, as ShuffleNet does."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(1, 6, 3), nn.Linear(216, 10)

    def forward(self, x):
        x = self.conv(x)
        x = x.view(-1, 2, 3, 6, 6).transpose(1, 2).contiguous().view(-1, 6, 6, 6)
        return self.out(F.relu(x).flatten(1))


def imported(module: nn.Module) -> list[str]:
    """Import, compare in torch with other inputs, and give the lines of the network."""
    found = import_network(ModuleSource(module, "net", "net.py:Net", {}), data="digits")
    assert found.plan.network.parameters == sum(value.numel() for value in module.parameters())
    network = build_network(found.plan.network)
    network.load_state_dict(dict(found.state))
    x = torch.randint(0, 17, (6, 1, 8, 8), generator=torch.Generator().manual_seed(1)).float()
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(x), module.eval()(x), rtol=0, atol=1e-5)
    text = spec_yaml(found.plan.spec, "archsearch run net.yaml")
    return [line.strip() for line in text.partition("network:\n")[2].partition("train:\n")[0].splitlines()]


STEPS = ["- flatten", "- unflatten: {unflattened_size: [8, 8]}"]
RECURRENT: dict[str, tuple[nn.Module, int, Any, list[str]]] = {
    "lstm, last step": (
        nn.LSTM(8, 5, 2, batch_first=True, bidirectional=True), 10, lambda found: found[0][:, -1],
        ["- lstm: {name: net, hidden_size: 5, num_layers: 2, bidirectional: true, output: all}",
         "- select_step: {step: -1}"],
    ),
    "lstm, state": (
        nn.LSTM(8, 5, batch_first=True), 5, lambda found: found[1][0][-1], ["- lstm: {hidden_size: 5}"],
    ),
    "gru, state": (
        nn.GRU(8, 5, 2, batch_first=True, bias=False), 5, lambda found: found[1][-1],
        ["- gru: {hidden_size: 5, num_layers: 2, bias: false}"],
    ),
    "rnn, all": (
        nn.RNN(8, 3, nonlinearity="relu", batch_first=True), 24, lambda found: found[0].flatten(1),
        ["- rnn: {name: net, hidden_size: 3, output: all, nonlinearity: relu}", "- flatten"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", RECURRENT)
def test_recurrence_of_torch_is_a_layer_by_its_steps_or_its_last_state(what: str) -> None:
    net, width, take, lines = RECURRENT[what]
    assert imported(Recurrent(net, width, take)) == [*STEPS, *lines, "- linear: {name: out, out_features: classes}"]


@pytest.mark.parametrize("options", [{}, {"norm_first": True, "activation": "gelu", "layer_norm_eps": 1e-6}], ids=str)
def test_encoder_of_torch_is_a_layer_for_each_of_its_layers(options: dict[str, Any]) -> None:
    more = "dim_feedforward: 20, dropout: 0.0"
    more += ", activation: gelu, layer_norm_eps: 1e-06, norm_first: true" if options else ""
    layer = f"- transformer_encoder_layer: {{nhead: 2, {more}}}"
    assert imported(Transformer(**options)) == [
        *STEPS,
        "- linear: {name: patches, out_features: 12, per_step: true}",
        "- class_token",
        "- positional_encoding: {learned: true}",
        layer,
        layer,
        "- residual: {layers: [multihead_attention: {name: attention, num_heads: 4, bias: false}]}",
        "- layer_norm: {name: norm, per_step: true}",
        "- select_step",
        "- linear: {name: out, out_features: classes}",
    ]


def test_embedding_of_whole_numbers_and_the_mean_of_its_steps() -> None:
    assert imported(Words()) == [
        "- flatten",
        "- embedding: {name: table, num_embeddings: 17, embedding_dim: 5, padding_idx: 0}",
        "- permute: {dims: [2, 1]}",
        "- adaptive_avg_pool1d: {output_size: 1}",
        "- flatten",
        "- linear: {name: out, out_features: classes}",
    ]


def test_excitation_factors_of_channels_and_stochastic_depth_are_layers_in_training_too() -> None:
    assert imported(Excited()) == [
        "- conv2d: {name: conv, out_channels: 8, kernel_size: 3, padding: 1}",
        "- residual:",
        "layers:",
        "- squeeze_excite: {name: excite, squeeze_channels: 2, scale_activation: hard_sigmoid}",
        "- layer_scale: {init: 0.5}",
        "- stochastic_depth: {name: drop, p: 0.2}",
        "- permute: {name: order, dims: [2, 3, 1]}",
        "- layer_norm: {name: norm, per_step: true}",
        "- permute: {dims: [3, 1, 2]}",
        "- adaptive_avg_pool2d: {output_size: 1}",
        "- flatten",
        "- linear: {name: out, out_features: classes}",
    ]


def test_any_new_shape_is_said_by_flatten_and_unflatten() -> None:
    assert imported(Shuffled()) == [
        "- conv2d: {name: conv, out_channels: 6, kernel_size: 3}",
        "- unflatten: {unflattened_size: [2, 3]}",
        "- permute: {dims: [2, 1, 3, 4]}",
        "- flatten",
        "- unflatten: {unflattened_size: [6, 6, 6]}",
        "- relu",
        "- flatten",
        "- linear: {name: out, out_features: classes}",
    ]


class Seen(nn.Module):
    """Gives what attention gives: values and weights."""

    def __init__(self) -> None:
        super().__init__()
        self.of = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.of(x, x, x)


def first(found: Any) -> torch.Tensor:
    return found[0].flatten(1)


REFUSED: dict[str, tuple[nn.Module, str]] = {
    "steps first": (
        Recurrent(nn.LSTM(8, 5), 40, first),
        r"net \(LSTM\): LSTM has batch_first False, and lstm of the language has True$",
    ),
    "projected states": (
        Recurrent(nn.LSTM(8, 5, proj_size=3, batch_first=True), 24, first),
        r"LSTM has proj_size 3, and lstm of the language has 0$",
    ),
    "the states of all layers": (
        Recurrent(nn.GRU(8, 5, 2, batch_first=True), 10, lambda found: found[1].transpose(0, 1).flatten(1)),
        r"net \(GRU\): the language has its first result alone",
    ),
    "both": (
        Recurrent(nn.GRU(8, 5, batch_first=True), 5, lambda found: found[0][:, 0] + found[1][-1]),
        r"the weight_ih_l0 of \w+ is used by another layer too",
    ),
    "weights of attention": (
        Recurrent(Seen(), 64, lambda found: found[1].flatten(1)),
        r"\(MultiheadAttention\): the language has its first result alone",
    ),
    "another gate": (Excited(gate=nn.Tanh), "SqueezeExcitation has ReLU and Tanh, and the language relu or silu"),
    "depth of batches": (Excited(mode="batch"), "StochasticDepth has mode batch, and the language drops samples one"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_no_layer_says_of_such_a_module_is_refused(what: str) -> None:
    module, message = REFUSED[what]
    with pytest.raises(SpecError, match=message):
        import_network(ModuleSource(module, "net", "net.py:Net", {}), data="digits")


def test_every_twin_is_of_a_kind_of_ours() -> None:
    assert {kind for kind, _ in TWINS.values()} <= set(LAYER_KINDS)
    plain = nn.Linear(3, 2)
    assert twin_of(plain) is plain
