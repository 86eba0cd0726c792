"""A Python function as a program: it is called as f(seed, **values) in this process and returns its metrics.

    spec = function_spec(train, {"lr": 0.1}, ["accuracy"])
    call_function(spec, seed=3)                         # {"accuracy": 0.93}

A function's identity is its module, its qualified name and its source, and `version` where that is not enough (what it
calls, the data that it reads).
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from archsearch.errors import SpecError, UsageError
from archsearch.metrics import Direction
from archsearch.program.check import faults
from archsearch.program.measure import finite_number
from archsearch.program.program_spec import ProgramSpec, is_fraction

Function = Callable[..., Any]
_given: dict[tuple[str, str | None], Function] = {}


def function_spec(
    function: Function,
    values: Mapping[str, Any] | None = None,
    metrics: Sequence[str] = ("value",),
    *,
    direction: Direction | None = None,
    version: str | None = None,
    name: str | None = None,
) -> ProgramSpec:
    """Describe a function as a program; `direction` is that of the first metric, where its name does not tell.

    Raises `UsageError` for what is no function or does not take a seed and these values.
    """
    if not callable(function) or not hasattr(function, "__qualname__"):
        raise UsageError(f"expected a function, got {type(function).__name__}")
    _takes(function, values or {})
    own = {"direction": direction} if direction is not None else {}
    held = {
        "name": name or function.__qualname__.rpartition(".")[2].strip("<>") or "function",
        "program": {
            "function": f"{function.__module__}:{function.__qualname__}",
            "source": _source(function),
            "version": version,
            "folder": str(Path.cwd()),
        },
        "values": {key: tuple(v) if isinstance(v, list) else v for key, v in (values or {}).items()},
        "metrics": {metric: {"returned": metric} | (own if not index else {}) for index, metric in enumerate(metrics)},
    }
    try:
        spec = ProgramSpec.model_validate(held)
    except ValueError as error:
        raise UsageError(f"{held['name']}: {error}") from None
    if found := list(faults(spec)):
        raise UsageError("; ".join(one.message for one in found))
    _given[(spec.program.function or "", spec.program.source)] = function
    return spec


def call_function(spec: ProgramSpec, seed: int) -> dict[str, float]:
    """Call a spec's function and give its metrics; raise `ValueError` where it does not return them."""
    returned = function_of(spec)(seed, **{k: list(v) if isinstance(v, tuple) else v for k, v in spec.values.items()})
    wanted = {name: source.returned for name, source in spec.metrics.items() if source.returned is not None}
    if not isinstance(returned, Mapping):
        if len(wanted) != 1:
            raise ValueError(f"it returned {returned!r}, and not a dict with {', '.join(wanted)}")
        returned = {next(iter(wanted.values())): returned}
    found = {}
    for name, key in wanted.items():
        if key not in returned:
            raise ValueError(f"{key} is not in what it returned: {', '.join(map(str, returned))}")
        found[name] = value = finite_number(returned[key], key)
        if is_fraction(spec, name) and not 0 <= value <= 1:
            raise ValueError(f"{key} is {value:g}, no fraction between 0 and 1; in per cent return {value / 100:g}")
    return found


def function_of(spec: ProgramSpec) -> Function:
    """Give the function: the one that was described in this process, else the one that can be imported.

    Raises `SpecError` where it cannot be imported, or is another one than the spec describes.
    """
    name = spec.program.function or ""
    if (given := _given.get((name, spec.program.source))) is not None:
        return given
    module, _, path = name.partition(":")
    if module == "__main__" or "<" in path:
        raise SpecError(f"{name} exists only where it was written: run it in that process, or put it into a module")
    if spec.program.folder not in sys.path:
        sys.path.insert(0, spec.program.folder)
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise SpecError(
            f"{name} cannot be imported from {spec.program.folder}: {error}", ("program", "function")
        ) from None
    if spec.program.source is not None and _source(found) != spec.program.source:
        raise SpecError(f"{name} is not the function any more that was described: its source has changed")
    return found  # type: ignore[no-any-return]


def _source(function: Function) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        raise UsageError(
            f"{function.__qualname__} has no source that could be read, so it could not be told from another; "
            "write it into a file or a notebook cell"
        ) from None


def _takes(function: Function, values: Mapping[str, Any]) -> None:
    try:
        inspect.signature(function).bind(0, **values)
    except ValueError:
        return  # it does not tell what it takes
    except TypeError as error:
        raise UsageError(
            f"{function.__qualname__} is called as {function.__qualname__}(seed, "
            f"{', '.join(f'{name}=...' for name in values)}), which does not fit: {error}"
        ) from None
