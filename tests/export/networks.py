"""Random networks that fit: every layer kind and block, on images, signals and flat data.

    plan = random_plan(7)       # an ExperimentPlan; the same number gives the same one

The layers are drawn one by one and kept where `plan_network` takes them; nothing of the export is asked.
"""

from __future__ import annotations

import random
from typing import Any

from pydantic import TypeAdapter, ValidationError

from archsearch.data.facts import DataFacts
from archsearch.errors import SpecError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import Layer
from archsearch.spec.network import NetworkPlan, plan_network
from archsearch.task import TASKS

CLASSES = 5
LAYERS = TypeAdapter(list[Layer])
SHAPES = ((1, 8, 8), (3, 9, 7), (2, 16), (12,), (2, 4, 4, 4))
ACTIVATIONS: list[Any] = [
    "tanh", "relu", "selu", "silu", "mish", "sigmoid", "gelu", "identity", "softmax", "log_softmax", "softplus", "elu",
    "hardtanh", "leaky_relu", {"leaky_relu": {"negative_slope": 0.2}}, {"elu": {"alpha": 0.7}},
    {"gelu": {"approximate": "tanh"}}, {"hardtanh": {"min_val": -2.0, "max_val": 0.5}},
    {"softplus": {"beta": 2.0, "threshold": 3.0}}, "relu6", "hardswish", "hard_sigmoid", "prelu", "glu",
]  # fmt: skip


def random_plan(number: int) -> ExperimentPlan:
    """A spec whose data lie nowhere, with its plan."""
    dice = random.Random(number)
    shape = dice.choice(SHAPES)
    return plan_of(random_layers(dice, shape, dice.randint(1, 7)), shape, f"random{number}")


def plan_of(tree: list[Any], shape: tuple[int, ...], name: str) -> ExperimentPlan:
    """Layers with a linear layer for the classes behind them, on data that lie nowhere."""
    tree = [*tree]
    tree += [] if len(_shape(tree, shape)) == 1 else ["flatten"]
    tree += [{"linear": {"out_features": "classes"}}]
    spec = ExperimentSpec.model_validate(
        {
            "name": name,
            "data": {"name": "npz", "path": "nowhere.npz"},
            "network": tree,
            "train": {"epochs": 1, "batch_size": 4},
        }
    )
    task = TASKS["classification"](CLASSES)
    facts = DataFacts("npz", shape, task, 40, 10, tuple("abcde"))
    return ExperimentPlan(spec, facts, plan_network(spec.network, shape, CLASSES))


def random_layers(dice: random.Random, shape: tuple[int, ...], count: int, deep: int = 0) -> list[Any]:
    """So many layers that fit one after the other."""
    tree: list[Any] = []
    while len(tree) < count:
        here = _shape(tree, shape)
        longer = [*tree, _drawn(dice, here, deep)]
        if _shape(longer, shape):
            tree = longer
    return tree


def _planned(tree: list[Any], shape: tuple[int, ...]) -> NetworkPlan | None:
    try:
        return plan_network(LAYERS.validate_python(tree), shape, CLASSES)
    except (SpecError, ValidationError):  # a layer called shortcut beside a shortcut
        return None


def _shape(tree: list[Any], shape: tuple[int, ...]) -> tuple[int, ...]:
    """What comes out, () where the layers do not fit."""
    found = _planned(tree, shape)
    return found.output_shape if found else ()


def _drawn(dice: random.Random, shape: tuple[int, ...], deep: int) -> Any:
    """A layer that may fit."""
    kinds = [_activation, _normalisation, _weighted, _weighted, _pooling, _dropout, _later, _later]
    if deep < 2:
        kinds += [_block]
    layer = dice.choice(kinds)(dice, shape, deep)
    if isinstance(layer, dict) and dice.random() < 0.1:
        (fields,) = layer.values()
        fields["name"] = dice.choice(["stem", "if", "body", "shortcut", "class", "x_1"])
    return layer


def _activation(dice: random.Random, shape: tuple[int, ...], deep: int) -> Any:
    layer = dice.choice(ACTIVATIONS)
    return layer if isinstance(layer, str) else {kind: dict(fields) for kind, fields in layer.items()}


def _normalisation(dice: random.Random, shape: tuple[int, ...], deep: int) -> Any:
    batch = {3: "batch_norm2d", 4: "batch_norm3d"}.get(len(shape), "batch_norm1d")
    fields = dice.choice([{}, {"eps": 1e-3}, {"affine": False}, {"momentum": 0.3}])
    return dice.choice(
        [
            {batch: fields},
            {batch: {}},
            {"rms_norm": dice.choice([{}, {"per_step": True}])},
            {"instance_norm": {"affine": dice.random() < 0.5}},
            {"layer_norm": {"per_step": True}},
            {"layer_norm": dice.choice([{}, {"elementwise_affine": False}, {"eps": 1e-6}])},
            {"group_norm": {"num_groups": dice.choice([1, 2, 3]), "affine": dice.random() < 0.5}},
        ]
    )


