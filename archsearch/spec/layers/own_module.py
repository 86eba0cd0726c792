"""The classes of own layers: executed where they were allowed, and asked on torch's meta device what they give.

    probed(layer, (16, 8, 8)).shape, built_own(layer, (16, 8, 8))

What is wrong is said with the line of the file that it came through.
"""

from __future__ import annotations

import inspect
import json
import linecache
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from archsearch.errors import ArchsearchError, SpecError
from archsearch.spec.layers.base import Shape, ShapeError, size_text
from archsearch.trust import must_be_trusted

if TYPE_CHECKING:
    from torch import nn

    from archsearch.spec.layers.own import Own

_MODULES = "archsearch_layers_"  # what the modules of own layers' files are called
_loaded: dict[str, ModuleType] = {}
_BATCHES = (2, 3)  # of what is tried: the first size must come out as it goes in


class Probed(NamedTuple):
    """What a layer of one's own does to one sample: the shape that it gives, and its counts."""

    shape: Shape
    parameters: int
    macs: int


def probed(layer: Own, shape: Shape) -> Probed:
    """Ask what a layer gives for an input; raise `ShapeError` where it fails, `UntrustedError` where it may not run."""
    must_be_trusted(layer.subject)
    return _probed(layer.layer, layer.source, json.dumps(layer.arguments, sort_keys=True), shape)


@lru_cache(maxsize=4096)
def _probed(name: str, source: str, arguments: str, shape: Shape) -> Probed:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        module = _made(name, source, json.loads(arguments), shape)
        _holds_only_what_torch_sees(module, name)
        module.to("meta")  # buffers that were made of NumPy's arrays
        found = []
        for batch in _BATCHES:
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                found.append(_shape_of(_called(module.eval(), batch, shape, name), batch, name, type(module)))
        given = _called(module.train(), _BATCHES[0], shape, name)
        trained = _shape_of(given, _BATCHES[0], name, type(module))
        _learns_only_what_torch_sees(given, module, name)
    where = _defined(type(module), name)
    if found[0] != found[1]:
        what = f"gives {size_text(found[0])} in a batch of 2 and {size_text(found[1])} in one of 3"
        raise ShapeError(f"{where}: {what}; a sample's shape must not depend on the batch")
    if trained != found[0]:
        what = f"gives {size_text(trained)} while training and {size_text(found[0])} in evaluation"
        raise ShapeError(f"{where}: {what}; the shape must be the same")
    return Probed(
        found[0], sum(p.numel() for p in module.parameters()), counter.get_total_flops() // (2 * _BATCHES[-1])
    )


def _called(module: nn.Module, batch: int, shape: Shape, name: str) -> object:
    """Call a module as it is, on the device that tensors are made on; raise `ShapeError` for what it raises."""
    import torch

    if type(module).forward is torch.nn.Module.forward:
        raise ShapeError(f"{_defined(type(module), name)}: {type(module).__name__} has no forward")
    x = torch.empty(batch, *shape)
    try:
        given: object = module(x)
    except (Exception, SystemExit) as error:
        raise ShapeError(f"{_line_of(error, name, type(module))}: {_forward_said(error)}") from None
    if x._version:
        raise ShapeError(
            f"{_defined(type(module), name)}: its forward changes its input in place, which a shortcut or another "
            "branch reads too; write x = x + 1, not x += 1, and no inplace=True on the input"
        )
    return given


def refuses_one_sample(layer: Own, shape: Shape) -> bool:
    """Say whether a layer that trains on two samples cannot be trained on one, as torch's batch norms cannot."""
    import torch

    with torch.device("meta"):
        module = built_own(layer, shape).to("meta").train()
        try:
            module(torch.empty(1, *shape))
        except ValueError:
            return True
    return False


@contextmanager
def faults_of_own_layers() -> Iterator[None]:
    """Say what goes wrong in a file of own layers as `SpecError`, with its line; all else passes."""
    try:
        yield
    except (ArchsearchError, MemoryError):
        raise
    except Exception as error:
        places = [
            f"{frame.f_code.co_filename}:{line}"
            for frame, line in traceback.walk_tb(error.__traceback__)
            if str(frame.f_globals.get("__name__", "")).startswith(_MODULES)
        ]
        if not places:
            raise
        raise SpecError(f"{places[-1]}: its forward raised {type(error).__name__}: {_first_line(error)}") from None


def built_own(layer: Own, shape: Shape) -> nn.Module:
    """Make the module for an input of this shape; raise `UntrustedError` where its file was not allowed to run."""
    must_be_trusted(layer.subject)
    return _made(layer.layer, layer.source, dict(layer.arguments), shape)


def _made(name: str, source: str, arguments: dict[str, Any], shape: Shape) -> nn.Module:
    from torch import nn

    cls = getattr(_module(name, source), name.rpartition(":")[2], None)
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise ShapeError(f"{name} is no class derived from torch.nn.Module")
    try:
        module: nn.Module = cls(**_given(cls, arguments, shape))
    except (Exception, SystemExit) as error:
        raise ShapeError(f"{_line_of(error, name, cls)}: {_made_said(error)}") from None
    return module


def given_to_own(layer: Own, shape: Shape) -> dict[str, Any]:
    """Give what the class of a layer is given for an input of this shape, by name."""
    must_be_trusted(layer.subject)
    cls = getattr(_module(layer.layer, layer.source), layer.layer.rpartition(":")[2])
    return _given(cls, dict(layer.arguments), shape)


def _given(cls: type[nn.Module], arguments: dict[str, Any], shape: Shape) -> dict[str, Any]:
    told = {"shape": shape, "in_channels": shape[0], "in_features": shape[0]}
    wanted = inspect.signature(cls).parameters
    return {key: value for key, value in told.items() if key in wanted and key not in arguments} | arguments


