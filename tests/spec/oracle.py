"""Networks built straight from torch.nn, without archsearch's `build`: the oracle of the layer tests.

module, sizes = torch_network(tree, (1, 32, 32))    # tree: what stands under `network:` in YAML
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

BATCH = 2
TORCH_NAMES = {
    "conv1d": "Conv1d", "conv2d": "Conv2d", "max_pool1d": "MaxPool1d", "max_pool2d": "MaxPool2d",
    "avg_pool1d": "AvgPool1d", "avg_pool2d": "AvgPool2d", "adaptive_avg_pool1d": "AdaptiveAvgPool1d",
    "adaptive_avg_pool2d": "AdaptiveAvgPool2d", "flatten": "Flatten", "linear": "Linear",
    "batch_norm1d": "BatchNorm1d", "batch_norm2d": "BatchNorm2d", "layer_norm": "LayerNorm",
    "group_norm": "GroupNorm", "dropout": "Dropout", "dropout2d": "Dropout2d", "tanh": "Tanh", "relu": "ReLU",
    "leaky_relu": "LeakyReLU", "elu": "ELU", "selu": "SELU", "gelu": "GELU", "silu": "SiLU", "mish": "Mish",
    "hardtanh": "Hardtanh", "sigmoid": "Sigmoid", "softplus": "Softplus", "softmax": "Softmax",
    "log_softmax": "LogSoftmax", "identity": "Identity", "pad_channels": "ZeroPad1d ZeroPad2d ZeroPad3d",
    "relu6": "ReLU6", "prelu": "PReLU", "hardswish": "Hardswish", "hard_sigmoid": "Hardsigmoid", "glu": "GLU",
    "rms_norm": "RMSNorm", "instance_norm": "InstanceNorm2d", "batch_norm3d": "BatchNorm3d", "permute": "",
    "unflatten": "Unflatten", "zero_pad": "ZeroPad2d", "select_channels": "", "select_step": "",
    "upsample": "Upsample", "pixel_shuffle": "PixelShuffle", "scaled_avg_pool2d": "", "conv3d": "Conv3d",
    "max_pool3d": "MaxPool3d", "avg_pool3d": "AvgPool3d", "adaptive_avg_pool3d": "AdaptiveAvgPool3d",
    "conv_transpose1d": "ConvTranspose1d", "conv_transpose2d": "ConvTranspose2d", "squeeze_excite": "",
    "layer_scale": "", "stochastic_depth": "", "lstm": "", "gru": "", "rnn": "", "embedding": "",
    "multihead_attention": "", "transformer_encoder_layer": "", "positional_encoding": "", "class_token": "",
}  # fmt: skip
NOT_IN_TORCH_NN = tuple(kind for kind, name in TORCH_NAMES.items() if not name)


class Sum(nn.Module):
    """body(x) + shortcut(x), and nothing broadcast."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.body(x), self.shortcut(x)
        if left.shape != right.shape:
            raise RuntimeError(f"{left.shape} + {right.shape}")
        return left + right


class Joined(nn.Module):
    """Branches that read one input; a flat gate scales the channels of a map, and nothing else is broadcast."""

    def __init__(self, branches: list[nn.Module], join: str) -> None:
        super().__init__()
        self.join = join
        for number, branch in enumerate(branches):
            self.add_module(str(number), branch)

    def forward(self, x: Tensor) -> Tensor:
        first, *rest = [branch(x) for branch in self.children()]
        for other in rest:
            if self.join == "concat":
                first = torch.cat((first, other), 1)
            elif self.join == "add":
                if first.shape != other.shape:
                    raise RuntimeError(f"{first.shape} + {other.shape}")
                first = first + other
            else:
                first = self.times(first, other)
        return first

    @staticmethod
    def times(left: Tensor, right: Tensor) -> Tensor:
        if left.dim() > right.dim() == 2:
            right = right[(..., *(None,) * (left.dim() - 2))]
        elif right.dim() > left.dim() == 2:
            left = left[(..., *(None,) * (right.dim() - 2))]
        if left.dim() != right.dim():
            raise RuntimeError(f"{left.shape} * {right.shape}")
        return left * right


