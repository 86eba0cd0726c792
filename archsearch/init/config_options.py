"""What stands in configuration files: Hydra's overrides and groups, and the keys of a YAML or JSON that a script reads.

options, remarks = hydra_options(source)
options, remarks = file_options(Path("config.yaml"), "config.yaml")
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archsearch.errors import ArchsearchError
from archsearch.init.options import Option
from archsearch.init.source import SourceFile, keyword, last_name, text_of
from archsearch.spec.text.yaml import Node, read_file

_MOST_KEYS = 200
_OF_HYDRA = ("defaults", "hydra", "_target_", "_self_")


def hydra_options(source: SourceFile) -> tuple[list[Option], list[str]] | None:
    """Give what `@hydra.main` takes: the keys of its configuration, and its groups with their files as choices.

    None where the file has no such function.
    """
    for function in source.functions.values():
        for call in function.decorator_list:
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "hydra.main":
                return _hydra(source, call)
    return None


def _hydra(source: SourceFile, call: ast.Call) -> tuple[list[Option], list[str]]:
    name, folder = text_of(keyword(call, "config_name"), source), text_of(keyword(call, "config_path"), source)
    where = source.where(call)
    if not name:
        return [], [f"{where}: the configuration's name is made when it runs; overrides such as lr=0.1 are not known"]
    home = source.path.parent / folder
    path = next((p for end in ("", ".yaml", ".yml") if (p := home / f"{name}{end}").is_file()), None)
    if path is None:
        return [], [f"{where}: the configuration {folder or '.'}/{name}.yaml is not there; its keys are not known"]
    node, remarks = _tree(path)
    if node is None:
        return [], remarks
    options = [*_groups(node, home, path), *_keys(node, path, "override")]
    return list({option.flag: option for option in options}.values()), remarks


def _tree(path: Path) -> tuple[Node | None, list[str]]:
    try:
        node = read_file(path)
    except ArchsearchError as error:
        return None, [f"{path.name} was not read, so its keys are not known: {str(error).splitlines()[0]}"]
    if not isinstance(node.value, dict):
        return None, [f"{path.name} holds no keys"]
    return node, []


def _groups(node: Node, home: Path, path: Path) -> Iterator[Option]:
    """Yield a group of Hydra's defaults list with its files as choices, and the keys of the file that is chosen."""
    defaults = node.get("defaults")
    for item in defaults.value if defaults is not None and isinstance(defaults.value, tuple) else ():
        if not isinstance(item.value, dict) or len(item.value) != 1:
            continue
        ((group, chosen),) = item.value.items()
        group = group.removeprefix("override ").removeprefix("optional ").partition("@")[0]
        files = sorted(file.stem for file in (home / group).glob("*.y*ml")) if (home / group).is_dir() else []
        if not isinstance(chosen.value, str) or group.startswith("hydra") or not files:
            continue
        name = chosen.value.removesuffix(".yaml")
        if len(files) > 1:
            where = f"{path.name}:{item.mark.line}"
            yield Option(group, group, "override", default=name, choices=tuple(files), where=where)
        file = next((f for end in (".yaml", ".yml") if (f := home / group / f"{name}{end}").is_file()), None)
        inner = _tree(file)[0] if file is not None else None
        if inner is not None and file is not None:
            at_top = "@package _global_" in file.read_text(encoding="utf-8", errors="replace")
            yield from _keys(inner, file, "override", "" if at_top else f"{group.replace('/', '.')}.")


def _keys(node: Node, path: Path, how: Any, prefix: str = "") -> Iterator[Option]:
    if not isinstance(node.value, dict):
        return
    for key, item in node.value.items():
        full = f"{prefix}{key}"
        if key in _OF_HYDRA or key.startswith("_") or "." in key or not key.replace("-", "_").isidentifier():
            continue
        if isinstance(item.value, dict):
            yield from _keys(item, path, how, f"{full}.")
            continue
        value, line = item.plain(), item.mark.line
        if isinstance(value, list) or (isinstance(value, str) and "${" in value):
            continue
        required = value == "???"
        if how == "config" and isinstance(value, bool):
            spoken: Any = value
        else:
            spoken = str(value) if isinstance(value, bool) else None if required or value == "" else value
        yield Option(full, full, how, default=spoken, required=required, where=f"{path.name}:{line}")


def file_options(path: Path) -> tuple[list[Option], list[str]]:
    """Give the keys of a configuration file as options, with what was not read."""
    node, remarks = _tree(path)
    if node is None:
        return [], remarks
    found = list(_keys(node, path, "config"))
    if len(found) > _MOST_KEYS:
        return found[:_MOST_KEYS], [*remarks, f"{path.name} has more than {_MOST_KEYS} keys; only the first are listed"]
    return found, remarks


def reads_config(source: SourceFile) -> bool:
    """Say whether a file reads YAML, JSON or OmegaConf files at all."""
    readers = ("safe_load", "full_load", "load", "merge", "from_file", "from_yaml")
    return any(
        last_name(call.func) in readers
        and any(word in ast.unparse(call.func).lower() for word in ("yaml", "json", "omegaconf", "toml"))
        for call in source.calls
    )
