"""Torch modules and optimisers as the calls that make them.

    call_of(nn.Conv2d(1, 6, 5))          # nn.Conv2d(1, 6, kernel_size=5)

What a call has to say is read from the built object, and is right by trial: the call's arguments are used once more,
and give the same object. So no layer kind needs a second place that says how it is written. Knows no spec.
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from archsearch.errors import UsageError
from archsearch.spec.eager_optimizer import torchs_own

_PLACE = ("device", "dtype")  # where a module lies, not what it is
_MISSING = object()


def call_of(module: nn.Module) -> str:
    """Write the call that makes a module without children; raise `UsageError` where none is found."""
    cls = type(module)
    return f"{class_name(cls)}({written_arguments(cls, arguments_of(module))})"


def class_name(cls: type) -> str:
    """Write a class as the file has it: torch's by way of `nn`, any other by its own name."""
    return f"nn.{cls.__name__}" if getattr(nn, cls.__name__, None) is cls else cls.__name__


def arguments_of(module: nn.Module) -> dict[str, Any]:
    """Give the fewest arguments of its class that make this module again, by name."""
    cls = type(module)
    parameters = _parameters(cls)
    said = {name: value for name in parameters if (value := _said(module, name, parameters[name])) is not _MISSING}
    wanted = _facts(module)
    if _facts(_made(cls, said)) != wanted:
        raise UsageError(f"{cls.__name__} cannot be written as a call: its arguments cannot be read from the module")
    for name in [name for name in said if parameters[name].default is not inspect.Parameter.empty]:
        fewer = {key: value for key, value in said.items() if key != name}
        if _facts(_made(cls, fewer)) == wanted:
            said = fewer
    for name, value in said.items():
        if isinstance(value, tuple) and len(set(value)) == 1:
            shorter = said | {name: value[0]}
            if _facts(_made(cls, shorter)) == wanted:
                said = shorter
    return said


def arguments_of_block(module: nn.Module) -> dict[str, Any]:
    """Give the arguments of a module that is given its children, the first one, by a mapping; but for that one."""
    parameters = list(_parameters(type(module)))
    return {name: getattr(module, name) for name in parameters[1:]}


def written_arguments(cls: Callable[..., Any], arguments: Mapping[str, Any]) -> str:
    """Write arguments: the first two that must be given by position, all others by name."""
    parameters = _parameters(cls)
    first = [name for name in list(parameters)[:2] if parameters[name].default is inspect.Parameter.empty]
    words = [
        written_value(value) if name in first else f"{name}={written_value(value)}" for name, value in arguments.items()
    ]
    return ", ".join(words)


def written_value(value: object) -> str:
    """Write a plain value as Python's style has it: words between double quotes."""
    return json.dumps(value) if isinstance(value, str) else repr(value)


def optimizer_call(optimizer: torch.optim.Optimizer, parameters: str) -> str:
    """Write the call that makes a torch optimiser of `parameters`, an expression; rates first, defaults left out."""
    cls = torchs_own(optimizer)
    if getattr(torch.optim, cls.__name__, None) is not cls:
        raise UsageError(f"the optimiser {cls.__name__} is not torch's own, and cannot be written as a call")
    known = _parameters(cls)
    said = [
        f"{name}={written_value(value)}"
        for name, value in optimizer.defaults.items()
        if name in known and (name == "lr" or value != known[name].default)
    ]
    return f"torch.optim.{cls.__name__}({', '.join([parameters, *said])})"


def _parameters(cls: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    found = inspect.signature(cls).parameters
    return {
        name: parameter
        for name, parameter in found.items()
        if name not in _PLACE and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }


def _said(module: nn.Module, name: str, parameter: inspect.Parameter) -> Any:
    """Give what a module was told, by the attribute of that name; a weight says that it is there."""
    value = getattr(module, name, _MISSING)
    if isinstance(value, Tensor):
        return True
    if value is None and parameter.default is True:
        return False
    return value


def _made(cls: type[nn.Module], arguments: Mapping[str, Any]) -> nn.Module | None:
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of arguments that are tried, and not used
            return cls(**arguments)
    except (TypeError, ValueError, RuntimeError, AssertionError):
        return None


def _facts(module: nn.Module | None) -> object:
    """Give all that a module was told and the shapes of what it holds; 3 and (3, 3) are told alike."""
    if module is None:
        return None
    told = {
        name: value[0] if isinstance(value, tuple) and len(value) > 1 and len(set(value)) == 1 else value
        for name, value in vars(module).items()
        if not name.startswith("_") and name != "training"
    }
    return told, {name: tuple(value.shape) for name, value in module.state_dict().items()}
