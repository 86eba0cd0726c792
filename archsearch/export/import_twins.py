"""Modules of torch and torchvision that a layer of the language equals, though that layer builds a class of its own.

    twin_of(nn.LSTM(8, 32, batch_first=True))        # LstmModule(8, 32, output="all"): computes the same

A twin has the settings of the module, no weights, and its tensors in the same order. What else the module is told that
no twin can be is `Unsayable`. `reads_alone` and `main_result` are about how such modules are called: attention with its
input three times, and several results where a layer of the language gives one tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torchvision import ops

from archsearch.export.import_graph import GraphStep, LayerStep, Unsayable
from archsearch.spec.map_modules import PermuteModule, SqueezeExciteModule, StochasticDepthModule
from archsearch.spec.sequence_modules import (
    EmbeddingModule,
    GruModule,
    LstmModule,
    RnnModule,
    SelfAttentionModule,
    TransformerEncoderLayerModule,
)

_NO_MATTER = frozenset(("training", "inplace"))


def _lstm(module: nn.LSTM) -> nn.Module:
    return LstmModule(*_of_recurrence(module), output="all")


def _gru(module: nn.GRU) -> nn.Module:
    return GruModule(*_of_recurrence(module), output="all")


def _rnn(module: nn.RNN) -> nn.Module:
    return RnnModule(*_of_recurrence(module), output="all", nonlinearity=module.nonlinearity)


def _of_recurrence(module: nn.RNNBase) -> tuple[int, int, int, bool, float, bool]:
    sizes = module.input_size, module.hidden_size, module.num_layers
    return *sizes, module.bias, module.dropout, module.bidirectional


def _embedding(module: nn.Embedding) -> nn.Module:
    return EmbeddingModule(module.num_embeddings, module.embedding_dim, module.padding_idx)


def _attention(module: nn.MultiheadAttention) -> nn.Module:
    return SelfAttentionModule(module.embed_dim, module.num_heads, module.dropout, module.out_proj.bias is not None)


def _encoder_layer(module: nn.TransformerEncoderLayer) -> nn.Module:
    attention, chances = module.self_attn, {module.dropout.p, module.dropout1.p, module.dropout2.p}
    functions = {F.relu: "relu", nn.ReLU: "relu", F.gelu: "gelu", nn.GELU: "gelu"}
    made: Any = module.activation
    activation: Any = functions.get(type(made) if isinstance(made, nn.Module) else made)
    if activation is None or getattr(made, "approximate", "none") != "none":
        raise Unsayable("TransformerEncoderLayer has another activation than relu or gelu")
    if not attention.batch_first:
        raise Unsayable("TransformerEncoderLayer reads (steps, batch, features); make it with batch_first=True")
    if {*chances, attention.dropout} != {module.dropout.p} or module.norm1.eps != module.norm2.eps:
        raise Unsayable("TransformerEncoderLayer has several dropouts or norms of its own, and the language has one")
    return TransformerEncoderLayerModule(
        attention.embed_dim,
        attention.num_heads,
        module.linear1.out_features,
        module.dropout.p,
        activation,
        module.norm1.eps,
        module.norm_first,
        module.linear1.bias is not None,
    )


def _stochastic_depth(module: ops.StochasticDepth) -> nn.Module:
    if module.mode != "row":
        raise Unsayable(f"StochasticDepth has mode {module.mode}, and the language drops samples one by one (row)")
    return StochasticDepthModule(module.p)


def _squeeze_excitation(module: ops.SqueezeExcitation) -> nn.Module:
    activations: dict[type, Any] = {nn.ReLU: "relu", nn.SiLU: "silu"}
    scales: dict[type, Any] = {nn.Sigmoid: "sigmoid", nn.Hardsigmoid: "hard_sigmoid"}
    between, scale = activations.get(type(module.activation)), scales.get(type(module.scale_activation))
    if between is None or scale is None:
        chosen = f"{type(module.activation).__name__} and {type(module.scale_activation).__name__}"
        raise Unsayable(f"SqueezeExcitation has {chosen}, and the language relu or silu and sigmoid or hard_sigmoid")
    return SqueezeExciteModule(module.fc1.in_channels, module.fc1.out_channels, between, scale)


def _permute(module: ops.Permute) -> nn.Module:
    if not module.dims or module.dims[0] != 0:
        raise Unsayable("Permute moves the batch")
    return PermuteModule(tuple(module.dims[1:]))


# Torch's class, the kind that it is, and what makes its twin.
TWINS: Mapping[type[nn.Module], tuple[str, Callable[[Any], nn.Module]]] = {
    nn.LSTM: ("lstm", _lstm),
    nn.GRU: ("gru", _gru),
    nn.RNN: ("rnn", _rnn),
    nn.Embedding: ("embedding", _embedding),
    nn.MultiheadAttention: ("multihead_attention", _attention),
    nn.TransformerEncoderLayer: ("transformer_encoder_layer", _encoder_layer),
    ops.StochasticDepth: ("stochastic_depth", _stochastic_depth),
    ops.SqueezeExcitation: ("squeeze_excite", _squeeze_excitation),
    ops.Permute: ("permute", _permute),
}


def twin_of(module: nn.Module) -> nn.Module:
    """Give the module of ours that computes what a module computes: itself where it is one; raise `Unsayable`."""
    if type(module) not in TWINS:
        return module
    kind, make = TWINS[type(module)]
    what = type(module).__name__
    with torch.device("meta"):
        twin = make(module)
    for name, ours in vars(twin).items():
        theirs = getattr(module, name, ours)
        if not name.startswith("_") and name not in _NO_MATTER and _is_setting(ours, theirs) and theirs != ours:
            raise Unsayable(f"{what} has {name} {theirs!r}, and {kind} of the language has {ours!r}")
    if [value.shape for value in module.state_dict().values()] != [one.shape for one in twin.state_dict().values()]:
        raise Unsayable(f"{what} has {', '.join(module.state_dict())}, and {kind} {', '.join(twin.state_dict())}")
    return twin


def _is_setting(ours: object, theirs: object) -> bool:
    """Say whether both are plain values: torch keeps functions and modules under names that are settings of ours."""
    return all(one is None or isinstance(one, (bool, int, float, str, tuple)) for one in (ours, theirs))


def reads_alone(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Say whether a module is called with one value, as a layer is: attention with the same three times."""
    told = {key: value for key, value in kwargs.items() if value is not None and value is not False}
    if type(module) is nn.MultiheadAttention:
        return len(args) == 3 and set(told) <= {"need_weights", "average_attn_weights"}
    if type(module) in TWINS:
        return bool(args) and all(one is None for one in args[1:]) and not told
    return len(args) == 1 and not kwargs


def main_result(result: Any) -> tuple[Any, tuple[Any, ...]]:
    """Part what a module gives into the tensor that a layer gives, and the rest: weights of attention, last states."""
    return (result[0], result[1:]) if isinstance(result, tuple) else (result, ())


def last_states(module: nn.Module, step: GraphStep) -> LayerStep | None:
    """Give the layer whose output is the last of the states that a recurrence ends with; None where there is none."""
    if isinstance(step, LayerStep) and isinstance(module, nn.RNNBase) and not module.bidirectional:
        return LayerStep(step.layer.model_copy(update={"output": "last"}), step.tensors)
    return None


def takes_last(name: str, args: Sequence[Any]) -> bool:
    """Say whether a call takes the last of several states: `hidden[-1]`."""
    index = args[1] if len(args) > 1 else None
    return name == "getitem" and (index == -1 if isinstance(index, int) else False)


__all__ = ["TWINS", "last_states", "main_result", "reads_alone", "takes_last", "twin_of"]
