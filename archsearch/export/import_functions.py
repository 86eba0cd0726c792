"""A call of a torch function or method as steps of the language.

    steps_of_function("relu", call)                   # [LayerStep(Relu())]

A function is the layer kind of its name: `F.max_pool2d`, `torch.max_pool2d` and a method `max_pool2d` build the module
that the kind builds, from their arguments. Sums, products and concatenations are joins, and a new shape is `flatten` or
nothing, as the shapes say. An empty list is a call that changes nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from archsearch.export.import_graph import GraphStep, JoinStep, LayerStep, SpreadStep, Unsayable
from archsearch.export.import_layers import layer_of, layer_step, torch_classes
from archsearch.export.torch_private import viewed
from archsearch.spec.layers import LAYER_KINDS, Shape, product, size_text
from archsearch.spec.layers.attention import ClassToken, PositionalEncoding
from archsearch.spec.layers.blocks import Join
from archsearch.spec.layers.dense import Flatten
from archsearch.spec.layers.pooling import AdaptiveAvgPool1d, AdaptiveAvgPool2d
from archsearch.spec.layers.reshaping import Permute, SelectStep, Unflatten
from archsearch.spec.layers.scaling import LayerScale

# The arguments behind the input, in torch's order; where the layer has no argument of the name, `_MODULES` says more.
_CONVOLUTION = ("weight", "bias", "stride", "padding", "dilation", "groups")
_MAX_POOL = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_DROPOUT = ("p", "train", "inplace")
ARGUMENTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("tanh", "sigmoid"), ()),
    **dict.fromkeys(("relu", "selu", "silu", "mish"), ("inplace",)),
    "leaky_relu": ("negative_slope", "inplace"),
    "elu": ("alpha", "inplace"),
    "gelu": ("approximate",),
    "hardtanh": ("min_val", "max_val", "inplace"),
    **dict.fromkeys(("relu6", "hardswish", "hard_sigmoid"), ("inplace",)),
    "glu": ("dim",),
    "pixel_shuffle": ("upscale_factor",),
    "softplus": ("beta", "threshold"),
    **dict.fromkeys(("softmax", "log_softmax"), ("dim", "dtype")),
    **dict.fromkeys(("dropout", "dropout2d", "feature_dropout"), _DROPOUT),
    "max_pool1d": _MAX_POOL,
    "max_pool2d": _MAX_POOL,
    "avg_pool1d": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"),
    "avg_pool2d": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
    **dict.fromkeys(("adaptive_avg_pool1d", "adaptive_avg_pool2d"), ("output_size",)),
    **dict.fromkeys(("conv1d", "conv2d"), _CONVOLUTION),
    "linear": ("weight", "bias"),
    "layer_norm": ("normalized_shape", "weight", "bias", "eps"),
    "group_norm": ("num_groups", "weight", "bias", "eps"),
    "batch_norm": ("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
}
_OTHER_WORDS = {"training": "train"}
_JOINS: dict[str, Join] = {
    **dict.fromkeys(("add", "iadd", "radd"), "add"),
    **dict.fromkeys(("mul", "multiply", "imul", "rmul"), "multiply"),
    **dict.fromkeys(("cat", "concat", "concatenate"), "concat"),
}
_SHAPES = frozenset(
    ("view", "reshape", "flatten", "squeeze", "unsqueeze", "getitem", "expand", "expand_as", "view_as", "reshape_as")
)
# `long` changes no whole number, and what computes with it is compared with the module.
_NOTHING = frozenset(
    ("contiguous", "clone", "detach", "data", "requires_grad", "float", "long", "type_as", "to", "alias")
)
_ORDERS = frozenset(("permute", "transpose", "swapaxes", "swapdims", "t"))


@dataclass(frozen=True, slots=True)
class TorchCall:
    """A call: its arguments, the shapes of the values among them and of what came out, both with the batch.

    `count` is how many values are among the arguments: what tracing follows, unlike numbers and tensors.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    before: tuple[Shape, ...]
    after: Shape
    batch: int

    @property
    def count(self) -> int:
        return len(self.before)


