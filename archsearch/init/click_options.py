"""What a script takes by click's and typer's decorators.

options, commands = click_options(read_source(Path("train.py")))
options, commands = typer_options(read_source(Path("train.py")))
"""

from __future__ import annotations

import ast
from typing import Any

from archsearch.init.options import Option
from archsearch.init.signatures import parameters
from archsearch.init.source import SourceFile, dotted, imported_names, keyword, last_name, literal_or_none, text_of

Decorated = ast.FunctionDef | ast.AsyncFunctionDef


def click_options(source: SourceFile) -> tuple[list[Option], list[str]]:
    """Give the options of the functions that click decorates, and the names of the commands of a group."""
    options: list[Option] = []
    commands: list[str] = []
    if "click" not in imported_names(source):
        return options, commands
    for function in source.functions.values():
        decorators = [one for one in function.decorator_list if isinstance(one, ast.Call)]
        found = [(last_name(one.func), one) for one in decorators]
        if not any(name in ("option", "argument") for name, _ in found) and not _is_command(function):
            continue
        command = _command_of_group(function, source)
        if command:
            commands.append(command)
        for name, call in found:
            if name == "option" and (option := _option(call, source, command)) is not None:
                options.append(option)
            elif name == "argument" and call.args and (text := text_of(call.args[0], source)):
                options.append(_argument(text, call, source, command))
    return options, list(dict.fromkeys(commands))


def _is_command(function: Decorated) -> bool:
    names = [dotted(one.func if isinstance(one, ast.Call) else one) for one in function.decorator_list]
    return any(name.endswith(".command") for name in names)


def _command_of_group(function: Decorated, source: SourceFile) -> str:
    """Name a command of a group, as click does: by its first argument, or by the function's name."""
    for one in function.decorator_list:
        name = dotted(one.func if isinstance(one, ast.Call) else one)
        owner = name.removesuffix(".command")
        if name.endswith(".command") and owner not in ("click", "typer"):
            given = text_of(one.args[0], source) if isinstance(one, ast.Call) and one.args else ""
            return given or function.name.replace("_", "-").removesuffix("-command")
    return ""


def _argument(text: str, call: ast.Call, source: SourceFile, command: str) -> Option:
    default = literal_or_none(keyword(call, "default"), source)
    optional = literal_or_none(keyword(call, "required"), source) is False
    return Option(
        text.lower(), text, "positional", default=default, required=default is None and not optional,
        where=source.where(call), group=command,
    )  # fmt: skip


def _option(call: ast.Call, source: SourceFile, command: str) -> Option | None:
    words = [word for arg in call.args if (word := text_of(arg, source))]
    flags = [word for word in words if word.startswith("-")]
    if not flags:
        return None
    named = [word for word in words if not word.startswith("-")]
    flag = next((word for word in flags if word.startswith("--")), flags[0])
    flag, _, off = (part.strip() for part in flag.partition("/"))
    name = named[0] if named else flag.lstrip("-").replace("-", "_").lower()
    default, kind = literal_or_none(keyword(call, "default"), source), keyword(call, "type")
    where, said = source.where(call), " ".join(text_of(keyword(call, "help"), source).split())
    if off or literal_or_none(keyword(call, "is_flag"), source) or literal_or_none(keyword(call, "flag_value"), source):
        on, other = (off, flag) if off and default is True else (flag, off)
        return Option(name, on, "switch", off_flag=other, help=said, where=where, group=command)
    if literal_or_none(keyword(call, "multiple"), source) or literal_or_none(keyword(call, "count"), source):
        return Option(name, flag, help=said, where=where, group=command)
    choices = _choices(kind, source)
    several = isinstance(literal_or_none(keyword(call, "nargs"), source), int)
    return Option(
        name, flag, default=spoken(default, several), choices=choices,
        required=bool(literal_or_none(keyword(call, "required"), source)) and default is None, several=several,
        help=said, where=where, group=command,
    )  # fmt: skip


def _choices(kind: ast.expr | None, source: SourceFile) -> tuple[Any, ...]:
    if isinstance(kind, ast.Call) and last_name(kind.func) == "Choice" and kind.args:
        found = literal_or_none(kind.args[0], source)
        return tuple(found) if isinstance(found, list) else ()
    return ()


def spoken(default: Any, several: bool = False) -> Any:
    """Write a default as a command says it; None for what it cannot: lists of one word, an empty text."""
    if isinstance(default, bool):
        return str(default)
    if isinstance(default, list):
        return default if several else None
    return None if default == "" else default


def typer_options(source: SourceFile) -> tuple[list[Option], list[str]]:
    """Give the parameters of the functions that typer calls: by `typer.run(f)`, or by `@app.command()`."""
    run = [last_name(call.args[0]) for call in source.calls if dotted(call.func) == "typer.run" and call.args]
    makes = {
        node.targets[0].id
        for node in source.nodes
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and last_name(node.value.func) == "Typer"
        and isinstance(node.targets[0], ast.Name)
    }
    functions: list[tuple[Decorated, str]] = [(source.functions[name], "") for name in run if name in source.functions]
    for function in source.functions.values():
        owners = {dotted(o.func if isinstance(o, ast.Call) else o).rpartition(".")[0] for o in function.decorator_list}
        if owners & makes and _is_command(function):
            functions.append((function, _command_of_group(function, source)))
    if len(functions) == 1:  # one command alone is no sub-command
        functions = [(functions[0][0], "")]
    options = [
        option for function, command in functions for option in parameters(function, source, "typer", group=command)
    ]
    return options, [command for _, command in functions if command]
