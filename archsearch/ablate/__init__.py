"""Ablations: which change mattered, and is it more than noise? Designs, the planner, statistics, verdicts, attribution.

The protocol that this room follows, with what it was measured to keep, stands in docs/statistics.md.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _CalledAsFunction(ModuleType):
    """`archsearch.ablate(...)` is the function of the Python interface, and this package has its name."""

    def __call__(self, *args: Any, **keys: Any) -> Any:
        return import_module("archsearch.api.functions").ablate(*args, **keys)


sys.modules[__name__].__class__ = _CalledAsFunction
