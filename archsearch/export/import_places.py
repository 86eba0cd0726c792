"""Where in somebody's code we are: the innermost line that is neither torch's nor ours.

caller()                              # ("/home/me/net.py", 12)
place_of("/home/me/net.py", 12)       # net.py:12, from /home/me
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType

import torch

SKIPPED = (str(Path(torch.__file__).parent) + os.sep, str(Path(__file__).parent) + os.sep)


def place_of(file: str, line: int) -> str:
    """Write a place as `file:line`: from here, from where packages are installed, or whole."""
    path = Path(file)
    for root in (Path.cwd(), Path(torch.__file__).parents[1]):
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


def place_of_forward(module: object) -> str:
    """Say where the forward of a module's class is written; "" for one of torch."""
    code = getattr(type(module).forward, "__code__", None)  # type: ignore[attr-defined]
    return place_of(code.co_filename, code.co_firstlineno) if code and not code.co_filename.startswith(SKIPPED) else ""
