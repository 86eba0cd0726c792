"""Where in somebody's code we are: the innermost line that is neither torch's nor ours.

caller()                              # ("/home/me/net.py", 12)
place_in_code("/home/me/net.py", 12)       # net.py:12, from /home/me
"""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor, nn

from archsearch.errors import Problem, SpecError

SKIPPED = (str(Path(torch.__file__).parent) + os.sep, str(Path(__file__).parent) + os.sep)


def place_in_code(file: str, line: int) -> str:
    """Write a place as `file:line`: from where packages are installed, from here, or whole."""
    path = Path(file)
    for root in (Path(torch.__file__).parents[1], Path.cwd()):  # an environment may stand in the current folder
        if path.is_relative_to(root):
            return f"{path.relative_to(root)}:{line}"
    return f"{file}:{line}"


def caller(beside: object = None) -> tuple[str, int] | None:
    """Find the innermost frame that is neither torch's nor ours nor a method of `beside`, as file and line."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        own = beside is not None and frame.f_locals.get("self") is beside
        if not own and not name.startswith((*SKIPPED, "<frozen")):
            return name, frame.f_lineno
        frame = frame.f_back
    return None


def place_of_forward(module: nn.Module) -> str:
    """Say where the forward of a module's class is written; "" for one of torch."""
    code = getattr(type(module).forward, "__code__", None)
    return (
        place_in_code(code.co_filename, code.co_firstlineno)
        if code and not code.co_filename.startswith(SKIPPED)
        else ""
    )


def reads_one_input(module: nn.Module) -> None:
    """Raise `SpecError` for a forward that wants more than one argument."""
    try:
        inspect.signature(module.forward).bind(None)
    except TypeError as error:
        said = f"forward of {type(module).__name__}: {error}; a network of the language reads one tensor"
        raise SpecError(Problem(place_of_forward(module), said)) from None
    except ValueError:
        return


def wrong_result(module: nn.Module, result: object) -> str:
    """Say what a forward gives instead of a tensor."""
    what, mode = type(module).__name__, "training" if module.training else "evaluation"
    if isinstance(result, Tensor):
        return f"what forward of {what} gives does not come from its input"
    many = f" of {len(result)}" if isinstance(result, (tuple, list, dict)) else ""
    way_out = "; if it is one in evaluation: --evaluated" if module.training else ""
    return f"forward of {what} gives a {type(result).__name__}{many} in {mode}, and a spec has one output{way_out}"
