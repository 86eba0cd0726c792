"""Get the module that is to be imported: out of somebody's Python file, or from torchvision.

    source = module_from_file("net.py:Net", {"width": 32})      # UntrustedError until `archsearch trust net.py`
    source = module_from_torchvision("resnet18", {"num_classes": 10})

A file is executed, so it must be trusted. What it does wrong is a `SpecError` with its line.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from archsearch.errors import ArchsearchError, Problem, SpecError, UsageError
from archsearch.export.import_data import data_named
from archsearch.export.import_places import caller, place_in_code
from archsearch.export.import_reference import file_and_name
from archsearch.spec.text.sentences import unknown
from archsearch.trust import fresh_module


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """A module with a name for its spec, what it is in words, and the places where its parts were made."""

    module: nn.Module
    name: str
    said: str
    lines: Mapping[nn.Module, str]


def module_from_file(
    reference: str, arguments: Mapping[str, object] | None = None, *, trusted: bool = False
) -> ModuleSource:
    """Execute `FILE.py:NAME` and give the module that NAME is or, called with the arguments, gives.

    Raises `UntrustedError` unless the file was allowed (or `trusted` allows it this once), `UsageError` where there is
    no such file, `SpecError` where it raises, has no such name, or the name is no module.
    """
    path, name = file_and_name(reference, trusted=trusted)
    lines: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()
    with _beside(path), _lines_of(lines), _alone():
        executed = _executed(path)
        thing = _named(executed, name, path)
        module = _made(thing, name, dict(arguments or {}), path)
    called = f"({_written(arguments)})" if not isinstance(thing, nn.Module) else ""
    return ModuleSource(_bare(module, str(path)), _spec_name(name), f"{path.name}:{name}{called}", lines)


def module_from_torchvision(name: str, arguments: Mapping[str, object] | None = None) -> ModuleSource:
    """Build a classification model of torchvision with random weights; raise `UsageError` for an unknown name."""
    import torchvision  # type: ignore[import-untyped]

    names = torchvision.models.list_models(module=torchvision.models)
    if name not in names:
        raise UsageError(f"--torchvision: {unknown('model', name, names)}")
    lines: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()
    arguments = dict(arguments or {})
    builder = torchvision.models.get_model_builder(name)
    with _lines_of(lines), _alone(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of how long its initial weights take
        try:
            module: nn.Module = builder(weights=None, **arguments)
        except (TypeError, ValueError) as error:
            raise UsageError(f"--torchvision {name}: {error}") from None
    said = f"torchvision {torchvision.__version__.partition('+')[0]}, models.{name}({_written(arguments)})"
    return ModuleSource(module, _spec_name(name), said, lines)


def named_for_classes(data: str, arguments: Mapping[str, object]) -> dict[str, object]:
    """Give the arguments of a torchvision model with the classes of the data, where none are asked for."""
    return {"num_classes": data_named(data).outputs, **arguments}


def _executed(path: Path) -> ModuleType:
    """Execute a file as a module; what it prints goes to stderr."""
    module, execute = fresh_module(_module_name(path), path.resolve())
    with _errors_of(path, "executing it"):
        sys.modules[module.__name__] = module  # as dataclasses in it expect
        execute()
    return module


def _named(executed: ModuleType, name: str, path: Path) -> Any:
    """Find the thing that a dotted name means."""
    candidates = [key for key, value in vars(executed).items() if _may_be_meant(value, executed.__name__)]
    if not name:
        there = f"it has {', '.join(candidates)}" if candidates else "it defines no module"
        raise UsageError(f"{path}: say which module, as {path}:NAME; {there}")
    thing: Any = executed
    for part in name.split("."):
        if not hasattr(thing, part):
            said = unknown("name", name, candidates) if candidates else f"no {name}; the file defines no module"
            raise SpecError(Problem(str(path), said))
        thing = getattr(thing, part)
    return thing


def _may_be_meant(value: object, home: str) -> bool:
    """Say whether a value is a module, or a class or function of the file itself."""
    own = getattr(value, "__module__", "") == home
    return isinstance(value, nn.Module) or (own and (_is_module_class(value) or inspect.isfunction(value)))


def _made(thing: Any, name: str, arguments: dict[str, object], path: Path) -> nn.Module:
    """Give the module that a thing of the file is or makes."""
    if isinstance(thing, nn.Module):
        if arguments:
            raise UsageError(f"{path}:{name} is made already and takes no arguments; leave --arg out")
        return thing
    if not callable(thing) or (inspect.isclass(thing) and not _is_module_class(thing)):
        raise SpecError(
            Problem(_definition(thing, path), f"{name} is {_kind(thing)}, and no torch.nn.Module (nor makes one)")
        )
    _takes(thing, name, arguments, path)
    with _errors_of(path, f"calling {name}({_written(arguments)})"):
        module = thing(**arguments)
    if not isinstance(module, nn.Module):
        said = f"{name}({_written(arguments)}) gives {_kind(module)}, no torch.nn.Module"
        raise SpecError(Problem(_definition(thing, path), said))
    return module


def _takes(thing: Callable[..., Any], name: str, arguments: Mapping[str, object], path: Path) -> None:
    """Raise `UsageError` where arguments are missing or too many, before anything is called."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return
    known = signature.parameters
    anything = any(one.kind is one.VAR_KEYWORD for one in known.values())
    plain = [key for key, one in known.items() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    for key in arguments:
        if key not in plain and not anything:
            said = unknown("argument", key, plain) if plain else f"--arg {key}: it takes none"
            raise UsageError(f"{path}:{name}: {said}")
    missing = [key for key in plain if known[key].default is inspect.Parameter.empty and key not in arguments]
    if missing:
        ways = " ".join(f"--arg {key}=..." for key in missing)
        raise UsageError(f"{path}:{name}{signature} needs {' and '.join(missing)}; give {ways}")


@contextlib.contextmanager
def _errors_of(path: Path, doing: str) -> Iterator[None]:
    """Turn what a file raises into an error with its line."""
    try:
        yield
    except (KeyboardInterrupt, ArchsearchError):
        raise
    except SyntaxError as error:
        where = place_in_code(str(Path(error.filename or path).absolute()), error.lineno or 1)
        raise SpecError(Problem(where, f"{doing} failed: {type(error).__name__}: {error.msg}")) from None
    except SystemExit:
        raise SpecError(
            Problem(_last_place(path), f"{doing} ended Python (exit); keep that behind `if __name__ == '__main__':`")
        ) from None
    except BaseException as error:
        said = (str(error).strip() or "without a word").splitlines()[0]
        raise SpecError(Problem(_last_place(path), f"{doing} failed: {type(error).__name__}: {said}")) from None


def _last_place(path: Path) -> str:
    """Give the innermost line of the file, in the exception that is being handled."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    own = [frame for frame in frames if Path(frame.filename) == path.resolve()]
    return place_in_code(own[-1].filename, own[-1].lineno or 1) if own else str(path)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[None]:
    """Let a file import what lies beside it."""
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        sys.modules.pop(_module_name(path), None)


def _module_name(path: Path) -> str:
    return f"_imported_{path.stem}"  # torch.py is not to take torch's place


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Keep what a file prints out of the results, and its random numbers the same each time."""
    with contextlib.redirect_stdout(sys.stderr), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@contextlib.contextmanager
def _lines_of(lines: WeakKeyDictionary[nn.Module, str]) -> Iterator[None]:
    """Note where each module is made."""
    original = nn.Module.__init__

    def init(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if (frame := caller(self)) is not None:
            lines[self] = place_in_code(*frame)

    nn.Module.__init__ = init  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.__init__ = original  # type: ignore[method-assign]


def _bare(module: nn.Module, file: str) -> nn.Module:
    """Take off what wraps a module without changing what it computes."""
    if isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        inner: nn.Module = module.module
        return inner
    if isinstance(module, torch.jit.ScriptModule):
        raise SpecError(Problem(file, "the module was compiled by torch.jit; import the module that it was made of"))
    compiled = getattr(module, "_orig_mod", None)
    return compiled if isinstance(compiled, nn.Module) else module


def _is_module_class(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(thing, nn.Module)


def _kind(thing: object) -> str:
    if inspect.isclass(thing):
        return "a class"
    return "None" if thing is None else f"a thing of the type {type(thing).__name__}"


def _definition(thing: object, path: Path) -> str:
    try:
        return f"{path}:{inspect.getsourcelines(thing)[1]}"  # type: ignore[arg-type]
    except (TypeError, OSError):
        return str(path)


def _written(arguments: Mapping[str, object] | None) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in (arguments or {}).items())


def _spec_name(name: str) -> str:
    letters = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in name.lower())
    return letters.lstrip("_.-") or "net"
