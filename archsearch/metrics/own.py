"""A metric of one's own: a function in a Python file, called with what a run's predictions hold.

    own = own_metric("my_metrics.py:cost", Path("."))       # reads the file, executes nothing
    own.value(targets, outputs)                             # asks for trust, then calls cost(targets, outputs)

    def cost(targets, outputs):                             # my_metrics.py: NumPy arrays (N, ...) and (N, outputs)
        return (targets != outputs.argmax(1)).mean()

The file is code: it is allowed by its content, as a program is, and its digest is kept with what was judged by it; a
file that changed is another metric.
"""

from __future__ import annotations

import ast
import linecache
import math
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from archsearch.errors import UsageError
from archsearch.files import sha256
from archsearch.metrics.metric import Direction, Metric
from archsearch.metrics.usual import usual_direction
from archsearch.trust import Subject, fresh_module, must_be_trusted, python_file

_OWN = re.compile(r"(?P<file>[^:]+\.py):(?P<function>[A-Za-z_][A-Za-z0-9_]*)")
_loaded: dict[tuple[str, str], ModuleType] = {}


def is_own(name: str) -> bool:
    """Say whether a metric's name, without its part, is a file and a function: my_metrics.py:cost."""
    return _OWN.fullmatch(name) is not None


def own_row(name: str, direction: Direction | None = None) -> Metric:
    """Give the row of a metric of one's own; by the function's name it is known which way is better, or by nothing."""
    function = name.rpartition(":")[2]
    return Metric(name, name, direction or usual_direction(function) or "maximize", "number", "training")


class OwnMetric(BaseModel):
    """A function in a file as it was when it was named: `name` as people write it, `digest` of the file's content."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(description="File and function as they are written.", examples=["my_metrics.py:cost"])
    path: str = Field(description="The whole path of the file.", examples=["/home/ann/my_metrics.py"])
    digest: str = Field(description="The SHA-256 of the file's content.", examples=["0" * 64])

    @property
    def subject(self) -> Subject:
        """Give the file as what asks to be executed."""
        return python_file(Path(self.path))

    @property
    def said(self) -> str:
        """Say which file this is, for the record."""
        return f"{self.name} is a function of {self.path} (SHA-256 {self.digest[:16]})"

    def value(self, targets: Any, outputs: Any) -> float:
        """Call the function; raise `UsageError` with file and line where it raises or gives no finite number.

        Raises `UntrustedError` where the file was not allowed to run.
        """
        must_be_trusted(self.subject)
        function = self._function()
        try:
            found = function(targets.copy(), outputs.copy())
        except (Exception, SystemExit) as error:  # a file may call sys.exit; Ctrl-C stays an interruption
            raise UsageError(f"{self._line_of(error)}: {self.name} raised {type(error).__name__}: {error}") from None
        try:
            number = float(found)
        except (TypeError, ValueError):
            what = f"{type(found).__name__}, and no number"
            raise UsageError(f"{self._defined(function)}: {self.name} returned {what}; return one number") from None
        if not math.isfinite(number):
            raise UsageError(
                f"{self._defined(function)}: {self.name} returned {number}; return a finite number for every run"
            )
        return number

    def _function(self) -> Callable[[Any, Any], Any]:
        content = Path(self.path).read_bytes()
        if sha256(content) != self.digest:
            raise UsageError(
                f"{self.path} is not the file any more that {self.name} was named with (SHA-256 {self.digest[:16]}): "
                "put it back, or give the study another name with --name"
            )
        key = (self.path, self.digest)
        if key not in _loaded:
            _loaded[key] = self._module()
        function = getattr(_loaded[key], self.name.rpartition(":")[2], None)
        if not callable(function):
            raise UsageError(f"{self.path}: there is no function {self.name.rpartition(':')[2]}")
        found: Callable[[Any, Any], Any] = function
        return found

    def _module(self) -> ModuleType:
        name = f"archsearch_own_{self.digest[:16]}"
        module, execute = fresh_module(name, Path(self.path))
        linecache.checkcache(self.path)
        sys.modules[name] = module
        try:
            execute()
        except (Exception, SystemExit) as error:  # a file may call sys.exit; Ctrl-C stays an interruption
            del sys.modules[name]
            raise UsageError(f"{self._line_of(error)}: importing it raised {type(error).__name__}: {error}") from None
        return module

    def _line_of(self, error: BaseException) -> str:
        """Give file and line of the file's own code that an exception came through, the innermost."""
        if isinstance(error, SyntaxError) and error.filename == self.path:
            return f"{self.path}:{error.lineno}"
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self.path]
        return f"{self.path}:{frames[-1].lineno}" if frames else self.path

    def _defined(self, function: Any) -> str:
        code = getattr(function, "__code__", None)
        return self.path if code is None else f"{code.co_filename}:{code.co_firstlineno}"


def own_metric(name: str, folder: Path) -> OwnMetric:
    """Find the file of a metric, from the folder of whoever names it; executes nothing.

    Raises `UsageError` where there is no such file, or the file defines no such function of two arguments.
    """
    match = _OWN.fullmatch(name)
    assert match is not None, f"{name} is no file with a function"
    path = (folder / Path(match["file"]).expanduser()).absolute()
    try:
        content = path.read_bytes()
        tree = ast.parse(content, str(path))
    except OSError as error:
        raise UsageError(f"{name}: {path} cannot be read: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UsageError(f"{path}{line}: {getattr(error, 'msg', error)}; {name} is read as Python") from None
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    function = defined.get(match["function"])
    if function is None:
        there = ", ".join(defined) or "none"
        raise UsageError(f"{name}: {path} defines no function {match['function']} (there: {there})")
    given = function.args
    if len(given.posonlyargs) + len(given.args) - len(given.defaults) > 2 or (
        len(given.posonlyargs) + len(given.args) < 2 and given.vararg is None
    ):
        raise UsageError(f"{path}:{function.lineno}: {name} is called with two arrays: def f(targets, outputs)")
    return OwnMetric(name=name, path=str(path), digest=sha256(content))
