"""An ablation that is declared without a file: a baseline, and levels as edits or as values of a program.

    declare_levels(spec, {"norm": {"layer": [{"set": {"values.norm": "layer"}}]}}, name="mine", seeds=10)
    levels_of_values({"norm": ["layer", "none"], "lr": {"high": 0.1}})

What the command line and the Python API have in common.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archsearch.ablate.ablation_file import Declared, declare
from archsearch.errors import UsageError
from archsearch.kinds.kind import AnySpec
from archsearch.spec.edit.in_memory import node_of

LevelEdits = Sequence[Mapping[str, Any]]


def declare_levels(
    baseline: AnySpec,
    factors: Mapping[str, Mapping[str, LevelEdits]],
    *,
    name: str,
    source: str = "the command line",
    folder: Path = Path(),
    **keys: Any,
) -> Declared:
    """Declare an ablation around a spec; `keys` are those of an ablation file (seeds, design, metric, margin ...).

    `source` is what errors name as the place. Raises `SpecError` as for a file.
    """
    tree: dict[str, Any] = {
        "name": name,
        "baseline": baseline.name,
        "factors": {factor: {level: list(edits) for level, edits in of.items()} for factor, of in factors.items()},
        **{key: value for key, value in keys.items() if value is not None},
    }
    return declare(node_of(tree, source), folder, name, baseline=baseline)


def levels_of_values(factors: Mapping[str, Any]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Give the levels of a program's values: a list of values, or names with a value or several values each.

    >>> levels_of_values({"norm": ["layer"], "rate": {"high": {"lr": 0.1, "warmup": 5}}})["rate"]["high"]
    [{'set': {'values.lr': 0.1, 'values.warmup': 5}}]
    """
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for factor, levels in factors.items():
        if isinstance(levels, Mapping):
            named = {str(level): value for level, value in levels.items()}
        else:
            given = [levels] if isinstance(levels, (str, int, float, bool)) or levels is None else list(levels)
            named = {_level_name(value): value for value in given}
            if len(named) < len(given):
                raise UsageError(f"{factor}: a level stands there twice: {', '.join(map(str, given))}")
        if not named:
            raise UsageError(f"{factor} has no levels; give one value at least")
        found[factor] = {level: [{"set": _values(factor, value)}] for level, value in named.items()}
    return found


def _values(factor: str, value: Any) -> dict[str, Any]:
    several = value if isinstance(value, Mapping) else {factor: value}
    return {f"values.{name}": list(one) if isinstance(one, tuple) else one for name, one in several.items()}


def _level_name(value: Any) -> str:
    """Name a level after its value: letters, digits, spaces and `_ . -` only."""
    words = "+".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return re.sub(r"[^A-Za-z0-9 _.-]+", "-", words).strip("- ") or "none"
