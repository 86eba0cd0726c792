"""The configuration file that a run gets: a template in YAML or JSON with some of its values changed.

    config_text(config, {"lr": 0.1, "seed": 3}, {})       # the text of the file

A brace alone keeps its value's type: `{"train.lr": "{lr}"}` writes a number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import yaml

from archsearch.errors import SpecError
from archsearch.program.braces import Plainest, alone, filled
from archsearch.program.section import ConfigFile
from archsearch.spec.text.sentences import unknown

_LOC = ("program", "config")


def config_text(config: ConfigFile, names: Mapping[str, Plainest], values: Mapping[str, Any]) -> str:
    """Fill the edits' braces, put them into the template and write it; `values` has the lists too.

    Raises `SpecError` for a template that is no YAML or JSON, and for a path that it has not.
    """
    tree = _tree(config)
    for path, value in config.edits.items():
        _put(tree, path, _filled(value, names, values), config.template)
    if PurePath(config.template).suffix == ".json":
        return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"
    text: str = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    return text


def _tree(config: ConfigFile) -> Any:
    text = config.text or ""
    suffix = PurePath(config.template).suffix
    try:
        if suffix == ".json":
            tree = json.loads(text)
        elif suffix in (".yaml", ".yml"):
            tree = yaml.safe_load(text)
        else:
            raise SpecError(
                f"edits are for YAML and JSON, and {config.template} is neither; leave them out and put names in "
                "braces into the template",
                (*_LOC, "edits"),
            )
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise SpecError(
            f"{config.template} cannot be read: {' '.join(str(error).split())}", (*_LOC, "template")
        ) from None
    if not isinstance(tree, (dict, list)):
        raise SpecError(f"{config.template} has no keys", (*_LOC, "template"))
    return tree


def _put(tree: Any, path: str, value: Any, template: str) -> None:
    new, parts = path.startswith("+"), path.removeprefix("+").split(".")
    at = tree
    for depth, part in enumerate(parts):
        key: Any = int(part) if isinstance(at, list) and part.isdigit() else part
        there = key in at if isinstance(at, dict) else isinstance(at, list) and isinstance(key, int) and key < len(at)
        if not there and not (new and isinstance(at, dict)):
            known = list(map(str, at)) if isinstance(at, dict) else []
            raise SpecError(
                f"{template}: {'.'.join(parts[:depth]) or 'top level'}: {unknown('key', part, known)}; "
                f"a key that is not there is added by +{'.'.join(parts)}",
                (*_LOC, "edits", path),
            )
        if depth == len(parts) - 1:
            at[key] = value
        else:
            at = at.setdefault(key, {}) if isinstance(at, dict) else at[key]


def _filled(value: Any, names: Mapping[str, Plainest], values: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, names, values) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(item, names, values) for item in value]
    if not isinstance(value, str):
        return value
    name = alone(value)
    if name is not None and name in names:
        return names[name]
    if name is not None and isinstance(values.get(name), tuple):
        return list(values[name])
    return filled(value, names)
