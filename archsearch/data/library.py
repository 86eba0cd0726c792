"""The guarded import of torchvision: a torch and a torchvision that are no pair are a sentence, not a traceback.

    functional = import_torchvision("torchvision.transforms.v2.functional")

Nothing else in archsearch imports torchvision. Knows no data set.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from archsearch.errors import UnavailableError


def import_torchvision(module: str = "torchvision") -> ModuleType:
    """Import torchvision or a part of it; raises UnavailableError if it does not go with torch."""
    try:
        return importlib.import_module(module)
    except (ImportError, RuntimeError, OSError, AttributeError) as problem:
        raise UnavailableError(
            f"torchvision cannot be imported ({type(problem).__name__}: {problem}). This happens when torch and "
            "torchvision are not a pair, for example a CPU-only torch beside the usual torchvision. Install both "
            "together, best in a fresh virtual environment: pip install --force-reinstall torch torchvision"
        ) from problem