def steps_of_function(name: str, call: TorchCall) -> list[GraphStep]:
    """Give the steps of a call, each of which reads what the one before gives; raise `Unsayable`."""
    if name in _JOINS:
        return _join(name, call)
    if call.count != 1:
        raise Unsayable(f"the language has no layer for {name} of {call.count} values")
    if name in _NOTHING:
        return []
    if name in _SHAPES:
        return _reshaped(name, call)
    if name in _ORDERS:
        return _reordered(name, call)
    shape = _sample(call.before[0], call, name)
    if name == "mean":
        return _mean(call, shape)
    if name == "batch_norm":
        name = "batch_norm2d" if len(shape) == 3 else "batch_norm1d"
    name = "dropout2d" if name == "feature_dropout" else name
    name = "hard_sigmoid" if name == "hardsigmoid" else name
    if name not in LAYER_KINDS:
        raise Unsayable(f"the language has no layer for the function {name}")
    told = _arguments(name, call)
    if name.startswith("dropout") and told.get("train", True) is False:
        return []
    return [_layer(name, told, shape)]


def _sample(shape: Shape, call: TorchCall, name: str) -> Shape:
    """Take the batch off a shape."""
    if not shape or shape[0] != call.batch:
        raise Unsayable(f"{name} reads {size_text(shape) or 'a number'}, whose first size is not the batch any more")
    return shape[1:]


def _arguments(name: str, call: TorchCall) -> dict[str, Any]:
    """Give the arguments behind the input by name."""
    names = ARGUMENTS["batch_norm" if name.startswith("batch_norm") else name]
    given = dict(zip(names, call.args[1:], strict=False)) | dict(call.kwargs)
    given.pop("input", None)
    return {_OTHER_WORDS.get(key, key): value for key, value in given.items()}


def _layer(name: str, told: dict[str, Any], shape: Shape) -> GraphStep:
    if told.get("dtype") is not None:
        raise Unsayable(f"{name} changes the type of its numbers")
    if name == "batch_norm1d" or name == "batch_norm2d" or name in _MODULES:
        for key in ("weight", "bias", "running_mean", "running_var"):
            tensor = told.get(key)
            if tensor is not None and not (isinstance(tensor, nn.Parameter) or key.startswith("running")):
                raise Unsayable(f"the {key} of {name} is computed, and no parameter of its own")
        module = _MODULES[name.rstrip("12d") if name.startswith("batch") else name](name, told)
        tensors = {key: told[key] for key in module.state_dict() if key in told}
        return LayerStep(layer_of(module, shape), tensors)
    cls = torch_classes()[name]
    known = inspect.signature(cls).parameters
    with torch.device("meta"):
        module = cls(**{key: value for key, value in told.items() if key in known and key != "_stacklevel"})
    return layer_step(module, shape)


def _convolution(name: str, told: dict[str, Any]) -> nn.Module:
    weight, groups = told["weight"], told.get("groups", 1)
    rest = {key: told[key] for key in ("stride", "padding", "dilation") if key in told}
    sizes = weight.shape[1] * groups, weight.shape[0], tuple(weight.shape[2:])
    bias = told.get("bias") is not None
    made: nn.Module = torch_classes()[name](*sizes, groups=groups, bias=bias, device="meta", **rest)
    return made


def _linear(name: str, told: dict[str, Any]) -> nn.Module:
    out_features, in_features = told["weight"].shape
    return nn.Linear(in_features, out_features, told.get("bias") is not None, device="meta")


def _norm(name: str, told: dict[str, Any]) -> nn.Module:
    weight, eps = told.get("weight"), told.get("eps", 1e-5)
    if name == "layer_norm":
        affine, bias = weight is not None, told.get("bias") is not None
        return nn.LayerNorm(tuple(told["normalized_shape"]), eps, affine, bias=bias, device="meta")
    if weight is not None and name == "group_norm":
        return nn.GroupNorm(told["num_groups"], len(weight), eps, device="meta")
    mean = told.get("running_mean")
    if mean is None or name == "group_norm":
        raise Unsayable(f"{name} has no parameters of its own from which its channels are known")
    rest = {"momentum": told.get("momentum", 0.1), "affine": weight is not None, "device": "meta"}
    made: nn.Module = torch_classes()[name](len(mean), eps, **rest)
    return made