def _weighted(dice: random.Random, shape: tuple[int, ...], deep: int) -> Any:
    if len(shape) == 1:
        return {"linear": {"out_features": dice.randint(1, 20), "bias": dice.random() < 0.7}}
    if dice.random() < 0.1:
        return "flatten"
    fields: dict[str, Any] = {"out_channels": dice.choice([2, 4, 6]), "bias": dice.random() < 0.7}
    fields["kernel_size"] = dice.choice([1, 2, 3, [3, 1]] if len(shape) == 3 else [1, 2, 3])
    fields["padding"] = dice.choice([0, 1, "same", *([[1, 0]] if len(shape) == 3 else [])])
    fields["stride"] = dice.choice([1, 1, 2, *([[2, 1]] if len(shape) == 3 else [])])
    fields["dilation"] = dice.choice([1, 1, 2])
    fields["groups"] = dice.choice([1, 1, 2])
    return {f"conv{len(shape) - 1}d": fields}


def _pooling(dice: random.Random, shape: tuple[int, ...], deep: int) -> Any:
    rank = len(shape) - 1
    if not rank:
        return "relu"
    if dice.random() < 0.3:
        return {f"adaptive_avg_pool{rank}d": {"output_size": dice.choice([1, 2, 3, *([[2, 3]] if rank == 2 else [])])}}
    fields: dict[str, Any] = {"kernel_size": dice.choice([2, 3, *([[2, 1]] if rank == 2 else [])])}
    fields |= dice.choice([{}, {"stride": 1}, {"stride": 2}, {"padding": 1}, {"ceil_mode": True}])
    kind = dice.choice(["max_pool", "avg_pool"])
    return {f"{kind}{rank}d": fields | ({"dilation": 2} if kind == "max_pool" and dice.random() < 0.2 else {})}


def _later(dice: random.Random, shape: tuple[int, ...], deep: int) -> Any:
    """A layer of a kind that came after the first release, that may fit: by rank, flat first."""
    width = dice.choice([2, 4, 6])
    anywhere: list[Any] = ["stochastic_depth", {"layer_scale": {"init": 0.5}}, {"layer_scale": {"per_step": True}},
                           {"select_channels": {"channels": [1, 0]}}]  # fmt: skip
    recurrent = {"hidden_size": width, "output": dice.choice(["last", "all"]), "bidirectional": dice.random() < 0.3}
    turned = list(range(1, len(shape) + 1))
    dice.shuffle(turned)
    by_rank: dict[int, list[Any]] = {
        1: [{"unflatten": {"unflattened_size": [2, 6]}}],
        2: [{"lstm": recurrent}, {"gru": {**recurrent, "num_layers": 2}}, {"rnn": recurrent}, "class_token",
            {"multihead_attention": {"num_heads": 2}}, "positional_encoding",
            {"positional_encoding": {"learned": True}},
            {"transformer_encoder_layer": {"nhead": 2, "dim_feedforward": 8, "dropout": 0.2, "norm_first": True}},
            {"transformer_encoder_layer": {"nhead": 2, "dim_feedforward": 8, "activation": "gelu", "bias": False}},
            "select_step", {"linear": {"out_features": width, "per_step": True}}, {"zero_pad": {"padding": [2, 0]}},
            {"conv_transpose1d": {"out_channels": width, "kernel_size": 2, "stride": 2}}],
        3: [{"squeeze_excite": {"reduction": 2}}, {"scaled_avg_pool2d": {"kernel_size": 2}},
            {"flatten": {"start_dim": 2}},
            {"conv2d": {"out_channels": shape[0], "kernel_size": 3, "groups": "in"}},
            {"conv_transpose2d": {"out_channels": width, "kernel_size": 3, "stride": 2, "output_padding": 1}},
            {"upsample": {"scale_factor": 2, "mode": dice.choice(["nearest", "bilinear"])}},
            {"pixel_shuffle": {"upscale_factor": 2}}, {"zero_pad": {"padding": dice.choice([1, [0, 1, 2, 0]])}}],
    }  # fmt: skip
    return dice.choice([*anywhere, {"permute": {"dims": turned}}, *by_rank.get(len(shape), []) * 2])


def _dropout(dice: random.Random, shape: tuple[int, ...], deep: int) -> Any:
    return dice.choice(["dropout", {"dropout": {"p": 0.2}}, "dropout2d" if len(shape) == 3 else "dropout"])


def _block(dice: random.Random, shape: tuple[int, ...], deep: int) -> Any:
    inside = random_layers(dice, shape, dice.randint(1, 3), deep + 1)
    kind = dice.choice(["sequential", "residual", "parallel"])
    if kind == "sequential":
        return {"sequential": {"layers": inside}}
    if kind == "residual":
        if dice.random() < 0.2:
            return {"residual": {"layers": inside, "shortcut": random_layers(dice, shape, 1, deep + 1)}}
        return {"residual": {"layers": inside, "projection": dice.random() < 0.8}}
    branches = [inside, *([random_layers(dice, shape, 1, deep + 1)] if dice.random() < 0.5 else []), []]
    return {"parallel": {"branches": branches, "join": dice.choice(["concat", "add", "multiply"])}}
