"""Random layer lists over every kind and every block, most of which fit together.

    tree, shape = network(Random(7))        # tree: what stands under `network:` in YAML

The same number draws the same network. The planner is asked while they are drawn, so that most are deep and fit; what
it says is what the tests judge.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from pydantic import TypeAdapter

from archsearch.spec.layers import LAYER_KINDS, Layer
from archsearch.spec.network import Limits, NetworkPlan, PlanError, plan_network

LAYERS = TypeAdapter(list[Layer])
NO_LIMITS = Limits(parameters=10**18, activation_bytes=10**18, layers=10**6)
BLOCKS = ("sequential", "residual", "parallel")
KINDS = [kind for kind in LAYER_KINDS if kind != "own"]  # test_own_layers.py has that
Shape = tuple[int, ...]


def plan(tree: list[Any], shape: Shape, classes: int = 10) -> NetworkPlan:
    """Plan without limits."""
    return plan_network(LAYERS.validate_python(tree), shape, classes, limits=NO_LIMITS)


# -- fields of each kind -----------------------------------------------------------------------------------------------

Draw = Callable[[Random], Any]


def whole(low: int, high: int) -> Draw:
    return lambda dice: dice.randint(low, high)


def real(low: float, high: float) -> Draw:
    return lambda dice: dice.uniform(low, high)


def pick(*values: Any) -> Draw:
    return lambda dice: dice.choice(values)


def several(draw: Draw, least: int, most: int) -> Draw:
    return lambda dice: [draw(dice) for _ in range(dice.randint(least, most))]


def either(*draws: Draw) -> Draw:
    return lambda dice: dice.choice(draws)(dice)


def shuffled(values: Sequence[int]) -> Draw:
    return lambda dice: dice.sample(values, len(values))


def fields(required: dict[str, Draw], optional: dict[str, Draw]) -> Draw:
    """Draw all that are required, and of the others each with a chance of a half."""

    def drawn(dice: Random) -> dict[str, Any]:
        chosen = required | {name: draw for name, draw in optional.items() if dice.random() < 0.5}
        return {name: draw(dice) for name, draw in chosen.items()}

    return drawn


flag = pick(False, True)
small = whole(1, 4)
channels = pick(1, 2, 3, 4, 6, 8)


def one(draw: Draw) -> Draw:
    return draw


def pair(draw: Draw) -> Draw:
    return either(draw, several(draw, 2, 2))


def triple(draw: Draw) -> Draw:
    return either(draw, several(draw, 3, 3))


def same(draw: Draw) -> Draw:
    return either(draw, pick("same"))


def convolution(size: Any, padding: Draw) -> Draw:
    optional = {
        "stride": size(whole(1, 3)),
        "padding": padding,
        "dilation": size(whole(1, 3)),
        "groups": pick(1, 2, 3, "in"),
        "bias": flag,
    }
    return fields({"out_channels": channels, "kernel_size": size(whole(1, 5))}, optional)


def pooling(size: Any, dilation: bool) -> Draw:
    optional = {
        "stride": either(pick(None), size(whole(1, 4))),
        "padding": size(whole(0, 2)),
        "ceil_mode": flag,
        **({"dilation": size(whole(1, 2))} if dilation else {}),
    }
    return fields({"kernel_size": size(whole(1, 5))}, optional)


def transposed(size: Any) -> Draw:
    optional = {
        "stride": size(whole(1, 3)),
        "padding": size(whole(0, 2)),
        "output_padding": size(whole(0, 2)),
        "dilation": size(whole(1, 2)),
        "groups": pick(1, 2, "in"),
        "bias": flag,
    }
    return fields({"out_channels": channels, "kernel_size": size(whole(1, 4))}, optional)


def recurrent(more: dict[str, Draw]) -> Draw:
    optional = {"bias": flag, "bidirectional": flag, "output": pick("last", "all")}
    return fields({"hidden_size": small, "num_layers": whole(1, 3)}, optional | more)


slope = real(0.01, 2)
FIELDS: dict[str, Draw] = {
    "conv1d": convolution(one, same(whole(0, 3))),
    "conv2d": convolution(pair, same(pair(whole(0, 3)))),
    "max_pool1d": pooling(one, True),
    "max_pool2d": pooling(pair, True),
    "avg_pool1d": pooling(one, False),
    "avg_pool2d": pooling(pair, False),
    "adaptive_avg_pool1d": fields({"output_size": small}, {}),
    "adaptive_avg_pool2d": fields({"output_size": pair(small)}, {}),
    "linear": fields({"out_features": whole(1, 9)}, {"bias": flag, "per_step": flag}),
    "flatten": fields({}, {"start_dim": whole(1, 3)}),
    "batch_norm1d": fields({}, {"affine": flag, "momentum": real(0.01, 1)}),
    "batch_norm2d": fields({}, {"affine": flag, "momentum": real(0.01, 1)}),
    "layer_norm": fields({}, {"elementwise_affine": flag, "per_step": flag}),
    "group_norm": fields({"num_groups": whole(1, 4)}, {"affine": flag}),
    "dropout": fields({}, {"p": real(0, 0.9)}),
    "dropout2d": fields({}, {"p": real(0, 0.9)}),
    "leaky_relu": fields({}, {"negative_slope": slope}),
    "pad_channels": fields({"out_channels": whole(1, 9)}, {"stride": pair(whole(1, 3))}),
    "elu": fields({}, {"alpha": slope}),
    "gelu": fields({}, {"approximate": pick("none", "tanh")}),
    "softplus": fields({}, {"beta": slope}),
    "prelu": fields({}, {"num_parameters": pick(1, 2, 3, 4)}),
    "instance_norm": fields({}, {"affine": flag}),
    "rms_norm": fields({}, {"per_step": flag}),
    "permute": fields({"dims": either(shuffled([1, 2]), shuffled([1, 2, 3]))}, {}),
    "unflatten": fields({"unflattened_size": several(whole(1, 4), 1, 3)}, {"dim": small}),
    "zero_pad": fields(
        {"padding": either(several(whole(0, 2), 2, 2), several(whole(0, 2), 4, 4))},
        {},
    ),
    "select_channels": fields({"channels": several(whole(0, 5), 1, 4)}, {}),
    "select_step": fields({}, {"step": whole(-3, 3)}),
    "upsample": fields({"scale_factor": small}, {"mode": pick("nearest", "linear", "bilinear")}),
    "pixel_shuffle": fields({"upscale_factor": whole(1, 2)}, {}),
    "scaled_avg_pool2d": pooling(pair, False),
    "conv3d": convolution(triple, same(triple(whole(0, 3)))),
    "max_pool3d": pooling(triple, True),
    "avg_pool3d": pooling(triple, False),
    "adaptive_avg_pool3d": fields({"output_size": triple(small)}, {}),
    "batch_norm3d": fields({}, {"affine": flag}),
    "conv_transpose1d": transposed(one),
    "conv_transpose2d": transposed(pair),
    "squeeze_excite": fields({}, {"reduction": small, "activation": pick("relu", "silu")}),
    "layer_scale": fields({}, {"per_step": flag}),
    "stochastic_depth": fields({}, {"p": real(0, 0.9)}),
    "lstm": recurrent({}),
    "gru": recurrent({}),
    "rnn": recurrent({"nonlinearity": pick("tanh", "relu")}),
    "embedding": fields({"num_embeddings": whole(1, 9), "embedding_dim": small}, {}),
    "multihead_attention": fields({"num_heads": whole(1, 4)}, {"bias": flag}),
    "transformer_encoder_layer": fields(
        {"nhead": whole(1, 4), "dim_feedforward": whole(1, 9)},
        {"bias": flag, "norm_first": flag, "activation": pick("relu", "gelu")},
    ),
    "positional_encoding": fields({}, {"learned": flag}),
}
LEAVES = [kind for kind in KINDS if kind not in BLOCKS]
ANY_RANK = [
    kind for kind in LEAVES if kind not in FIELDS or kind in ("layer_norm", "group_norm", "elu", "gelu", "softplus")
]
OF_STEPS = (
    "lstm", "gru", "rnn", "multihead_attention", "transformer_encoder_layer", "positional_encoding", "class_token",
    "select_step", "permute",
)  # fmt: skip
OF_MAPS = ("squeeze_excite", "pixel_shuffle", "zero_pad", "permute", "upsample")
BY_RANK = {
    0: ["linear", "linear", "batch_norm1d", "leaky_relu", "dropout", "embedding", "unflatten"],
    1: [*(kind for kind in LEAVES if kind.endswith("1d")), *OF_STEPS],
    2: [*(kind for kind in LEAVES if kind.endswith("2d")), *OF_MAPS],
    3: [*(kind for kind in LEAVES if kind.endswith("3d")), "zero_pad", "upsample", "permute"],
    4: ["flatten", "permute"],
}
EVERYWHERE = (
    "select_channels",
    "pad_channels",
    "layer_scale",
    "stochastic_depth",
    "prelu",
    "rms_norm",
    "unflatten",
    "instance_norm",
)
RECURRENT = ("lstm", "gru", "rnn")
LONGEST = 6  # steps of a recurrence: on the meta device torch goes through them one by one, in Python
LARGEST = 20_000  # values of a sample


def divisors(number: int, most: int = 8) -> list[int]:
    """Give those up to `most`."""
    return [one for one in range(1, most + 1) if number % one == 0]


def parts(size: int) -> Draw:
    """Draw sizes whose product is a size."""

    def drawn(dice: Random) -> dict[str, Any]:
        first = dice.choice(divisors(size))
        second = dice.choice(divisors(size // first))
        rest = size // first // second
        return {"unflattened_size": dice.choice([[size], [first, size // first], [first, second, rest]])}

    return drawn


def fitting(kind: str, shape: Shape) -> Draw | None:
    """Give fields that go with an input, for kinds whose fields seldom do so by chance."""
    channels, last, rank = shape[0], shape[-1], len(shape) - 1
    if kind == "permute":
        return fields({"dims": shuffled(range(1, rank + 2))}, {})
    if kind == "unflatten":
        return parts(channels)
    if kind == "prelu":
        return fields({}, {"num_parameters": pick(1, channels)})
    if kind == "zero_pad" and rank == 3:
        return fields({"padding": several(whole(0, 2), 6, 6)}, {})
    if kind == "select_channels":
        return fields({"channels": several(whole(0, channels - 1), 1, 6)}, {})
    if kind == "pad_channels":
        return fields({"out_channels": whole(channels, channels + 3)}, {})
    if kind == "group_norm":
        return fields({"num_groups": pick(*divisors(channels))}, {"affine": flag})
    if kind == "multihead_attention":
        return fields({"num_heads": pick(*divisors(last))}, {"bias": flag})
    if kind == "upsample":
        line = {1: "linear", 2: "bilinear", 3: "trilinear"}.get(rank, "nearest")
        return fields({"scale_factor": whole(1, 2)}, {"mode": pick("nearest", line)})
    return None


# -- layers, lists, blocks ---------------------------------------------------------------------------------------------


def shape_after(layers: list[Any], shape: Shape) -> Shape | None:
    """Give what a list makes of a shape, or None where it does not fit."""
    try:
        return plan(layers, shape).output_shape
    except PlanError:
        return None


def leaf(dice: Random, shape: Shape) -> dict[str, Any]:
    """Draw a layer that mostly goes with its input."""
    rank = min(len(shape) - 1, 4)
    kinds = LEAVES if dice.random() < 0.1 else [*BY_RANK[rank] * 2, *ANY_RANK, *EVERYWHERE]  # anything: mostly refused
    kind = dice.choice(kinds)
    if kind in RECURRENT and shape[0] > LONGEST:
        kind = "select_step"
    apt = fitting(kind, shape)
    usual = FIELDS.get(kind, fields({}, {}))
    return {kind: (usual if apt is None or dice.random() < 0.2 else apt)(dice)}


def layer_list(dice: Random, shape: Shape, depth: int = 0) -> list[Any]:
    """Draw layers; one that does not fit is mostly drawn again, else the list ends there."""
    found: list[Any] = []
    for _ in range(dice.randint(2 - min(depth, 1), 8 - 2 * depth)):
        layer = block(dice, shape, depth) if depth < 2 and dice.random() < 0.2 else leaf(dice, shape)
        after = shape_after([layer], shape)
        if after is None and dice.random() < 0.75:
            continue
        ((kind, chosen),) = layer.items()
        found.append(layer if chosen else kind)
        if after is None or math.prod(after) > LARGEST:
            break
        shape = after
    return found or ["identity"]


def block(dice: Random, shape: Shape, depth: int) -> dict[str, Any]:
    """Draw a block."""
    kind = dice.choice(["sequential", "residual", "residual", "parallel", "parallel", "parallel"])
    if kind == "parallel":
        return {kind: branches(dice, shape, depth)}
    chosen: dict[str, Any] = {"layers": layer_list(dice, shape, depth + 1)}
    if kind == "residual":
        beside = dice.choice([False, True, "pad", "none", "layers", "twin"])
        if beside == "layers":
            chosen["shortcut"] = layer_list(dice, shape, depth + 1)
        elif beside == "twin":
            chosen["shortcut"] = [*copy.deepcopy(chosen["layers"]), "tanh"]
        else:
            chosen["projection"] = beside
    return {kind: chosen}


def branches(dice: Random, shape: Shape, depth: int) -> dict[str, Any]:
    """Draw the fields of a `parallel`; mostly its branches end alike, so that they can be joined."""
    join, how = dice.choice(["concat", "add", "multiply"]), dice.randint(0, 3)
    count, rank = dice.randint(1, 3), len(shape) - 1
    if how == 0:
        lists: list[Any] = [layer_list(dice, shape, depth + 1) for _ in range(count)]
    elif how == 1 and rank < 4:
        width = dice.randint(1, 4)
        layer: dict[str, Any] = {"linear": {"out_features": width}} if rank == 0 else {
            f"conv{rank}d": {"out_channels": width, "kernel_size": 3, "padding": "same"}
        }  # fmt: skip
        lists = [[layer, *dice.choice([[], [of_values(dice)]])] for _ in range(count)]
        if rank and join == "multiply":
            gate = [layer, {f"adaptive_avg_pool{rank}d": {"output_size": 1}}, *dice.choice([[], ["flatten"]])]
            lists.insert(dice.randint(0, 1), [*gate, "sigmoid"])
    else:
        first = layer_list(dice, shape, depth + 1)
        lists = [first, *([*copy.deepcopy(first), of_values(dice)] for _ in range(count - 1))]
    place = dice.randint(0, len(lists))
    beside: list[Any] = dice.choice([[], [], [[]], ["none"]])
    return {"branches": [*lists[:place], *beside, *lists[place:]], "join": join}


of_values = pick("tanh", "relu", "sigmoid", {"elu": {"alpha": 0.5}})


def network(dice: Random, *, with_block: bool = False) -> tuple[list[Any], Shape]:
    """Draw a layer list and the shape of its input; `with_block`: a block stands among the layers."""
    rank = dice.choice([0, 1, 1, 2, 2, 3])
    shape = (channels(dice), *(dice.randint(4, 24 if rank < 3 else 8) for _ in range(rank)))
    tree = layer_list(dice, shape)
    if with_block:
        before = tree[: dice.randint(0, len(tree))]
        tree = [*before, block(dice, shape_after(before, shape) or shape, 0)]
    return tree, shape
