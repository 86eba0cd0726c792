"""Networks built straight from torch.nn, without archsearch's `build`: the oracle of the layer tests.

module, sizes = torch_network(tree, (1, 32, 32))    # tree: what stands under `network:` in YAML
"""

from __future__ import annotations

import copy
from typing import Any

import torch
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
}  # fmt: skip


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
    with torch.device("meta"):
        for layer in layers:
            kind, fields = (layer, {}) if isinstance(layer, str) else copy.deepcopy(next(iter(layer.items())))
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
        if fields.get("projection") == "pad" and out != shape:
            return Sum(body, padded(shape, out))
        return Sum(body, shortcut(shape, out) if fields.get("projection") and out != shape else nn.Identity())
    if kind == "parallel":
        built = [torch_network(layers, shape) for layers in fields["branches"] if layers != "none"]
        return Joined([module for module, _ in built], fields.get("join", "concat"))
    if kind == "pad_channels":
        return pad_channels(fields, shape)
    cls = getattr(nn, TORCH_NAMES[kind])
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    if kind in ("conv1d", "conv2d", "linear", "batch_norm1d", "batch_norm2d"):
        return cls(shape[0], **fields)
    if kind == "group_norm":
        return cls(fields.pop("num_groups"), shape[0], **fields)
    if kind == "layer_norm":
        return cls(shape, **fields)
    if kind in ("softmax", "log_softmax"):
        return cls(dim=1)
    return cls(**fields)


def pad_channels(fields: dict[str, Any], shape: tuple[int, ...]) -> nn.Module:
    """Subsample with a pooling of one pixel, and pad with torch's own zeros."""
    rank, stride, more = len(shape) - 1, fields.get("stride", 1), fields["out_channels"] - shape[0]
    if more < 0 or (rank == 0 and stride != 1) or (rank == 1 and isinstance(stride, list) and len(set(stride)) > 1):
        raise RuntimeError(f"{fields} of {shape}")
    padding = getattr(nn, TORCH_NAMES["pad_channels"].split()[rank])((0, 0) * rank + (0, more))
    if rank == 0:
        return padding
    stride = (
        tuple(stride) if isinstance(stride, list) and rank == 2 else stride[0] if isinstance(stride, list) else stride
    )
    return nn.Sequential((nn.MaxPool1d, nn.MaxPool2d)[rank - 1](1, stride), padding)


def padded(shape: tuple[int, ...], out: tuple[int, ...]) -> nn.Module:
    """Find, by trying every stride, the subsampling that takes one shape to the other; pad the channels."""
    if len(shape) != len(out):
        raise RuntimeError(f"{shape} to {out}")
    fitting = [
        [s for s in range(1, n + 1) if len(range(0, n, s)) == m] for n, m in zip(shape[1:], out[1:], strict=True)
    ]
    if not all(fitting):
        raise RuntimeError(f"no strides take {shape} to {out}")
    strides = [one[0] for one in fitting]
    stride: Any = {0: 1, 1: strides[0] if strides else 1}.get(len(strides), strides)
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
    cls = nn.Conv1d if len(strides) == 1 else nn.Conv2d
    return cls(shape[0], out[0], 1, stride=tuple(strides), bias=False)
