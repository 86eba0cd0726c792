"""A torch module as a layer of the language.

    layer_of(nn.Conv2d(1, 6, 5), (1, 28, 28))         # Conv2d(out_channels=6, kernel_size=(5, 5))

Nothing here knows a kind by its name: what torch class a kind builds is asked of the kind, its fields are read from
the module's attributes of the same names, and whether that says all is asked by building the layer again: each setting
that comes out otherwise is one that the language cannot say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any, cast

import torch
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from torch import Tensor, nn
from torch.nn.utils import parametrize

from archsearch.export.import_graph import LayerStep, Unsayable
from archsearch.export.import_twins import TWINS, twin_of
from archsearch.export.torch_private import has_hooks
from archsearch.spec.layers import LAYER_KINDS, AnyLayer, Block, LayerBase, Shape, ShapeError, size_text
from archsearch.spec.layers.activation import Identity
from archsearch.spec.layers.own import Own

_NO_MATTER = frozenset({"training", "inplace"})  # how it is computed, not what
_MISSING = object()
_HOLDING = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.TransformerEncoder)  # modules of torch that hold others
_LISTS = frozenset(("normalized_shape", "unflattened_size", "dims", "channels"))  # no sizes of a window
_OURS = f"{__name__.partition('.')[0]}."


@cache
def torch_classes() -> Mapping[str, type[nn.Module]]:
    """Give the torch class that each layer kind builds, by kind; the first where it depends on the input."""
    return {kind: classes[0] for kind, classes in _classes().items()}


@cache
def _classes() -> Mapping[str, tuple[type[nn.Module], ...]]:
    """Give all classes that each layer kind builds."""
    return {
        kind: tuple(dict.fromkeys(type(one) for one in _samples(cls)))
        for kind, cls in LAYER_KINDS.items()
        if not issubclass(cls, (Block, Own))
    }


def _samples(cls: type[LayerBase]) -> Iterator[nn.Module]:
    """Build one of a kind for each input that it takes, of its fields' examples."""
    required = {name: field.examples for name, field in cls.model_fields.items() if field.is_required()}
    examples = [cls.model_validate({})] if not required else []
    for number in range(max((len(found or ()) for found in required.values()), default=0)):
        chosen = {name: found[min(number, len(found) - 1)] for name, found in required.items() if found}
        examples.append(cls.model_validate(chosen))
    for shape in ((8,), (8, 8), (64, 8, 8), (8, 8, 8, 8)):
        for layer in examples:
            try:
                layer.output_shape(shape)
            except ShapeError:
                continue
            with torch.device("meta"):
                yield layer.build(shape)
            break


def kind_of_module(module: nn.Module) -> str | None:
    """Name the kind of layer that a module is; None where the language has none for it.

    A class derived from torch's is the same as long as it computes the same way: its `forward` is that of torch. So is
    a copy of one of our modules in a file that was written for somebody.
    """
    mine = type(module)
    if mine in TWINS:
        return TWINS[mine][0]
    derived = None
    for kind, classes in _classes().items():
        for cls in classes:
            if mine is cls or _is_copy(mine, cls):
                return kind
            if derived is None and isinstance(module, cls) and mine.forward is cls.forward:
                derived = kind
    return derived


def _is_copy(mine: type[nn.Module], cls: type[nn.Module]) -> bool:
    """Say whether a class is the text of one of ours, in another module."""
    if mine.__name__ != cls.__name__ or not cls.__module__.startswith(_OURS):
        return False
    one, two = (getattr(found.forward, "__code__", None) for found in (mine, cls))
    return one is not None and two is not None and (one.co_code, one.co_names) == (two.co_code, two.co_names)


def is_leaf(module: nn.Module) -> bool:
    """Say whether a module is one step: torch's and torchvision's own layers, and what computes as these do."""
    if isinstance(module, _HOLDING):
        return False
    home = type(module).__module__
    own = home.startswith("torchvision.ops.") and not list(module.children())
    return kind_of_module(module) is not None or home.startswith(("torch.nn.", "torch.ao.nn.")) or own


def without_numbers(module: nn.Module) -> nn.Module:
    """Copy a module with tensors that have shapes only."""
    memo: dict[int, Any] = {}
    for tensor in (*module.parameters(), *module.buffers()):
        bare = tensor.detach().to("meta")
        memo[id(tensor)] = nn.Parameter(bare) if isinstance(tensor, nn.Parameter) else bare
    return deepcopy(module, memo)