_MODULES: dict[str, Callable[[str, dict[str, Any]], nn.Module]] = {
    "conv1d": _convolution,
    "conv2d": _convolution,
    "linear": _linear,
    "layer_norm": _norm,
    "group_norm": _norm,
    "batch_norm": _norm,
}


def _join(name: str, call: TorchCall) -> list[GraphStep]:
    join = _JOINS[name]
    if join == "concat":
        dim = call.args[1] if len(call.args) > 1 else call.kwargs.get("dim", 0)
        parts = call.args[0] if call.args else call.kwargs["tensors"]
        if (token := _class_token(parts, call, dim)) is not None:
            return [token]
        if len(parts) != call.count:
            raise Unsayable("it concatenates what the network computes with a tensor of its own")
        if dim % len(call.after) != 1:
            raise Unsayable(f"it concatenates along dimension {dim}; a join of the language puts channels together")
        return [JoinStep(join)] if call.count > 1 else []
    if call.kwargs.get("alpha", 1) != 1:
        raise Unsayable("it adds a multiple of a value (alpha)")
    if call.count == 2:
        if join == "add" and call.before[0] != call.before[1]:
            raise Unsayable(f"it adds {' to '.join(size_text(s[1:]) for s in call.before)}, and shapes must be equal")
        return [JoinStep(join)]
    (other,) = [arg for arg in (*call.args, *call.kwargs.values()) if not getattr(arg, "is_traced", False)][:1]
    if not isinstance(other, Tensor) and other == {"add": 0, "multiply": 1}[join]:  # sum() begins with a 0
        return []
    if isinstance(other, nn.Parameter) and (own_layer := _own_numbers(join, other, call.before[0][1:])) is not None:
        return [own_layer]
    verb = "adds" if join == "add" else "multiplies by"
    own = "a parameter of its own" if isinstance(other, nn.Parameter) else "a tensor of its own"
    raise Unsayable(f"it {verb} {own if isinstance(other, Tensor) else f'the number {other!r}'}")


def _reshaped(name: str, call: TorchCall) -> list[GraphStep]:
    """Tell a new shape by what it is, however it was asked for."""
    before, after = _sample(call.before[0], call, name), _sample(call.after, call, name)
    if name == "getitem" and not _only_new_axes(call.args[1:]):
        if (step := _one_step(call.args[1])) is not None and len(before) == 2:
            return [LayerStep(SelectStep(step=step))]
        raise Unsayable("it takes a part of a value by its index")
    if before == after:
        return []
    if name.startswith("expand"):
        if all(was in (now, 1) for was, now in zip(before, after, strict=False)) and set(before[1:]) <= {1}:
            return [SpreadStep()]
    elif after == (product(before),):
        return [LayerStep(Flatten())]
    elif after == (before[0], *(1,) * (len(after) - 1)) and len(before) == 1:
        return [SpreadStep()]
    elif len(after) < len(before) and after == (*before[: len(after) - 1], product(before[len(after) - 1 :])):
        return [LayerStep(Flatten(start_dim=len(after)))]
    elif (parted := _parted(before, after)) is not None:
        return [LayerStep(parted)]
    elif name != "getitem":
        return [LayerStep(Flatten()), LayerStep(Unflatten(unflattened_size=after))]
    raise Unsayable(f"{name} makes {size_text(after)} of {size_text(before)}, and the language has no layer for it")


def _parted(before: Shape, after: Shape) -> Unflatten | None:
    """Give the layer that parts one size into several, where that is what a new shape is."""
    more = len(after) - len(before)
    for at, size in enumerate(before):
        parts = after[at : at + more + 1]
        if more > 0 and product(parts) == size and after == (*before[:at], *parts, *before[at + 1 :]):
            return Unflatten(unflattened_size=parts, dim=at + 1)
    return None