def run(module: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Give torch's output shape for one sample, from a forward on the meta device."""
    out = module.to("meta").eval()(torch.empty(BATCH, *shape, device="meta"))
    assert out.shape[0] == BATCH
    return tuple(out.shape[1:])


def macs(module: nn.Module, shape: tuple[int, ...]) -> int:
    """Give torch's own count of multiply-accumulates for one sample."""
    with FlopCounterMode(display=False) as counter:
        module.to("meta").eval()(torch.empty(BATCH, *shape, device="meta"))
    flops = counter.get_total_flops()
    assert flops % (2 * BATCH) == 0
    return flops // (2 * BATCH)


def torch_network(layers: list[Any], shape: tuple[int, ...]) -> tuple[nn.Sequential, tuple[int, ...]]:
    """Build the layers one by one with torch.nn on the meta device, each fed the shape that torch found before it."""
    modules = []
    for layer in layers:
        kind, fields = (layer, {}) if isinstance(layer, str) else copy.deepcopy(next(iter(layer.items())))
        with torch.device("meta"):
            module = torch_layer(kind, fields, shape)
        shape = run(module, shape)
        modules.append(module)
    return nn.Sequential(*modules), shape


def torch_layer(kind: str, fields: dict[str, Any], shape: tuple[int, ...]) -> nn.Module:
    """Build one layer as a person would who reads torch's documentation."""
    fields.pop("name", None)
    if kind == "sequential":
        return torch_network(fields["layers"], shape)[0]
    if kind == "residual":
        body, out = torch_network(fields["layers"], shape)
        if fields.get("shortcut"):
            return Sum(body, torch_network(fields["shortcut"], shape)[0])
        if fields.get("projection") == "none":
            return body
        if fields.get("projection") == "pad" and out != shape:
            return Sum(body, padded(shape, out))
        return Sum(body, shortcut(shape, out) if fields.get("projection") and out != shape else nn.Identity())
    if kind == "parallel":
        built = [torch_network(layers, shape) for layers in fields["branches"] if layers != "none"]
        return Joined([module for module, _ in built], fields.get("join", "concat"))
    if kind in NOT_IN_TORCH_NN:
        return by_hand(kind, fields, shape)
    if kind == "pad_channels":
        return pad_channels(fields, shape)
    cls = getattr(nn, TORCH_NAMES[kind])
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    if fields.get("groups") == "in":
        fields["groups"] = shape[0]
    per_step = fields.pop("per_step", False)
    if kind == "linear":
        return cls(shape[-1], **fields) if per_step or len(shape) == 1 else FlatOnly(cls(shape[0], **fields))
    if kind in ("instance_norm", "zero_pad"):
        cls = getattr(nn, f"{TORCH_NAMES[kind][:-2]}{len(shape) - 1}d")
        return cls(shape[0], **fields) if kind == "instance_norm" else cls(fields["padding"])
    if kind == "unflatten":
        return cls(fields.get("dim", 1), fields["unflattened_size"])
    if kind == "glu":
        return cls(dim=1)
    if kind.startswith(("conv", "batch_norm")):
        return cls(shape[0], **fields)
    if kind == "group_norm":
        return cls(fields.pop("num_groups"), shape[0], **fields)
    if kind in ("layer_norm", "rms_norm"):
        return cls(shape[-1] if per_step else shape, **fields)
    if kind in ("softmax", "log_softmax"):
        return cls(dim=1)
    return cls(**fields)


class FlatOnly(nn.Module):
    """A linear layer that refuses what is not flat."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 2:
            raise RuntimeError(f"{x.shape} is not flat")
        return self.inside(x)


class Called(nn.Module):
    """What a function makes of the input and of some parts that are kept as children or parameters."""

    def __init__(self, function: Callable[..., Tensor], *parts: nn.Module | nn.Parameter) -> None:
        super().__init__()
        self.function = function
        self.names = []
        for number, part in enumerate(parts):
            self.names.append(f"part{number}")
            setattr(self, f"part{number}", part)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *(getattr(self, name) for name in self.names))


def by_hand(kind: str, fields: dict[str, Any], shape: tuple[int, ...]) -> nn.Module:
    """Write a layer down that `torch.nn` has no module for, of torch's and torchvision's parts."""
    if kind == "permute":
        return torchvision.ops.Permute([0, *fields["dims"]])
    if kind == "stochastic_depth":
        return torchvision.ops.StochasticDepth(fields.get("p", 0.1), "row")
    if kind == "squeeze_excite":
        squeezed = fields.get("squeeze_channels") or max(1, shape[0] // fields.get("reduction", 16))
        functions = {"relu": nn.ReLU, "silu": nn.SiLU, "sigmoid": nn.Sigmoid, "hard_sigmoid": nn.Hardsigmoid}
        chosen = [functions[fields.get(*pair)] for pair in (("activation", "relu"), ("scale_activation", "sigmoid"))]
        if len(shape) != 3:
            raise RuntimeError(f"{shape} is no map")
        return torchvision.ops.SqueezeExcitation(shape[0], squeezed, *chosen)
    if kind == "select_channels":
        return Called(lambda x: torch.stack([x.select(1, channel) for channel in fields["channels"]], 1))
    if kind == "scaled_avg_pool2d":
        pool = nn.AvgPool2d(**{key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()})
        factor, offset = (nn.Parameter(value * torch.ones(shape[0])) for value in (1.0, 0.0))
        return Called(lambda x, pool, a, b: a[:, None, None] * pool(x) + b[:, None, None], pool, factor, offset)
    if kind == "layer_scale":
        last = fields.get("per_step", False)
        factors = nn.Parameter(torch.full((shape[-1 if last else 0],), fields.get("init", 1e-6)))
        return Called(lambda x, a: a * x if last else (a * x.movedim(1, -1)).movedim(-1, 1), factors)
    return of_steps(kind, fields, shape)


def of_steps(kind: str, fields: dict[str, Any], shape: tuple[int, ...]) -> nn.Module:
    """Write a layer of sequences down."""
    if kind == "embedding":
        return Called(lambda x, table: table(x.to(torch.int64)), nn.Embedding(**fields))
    if len(shape) != 2:
        raise RuntimeError(f"{shape} is no sequence")
    steps, features = shape
    if kind in ("lstm", "gru", "rnn"):
        output, both = fields.pop("output", "last"), fields.get("bidirectional", False)
        net = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[kind](features, batch_first=True, **fields)
        return Called(lambda x, net: ends(net(x)[0], both) if output == "last" else net(x)[0], net)
    if kind == "multihead_attention":
        attention = nn.MultiheadAttention(features, batch_first=True, **fields)
        return Called(lambda x, net: net(x, x, x)[0], attention)
    if kind == "transformer_encoder_layer":
        return nn.TransformerEncoderLayer(features, batch_first=True, **fields)
    if kind == "positional_encoding":
        if fields.get("learned"):
            return Called(lambda x, table: x + table, nn.Parameter(0.02 * torch.randn(1, steps, features)))
        return Called(lambda x: x + waves(steps, features).to(x.device))
    if kind == "class_token":
        token = nn.Parameter(torch.zeros(1, 1, features))
        return Called(lambda x, token: torch.cat([token.repeat(len(x), 1, 1), x], 1), token)
    assert kind == "select_step"
    return Called(lambda x: x[:, fields.get("step", 0), :])


def ends(states: Tensor, both: bool) -> Tensor:
    """Take the last state, and of the direction that reads backwards the first."""
    if not both:
        return states[:, -1]
    half = states.shape[2] // 2
    return torch.cat([states[:, -1, :half], states[:, 0, half:]], 1)


def waves(steps: int, features: int) -> Tensor:
    """Vaswani et al. 2017, section 3.5, number by number."""
    found = torch.zeros(steps, features, device="cpu")
    for step in range(steps):
        for feature in range(features):
            angle = step / 10000 ** (feature // 2 * 2 / features)
            found[step, feature] = math.cos(angle) if feature % 2 else math.sin(angle)
    return found


def pad_channels(fields: dict[str, Any], shape: tuple[int, ...]) -> nn.Module:
    """Subsample with a pooling of one pixel, and pad with torch's own zeros."""
    rank, stride, more = len(shape) - 1, fields.get("stride", 1), fields["out_channels"] - shape[0]
    unequal = isinstance(stride, list) and len(set(stride)) > 1
    if more < 0 or (rank == 0 and stride not in (1, [1, 1])) or (rank != 2 and unequal):
        raise RuntimeError(f"{fields} of {shape}")
    if rank > 3:  # torch has no pooling of so many sizes: it takes every n-th place of each
        step = stride[0] if isinstance(stride, list) else stride
        kept = [torch.arange(0, size, step) for size in shape[1:]]
        return Called(
            lambda x: torch.cat([of_places(x, kept), of_places(x[:, :1], kept).repeat_interleave(more, 1) * 0], 1)
        )
    if rank == 3:  # torch's ZeroPad3d pads the last three sizes alone
        padding: nn.Module = Called(lambda x: torch.cat([x, x.new_zeros(len(x), more, *x.shape[2:])], 1))
    else:
        padding = getattr(nn, TORCH_NAMES["pad_channels"].split()[rank])((0, 0) * rank + (0, more))
    if rank == 0:
        return padding
    if isinstance(stride, list):
        stride = tuple(stride) if rank == 2 else stride[0]
    return nn.Sequential((nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[rank - 1](1, stride), padding)


def of_places(x: Tensor, places: list[Tensor]) -> Tensor:
    """Take some places of each size behind the channels."""
    for dim, kept in enumerate(places, 2):
        x = x.index_select(dim, kept.to(x.device))
    return x


def padded(shape: tuple[int, ...], out: tuple[int, ...]) -> nn.Module:
    """Find, by trying every stride, the subsampling that takes one shape to the other; pad the channels."""
    if len(shape) != len(out):
        raise RuntimeError(f"{shape} to {out}")
    strides = range(1, max(shape[1:], default=1) + 1)
    fitting = [[s for s in strides if len(range(0, n, s)) == m] for n, m in zip(shape[1:], out[1:], strict=True)]
    if not all(fitting):
        raise RuntimeError(f"no strides take {shape} to {out}")
    stride: Any = [one[0] for one in fitting]
    if len(fitting) != 2:  # one stride every way
        common = set.intersection(*map(set, fitting)) if fitting else {1}
        if not common:
            raise RuntimeError(f"no stride takes {shape} to {out}")
        stride = min(common)
    return pad_channels({"out_channels": out[0], "stride": stride}, shape)


def shortcut(shape: tuple[int, ...], out: tuple[int, ...]) -> nn.Module:
    """Find, by trying every stride, the 1x1 convolution without bias that takes one shape to the other."""
    if len(shape) == 1 == len(out):
        return nn.Linear(shape[0], out[0], bias=False)
    if len(shape) != len(out):
        raise RuntimeError(f"{shape} to {out}")
    strides = []
    for size, wanted in zip(shape[1:], out[1:], strict=True):
        fitting = [s for s in range(1, size + 1) if len(range(0, size, s)) == wanted]
        if not fitting:
            raise RuntimeError(f"no stride takes {size} to {wanted}")
        strides.append(fitting[0])
    cls = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[len(strides) - 1]
    return cls(shape[0], out[0], 1, stride=tuple(strides), bias=False)