def layer_step(module: nn.Module, shape: Shape) -> LayerStep:
    """Give the layer that a module is, with its tensors; raise `Unsayable`."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    layer, twin = layer_of(module, shape), twin_of(module)
    if twin is not module:
        names = [*dict(twin.named_parameters()), *dict(twin.named_buffers())]
        tensors = dict(zip(names, tensors.values(), strict=True))
    return LayerStep(layer, tensors)


def layer_of(module: nn.Module, shape: Shape) -> AnyLayer:
    """Give the layer that computes what a module does to an input of this shape; raise `Unsayable` with the reason."""
    kind = kind_of_module(module)
    what = type(module).__name__
    if kind is None:
        raise Unsayable(f"the language has no layer for {what}")
    _is_its_own(module, what)
    if kind == "identity":
        return Identity()
    cls, module = LAYER_KINDS[kind], twin_of(module)
    fields = {name: _read(module, name, shape, field) for name, field in cls.model_fields.items() if name != "name"}
    try:
        layer = cls.model_validate(fields)
        layer.output_shape(shape)
    except ValidationError as error:
        first = error.errors()[0]
        raise Unsayable(f"{what} has {_told(first['loc'], fields)}, and {kind} cannot: {first['msg']}") from None
    except ShapeError as error:
        raise Unsayable(f"{what} is {kind} of the language, which {error.reason}") from None
    with torch.device("meta"):
        again = layer.build(shape)
    for name, ours in vars(again).items():
        if name.startswith("_") or name in _NO_MATTER:
            continue
        theirs, ours = (_usual(name, value, shape) for value in (getattr(module, name, _MISSING), ours))
        if theirs != ours:
            raise Unsayable(
                f"{what} has {name} {_shown(theirs)}, and {kind} of the language has {_shown(ours)} for an input of "
                f"{size_text(shape)}"
            )
    tensors = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    if tensors != {name: tuple(value.shape) for name, value in again.state_dict().items()}:
        raise Unsayable(f"{what} has {', '.join(tensors) or 'no tensors'}, and {kind} {', '.join(again.state_dict())}")
    return cast(AnyLayer, _without_usual(layer, shape))


def _without_usual(layer: LayerBase, shape: Shape) -> LayerBase:
    """Leave out what a field says where silence says the same: the stride of a pooling that is its kernel."""
    for name, field in type(layer).model_fields.items():
        if not field.is_required():
            shorter = layer.model_copy(update={name: field.default})
            layer = shorter if shorter.canonical(shape) == layer.canonical(shape) else layer
    return layer


def _is_its_own(module: nn.Module, what: str) -> None:
    """Refuse a module whose numbers are not made by its class alone."""
    if parametrize.is_parametrized(module):
        raise Unsayable(f"the weights of this {what} are computed from others (a parametrisation)")
    if has_hooks(module):
        raise Unsayable(f"this {what} has hooks, which may change what it computes")


def _read(module: nn.Module, name: str, shape: Shape, field: FieldInfo) -> Any:
    """Give the value of a field: the attribute of that name; a tensor says that it is there."""
    value = getattr(module, name, _MISSING)
    if value is _MISSING:
        return _by_attributes(module, name, shape, field)
    if value is None and name == "bias":
        return False
    return True if isinstance(value, Tensor) else _usual(name, value, shape)


def _by_attributes(module: nn.Module, name: str, shape: Shape, field: FieldInfo) -> Any:
    """Give a field that no attribute is called after: whether it is right is asked by building the layer again."""
    if name == "per_step":
        return len(shape) > 1 and getattr(module, "normalized_shape", shape[-1:]) == shape[-1:]
    return field.get_default(call_default_factory=True)


def _usual(name: str, value: Any, shape: Shape) -> Any:
    """Write a setting in one way only: equal numbers as one, `valid` as 0, sizes and dimensions as numbers."""
    if isinstance(value, (list, tuple)):
        sizes = [size if part is None else part for part, size in zip(value, shape[1:], strict=False)]
        value = [*sizes, *value[len(sizes) :]] if name == "output_size" else list(value)
        return value[0] if value and len(set(value)) == 1 and name not in _LISTS else value
    if name == "output_size" and value is None:
        return _usual(name, list(shape[1:]), shape)
    if name == "padding" and value == "valid":
        return 0
    if name in ("dim", "end_dim") and isinstance(value, int) and value < 0:
        return value + len(shape) + 1
    return (0 if len(shape) in (0, 2) else 1) if name == "dim" and value is None else value  # as torch's softmax does


def _told(loc: tuple[str | int, ...], fields: Mapping[str, Any]) -> str:
    return f"{loc[0]} {_shown(fields[str(loc[0])])}" if loc and loc[0] in fields else "these settings"


def _shown(value: object) -> str:
    return "none" if value is _MISSING else repr(value)
