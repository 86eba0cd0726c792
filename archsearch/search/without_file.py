"""A search that is declared without a file: a base, and what is open of it, as a file would say them.

    declare_search(spec, {"values.lr": {"float": [1e-4, 1e-1], "log": True}}, name="mine", trials=50)

What the command line and the Python interface have in common. A storage holds a search as the text of its file, so
that any worker can make its job: the text is written here and read like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archsearch.kinds.kind import AnySpec
from archsearch.search.search_file import SearchFile, declared_study
from archsearch.spec.text.write import flow


def declare_search(base: AnySpec, space: Mapping[str, Any], *, name: str, **keys: Any) -> SearchFile:
    """Declare a search around a planned spec; `space` and `keys` are those of a search file (objective, trials ...).

    Keys that are None are left out. Raises `SpecError` as for a file.
    """
    return declared_study(search_text(name, base.name, space, keys), name, base)


def search_text(name: str, base: str, space: Mapping[str, Any], keys: Mapping[str, Any]) -> str:
    """Write a search as a file; `base` is a name, or a file beside it."""
    lines = [f"name: {flow(name)}", f"base: {flow(base)}"]
    lines += [f"{key}: {flow(value)}" for key, value in keys.items() if value is not None]
    lines += ["space:", *(f"  {path}: {flow(domain)}" for path, domain in space.items())]
    return "\n".join(lines) + "\n"
