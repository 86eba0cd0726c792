"""Call a function of a Python file and write the arrays that it gives: `python -m archsearch.data.call_function`.

    python -m archsearch.data.call_function my_data.py load target.npz

A process of its own: what the file imports and prints stays out of ours. What is wrong is said on stdout, a line.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from archsearch.trust import fresh_module

NAMES = ("x_train", "y_train", "x_test", "y_test")


class _Unfit(Exception):
    """What a function gave is no data."""


def call_and_keep(file: str, function: str, target: str) -> int:
    """Write the arrays to `target`; give 0, or 1 with the reason on stdout."""
    said, sys.stdout = sys.stdout, sys.stderr  # what the function prints is for people
    try:
        arrays = arrays_given_by(_called(Path(file), function))
        with Path(target).open("wb") as written:
            np.savez(written, **arrays)  # type: ignore[arg-type]  # its stubs take the names for a flag
    except _Unfit as unfit:
        print(f"{file}:{function} {unfit}", file=said)
        return 1
    except (Exception, SystemExit) as problem:
        where = [frame for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == file]
        line = f"{file}:{where[-1].lineno}" if where else file
        if isinstance(problem, SyntaxError) and problem.filename == file:
            line = f"{file}:{problem.lineno}"
        text = str(problem).splitlines()[0] if str(problem) else "without a message"
        print(f"{line}: {type(problem).__name__}: {text}", file=said)
        return 1
    return 0


def _called(path: Path, function: str) -> Any:
    sys.path.insert(0, str(path.parent))
    module, execute = fresh_module(path.stem, path)
    sys.modules[path.stem] = module
    execute()
    found = getattr(module, function, None)
    if not callable(found):
        there = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise _Unfit(f"is no function; the file has {', '.join(there[:8]) or 'none'}")
    return found()


def arrays_given_by(given: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Take what a function gave: arrays by name, or x_train, y_train, x_test and y_test in this order."""
    if isinstance(given, tuple) and len(given) == len(NAMES):
        given = dict(zip(NAMES, given, strict=True))
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise _Unfit(
            f"gave {type(given).__name__}; expected arrays by name ({', '.join(NAMES)}), or these four as a tuple"
        )
    arrays = {name: np.asarray(value) for name, value in given.items()}
    if objects := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise _Unfit(f"gave {objects[0]} as Python objects; give numbers, such as numpy.array(values, dtype='float32')")
    return arrays


if __name__ == "__main__":
    sys.exit(call_and_keep(*sys.argv[1:4]))