def _one_step(index: Any) -> int | None:
    """Give the step that `x[:, 3]` or `x[:, 3, :]` takes of a sequence; None for another index."""
    parts = index if isinstance(index, tuple) else (index,)
    rest = all(part is Ellipsis or part == slice(None) for part in (*parts[:1], *parts[2:]))
    return parts[1] if len(parts) > 1 and rest and type(parts[1]) is int else None


def _reordered(name: str, call: TorchCall) -> list[GraphStep]:
    """Write sizes in another order as `permute`; the batch stays where it is."""
    rank = len(call.before[0])
    order = list(range(rank))
    told = (*call.args[1:], *call.kwargs.values())
    if name == "permute":
        order = [dim % rank for dim in (told[0] if isinstance(told[0], (tuple, list)) else told)]
    else:
        one, other = told or (0, 1)
        order[one], order[other] = order[other], order[one]
    if order[0] != 0:
        raise Unsayable(f"{name} moves the batch from its place")
    _sample(call.before[0], call, name)
    return [LayerStep(Permute(dims=tuple(order[1:])))] if order != sorted(order) else []


def _own_numbers(join: Join, numbers: nn.Parameter, shape: Shape) -> LayerStep | None:
    """Give the layer that adds a parameter for each place of a sequence, or multiplies channels or features by one."""
    sizes = tuple(numbers.shape)
    if join == "add":
        places = sizes in (shape, (1, *shape)) and len(shape) == 2
        return LayerStep(PositionalEncoding(learned=True), {"encoding": numbers}) if places else None
    first = float(numbers.detach().flatten()[0])
    init = first if bool((numbers == first).all()) else 1.0
    if len(shape) > 1 and sizes == shape[-1:]:
        return LayerStep(LayerScale(init=init, per_step=True), {"weight": numbers})
    if tuple(size for size in sizes if size != 1) == shape[:1] and sizes[-len(shape) :] == (
        *shape[:1],
        *(1,) * (len(shape) - 1),
    ):
        return LayerStep(LayerScale(init=init), {"weight": numbers})
    return None


def _class_token(parts: Any, call: TorchCall, dim: int) -> LayerStep | None:
    """Give the layer that puts a parameter before the steps of a sequence: `cat([token.expand(n, -1, -1), x], 1)`."""
    if call.count != 1 or len(parts) != 2 or dim not in (1, -2) or len(call.before[0]) != 3:
        return None
    token = None if getattr(parts[0], "is_traced", False) else viewed(parts[0])
    if not isinstance(token, nn.Parameter) or tuple(token.shape) != (1, 1, call.before[0][2]):
        return None
    return LayerStep(ClassToken(), {"token": token})


def _only_new_axes(index: tuple[Any, ...]) -> bool:
    parts = index[0] if index and isinstance(index[0], tuple) else index
    return all(part is None or part is Ellipsis or part == slice(None) for part in parts)


def _mean(call: TorchCall, shape: Shape) -> list[GraphStep]:
    """Write a mean over all places of a map as global pooling."""
    told = dict(zip(("dim", "keepdim"), call.args[1:], strict=False)) | dict(call.kwargs)
    dims = told.get("dim")
    rank = len(shape) + 1
    over = {d % rank for d in ([dims] if isinstance(dims, int) else dims or range(rank))}
    if len(shape) == 2 and over == {1} and not told.get("keepdim"):  # of the steps of a sequence
        return [LayerStep(Permute(dims=(2, 1))), LayerStep(AdaptiveAvgPool1d(output_size=1)), LayerStep(Flatten())]
    if len(shape) not in (2, 3) or over != set(range(2, rank)):
        raise Unsayable(f"it takes the mean of {size_text(shape)} over other dimensions than all places of a map")
    pool = AdaptiveAvgPool2d(output_size=(1, 1)) if len(shape) == 3 else AdaptiveAvgPool1d(output_size=1)
    return [LayerStep(pool), *([] if told.get("keepdim") else [LayerStep(Flatten())])]
