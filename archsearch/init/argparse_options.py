"""What a script takes by argparse: `add_argument` on parsers, groups and sub-parsers.

    options, commands = argparse_options(read_source(Path("train.py")))

Reads calls by their names, whatever the parser is called.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from archsearch.init.options import Option
from archsearch.init.source import SourceFile, argument, dotted, keyword, last_name, literal_or_none, text_of

_SWITCHES = {"store_true": True, "store_false": True, "store_const": True, "append_const": False, "count": False}
_MAKES_GROUP = ("add_argument_group", "add_mutually_exclusive_group")


def argparse_options(source: SourceFile) -> tuple[list[Option], list[str]]:
    """Give the options and the names of the sub-commands; an option's `group` is the sub-command that it is for."""
    commands: list[str] = []
    belongs: dict[str, str] = {}  # what a variable of a parser is for
    options: list[Option] = []
    defaults: dict[str, Any] = {}
    for name, call in _named_calls(source):
        method = last_name(call.func)
        on = dotted(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if method == "add_parser" and (command := text_of(argument(call, 0, "name"), source)):
            commands.append(command)
            if name:
                belongs[name] = command
        elif method in _MAKES_GROUP and name:
            belongs[name] = belongs.get(on, "")
        elif method in ("add_argument", "add_arg", "add"):
            if (option := _option(call, source, belongs.get(on, ""))) is not None:
                options.append(option)
        elif method == "set_defaults":
            defaults |= {
                k.arg: v for k in call.keywords if k.arg and (v := literal_or_none(k.value, source)) is not None
            }
    changed = [
        _with_default(option, defaults[option.name]) if option.name in defaults else option for option in options
    ]
    return changed, list(dict.fromkeys(commands))


def _with_default(option: Option, value: Any) -> Option:
    return option if option.how == "switch" else replace(option, default=value, required=False)


def _named_calls(source: SourceFile) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call with the variable that it is assigned to, in the order of the text."""
    names = {
        id(node.value): dotted(node.targets[0])
        for node in source.nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
    }
    for call in source.calls:
        yield names.get(id(call), ""), call


def _option(call: ast.Call, source: SourceFile, command: str) -> Option | None:
    words = [text_of(arg, source) for arg in call.args]
    if not words or not all(words) or any(" " in word or len(word) > 80 for word in words):
        return None
    flags = [word for word in words if word.startswith("-")]
    action = keyword(call, "action")
    act = text_of(action, source) or (last_name(action) if action is not None else "")
    if act in ("help", "version") or (not flags and len(words) > 1):
        return None
    flag = next((word for word in flags if word.startswith("--")), flags[0] if flags else words[0])
    name = text_of(keyword(call, "dest"), source) or flag.lstrip("-").replace("-", "_")
    default, kind = literal_or_none(keyword(call, "default"), source), keyword(call, "type")
    about: dict[str, Any] = {
        "help": " ".join(text_of(keyword(call, "help"), source).split()),
        "where": source.where(call),
        "group": command,
    }
    if act == "BooleanOptionalAction":
        off = f"--no-{flag.removeprefix('--')}"
        on, other = (off, flag) if default is True else (flag, off)
        return Option(name, on, "switch", off_flag=other, **about)
    if act in _SWITCHES:
        return Option(name, flag, "switch", **about) if _SWITCHES[act] else None
    nargs = literal_or_none(keyword(call, "nargs"), source)
    several = isinstance(nargs, int) or nargs in ("+", "*", "...")
    choices = literal_or_none(keyword(call, "choices"), source)
    if isinstance(default, list) and not several:
        default = None  # a list that one word cannot say
    if kind is not None and dotted(kind) == "bool":
        about["help"] = f"type=bool takes every text for True, also False. {about['help']}".strip()
        default = None
    if kind is None and isinstance(default, (bool, int, float)):
        about["help"] = f"no type, so what is given is a text. {about['help']}".strip()
        default = None  # not to be said: `--lr 0.1` would be another thing than the default 0.1
    return Option(
        name,
        flag,
        "flag" if flags else "positional",
        default=_spoken(default, kind),
        choices=tuple(choices) if isinstance(choices, list) else (),
        required=(bool(literal_or_none(keyword(call, "required"), source)) or not flags)
        and default is None
        and nargs not in ("?", "*"),
        several=several,
        **about,
    )


def _spoken(default: Any, kind: ast.expr | None) -> Any:
    """Write a default as a command can say it: what is no number or text, as Python writes it."""
    if isinstance(default, bool):
        return str(default)
    if isinstance(default, str) and kind is not None and dotted(kind) in ("int", "float"):
        try:
            return int(default) if dotted(kind) == "int" else float(default)
        except ValueError:
            return default
    if isinstance(default, float) and kind is not None and dotted(kind) == "int":
        return int(default) if default.is_integer() else None
    return None if default == "" else default