def _module(name: str, source: str) -> ModuleType:
    """Execute the file once; its text is what tracebacks, and an export, show."""
    from archsearch.files import sha256

    digest, file = sha256(source.encode()), name.rpartition(":")[0]
    if digest in _loaded:
        return _loaded[digest]
    if not source:
        raise ShapeError(f"the file of {name} was not read", ["read the spec from its file"])
    module = ModuleType(f"{_MODULES}{digest[:16]}")
    module.__file__ = file
    vars(module)["print"] = _print
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, file, "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise ShapeError(f"{_line_of(error, name)}: importing it raised {type(error).__name__}: {error}") from None
    _loaded[digest] = module
    return module


def _print(*values: object, **options: Any) -> None:
    """Print as Python does, but to stderr: what a layer prints is no result."""
    print(*values, **{"file": sys.stderr, **options})


# -- what may be wrong -------------------------------------------------------------------------------------------------


def _shape_of(given: object, batch: int, name: str, cls: type) -> Shape:
    import torch

    where = _defined(cls, name)
    if not isinstance(given, torch.Tensor):
        raise ShapeError(f"{where}: its forward gives {type(given).__name__}; return one tensor")
    if given.dim() < 2 or given.shape[0] != batch:
        shape = size_text(tuple(given.shape)) or "a number"
        raise ShapeError(
            f"{where}: its forward gives {shape} for a batch of {batch}; the batch comes first, then values"
        )
    if given.dtype != torch.float32:
        raise ShapeError(
            f"{where}: its forward gives {given.dtype} for torch.float32; return floating-point numbers as they came"
        )
    if 0 in given.shape:
        raise ShapeError(f"{where}: its forward gives {size_text(tuple(given.shape[1:]))}, which holds no value")
    return tuple(given.shape[1:])


def _made_said(error: BaseException) -> str:
    text = _first_line(error)
    if _asks_for_values(error):
        return (
            "its constructor reads values of tensors (.item(), float(), .numpy()), and there are none where shapes "
            "are found out; compute them with Python's numbers, such as 0.1 * i / n"
        )
    way = "; write it in arguments" if isinstance(error, TypeError) and "missing" in text else ""
    return f"{type(error).__name__}: {text}{way}"


def _forward_said(error: BaseException) -> str:
    text = _first_line(error)
    if "device" in text and "cpu" in text:
        return (
            "its forward computes with a tensor that is no part of the layer (such as one of a NumPy array); keep it "
            "by register_buffer"
        )
    if _asks_for_values(error):
        return (
            "its forward depends on the values of its input (an `if` on a tensor, .item(), nonzero); compute with "
            "tensors, such as torch.where"
        )
    return f"its forward raised {type(error).__name__}: {text.rstrip('.')}"


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else ""


def _asks_for_values(error: BaseException) -> bool:
    """Say whether an exception came of tensors on torch's meta device, which have no values."""
    return "meta" in _first_line(error).lower() or isinstance(error, NotImplementedError)


_REGISTER = "use nn.Parameter, nn.ParameterList or nn.ModuleList, or register_buffer for what is not learned"


def _holds_only_what_torch_sees(module: nn.Module, name: str) -> None:
    """Refuse weights that no optimiser would be given: those that are not registered with a module."""
    from torch import nn

    seen = {id(parameter) for parameter in module.parameters()}
    inside = {id(part) for part in module.modules()}
    torchs_own = set(vars(nn.Module()))
    for part in module.modules():
        if any(isinstance(one, nn.UninitializedParameter) for one in part.parameters(recurse=False)):
            raise ShapeError(
                f"{_defined(type(module), name)}: {type(part).__name__} has no weights until its first call; take "
                "in_channels or in_features, which this layer is told, and make the kind that is not lazy"
            )
        for key, value in vars(part).items():
            if key not in torchs_own and any(_is_lost(one, seen, inside) for one in _held(value)):
                raise ShapeError(
                    f"{_defined(type(part), name)}: {type(part).__name__}.{key} holds weights that torch does not see; "
                    f"{_REGISTER}"
                )


def _learns_only_what_torch_sees(given: object, module: nn.Module, name: str) -> None:
    """Refuse an output whose gradient reaches weights beside the module's: made in forward, global, held elsewhere."""
    seen = {id(parameter) for parameter in module.parameters()}
    nodes = [getattr(given, "grad_fn", None)]
    known = set()
    while nodes:
        node = nodes.pop()
        if node is None or node in known:
            continue
        known.add(node)
        nodes += [before for before, _ in node.next_functions]
        weight = getattr(node, "variable", None)  # of AccumulateGrad, where gradients of leaves arrive
        if weight is not None and id(weight) not in seen:
            raise ShapeError(
                f"{_defined(type(module), name)}: its forward computes with weights ({size_text(tuple(weight.shape))}) "
                f"that torch does not see: made in forward, global, or held by another object; {_REGISTER}"
            )


def _held(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _held(one)
    else:
        yield value


def _is_lost(value: object, seen: set[int], inside: set[int]) -> bool:
    import torch

    if isinstance(value, torch.nn.Module):
        return id(value) not in inside
    return isinstance(value, torch.Tensor) and value.requires_grad and id(value) not in seen


def _line_of(error: BaseException, name: str, cls: type | None = None) -> str:
    """Give file and line of the file's own code that an exception came through, the innermost."""
    file = name.rpartition(":")[0]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    if frames:
        return f"{file}:{frames[-1].lineno}"
    return file if cls is None else _defined(cls, name)


def _defined(cls: type, name: str) -> str:
    file = name.rpartition(":")[0]
    try:
        return f"{file}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):
        return file
